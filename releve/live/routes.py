"""Routes of calls computed from placements, published to the telephony systems, and watched there.

Routes follow the people present from one half hour to the next; a programme without agents at the
moment takes the routes of the next half hour that has some. A system that holds other routes
(changed by hand, restarted with an older list, other addresses in the operator's tables) gets the
newest ones again. One that does not hold them by its deadline is an alarm: an entry of the ledger,
and a line on *Now* until it does. When a system finds that a place does not answer, it proposes an
event, which a person records.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from releve.ledger import chain as ledger
from releve.live.clock import LIVE, is_drill, real_now
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    NewEffect,
    PermanentFailure,
    append_entries,
    queue_effects,
    register_handler,
)
from releve.live.errors import NoSuch
from releve.live.lost_places import find_loss
from releve.live.models import Effect, Relief, Routes, RoutingState
from releve.live.partners import list_partner_addresses, list_partner_agents
from releve.live.plans import operator_now
from releve.live.stream_state import Scene, load_scene
from releve.network import HOME, Operator
from releve.plan import Placement
from releve.registry import storage as registry
from releve.routing import (
    Adapter,
    ConvergenceState,
    Generation,
    Route,
    RoutingError,
    RoutingPlan,
    RoutingSnapshot,
    Stale,
    Unreachable,
    build_adapters,
    compute_shares,
    judge_convergence,
    list_addresses,
    list_dialled,
)
from releve.routing.file_csv import FileCsv


def compute_routes(scene: Scene, supposed: frozenset[str] = frozenset()) -> dict[str, tuple[Route, ...]]:
    """Return the routes of every programme from the scene's instant on; none once the last shift of the plan is over.

    ``supposed`` are sites taken as closed beside those that are.
    """
    if not scene.days:
        return {}
    operator = scene.day_plan(scene.days[0]).operator
    closed = find_loss(scene.situation, scene.at).sites | supposed
    people = _people_ahead(scene, frozenset(operator.programme))
    for one in list_partner_agents(scene.stream, [scene.at]):
        people[one.programme] = {
            **people.get(one.programme, {}),
            one.place: people.get(one.programme, {}).get(one.place, 0.0) + one.agents[0],
        }
    planned = (row for day in scene.days for row in scene.day_plan(day).plan.placements)
    if not any(people.values()) and all(row.end <= scene.at for row in planned):
        return {}  # the plan is over: what was published stays; where it is not, that all are away is an alarm
    return {
        programme.id: compute_shares(
            people.get(programme.id, {}), closed & _list_places(operator, programme.allowed_destinations)
        )
        for programme in operator.programmes
    }


def _people_ahead(scene: Scene, programmes: frozenset[str]) -> dict[str, Mapping[str, float]]:
    """Return effective agents by programme and place, of the first day that has any left."""
    found: dict[str, Mapping[str, float]] = {}
    for day in scene.days:
        by_programme: dict[str, list[Placement]] = defaultdict(list)
        for row in scene.list_placements(day):
            if row.programme not in found and row.end > scene.at and row.programme in programmes:
                by_programme[row.programme].append(row)
        operator = scene.day_plan(day).operator
        found |= {name: _count_agents(rows, operator, scene.at) for name, rows in by_programme.items()}
        if len(found) == len(programmes):
            break
    return found


def _list_places(operator: Operator, destinations: Sequence[str]) -> frozenset[str]:
    return frozenset(site.id for site in operator.sites if not destinations or site.destination in destinations)


def _count_agents(rows: Sequence[Placement], operator: Operator, at: datetime) -> Mapping[str, float]:
    """Return effective agents by place: those at work, or else the next to start."""
    found = [row for row in rows if row.is_working(at)]
    if not found:
        begin = min((row.start for row in rows if row.start > at), default=None)
        found = [row for row in rows if row.start == begin]
    people: dict[str, float] = defaultdict(float)
    for row in found:
        at_home = row.place == HOME
        people[row.place] += operator.programme[row.programme].home_efficiency if at_home else 1.0
    return people


def store_routes(stream: str, relief: Relief | None) -> Routes | None:
    """Store the routes of a stream as they are now, and queue their publication.

    Inside the caller's transaction, under the lock of the ledger's head. None when the last routes
    are equal: the relief then counts as published when they are.
    """
    scene = load_scene(stream)
    last = Routes.objects.filter(stream=stream).first()
    if scene is None:
        return None
    number = last.number + 1 if last else 1
    found = Generation(stream, number, scene.at, compute_routes(scene))
    if not found.routes or (last is not None and last.content == found.content):
        if relief is not None:
            # what a person held is the relief's by now: it follows the people again
            Routes.objects.filter(stream=stream, number=number - 1).update(held_until=None, switch="")
            _inherit_publication(relief, last)
        return None
    return store_generation(found, relief=relief)


def store_generation(
    found: Generation, *, relief: Relief | None = None, held_until: datetime | None = None, switch: str = ""
) -> Routes:
    """Store routes and queue their publication, inside the caller's transaction."""
    row = Routes.objects.create(
        stream=found.stream,
        number=found.number,
        relief=relief,
        valid_from=found.valid_from,
        made_at=real_now(),
        content=found.content,
        body=write_routes(found.routes),
        held_until=held_until,
        switch=switch,
    )
    queue_effects(_build_publish_effects(row))
    return row


