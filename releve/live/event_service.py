"""Record an event with its consequences and effects, and preview a loss before it is confirmed.

Recording is one transaction under the lock of the ledger's head: all is written or nothing, and an
event that was judged acceptable still is when it is written.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain, islice
from typing import TypedDict

from django.db import OperationalError, transaction
from django.utils.module_loading import import_string

from releve.ledger import chain as ledger
from releve.ledger.account_names import find_pseudonyms
from releve.live.alerts import raise_alerts
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.current_rules import rules_now, select_rules
from releve.live.effect_queue import DECIDE, NewEffect, queue_effects
from releve.live.errors import Busy, DiskFull, KeyReused, NoSuch, Refused, is_disk_full
from releve.live.lost_places import Loss, find_loss
from releve.live.models import IdempotencyKey, Stream
from releve.live.plans import operator_now
from releve.live.relief_solver import ReliefRequest, look_up_relief, solve_first_answer
from releve.live.retention import erased_on, note_returns
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Changes, Scene, load_scene
from releve.network import HOME, Operator
from releve.plan.coverage import COVERED
from releve.plugin import list_plugins
from releve.situation import (
    AgentBack,
    CaseDeclared,
    Event,
    EventRefusal,
    IncidentRoleTaken,
    LinkDown,
    PowerDown,
    SiteClosed,
    Situation,
    SituationRule,
    SituationRules,
    apply_event,
    complete_correction,
    derive_all_events,
    derive_events,
    event_to_json,
    find_refusals,
    health_fields,
    personal_fields,
)
from releve.situation.refusal import refuse


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The entry of the event, those of its consequences, and whether the same key had recorded it
    ``before``."""

    seq: int
    answers: tuple[int, ...]
    before: bool


class EventSignature(TypedDict):
    id: str
    happened_at: datetime
    recorded_at: datetime
    actor: str


def sign_event(stream: str, by: str) -> EventSignature:
    """Return the fields that every event has, of one that happens now and is ``by`` a user."""
    at = now(stream)
    return {"id": uuid.uuid4().hex, "happened_at": at, "recorded_at": at, "actor": by}


