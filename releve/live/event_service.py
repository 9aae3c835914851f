"""Record an event with its consequences and effects, and preview a loss before it is confirmed.

Recording is one transaction under the lock of the ledger's head: all is written or nothing, and an
event that was judged acceptable still is when it is written.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, islice
from typing import TypedDict

from django.db import OperationalError, transaction
from django.utils.module_loading import import_string

from releve.ledger import chain as ledger
from releve.ledger.account_names import find_pseudonyms
from releve.live.alerts import raise_alerts
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.current_rules import select_rules
from releve.live.effect_queue import DECIDE, NewEffect, queue_effects
from releve.live.errors import Busy, DiskFull, KeyReused, NoSuch, Refused, is_disk_full
from releve.live.lost_places import find_loss
from releve.live.models import IdempotencyKey, Stream
from releve.live.plans import operator_now
from releve.live.retention import erased_on, note_returns
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.plugin import list_plugins
from releve.situation import (
    AgentBack,
    Event,
    EventRefusal,
    IncidentRoleTaken,
    Situation,
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
    further: Sequence[Event] = (),
) -> RecordResult:
    """Record an event; a second call with the same ``key`` returns the first result.

    It is recorded at the stream's own time, whatever the event says. The key may not reveal
    anything about a person. ``judge`` yields further refusals, under the same lock. ``further`` events are
    recorded with it before the rules answer: what is true where it is a correction, or the other
    places that are lost with it, so that one relief answers all.
    :class:`Refused` gives the reasons; :class:`Busy` means that nothing was done, and
    :class:`DiskFull` that nothing can be until there is room.
    """
    if not 1 <= len(key) <= 128:
        raise ValueError(f"1 <= len(key) <= 128 does not hold, got {len(key)}")
    try:
        with transaction.atomic():
            ledger.lock_head()
            return _record_once(event, key, stream, judge, further)
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
    event: Event, key: str, stream: str, judge: Callable[[Situation], Iterable[EventRefusal]], further: Sequence[Event]
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
    for one in further:
        recorded.append(replace(one, recorded_at=at))
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