def write_routes(routes: Mapping[str, Sequence[Route]]) -> dict[str, list[list[Any]]]:
    return {name: [[one.place, one.open, one.people, one.weight] for one in rows] for name, rows in routes.items()}


def revert_routes(number: int, *, minutes: int, by: str, stream: str = LIVE) -> Routes:
    """Publish the routes of an earlier generation again, as a new one; closed places stay closed.

    Until ``minutes`` have passed they do not follow people who come, leave or move; a loss or a
    relief replaces them. :class:`NoSuch` when there is no such generation.
    """
    with transaction.atomic():
        ledger.lock_head()
        old = Routes.objects.filter(stream=stream, number=number).first()
        scene = load_scene(stream)
        if old is None or scene is None:
            raise NoSuch(f"no routes of generation {number}")
        closed = find_loss(scene.situation, scene.at).sites
        routes = {
            name: compute_shares(
                {place: people for place, _, people, _ in rows}, closed & {place for place, *_ in rows}
            )
            for name, rows in old.body.items()
        }
        last = Routes.objects.filter(stream=stream)[0].number
        found = Generation(stream, last + 1, scene.at, routes)
        found.refuse_if_empty()
        body = {"routes": found.number, "reverted_to": number, "minutes": minutes, "by": by}
        append_entries(stream, [("routing.reverted", body)])
        return store_generation(found, held_until=real_now() + timedelta(minutes=minutes))


def refresh_routes(scene: Scene) -> None:
    """Publish again if people came, left or moved since the last routes of the scene's stream."""
    if not scene.days:
        return
    rows = Routes.objects.filter(stream=scene.stream)
    last, held_until = rows.values_list("content", "held_until").first() or (None, None)
    if held_until is not None and real_now() < held_until:
        return
    routes = compute_routes(scene)
    if routes and last != Generation(scene.stream, 1, scene.at, routes).content:
        with transaction.atomic():
            ledger.lock_head()
            store_routes(scene.stream, None)


def publication_keys(relief: Relief) -> list[str]:
    """Return the keys of the effects that publish a relief's routes."""
    return [todo.key for row in Routes.objects.filter(relief=relief) for todo in _build_publish_effects(row)]


def _build_publish_effects(row: Routes) -> list[NewEffect]:
    return [
        NewEffect(
            row.stream,
            OUTSIDE,
            "publish",
            name_publication(row.stream, row.number, adapter.name),
            {"routes": row.pk, "adapter": adapter.name},
        )
        for adapter in list_adapters(row.stream)
    ]


def name_publication(stream: str, number: int, adapter: str) -> str:
    """Return the key of the effect that publishes a generation to a system."""
    return f"publish:{stream}:{number}:{adapter}"


def list_adapters(stream: str) -> tuple[Adapter, ...]:
    """Return the adapters of a stream; a drill's routes go to a file of its own."""
    if is_drill(stream):
        return (FileCsv(settings.HOME / "drills" / stream.partition(":")[2] / "routes.csv"),)
    return build_adapters(os.environ, settings.HOME)


