"""Heads counted in a vehicle at its arrival, open cases with their measures, days of open findings.

Cases are for the health officer alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from releve.network import Operator
from releve.situation.audits import list_findings
from releve.situation.events_audit import FindingRaised
from releve.situation.events_control import CheckDone
from releve.situation.refusal import EventRefusal, refuse, to_local_day
from releve.situation.rule_kinds import AbsenceRule, SituationRules
from releve.situation.situation import Situation
from releve.situation.state import DeclaredCase

_ENTRY = re.compile(r"(?P<vehicle>.+) (?P<hour>([01]\d|2[0-3]):[0-5]\d) (?P<riders>\d{1,3})")


@dataclass(frozen=True, slots=True)
class BoardedRun:
    """The heads counted in a vehicle; ``hour`` at the site by its clocks, like ``06:45``."""

    vehicle: str
    hour: str
    riders: int


def read_boarded(entry: str) -> BoardedRun | None:
    """Return an entry like ``casa-bus-01 06:45 7``; None when it cannot be read."""
    found = _ENTRY.fullmatch(entry.strip())
    if found is None:
        return None
    return BoardedRun(found["vehicle"].strip(), found["hour"], int(found["riders"]))


def _read_entries(entries: Iterable[str]) -> Iterator[BoardedRun]:
    return (row for entry in entries if (row := read_boarded(entry)) is not None)


def find_boarding_faults(entries: Iterable[str], operator: Operator) -> Iterator[EventRefusal]:
    """Yield why counts are not accepted: unreadable, twice, or more heads than seats."""
    seats = {row.id: row.seats for row in operator.vehicles}
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        row = read_boarded(entry)
        if row is None:
            yield refuse("check.boarded", entry=entry)
        elif row.vehicle not in seats:
            yield refuse("check.vehicle", vehicle=row.vehicle)
        elif row.riders > seats[row.vehicle]:
            yield refuse("check.seats", vehicle=row.vehicle, riders=row.riders, seats=seats[row.vehicle])
        elif (row.vehicle, row.hour) in seen:
            yield refuse("check.boarded_twice", vehicle=row.vehicle, hour=row.hour)
        else:
            seen.add((row.vehicle, row.hour))


def compute_fill(check: CheckDone, operator: Operator) -> float | None:
    """Return the share of its seats taken in the fullest vehicle; None when none was looked at."""
    seats = {row.id: row.seats for row in operator.vehicles}
    counted = [row.riders / seats[row.vehicle] for row in _read_entries(check.boarded) if row.vehicle in seats]
    if check.transport_fill is not None:
        counted.append(check.transport_fill)
    return max(counted, default=None)


def count_boarded(situation: Situation, site: str, day: date) -> dict[tuple[str, str], int]:
    """Return the heads of each (vehicle, hour) in the day's last check of a site."""
    checks = situation.list_events("checks", site, day.isoformat())
    last = checks[-1] if checks else None
    rows = _read_entries(last.boarded if isinstance(last, CheckDone) else ())
    return {(row.vehicle, row.hour): row.riders for row in rows}


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case or contact: the first and the last day of its measure, by the days of its site."""

    event: str
    pseudonym: str
    status: str
    site: str
    since: date
    until: date


def list_known_cases(situation: Situation, operator: Operator, sees: Callable[[str], bool]) -> Iterator[DeclaredCase]:
    """Yield the cases that still name an agent, by date, on the sites that a reader ``sees``."""
    for case in situation.cases:
        if case.agent and case.site in operator.site and sees(case.site):
            yield case


def list_open_cases(
    situation: Situation, operator: Operator, rules: SituationRules, now: datetime, sees: Callable[[str], bool]
) -> tuple[OpenCase, ...]:
    """Return the cases whose measure lasts, the newest first, on the sites that a reader sees."""
    every = list(list_known_cases(situation, operator, sees))
    found = (_build_row(case, operator, rules) for case in reversed(every) if not case.cleared_at)
    return tuple(row for row in found if to_local_day(now, row.site, operator) <= row.until)


def _build_row(case: DeclaredCase, operator: Operator, rules: SituationRules) -> OpenCase:
    """Return a case with the days of its measure, by the rule of its day."""
    day = to_local_day(case.at, case.site, operator)
    rule = rules.one(AbsenceRule, day, operator.site[case.site]) or AbsenceRule()
    first = case.since or day
    last = rule.last_day(case.status, first, case.until)
    return OpenCase(case.event, case.agent, case.status, case.site, first, last)


@dataclass(frozen=True, slots=True)
class FindingSpan:
    """The days on which a finding is open, counted from a first day: from ``start`` up to ``end``.

    From ``overdue`` on its due day is over.
    """

    finding: FindingRaised
    start: int
    end: int
    overdue: int


def list_finding_spans(
    situation: Situation,
    operator: Operator,
    first_day: date,
    days: int,
    *,
    until: date | None = None,
    known_at: datetime | None = None,
) -> Iterator[FindingSpan]:
    """Yield when each finding is open within some days, by the days of its site.

    What was raised or verified after ``until`` does not count.
    """
    for found in list_findings(situation, known_at):
        raised, closing, end = found.raised, found.closing, days
        first = to_local_day(raised.happened_at, raised.site, operator)
        if until is not None and first > until:
            continue
        if closing is not None:
            last = to_local_day(closing.happened_at, raised.site, operator)
            end = days if until is not None and last > until else (last - first_day).days
        start = max((first - first_day).days, 0)
        if start < min(end, days):
            overdue = (raised.due - first_day).days + 1
            yield FindingSpan(raised, start, min(end, days), max(overdue, start))
