"""Retention of personal values of absences whose end is not known from the start.

An absence without a known end is kept while it lasts; after the agent's return the usual time
applies. Erased earlier, the absence would vanish and the agent count as present.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime

from django.db import transaction

from releve.ledger import chain as ledger
from releve.ledger.digests import parse_canonical
from releve.ledger.erasure import set_erase_on
from releve.ledger.models import LedgerEntry
from releve.live.clock import now, real_now
from releve.live.current_operator import operator_now
from releve.live.current_rules import select_rules
from releve.live.drills import list_running_streams
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.registry import storage as registry
from releve.situation import AgentUnavailable, Event, Situation, SituationRules, compute_erasure_day

__all__ = ["erased_on", "note_returns", "postpone_lasting"]


def erased_on(event: Event, operator: Operator, rules: SituationRules) -> date | None:
    """Return the day on which an event's personal values are erased; None = it has none.

    A drill names real people, so that the day is one of the real calendar, not of its clock.
    """
    found = compute_erasure_day(event, operator, rules)
    ahead = event.recorded_at.date() - real_now().date()
    return None if found is None else found - ahead


def note_returns(stream: str, agents: Iterable[str], before: Situation, after: Situation) -> None:
    """Set the day of erasure of the absences that have ended, inside the caller's transaction."""
    for agent in agents:
        lasting = {row.event for row in before.absences.get(agent, ()) if not row.back}
        ended = {
            row.event: row.until
            for row in after.absences.get(agent, ())
            if row.back and row.until is not None and row.event in lasting
        }
        _set_erasure_days(stream, agent, ended, after)


def postpone_lasting() -> None:
    """Postpone the erasure of absences of unknown end that last, as if they ended now.

    To be called before due values are erased.
    """
    if registry.get_current_version() is None:
        return
    for stream in list_running_streams():
        with transaction.atomic():
            ledger.lock_head()
            situation, at = situation_now(stream), now(stream)
            for agent, rows in situation.absences.items():
                lasting = {row.event: at for row in rows if row.until is None}
                _set_erasure_days(stream, agent, lasting, situation)


def _set_erasure_days(
    stream: str, agent: str, ends: dict[str, datetime], situation: Situation
) -> None:
    """Set the day of erasure of an agent's absences, given as event ids, by their ends."""
    if not ends:
        return
    operator, rules = operator_now(), select_rules(situation)
    seqs = dict(_iter_absence_entries(stream, agent))
    for event in situation.list_events("agents", agent):
        if isinstance(event, AgentUnavailable) and event.id in ends and event.id in seqs:
            on = erased_on(replace(event, until=ends[event.id]), operator, rules)
            set_erase_on(agent, on, entries=[seqs[event.id]])


def _iter_absence_entries(stream: str, agent: str) -> Iterator[tuple[str, int]]:
    """Yield the event ids of an agent's absences with the numbers of their entries."""
    rows = LedgerEntry.objects.filter(
        stream=stream, kind=AgentUnavailable.kind, personal__subject=agent
    ).distinct()
    for seq, body in rows.values_list("seq", "body"):
        yield parse_canonical(body)["id"], seq