@register_handler("publish")
def publish_routes(effect: Effect) -> EffectOutcome:
    """Hand routes over and read them back, unless a newer generation has overtaken them."""
    row = Routes.objects.get(pk=effect.body["routes"])
    if _is_overtaken(row):
        return EffectOutcome({"skipped": "overtaken"}, store=lambda: _note_published(effect, row))
    adapter = _find_adapter(row.stream, effect.body["adapter"])
    try:
        done = adapter.apply(adapter.plan(load_generation(row), None), key=effect.key)
        seen = adapter.observe()
    except Stale as error:
        if not _is_overtaken(row):  # a newer one that is none of ours: an older database, put back
            raise PermanentFailure(f"{error}, which is not known here: remove it there, then retry") from error
        return EffectOutcome({"skipped": "overtaken"}, store=lambda: _note_published(effect, row))
    if seen is not None and (seen.number, seen.digest, seen.whole) != (row.number, done.digest, True):
        raise Unreachable(f"{adapter.name} holds generation {seen.number}, not {row.number}")
    body = {"routes": row.number, "adapter": adapter.name, "digest": done.digest, "read_back": seen is not None}
    return EffectOutcome(
        {"digest": done.digest, "reference": done.reference},
        (("routing.published", body),),
        store=lambda: _note_published(effect, row),
    )


def _find_adapter(stream: str, name: str) -> Adapter:
    for adapter in list_adapters(stream):
        if adapter.name == name:
            return adapter
    raise PermanentFailure(f"{name} is not among the adapters of RELEVE_ROUTING any more")


def _is_overtaken(row: Routes) -> bool:
    return Routes.objects.filter(stream=row.stream, number__gt=row.number).exists()


def load_generation(row: Routes) -> Generation:
    """Return stored routes with the addresses that the operator's tables give today."""
    routes = {name: [Route(*one) for one in rows] for name, rows in row.body.items()}
    return address_routes(Generation(row.stream, row.number, row.valid_from, routes))


def address_routes(found: Generation) -> Generation:
    """Return a generation with the addresses that tables and contracts give today."""
    operator = operator_now()
    used = {route.place for rows in found.routes.values() for route in rows}
    partners = list_partner_addresses(found.stream)
    addresses = {**list_addresses(operator), **{place: uri for place, uri in partners.items() if place in used}}
    return replace(found, addresses=addresses, dialled=list_dialled(operator))


def _note_published(effect: Effect, row: Routes) -> None:
    """Mark a relief as published once the last adapter has its routes."""
    row.refresh_from_db(fields=["relief"])
    if row.relief is not None and not _list_unpublished(row).exclude(pk=effect.pk).exists():
        _set_published(row.relief)


def _list_unpublished(row: Routes) -> QuerySet[Effect]:
    keys = [todo.key for todo in _build_publish_effects(row)]
    return Effect.objects.filter(key__in=keys).exclude(state=Effect.DONE)


def _inherit_publication(relief: Relief, last: Routes | None) -> None:
    """Let a relief that changes no route count as published when the last routes are."""
    if last is not None and _list_unpublished(last).exists():
        Routes.objects.filter(pk=last.pk).update(relief=relief)
    else:
        _set_published(relief)


def _set_published(relief: Relief) -> None:
    older = Relief.objects.filter(stream=relief.stream, generation__lte=relief.generation)
    older.filter(published_at=None).update(published_at=real_now())