def build_plugin_check(event: Event, stream: str) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what the plug-ins refuse of an event, by what is on record beyond its stream."""
    checks = [import_string(name)(event, stream) for plugin in list_plugins() for name in plugin.event_checks]
    return lambda situation: chain.from_iterable(check(situation) for check in checks)


def record(
    event: Event,
    *,
    key: str,
    stream: str = LIVE,
    judge: Callable[[Situation], Iterable[EventRefusal]] = lambda situation: (),
    instead: Event | None = None,
) -> RecordResult:
    """Record an event; a second call with the same ``key`` returns the first result.

    It is recorded at the stream's own time, whatever the event says. The key may not reveal
    anything about a person. ``judge`` yields further refusals, under the same lock. ``instead``:
    what is true where the event is a correction, recorded with it before the rules answer.
    :class:`Refused` gives the reasons; :class:`Busy` means that nothing was done, and
    :class:`DiskFull` that nothing can be until there is room.
    """
    if not 1 <= len(key) <= 128:
        raise ValueError(f"1 <= len(key) <= 128 does not hold, got {len(key)}")
    try:
        with transaction.atomic():
            ledger.lock_head()
            return _record_once(event, key, stream, judge, instead)
    except OperationalError as error:
        if is_disk_full(error):
            raise DiskFull(
                "the disk of the database is full: nothing was recorded; free some space, then try again"
            ) from error
        raise Busy("the database is busy: nothing was recorded, try again") from error


def refuse_reused_key(seq: int, event: Event, names: Collection[str]) -> None:
    """Raise :class:`KeyReused` where entry ``seq`` differs from an event in some fields.

    Values erased meanwhile cannot be compared and are skipped.
    """
    (row,) = islice(ledger.iter_entries(None, seq - 1), 1)
    sent = event_to_json(event)
    if any(row.body.get(name) != sent[name] for name in names if name not in row.erased):
        raise KeyReused(f"the key names entry {seq}, which says something else")


def _record_once(
    event: Event, key: str, stream: str, judge: Callable[[Situation], Iterable[EventRefusal]], instead: Event | None
) -> RecordResult:
    known = IdempotencyKey.objects.filter(stream=stream, key=key).first()
    if known is not None:
        if known.kind != event.kind:
            raise KeyReused(f"the key names a {known.kind} already, not this {event.kind}")
        return RecordResult(known.seq, tuple(known.answers), before=True)
    _refuse_if_stopped(stream)
    operator, at = operator_now(), now(stream)
    before = situation_now(stream)
    rules = select_rules(before)
    event = complete_correction(replace(event, recorded_at=at), before, operator, rules, at)
    reasons = (*find_refusals(event, before, operator, rules), *_check_holder(event), *judge(before))
    if reasons:
        raise Refused(reasons)
    after, recorded = apply_event(before, event), [event]
    if instead is not None:
        recorded.append(replace(instead, recorded_at=at))
        if reasons := find_refusals(recorded[-1], after, operator, rules):
            raise Refused(reasons)
        after = apply_event(after, recorded[-1])
    found = [*recorded, *derive_all_events(after, operator, select_rules(after), at)]
    seqs = _append_events(found, stream, before, at)
    IdempotencyKey.objects.create(stream=stream, key=key, kind=event.kind, seq=seqs[0], answers=seqs[1:])
    return RecordResult(seqs[0], tuple(seqs[1:]), before=False)


def _check_holder(event: Event) -> Iterable[EventRefusal]:
    """Yield why a role is not given: to no account, whose name nothing could hide or erase."""
    if isinstance(event, IncidentRoleTaken) and event.holder and not find_pseudonyms([event.holder]):
        yield refuse("incident.no_account", holder=event.holder)


def is_recorded(key: str, stream: str = LIVE) -> bool:
    return IdempotencyKey.objects.filter(stream=stream, key=key).exists()


def preview_answers(event: Event, stream: str = LIVE) -> tuple[Event, ...]:
    """Return what the rules would answer to an event; nothing is recorded."""
    at = now(stream)
    after = apply_event(situation_now(stream), replace(event, recorded_at=at))
    return tuple(derive_all_events(after, operator_now(), select_rules(after), at))


def record_due_events(stream: str) -> tuple[int, ...]:
    """Record the events that the rules call for as time passes, if any."""
    operator, situation = operator_now(), situation_now(stream)
    rules = select_rules(situation)
    if not derive_events(situation, operator, rules, now(stream)):
        return ()
    with transaction.atomic():
        ledger.lock_head()
        before, at = situation_now(stream), now(stream)  # after what was recorded meanwhile
        return tuple(_append_events(derive_all_events(before, operator, rules, at), stream, before, at))


def _append_events(events: Iterable[Event], stream: str, before: Situation, at: datetime) -> list[int]:
    """Append events, and queue a relief when the losses have changed."""
    events = list(events)
    if not events:
        return []
    operator, rules = operator_now(), select_rules(before)
    stored = ledger.append_all([_draft_entry(event, stream, operator, rules) for event in events])
    after = before
    for event in events:
        after = apply_event(after, event)
    back = [event.agent for event in events if isinstance(event, AgentBack)]
    note_returns(stream, back, before, after)
    lost, was = find_loss(after, at), find_loss(before, at)
    if lost != was:
        raise_alerts(stream, was, lost, at)
        queue_effects([build_relief_effect(stream, stored[0].seq)])
    return [row.seq for row in stored]


def build_relief_effect(stream: str, cause: int, why: str = "") -> NewEffect:
    """Return the effect that adapts the placements to the losses.

    ``why`` names the origin of the request where that is not the entry ``cause``.
    """
    body = {"cause": cause, "asked_at": real_now().isoformat()}
    return NewEffect(stream, DECIDE, "relief", f"relief:{stream}:{why or cause}", body)


def _draft_entry(event: Event, stream: str, operator: Operator, rules: SituationRules) -> ledger.Draft:
    """Return the entry of an event; its personal values are stored beside it until their day.

    Values about health that concern no particular person are stored beside it for good, since a
    proof of the entry is given to outsiders.
    """
    body = event_to_json(event)
    personal = {name: body[name] for name in personal_fields(event.kind)}
    if not any(personal.values()):
        personal = {}
    health = set(health_fields(event.kind)) - set(personal_fields(event.kind))
    return ledger.Draft(
        event.kind,
        body,
        event.recorded_at,
        personal,
        subject=event.person if personal else "",
        erase_on=erased_on(event, operator, rules) if personal else None,
        stream=stream,
        withheld={name: body[name] for name in sorted(health)},
    )


def _refuse_if_stopped(stream: str) -> None:
    if is_drill(stream) and not Stream.objects.filter(name=stream, stopped_at=None).exists():
        raise NoSuch(f"there is no drill {stream!r} that goes on")


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


def list_client_impacts(before: Coverage, unrelieved: Coverage, after: Coverage) -> tuple[ClientImpact, ...]:
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


def _preview_loss(event: SiteClosed | LinkDown | PowerDown, stream: str, rule: SituationRule | None) -> EventPreview:
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
    relieved = {day: find_relief_of_loss(scene, day, loss) for day, loss in wanted.items()}
    plan = scene.day_plan(scene.days[0]).plan
    return ImpactPreview(
        seats=sum(len(site.usable_seats) for site in plan.sites if site.id in sites and site.open),
        working=_count_working(scene, sites, carriers),
        moved=scene.count_moved(relieved, wanted),
        before=compute_scene_coverage(scene),
        unrelieved=compute_scene_coverage(unrelieved, supposed=True),
        after=compute_scene_coverage(replace(unrelieved, changes=relieved), supposed=True),
    )


def find_relief_of_loss(scene: Scene, day: date, loss: Loss) -> Changes:
    """Return the relief of a day: the one in force, the planned one, or one solved now."""
    found, changes = scene.day_to_relieve(day), scene.changes.get(day, {})
    if loss == scene.answered(day):
        return changes
    known = None if changes else look_up_relief(found, loss, scene.at)
    if known is not None:
        return known
    number = scene.relief.pk if scene.relief and changes else 0
    at = max(scene.at, found.plan.starts[0])
    return solve_first_answer(ReliefRequest(found, changes, number, loss, scene.absent, at, scene.lent))


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
