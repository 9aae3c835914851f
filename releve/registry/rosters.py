"""A schedule of a workforce suite as roster: shifts with their breaks, and what agents do or are away for.

Of the agents and days that a file holds the roster is replaced, and nothing else. No reason of an absence is stored
that is not one of the table's kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from releve.demand.schedule_file import Schedule, ScheduleEntry
from releve.network import Fault, Operator, OperatorFaults, PlannedAbsence, Shift, zone
from releve.network.table_words import fold
from releve.registry.edits import check_table
from releve.registry.row_text import FIRST_ROW

_Row = TypeVar("_Row", Shift, PlannedAbsence)
_PAUSES = frozenset(("break", "meal"))
_AT_WORK = _PAUSES | {"work", "training", "coaching", "meeting"}
_NAMED = frozenset(("training", "coaching", "meeting", "leave", "absent"))
"""Kinds that become rows of the table of absences."""


@dataclass(frozen=True, slots=True)
class RosterDay:
    """A day of a schedule: how many agents work, and their hours of presence."""

    day: date
    agents: int
    hours: float


@dataclass(frozen=True)
class RosterImport:
    """The operator with a schedule; its days, and the agents of the file that were left out."""

    operator: Operator
    days: tuple[RosterDay, ...]
    left_out: tuple[str, ...]


def match_agents(schedule: Schedule, operator: Operator) -> dict[str, str]:
    """Return the agent of each name of a schedule, empty where none has it as its id."""
    known = {fold(agent.id): agent.id for agent in operator.agents}
    return {name: known.get(fold(name), "") for name in schedule.agents}


def build_roster(
    schedule: Schedule, operator: Operator, agents: Mapping[str, str], kinds: Mapping[str, str], zone_name: str
) -> RosterImport:
    """Return an operator with the roster of a schedule: ``agents`` and ``kinds`` say who and what its words are.

    Periods at work that touch are one shift, also around an absence between them; the breaks inside are its break.
    """
    tz = zone(zone_name)
    kept = [
        replace(entry, agent=agents[entry.agent], activity=kinds[entry.activity])
        for entry in schedule.entries
        if agents.get(entry.agent)
    ]
    kept.sort(key=lambda entry: (entry.agent, entry.start, entry.end))
    said = any(entry.activity in _PAUSES or entry.break_minutes is not None for entry in kept)
    shifts: list[Shift] = []
    absences: list[PlannedAbsence] = []
    for agent, group in groupby(kept, key=lambda entry: entry.agent):
        entries = list(group)
        shifts += _list_shifts(agent, entries, said)
        absences += [
            PlannedAbsence(agent, entry.start, entry.end, entry.activity)
            for entry in entries
            if entry.activity in _NAMED
        ]
    covered = {(entry.agent, entry.start.astimezone(tz).date()) for entry in kept}
    away = any(kind in _NAMED for kind in kinds.values())

    operator = replace(
        operator,
        shifts=_put(operator.shifts, shifts, covered, zone_name),
        absences=_put(operator.absences, list(dict.fromkeys(absences)), covered, zone_name)
        if away
        else operator.absences,
    )
    left_out = tuple(name for name in schedule.agents if not agents.get(name))
    return RosterImport(operator, _sum_days(shifts, zone_name), left_out)


def check_roster(read: RosterImport) -> tuple[Fault, ...]:
    """Return the faults that a roster would be to a plan, each with its agent and start in place of a row."""
    try:
        check_table(read.operator, "shifts")
    except OperatorFaults as error:
        return tuple(_place_fault(fault, read.operator) for fault in error.faults)
    return ()


def _place_fault(fault: Fault, operator: Operator) -> Fault:
    if fault.table not in ("shifts", "absences") or fault.row < FIRST_ROW:
        return fault
    row = getattr(operator, fault.table)[fault.row - FIRST_ROW]
    at = row.start.astimezone(zone(operator.site[operator.agent[row.agent].home_site].time_zone))
    return replace(fault, row=0, value=f"{row.agent} {at:%Y-%m-%d %H:%M}")


def _put(old: Sequence[_Row], new: Sequence[_Row], covered: Set[tuple[str, date]], zone_name: str) -> tuple[_Row, ...]:
    """Return rows with those of a file in the place of what it covers; what is equal stays where it is."""
    tz = zone(zone_name)
    held, wanted = frozenset(old), frozenset(new)
    kept = [row for row in old if row in wanted or (row.agent, row.start.astimezone(tz).date()) not in covered]
    kept += [row for row in new if row not in held]
    return tuple(kept)


def _list_shifts(agent: str, entries: Sequence[ScheduleEntry], said: bool) -> list[Shift]:
    """Return the shifts of an agent; ``said``: the file names breaks, so that a shift without one has none."""
    found: list[Shift] = []
    away: list[tuple[datetime, datetime]] = []
    for entry in entries:
        if entry.activity in ("leave", "absent"):
            away.append((entry.start, entry.end))
        if entry.activity not in _AT_WORK:
            continue
        minutes = (entry.end - entry.start) / timedelta(minutes=1) if entry.activity in _PAUSES else 0.0
        minutes += entry.break_minutes or 0.0
        last = found[-1] if found else None
        if last is not None and _reach(last.end, away) >= entry.start:
            found[-1] = replace(
                last, end=max(last.end, entry.end), break_minutes=(last.break_minutes if said else 0.0) + minutes
            )
        else:
            found.append(Shift(agent, entry.start, entry.end, minutes if said else 0.0))
    if said:
        return found
    return [Shift(agent, shift.start, shift.end) for shift in found]  # the break that the table assumes


def _reach(end: datetime, away: Sequence[tuple[datetime, datetime]]) -> datetime:
    """Return until when an agent is at work or away from ``end`` on without a gap."""
    for start, until in away:
        if start <= end < until:
            end = until
    return end


def _sum_days(shifts: Sequence[Shift], zone_name: str) -> tuple[RosterDay, ...]:
    tz = zone(zone_name)
    ordered = sorted(shifts, key=lambda shift: shift.start)
    days = []
    for day, group in groupby(ordered, key=lambda shift: shift.start.astimezone(tz).date()):
        rows = list(group)
        hours = sum((row.end - row.start) / timedelta(hours=1) for row in rows)
        days.append(RosterDay(day, len({row.agent for row in rows}), round(hours, 2)))
    return tuple(days)