_KEPT_FRESH = timedelta(seconds=30)
"""An observation that changes nothing is stored this often."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """What one look at a system gave; ``state`` is towards the newest routes."""

    state: ConvergenceState
    snapshot: RoutingSnapshot | None
    error: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """How a system stands towards the newest routes, by one look at it."""

    adapter: str
    wanted: int | None
    seen: _Observation
    plan: RoutingPlan | None

    @property
    def good(self) -> bool:
        """Whether the system holds what is wanted, as far as it can say."""
        return self.seen.state in ("confirmed", "applied")

    def as_json(self, with_plan: bool) -> dict[str, Any]:
        """Return it as JSON values, with the changes of a publication where they are asked for."""
        snapshot = self.seen.snapshot
        found: dict[str, Any] = {
            "adapter": self.adapter,
            "state": self.seen.state,
            "wanted": self.wanted,
            "held": None if snapshot is None else snapshot.number,
            "dead": [] if snapshot is None else list(snapshot.dead_places),
            "error": self.seen.error,
        }
        if with_plan and self.plan is not None:
            found["unserved"] = list(self.plan.unserved)
            found["changes"] = [asdict(change) for change in self.plan.changes or ()]
        return found


@dataclass(frozen=True, slots=True)
class StrayRouting:
    """A telephony system that does not hold the newest routes, past its deadline.

    ``wanted`` is the generation of routes that it should hold, ``held`` the one that it holds: None
    where it holds none or cannot say.
    """

    adapter: str
    state: str
    wanted: int
    held: int | None
    since: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class DeadPlace:
    """A place that is open by our wish and that telephony systems found dead."""

    place: str
    since: datetime
    adapters: tuple[str, ...]


def read_held_routes(stream: str = LIVE) -> list[RoutingSnapshot | str | None]:
    """Return what each system of a stream that answers at once holds, or why it cannot be read; by no query."""
    found: list[RoutingSnapshot | str | None] = []
    for adapter in list_adapters(stream):
        if not adapter.capabilities.settles_seconds:
            try:
                found.append(adapter.observe())
            except RoutingError as fault:
                found.append(str(fault))
    return found


def watch_routing(stream: str = LIVE) -> bool:
    """Observe every system of a stream once, and act on what it holds; return whether one is not as wanted."""
    if registry.get_current_version() is None:
        return False
    wanted = Routes.objects.filter(stream=stream).first()
    if wanted is None:
        return False
    adapters = list_adapters(stream)
    gone = RoutingState.objects.filter(stream=stream).exclude(adapter__in=[one.name for one in adapters])
    if gone.exists():  # to delete keeps other writers out, even where nothing goes
        gone.delete()
    for adapter in adapters:
        last = RoutingState.objects.filter(stream=stream, adapter=adapter.name).first()
        if last is None or _is_due(last, adapter, wanted):
            _note(wanted, adapter, last, _observe(wanted, adapter))
    good = RoutingState.objects.filter(stream=stream, number=wanted.number, state__in=("confirmed", "applied"))
    return good.count() != len(adapters)


def observe_routing(stream: str = LIVE) -> list[RoutingReport]:
    """Look at every system of a stream, without any effect; nothing where no routes are wanted."""
    wanted = Routes.objects.filter(stream=stream).first()
    if wanted is None:
        return []
    found = []
    for adapter in list_adapters(stream):
        seen, plan = _observe(wanted, adapter), None
        with suppress(RoutingError):
            plan = adapter.plan(load_generation(wanted), seen.snapshot)
        found.append(RoutingReport(adapter.name, wanted.number, seen, plan))
    return found


def list_astray(states: Iterable[RoutingState]) -> tuple[StrayRouting, ...]:
    """Return the systems, of those observed, that do not hold the newest routes although they should by now."""
    return tuple(
        StrayRouting(row.adapter, row.state, row.number, row.held, row.astray_since, row.error)
        for row in states
        if row.alarmed
    )


def list_routing_states(stream: str = LIVE) -> list[RoutingState]:
    """Return every system as it was observed last, without asking it."""
    return list(RoutingState.objects.filter(stream=stream))


def list_dead_places(states: Iterable[RoutingState]) -> list[DeadPlace]:
    """Return the places that a system observed found dead, since the first finding of any."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    for row in states:
        for place, since in row.dead.items():
            found.setdefault(place, []).append((datetime.fromisoformat(since), row.adapter))
    return [
        DeadPlace(place, min(rows)[0], tuple(sorted(name for _, name in rows))) for place, rows in sorted(found.items())
    ]


def _is_due(last: RoutingState, adapter: Adapter, wanted: Routes) -> bool:
    """Return whether to look again: seldom at a system that takes its time anyway."""
    if last.state not in ("confirmed", "applied") or last.number != wanted.number:
        return True
    pause = timedelta(seconds=adapter.capabilities.settles_seconds / 2)
    return abs(real_now() - last.observed_at) >= pause  # abs: the clock may have been set back


