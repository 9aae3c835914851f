"""Heads counted in a vehicle as it reaches a site: the entries of the daily check."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from releve.network import Operator
from releve.situation.events_control import CheckDone
from releve.situation.refusal import EventRefusal, refuse
from releve.situation.situation import Situation

__all__ = ["BoardedRun", "compute_fill", "count_boarded", "find_boarding_faults", "read_boarded"]

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
            yield refuse(
                "check.seats", vehicle=row.vehicle, riders=row.riders, seats=seats[row.vehicle]
            )
        elif (row.vehicle, row.hour) in seen:
            yield refuse("check.boarded_twice", vehicle=row.vehicle, hour=row.hour)
        else:
            seen.add((row.vehicle, row.hour))


def compute_fill(check: CheckDone, operator: Operator) -> float | None:
    """Return the share of its seats taken in the fullest vehicle; None when none was looked at."""
    seats = {row.id: row.seats for row in operator.vehicles}
    counted = [
        row.riders / seats[row.vehicle]
        for row in _read_entries(check.boarded)
        if row.vehicle in seats
    ]
    if check.transport_fill is not None:
        counted.append(check.transport_fill)
    return max(counted, default=None)


def count_boarded(situation: Situation, site: str, day: date) -> dict[tuple[str, str], int]:
    """Return the heads of each (vehicle, hour) in the day's last check of a site."""
    checks = situation.list_events("checks", site, day.isoformat())
    last = checks[-1] if checks else None
    rows = _read_entries(last.boarded if isinstance(last, CheckDone) else ())
    return {(row.vehicle, row.hour): row.riders for row in rows}
