"""Prepared switches: the routes that each contingency of the plan in force would publish.

They are computed beforehand, kept, and rehearsed: every telephony system plans them without any
effect. A person publishes one, for one client or all, before anything is recorded; it is then held
for some minutes, and undone by publishing the previous routes. Only calls move: people move by the
relief of a recorded loss, which publishes the same routes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db import transaction

from releve.demand.requirement import INTERVAL
from releve.ledger import chain as ledger
from releve.live.clock import LIVE, real_now
from releve.live.effect_queue import append_entries
from releve.live.errors import NoSuch, SwitchChanged
from releve.live.loss_preview import ClientImpact, compare_relief
from releve.live.lost_places import Loss
from releve.live.models import PreparedSwitch, Routes
from releve.live.relief_handler import suppose_relief
from releve.live.relief_solver import look_up_relief
from releve.live.routes import (
    address_routes,
    compute_routes,
    list_adapters,
    revert_routes,
    store_generation,
    write_routes,
)
from releve.live.stream_state import Changes, Scene, load_scene
from releve.plan import Contingency
from releve.plan.work_changes import KindCount, count_asked
from releve.routing import Generation, Route, RoutingError

_Routing = Mapping[str, Sequence[Route]]


@dataclass(frozen=True, slots=True)
class CallShift:
    """Calls of the current half hour at a place, in calls an hour, before and after a switch."""

    place: str
    before: float
    after: float


@dataclass(frozen=True)
class SwitchPreview:
    """What publishing a prepared switch does, for one ``client`` or all (empty).

    ``content`` names the routes shown; ``unserved`` are programmes that no place would serve.
    ``effects`` on clients are those of the loss, and of the relief that it would have, which changes the work of
    ``kinds`` of people.
    """

    contingency: Contingency
    client: str
    content: str
    source: str
    kinds: tuple[KindCount, ...]
    calls: tuple[CallShift, ...]
    unserved: tuple[str, ...]
    effects: tuple[ClientImpact, ...]

    @property
    def moved(self) -> int:
        """The people whose work the relief changes."""
        return count_asked(self.kinds)


@dataclass(frozen=True)
class _Supposed:
    """A scene in which a contingency has come about, and its routes."""

    scene: Scene
    source: str
    moved: int
    routes: _Routing


def list_contingencies(scene: Scene) -> tuple[Contingency, ...]:
    """Return the contingencies that the plan of a scene's first day has an answer to."""
    if not scene.days:
        return ()
    plan = scene.day_plan(scene.days[0]).plan
    return tuple(row for row in plan.contingencies if row.id in plan.scenarios and (row.sites or row.carriers))


def list_switches(stream: str = LIVE) -> list[PreparedSwitch]:
    return list(PreparedSwitch.objects.filter(stream=stream))


def prepare_switches(stream: str = LIVE) -> bool:
    """Work out the switches of a stream and rehearse them; False where those kept are current."""
    scene = load_scene(stream)
    found = () if scene is None else list_contingencies(scene)
    kept = PreparedSwitch.objects.filter(stream=stream)
    if scene is None or not found:
        kept.delete()
        return False
    basis = _name_basis(scene)
    if set(kept.values_list("contingency", "basis")) == {(row.id, basis) for row in found}:
        return False
    rows = [_build_row(scene, row, basis) for row in found]
    _rehearse(stream, scene.at, rows)
    with transaction.atomic():
        kept.delete()
        PreparedSwitch.objects.bulk_create(rows)
    return True


