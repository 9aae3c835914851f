"""Watch the telephony systems: each is observed until it holds the routes that are wanted.

A system that holds something else (changed by hand, restarted with an older list, other addresses
in the operator's tables) gets the newest routes again. One that does not hold them by its deadline
is an alarm: an entry of the ledger, and a line on *Now* until it does. What a system finds out by
itself, that a place does not answer, is kept apart: it proposes an event, which a person records.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from releve.ledger import chain as ledger
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import OUTSIDE, NewEffect, append_entries, queue_effects
from releve.live.models import Effect, Routes, RoutingState
from releve.live.routes import list_adapters, load_generation
from releve.registry import storage as registry
from releve.routing import (
    Adapter,
    ConvergenceState,
    RoutingError,
    RoutingPlan,
    RoutingSnapshot,
    judge_convergence,
)

__all__ = [
    "DeadPlace",
    "RoutingReport",
    "StrayRouting",
    "list_astray",
    "list_dead_places",
    "list_routing_states",
    "observe_routing",
    "watch_routing",
]

_KEPT_FRESH = timedelta(seconds=10)
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


def watch_routing(stream: str = LIVE) -> None:
    """Observe every system of a stream once, and act on what it holds."""
    if registry.get_current_version() is None:
        return
    wanted = Routes.objects.filter(stream=stream).first()
    if wanted is None:
        return
    adapters = list_adapters(stream)
    gone = RoutingState.objects.filter(stream=stream)
    gone.exclude(adapter__in=[one.name for one in adapters]).delete()
    for adapter in adapters:
        last = RoutingState.objects.filter(stream=stream, adapter=adapter.name).first()
        if last is None or _is_due(last, adapter, wanted):
            _note(wanted, adapter, last, _observe(wanted, adapter))


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


def list_astray(stream: str = LIVE) -> tuple[StrayRouting, ...]:
    """Return the systems that do not hold the newest routes although they should by now."""
    return tuple(
        StrayRouting(row.adapter, row.state, row.number, row.held, row.astray_since, row.error)
        for row in RoutingState.objects.filter(stream=stream, alarmed=True)
    )


def list_routing_states(stream: str = LIVE) -> list[RoutingState]:
    """Return every system as it was observed last, without asking it."""
    return list(RoutingState.objects.filter(stream=stream))


def list_dead_places(stream: str = LIVE) -> list[DeadPlace]:
    """Return the places that a system found dead, since the first finding of any."""
    found: dict[str, list[tuple[datetime, str]]] = {}
    for row in RoutingState.objects.filter(stream=stream).exclude(dead={}):
        for place, since in row.dead.items():
            found.setdefault(place, []).append((datetime.fromisoformat(since), row.adapter))
    return [
        DeadPlace(place, min(rows)[0], tuple(sorted(name for _, name in rows)))
        for place, rows in sorted(found.items())
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
    key = f"publish:{wanted.stream}:{wanted.number}:{adapter.name}"
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
    key = f"publish:{wanted.stream}:{wanted.number}:{adapter.name}:after-{last.pk}"
    body = {"routes": wanted.pk, "adapter": adapter.name}
    with transaction.atomic():
        ledger.lock_head()
        queue_effects([NewEffect(wanted.stream, OUTSIDE, "publish", key, body)])
