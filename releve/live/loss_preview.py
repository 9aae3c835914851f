"""What an event by which a place is lost would do, worked out before it is recorded.

The event and what the rules answer to it are supposed to have happened, and the relief is made by the
function that makes it afterwards: figures and people are those of the relief, unless something else happens
meanwhile or a half hour passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from releve.live.clock import LIVE, now
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.current_rules import rules_now, select_rules
from releve.live.event_service import preview_answers
from releve.live.plans import operator_now
from releve.live.relief_handler import suppose_relief
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Scene, load_scene, suppose_situation
from releve.network import HOME
from releve.plan.service_status import Status, Tone, judge_service
from releve.plan.work_changes import KindCount, count_asked
from releve.situation import (
    CaseDeclared,
    Event,
    LinkDown,
    PowerDown,
    SiteClosed,
    Situation,
    SituationRule,
    apply_event,
    derive_all_events,
)


@dataclass(frozen=True, slots=True)
class ClientImpact:
    """A client's worst coverage within 48 hours; None: nothing is required, or it is unknown.

    ``unrelieved``: with the places lost, and people where they are; ``after``: with the relief of a
    recorded loss, and then ``now`` is that of the running half hour; ``state`` and ``tone`` are those of
    the client with it. ``missing_unrelieved`` and ``missing`` are the shares of its requirement within 48 hours that
    are missing in these two cases, of which ``target`` is promised at most. ``gives``: who works for it in the first
    case and not in the second, by the name of the client they then work for (empty: they are without work).
    """

    client: str
    name: str
    before: float | None
    unrelieved: float | None
    after: float | None
    now: float | None
    state: Status
    tone: Tone
    missing_unrelieved: float | None
    missing: float | None
    target: float
    gives: Mapping[str, int] = field(default_factory=dict)

    @property
    def held_unrelieved(self) -> bool:
        """Whether the promise is kept without the relief."""
        return self._is_held(self.missing_unrelieved)

    @property
    def held(self) -> bool:
        """Whether the promise is kept with the relief."""
        return self._is_held(self.missing)

    @property
    def is_worse(self) -> bool:
        """Whether the relief takes from the client: in its worst half hour, or in all, by as much as a page shows."""
        return any(
            had is not None and has is not None and had - has > _SHOWN
            for had, has in ((self.unrelieved, self.after), (self.missing, self.missing_unrelieved))
        )

    def _is_held(self, missing: float | None) -> bool:
        return missing is not None and judge_service(missing, 1.0, self.target, 0.0).is_met


_SHOWN = 0.0005


def list_client_impacts(
    before: Coverage,
    unrelieved: Coverage,
    after: Coverage,
    target: float,
    given: Mapping[str, Mapping[str, int]] | None = None,
) -> tuple[ClientImpact, ...]:
    """Return what a loss does to each client, by its coverage in three cases; ``given`` as of :func:`count_given`."""
    names = {row.client: row.name for row in after.clients}
    rows = zip(before.clients, unrelieved.clients, after.clients, strict=True)
    return tuple(
        ClientImpact(
            client=was.client,
            name=was.name,
            before=was.worst,
            unrelieved=left.worst,
            after=then.worst,
            now=then.now,
            state=then.state,
            tone=then.tone,
            missing_unrelieved=left.missing,
            missing=then.missing,
            target=target,
            gives={names.get(one, one): people for one, people in (given or {}).get(was.client, {}).items()},
        )
        for was, left, then in rows
    )


_Served = Mapping[str, Set[str]]
"""The clients that each person works for on the rest of a day."""


def count_given(days: Iterable[tuple[_Served, _Served]]) -> dict[str, Counter[str]]:
    """Return how many people each client gives to others, by the client they then work for, of days before and after.

    Empty: they are without work. Who is without work before is given by no client, and each person counts once of a
    pair of clients, however many days it is.
    """
    given: set[tuple[str, str, str]] = set()
    for had, has in days:
        for agent, clients in had.items():
            others = has.get(agent) or {""}
            given |= {(client, other, agent) for client in clients - others for other in others - clients}
    found: dict[str, Counter[str]] = {}
    for client, other, _agent in sorted(given):
        found.setdefault(client, Counter())[other] += 1
    return found


def _list_clients(scene: Scene, day: date) -> _Served:
    programmes, found = scene.day_plan(day).operator.programme, dict[str, set[str]]()
    for row in scene.list_placements(day):
        if row.end > scene.at:
            found.setdefault(row.agent, set()).add(programmes[row.programme].client)
    return found


def compare_relief(scene: Scene, unrelieved: Scene, relieved: Scene) -> tuple[ClientImpact, ...]:
    """Return what a loss and its relief do to each client: a scene as it is, with the loss alone, and with both."""
    return list_client_impacts(
        compute_scene_coverage(scene),
        compute_scene_coverage(unrelieved, supposed=True),
        compute_scene_coverage(relieved, supposed=True),
        read_target(scene),
        count_given((_list_clients(unrelieved, day), _list_clients(relieved, day)) for day in unrelieved.days),
    )


def read_target(scene: Scene) -> float:
    """Return the largest share of its requirement that a client may miss by the plan of a scene."""
    return float(scene.day_plan(scene.days[0]).plan.settings["target"])


@dataclass(frozen=True)
class RelievedLoss:
    """``seats`` usable seats lost, ``working`` people at work there, or at home on those lines,
    now or later today, ``kinds`` of people whose work the relief changes, and what becomes of ``clients``."""

    seats: int
    working: int
    kinds: tuple[KindCount, ...]
    clients: tuple[ClientImpact, ...]


@dataclass(frozen=True, slots=True)
class EventPreview:
    """What an event would do by which a place is lost; None where no plan is in force to tell from.

    ``kind`` is that of the event by which it is lost, ``carrier`` the one whose home lines are down
    (empty: a site is lost), ``place`` what the site is called, ``time_zone`` that of the first site lost
    (empty: none is), ``rule`` the one by which a case closes it. ``until``: it may not open before, or is
    expected back. ``counted_at`` is the instant of the figures.
    """

    kind: str
    carrier: str
    place: str
    at: datetime
    until: datetime | None
    time_zone: str = ""
    rule: SituationRule | None = None
    counted_at: datetime | None = None
    seats: int | None = None
    working: int | None = None
    moved: int | None = None
    kinds: tuple[KindCount, ...] = ()
    clients: tuple[ClientImpact, ...] = ()


def preview_event(event: Event, stream: str = LIVE, further: Sequence[Event] = ()) -> EventPreview | None:
    """Return what an event would do: a loss, or a case with which a rule closes a site; else None.

    ``further``: the same of other sites, recorded with it.

    The agent of a case is left out: the answer then depends on the number of cases alone, and who
    may declare one cannot try out, without a record, which agents are cases already. The relief then
    counts on this one person too.
    """
    if isinstance(event, SiteClosed | LinkDown | PowerDown):
        return _preview_loss((event, *further), event, stream, None)
    if not isinstance(event, CaseDeclared):
        return None
    case = replace(event, agent="")
    closed = next((answer for answer in preview_answers(case, stream) if isinstance(answer, SiteClosed)), None)
    if closed is None:
        return None
    rule = next(row for row in rules_now(stream).rows if row.id == closed.rule)
    return _preview_loss((case,), closed, stream, rule)


def _preview_loss(
    events: Sequence[Event], lost: SiteClosed | LinkDown | PowerDown, stream: str, rule: SituationRule | None
) -> EventPreview:
    carrier = lost.carrier if isinstance(lost, LinkDown) else ""
    others = [str(getattr(one, "site", "")) for one in events[1:]]
    sites = [lost.site, *others] if lost.site else []
    known = EventPreview(
        kind=lost.kind,
        carrier=carrier,
        place=", ".join(operator_now().site[site].name for site in sites),
        at=lost.happened_at,
        until=lost.earliest_reopening if isinstance(lost, SiteClosed) else lost.expected_until,
        time_zone=operator_now().site[lost.site].time_zone if lost.site else "",
        rule=rule,
    )
    scene = load_scene(stream)
    if scene is None or not scene.days:
        return known
    found = suppose_loss(scene, _suppose_events(events, stream))
    return replace(
        known,
        counted_at=scene.at,
        seats=found.seats,
        working=found.working,
        moved=count_asked(found.kinds),
        kinds=found.kinds,
        clients=found.clients,
    )


def _suppose_events(events: Sequence[Event], stream: str) -> Situation:
    """Return the situation after events and what the rules answer to them; nothing is recorded."""
    after = situation_now(stream)
    for event in events:
        after = apply_event(after, replace(event, recorded_at=now(stream)))
    for answer in derive_all_events(after, operator_now(), select_rules(after), now(stream)):
        after = apply_event(after, answer)
    return after


def suppose_loss(scene: Scene, situation: Situation) -> RelievedLoss:
    """Return what another situation, in which further places are lost, does to the work of a scene."""
    unrelieved = suppose_situation(scene, situation)
    relieved = suppose_relief(unrelieved)
    today = scene.days[0]
    sites = unrelieved.wanted[today].sites - scene.wanted[today].sites
    carriers = unrelieved.wanted[today].carriers - scene.wanted[today].carriers
    plan = scene.day_plan(today).plan
    return RelievedLoss(
        seats=sum(len(site.usable_seats) for site in plan.sites if site.id in sites and site.open),
        working=_count_working(scene, sites, carriers),
        kinds=unrelieved.count_changes(relieved.changes),
        clients=compare_relief(scene, unrelieved, relieved),
    )


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