def _observe(wanted: Routes, adapter: Adapter) -> _Observation:
    effect = _last_effect(wanted, adapter)
    snapshot, error, at = None, "", real_now()
    try:
        snapshot = adapter.observe()
    except RoutingError as fault:
        error = f"{type(fault).__name__}: {fault}"[:300]
    accepted = effect is not None and effect.state == Effect.DONE
    state = judge_convergence(
        wanted.number,
        adapter.capabilities,
        snapshot,
        queued_at=wanted.made_at,
        accepted_at=effect.done_at if effect is not None and accepted else None,
        digest=effect.result.get("digest", "") if effect is not None and accepted else "",
        now=at,
        answers=not error,
    )
    if state == "confirmed" and adapter.capabilities.observes == "routes":
        try:
            if adapter.plan(load_generation(wanted), snapshot).changes:
                state = "diverged"  # the addresses of the operator's tables have changed
        except RoutingError as fault:
            error = f"{type(fault).__name__}: {fault}"[:300]
    if not error and effect is not None and state != "confirmed":
        error = effect.error
    return _Observation(state, snapshot, error, at)


def _last_effect(wanted: Routes, adapter: Adapter) -> Effect | None:
    key = name_publication(wanted.stream, wanted.number, adapter.name)
    rows = Effect.objects.filter(kind="publish", key__startswith=key).order_by("-pk")
    return next((row for row in rows if row.body.get("adapter") == adapter.name), None)


def _note(wanted: Routes, adapter: Adapter, last: RoutingState | None, seen: _Observation) -> None:
    """Store an observation; publish again what was lost, and enter an alarm or its end."""
    row = last or RoutingState(stream=wanted.stream, adapter=adapter.name, since=seen.at)
    changed = last is None or (row.state, row.number) != (seen.state, wanted.number)
    if row.state != seen.state:
        row.since = seen.at
    row.state, row.number, row.error = seen.state, wanted.number, seen.error
    row.held = None if seen.snapshot is None else seen.snapshot.number
    good = seen.state in ("confirmed", "applied")
    row.astray_since = None if good else row.astray_since or seen.at
    deadline = timedelta(seconds=adapter.capabilities.deadline_seconds)
    late = row.astray_since is not None and seen.at - row.astray_since > deadline
    alarmed = not good and (row.alarmed or late or seen.state == "timed_out")
    turned, row.alarmed = alarmed != row.alarmed, alarmed
    dead = _merge_dead(row.dead, seen)
    changed, row.dead = changed or dead != row.dead, dead
    if not (changed or turned) and seen.at - row.observed_at < _KEPT_FRESH:
        return
    row.observed_at = seen.at
    with transaction.atomic():
        if turned:
            ledger.lock_head()
            kind = "routing.alarm" if alarmed else "routing.restored"
            body = {"adapter": row.adapter, "routes": row.number, "state": row.state}
            append_entries(row.stream, [(kind, body)])
        row.save()
    if seen.state == "diverged" and seen.snapshot and seen.snapshot.number <= wanted.number:
        _publish_again(wanted, adapter)


def _merge_dead(before: dict[str, str], seen: _Observation) -> dict[str, str]:
    """Return the places found dead, each since its first finding; as before without an answer."""
    if seen.snapshot is None:
        return before
    return {place: before.get(place, seen.at.isoformat()) for place in seen.snapshot.dead_places}


def _publish_again(wanted: Routes, adapter: Adapter) -> None:
    """Queue the newest routes again, unless their publication waits or was set aside."""
    last = _last_effect(wanted, adapter)
    if last is None or last.state != Effect.DONE:
        return
    key = f"{name_publication(wanted.stream, wanted.number, adapter.name)}:after-{last.pk}"
    body = {"routes": wanted.pk, "adapter": adapter.name}
    with transaction.atomic():
        ledger.lock_head()
        queue_effects([NewEffect(wanted.stream, OUTSIDE, "publish", key, body)])