def _name_basis(scene: Scene) -> str:
    """Return a name of all that the prepared routes follow from."""
    half = int(scene.at.timestamp() // INTERVAL.total_seconds())
    lost = {day.isoformat(): loss.as_json() for day, loss in scene.wanted.items()}
    relief = scene.relief.pk if scene.relief else 0
    now = Generation(scene.stream, 1, scene.at, compute_routes(scene)).content
    text = json.dumps([scene.activation.pk, relief, lost, half, now])
    return hashlib.sha256(text.encode()).hexdigest()


def _build_row(scene: Scene, contingency: Contingency, basis: str) -> PreparedSwitch:
    found = _suppose(scene, contingency)
    return PreparedSwitch(
        stream=scene.stream,
        contingency=contingency.id,
        basis=basis,
        at=scene.at,
        source=found.source,
        moved=found.moved,
        content=_name_content(found.routes),
        body=write_routes(found.routes),
    )


def _rehearse(stream: str, at: datetime, rows: Sequence[PreparedSwitch]) -> None:
    """Have every system plan every switch against what it holds, without any effect."""
    number = _last_number(stream) + 1
    found = [address_routes(Generation(stream, number, at, _read_body(row.body))) for row in rows]
    for adapter in list_adapters(stream):
        try:
            snapshot = adapter.observe()
        except RoutingError as error:
            for row in rows:
                row.rehearsals.append([adapter.name, None, str(error)[:300]])
            continue
        for row, generation in zip(rows, found, strict=True):
            try:
                plan = adapter.plan(generation, snapshot)
            except RoutingError as error:
                row.rehearsals.append([adapter.name, None, str(error)[:300]])
            else:
                changes = None if plan.changes is None else len(plan.changes)
                row.rehearsals.append([adapter.name, changes, ""])


def _suppose(scene: Scene, contingency: Contingency) -> _Supposed:
    """Return a scene in which places are lost beside those that are, with the plan's relief."""
    exposed = contingency.sites if contingency.exposed else frozenset()
    lost = Loss(contingency.sites, contingency.carriers, exposed)
    wanted = {
        day: Loss(old.sites | lost.sites, old.carriers | lost.carriers, old.home_only | exposed, old.aim)
        for day, old in scene.wanted.items()
    }
    answers = dict(_look_up(scene, wanted))
    moved = count_asked(scene.count_changes(answers, wanted))
    supposed = replace(scene, wanted=wanted, changes={**scene.changes, **answers})
    return _Supposed(supposed, "planned" if answers else "unrelieved", moved, compute_routes(supposed, lost.sites))


def _look_up(scene: Scene, wanted: Mapping[date, Loss]) -> Iterator[tuple[date, Changes]]:
    """Yield the planned relief of each day; none for a day that a relief has changed already."""
    for day, loss in wanted.items():
        if scene.changes.get(day):
            continue
        found = look_up_relief(scene.day_plan(day), loss, scene.at)
        if found is not None:
            yield day, found


def preview_switch(contingency: str, client: str = "", stream: str = LIVE) -> SwitchPreview:
    """Return what a switch would do; :class:`NoSuch` where the plan has none of that name."""
    scene, row = _find(contingency, client, stream)
    found = _suppose(scene, row)
    current = _load_current(scene)
    routes = _limit_to_client(scene, found.routes, current, client)
    unrelieved = replace(found.scene, changes=scene.changes)
    relieved = suppose_relief(unrelieved)
    effects = compare_relief(scene, unrelieved, relieved)
    return SwitchPreview(
        contingency=row,
        client=client,
        content=_name_content(routes),
        source=found.source,
        kinds=unrelieved.count_changes(relieved.changes),
        calls=tuple(_count_calls(scene, current, routes)),
        unserved=tuple(
            name
            for name in Generation(stream, 1, scene.at, routes).unserved
            if any(one.weight for one in current.get(name, ()))
        ),
        effects=tuple(row for row in effects if client in ("", row.client)),
    )


def press_switch(
    contingency: str, client: str = "", *, content: str, minutes: int, by: str, stream: str = LIVE
) -> Routes:
    """Publish a prepared switch, for one client or all, and hold it for some minutes.

    ``content`` names the routes that its consequences were shown of; :class:`SwitchChanged` where
    they are other ones by now. :class:`~releve.routing.EmptySet` where nothing would stay open.
    """
    with transaction.atomic():
        ledger.lock_head()
        scene, row = _find(contingency, client, stream)
        supposed = _suppose(scene, row).routes
        routes = _limit_to_client(scene, supposed, _load_current(scene), client)
        if _name_content(routes) != content:
            raise SwitchChanged(f"the routes of {contingency} have changed: look at them again")
        last = _last_number(stream)
        found = Generation(stream, last + 1, scene.at, routes)
        found.refuse_if_empty()
        body = {
            "routes": found.number, "contingency": contingency, "client": client,
            "before": last, "minutes": minutes, "by": by,
        }  # fmt: skip
        append_entries(stream, [("routing.switched", body)])
        until = real_now() + timedelta(minutes=minutes)
        return store_generation(found, held_until=until, switch=contingency)


def find_pressed_switch(stream: str = LIVE) -> Routes | None:
    """Return the newest routes where they are a switch that a person published and that is held."""
    last = Routes.objects.filter(stream=stream).first()
    held = last is not None and last.held_until is not None and real_now() < last.held_until
    return last if held and last is not None and last.switch else None


def undo_switch(*, by: str, stream: str = LIVE) -> Routes:
    """Publish the routes before a switch again; from then on they follow the people as ever."""
    found = find_pressed_switch(stream)
    if found is None or found.number == 1:
        raise NoSuch("no switch is in force")
    return revert_routes(found.number - 1, minutes=0, by=by, stream=stream)


def _find(contingency: str, client: str, stream: str) -> tuple[Scene, Contingency]:
    scene = load_scene(stream)
    rows = () if scene is None else list_contingencies(scene)
    row = next((row for row in rows if row.id == contingency), None)
    if scene is None or row is None:
        raise NoSuch(f"the plan in force has no contingency {contingency!r}")
    operator = scene.day_plan(scene.days[0]).operator
    if client and client not in {one.id for one in operator.clients}:
        raise NoSuch(f"there is no client {client!r}")
    return scene, row


def _load_current(scene: Scene) -> _Routing:
    last = Routes.objects.filter(stream=scene.stream).first()
    return compute_routes(scene) if last is None else _read_body(last.body)


def _limit_to_client(scene: Scene, supposed: _Routing, current: _Routing, client: str) -> _Routing:
    """Return the supposed routes of a client's programmes, and the current ones of all others."""
    if not client:
        return supposed
    operator = scene.day_plan(scene.days[0]).operator
    own = {row.id for row in operator.programmes if row.client == client}
    return {name: rows if name in own else current.get(name, rows) for name, rows in supposed.items()}


def _count_calls(scene: Scene, before: _Routing, after: _Routing) -> Iterator[CallShift]:
    """Yield the calls an hour that each place takes, by the forecast of this half hour."""
    found = scene.day_plan(scene.days[0])
    starts = found.plan.starts
    at = max((n for n, start in enumerate(starts) if start <= scene.at), default=0)
    calls = dict(zip(found.need.programmes, found.plan.calls[at].tolist(), strict=True))
    inbound = [row.id for row in found.operator.programmes if row.kind == "inbound"]
    by_hour = timedelta(hours=1) / INTERVAL

    def count(routes: _Routing) -> dict[str, float]:
        out: dict[str, float] = {}
        for name in inbound:
            expected = calls.get(name, 0.0)
            for row in routes.get(name, ()):
                share = row.weight * expected if expected > 0 else 0.0
                out[row.place] = out.get(row.place, 0.0) + share * by_hour
        return out

    old, new = count(before), count(after)
    for place in sorted({*old, *new}):
        yield CallShift(place, old.get(place, 0.0), new.get(place, 0.0))


def _read_body(body: Mapping[str, Sequence[Sequence[object]]]) -> dict[str, list[Route]]:
    return {name: [Route(*one) for one in rows] for name, rows in body.items()}  # type: ignore[arg-type]


def _name_content(routes: _Routing) -> str:
    return Generation(LIVE, 1, datetime.fromisoformat("2000-01-01T00:00:00+00:00"), routes).content


def _last_number(stream: str) -> int:
    return Routes.objects.filter(stream=stream).values_list("number", flat=True).first() or 0


@dataclass(frozen=True, slots=True)
class RehearsedSwitch:
    """What a telephony system answered when it was asked to plan a switch, without any effect:
    how many routes it would change (None: it cannot say), or why it would not take the switch."""

    adapter: str
    changes: int | None
    error: str


@dataclass(frozen=True, slots=True)
class SwitchState:
    """A contingency and its prepared routes; ``source``: planned, unrelieved (people stay), or
    empty where ``prepared_at`` is None: not worked out yet."""

    contingency: str
    kind: str
    name: str
    source: str
    moved: int
    prepared_at: datetime | None
    rehearsals: tuple[RehearsedSwitch, ...]


@dataclass(frozen=True, slots=True)
class HeldSwitch:
    """A switch that a person published, while it is held."""

    contingency: str
    kind: str
    name: str
    generation: int
    until: datetime


def list_switch_states(stream: str = LIVE) -> tuple[SwitchState, ...]:
    """Return every contingency of the plan in force with its switch, as it was prepared last."""
    kept = {row.contingency: row for row in list_switches(stream)}
    return tuple(_describe(row, kept.get(row.id)) for row in _list_losses(stream))


def find_rehearsals(contingency: str, stream: str = LIVE) -> tuple[RehearsedSwitch, ...]:
    """Return what each system answered to the rehearsal of a switch; empty before one."""
    kept = PreparedSwitch.objects.filter(stream=stream, contingency=contingency).first()
    return () if kept is None else tuple(RehearsedSwitch(*one) for one in kept.rehearsals)


def find_held_switch(stream: str = LIVE) -> HeldSwitch | None:
    """Return the switch that a person published and that is held; None where there is none.

    Its kind is ``named`` where the plan in force has the contingency no longer.
    """
    found = find_pressed_switch(stream)
    if found is None or found.held_until is None:
        return None
    row = next((row for row in _list_losses(stream) if row.id == found.switch), None)
    kind, name = ("named", found.switch) if row is None else (row.kind, row.name)
    return HeldSwitch(found.switch, kind, name, found.number, found.held_until)


def _list_losses(stream: str) -> tuple[Contingency, ...]:
    scene = load_scene(stream)
    return () if scene is None else list_contingencies(scene)


def _describe(row: Contingency, kept: PreparedSwitch | None) -> SwitchState:
    if kept is None:
        return SwitchState(row.id, row.kind, row.name, "", 0, None, ())
    rehearsals = tuple(RehearsedSwitch(*one) for one in kept.rehearsals)
    return SwitchState(row.id, row.kind, row.name, kept.source, kept.moved, kept.at, rehearsals)
