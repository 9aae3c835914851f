"""Preview a closure or an outage in numbers, before it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from releve.live.clock import LIVE
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.current_operator import operator_now
from releve.live.current_rules import rules_now
from releve.live.event_service import preview_answers
from releve.live.lost_places import Loss
from releve.live.relief_solver import ReliefRequest, look_up_relief, solve_first_answer
from releve.live.stream_state import Changes, Scene, load_scene
from releve.network import HOME
from releve.plan.coverage import COVERED
from releve.situation import (
    CaseDeclared,
    Event,
    LinkDown,
    PowerDown,
    SiteClosed,
    SituationRule,
)

__all__ = [
    "ClientImpact",
    "EventPreview",
    "ImpactPreview",
    "list_client_impacts",
    "preview_event",
    "preview_impact",
]


@dataclass(frozen=True, slots=True)
class ClientImpact:
    """A client's worst coverage within 48 hours; None: nothing is required, or it is unknown.

    ``unrelieved``: with the places lost, and people where they are; ``after``: with the relief of a
    recorded loss; ``held``: nothing is missing with it.
    """

    client: str
    name: str
    before: float | None
    unrelieved: float | None
    after: float | None
    held: bool


def list_client_impacts(
    before: Coverage, unrelieved: Coverage, after: Coverage
) -> tuple[ClientImpact, ...]:
    """Return what a loss does to each client, by its coverage in three cases."""
    rows = zip(before.clients, unrelieved.clients, after.clients, strict=True)
    return tuple(
        ClientImpact(
            client=now.client,
            name=now.name,
            before=now.worst,
            unrelieved=left.worst,
            after=then.worst,
            held=then.worst is None or then.worst >= COVERED,
        )
        for now, left, then in rows
    )


@dataclass(frozen=True)
class ImpactPreview:
    """``seats`` usable seats lost, ``working`` people at work there, or at home on those lines,
    now or later today, ``moved`` the people whose work the relief changes, and the coverage of
    every client ``before``, ``unrelieved`` and ``after`` the relief: the planned one, else the
    first answer of the solver."""

    seats: int
    working: int
    moved: int
    before: Coverage
    unrelieved: Coverage
    after: Coverage


@dataclass(frozen=True, slots=True)
class EventPreview:
    """What an event would do by which a place is lost; None where no plan is in force to tell from.

    ``kind`` is that of the event by which it is lost, ``carrier`` the one whose home lines are down
    (empty: a site is lost), ``place`` what the site is called, ``rule`` the one by which a case
    closes it. ``until``: it may not open before, or is expected back.
    """

    kind: str
    carrier: str
    place: str
    at: datetime
    until: datetime | None
    rule: SituationRule | None = None
    seats: int | None = None
    working: int | None = None
    moved: int | None = None
    clients: tuple[ClientImpact, ...] = ()


def preview_event(event: Event, stream: str = LIVE) -> EventPreview | None:
    """Return what an event would do: a loss, or a case with which a rule closes a site; else None.

    The agent of a case is left out: the answer then depends on the number of cases alone, and who
    may declare one cannot try out, without a record, which agents are cases already.
    """
    if isinstance(event, SiteClosed | LinkDown | PowerDown):
        return _preview_loss(event, stream, None)
    if not isinstance(event, CaseDeclared):
        return None
    answers = preview_answers(replace(event, agent=""), stream)
    closed = next((answer for answer in answers if isinstance(answer, SiteClosed)), None)
    if closed is None:
        return None
    rule = next(row for row in rules_now(stream).rows if row.id == closed.rule)
    return _preview_loss(closed, stream, rule)


def _preview_loss(
    event: SiteClosed | LinkDown | PowerDown, stream: str, rule: SituationRule | None
) -> EventPreview:
    carrier = event.carrier if isinstance(event, LinkDown) else ""
    known = EventPreview(
        kind=event.kind,
        carrier=carrier,
        place=operator_now().site[event.site].name if event.site else "",
        at=event.happened_at,
        until=event.earliest_reopening if isinstance(event, SiteClosed) else event.expected_until,
        rule=rule,
    )
    found = preview_impact(
        sites=frozenset({event.site} - {""}),
        carriers=frozenset({carrier} - {""}),
        home_only=isinstance(event, SiteClosed) and event.home_only,
        stream=stream,
    )
    if found is None:
        return known
    return replace(
        known,
        seats=found.seats,
        working=found.working,
        moved=found.moved,
        clients=list_client_impacts(found.before, found.unrelieved, found.after),
    )


def preview_impact(
    *, sites: frozenset[str] = frozenset(), carriers: frozenset[str] = frozenset(),
    home_only: bool = True, stream: str = LIVE,
) -> ImpactPreview | None:  # fmt: skip
    """Return what losing places would do; None when no plan is in force.

    ``home_only``: the people of the sites may work at home only, as after a closure for health.
    """
    scene = load_scene(stream)
    if scene is None or not scene.days:
        return None
    lost = Loss(sites, carriers, sites if home_only else frozenset())
    wanted = {
        day: Loss(old.sites | sites, old.carriers | carriers, old.home_only | lost.home_only)
        for day, old in scene.wanted.items()
    }
    unrelieved = replace(scene, wanted=wanted)
    relieved = {day: _find_relief(scene, day, loss) for day, loss in wanted.items()}
    plan = scene.day_plan(scene.days[0]).plan
    return ImpactPreview(
        seats=sum(len(site.usable_seats) for site in plan.sites if site.id in sites and site.open),
        working=_count_working(scene, sites, carriers),
        moved=_count_moved(scene, relieved),
        before=compute_scene_coverage(scene),
        unrelieved=compute_scene_coverage(unrelieved, supposed=True),
        after=compute_scene_coverage(replace(unrelieved, changes=relieved), supposed=True),
    )


def _find_relief(scene: Scene, day: date, loss: Loss) -> Changes:
    """Return the relief of a day: the one in force, the planned one, or one solved now."""
    found, changes = scene.day_to_relieve(day), scene.changes.get(day, {})
    if loss == scene.answered(day):
        return changes
    known = None if changes else look_up_relief(found, loss, scene.at)
    if known is not None:
        return known
    number = scene.relief.pk if scene.relief and changes else 0
    at = max(scene.at, found.plan.starts[0])
    return solve_first_answer(ReliefRequest(found, changes, number, loss, scene.absent, at))


def _count_working(scene: Scene, sites: frozenset[str], carriers: frozenset[str]) -> int:
    """Return the people at work at places that would be lost, now or later today."""
    today = scene.days[0]
    agents = scene.day_plan(today).operator.agents if carriers else ()
    line = {row.id: row.carrier for row in agents}
    return sum(
        row.place in sites or (row.place == HOME and line.get(row.agent) in carriers)
        for row in scene.list_placements(today)
        if row.end > scene.at
    )


def _count_moved(scene: Scene, relieved: Mapping[date, Changes]) -> int:
    return scene.count_moved(
        {
            day: {
                agent: change
                for agent, change in changes.items()
                if scene.changes.get(day, {}).get(agent) != change
            }
            for day, changes in relieved.items()
        }
    )
