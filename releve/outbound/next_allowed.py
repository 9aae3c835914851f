"""Until when a verdict stands, and when a call is next allowed; exact, and without stepping.

Every row's answer is constant between *changes*: the openings and closings of a clock rule, the
instants of the facts, the days on which a row starts or ends. A row that refuses keeps refusing
until its next change, so the first allowed instant is no earlier than the latest of those of the
rows that refuse: the search jumps there and looks again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime

from releve.network.clock import UTC
from releve.outbound.check_table import CLOCK_CHANGES, INSTANTS
from releve.outbound.judged_call import CallMoment, JudgedCall
from releve.outbound.legal_rows import LegalRow, find_legal_midnight

__all__ = [
    "Findings",
    "find_end",
    "find_next_answer_change",
    "find_next_change",
    "list_fact_changes",
    "search_next_allowed",
]

Findings = tuple[LegalRow, ...]
"""The rows that refuse at a moment."""

_MOST_JUMPS = 10_000
_MOST_LOOKS = 300
"""How many changes an allowed verdict is followed through; it is then said to stand until there."""


def search_next_allowed(
    case: JudgedCall, start: datetime, failing: Callable[[CallMoment], Findings]
) -> datetime | None:
    """Return the first allowed instant from ``start`` on, None when none is in sight."""
    changes, at = list_fact_changes(case), start.astimezone(UTC)
    for _ in range(_MOST_JUMPS):
        moment = case.at(at)
        rows = failing(moment)
        if not rows:
            return at
        jumps = [find_next_change(row, moment, changes) for row in rows]
        if None in jumps:
            return None
        at = max(jump for jump in jumps if jump is not None)
    return None


def find_end(
    case: JudgedCall, start: datetime, failing: Callable[[CallMoment], Findings]
) -> datetime | None:
    """Return when an allowed verdict stops standing, None when no change is in sight."""
    changes, at = list_fact_changes(case), start.astimezone(UTC)
    for _ in range(_MOST_LOOKS):
        moment = case.at(at)
        nexts = [find_next_change(row, moment, changes) for row in moment.rows]
        known = [change for change in nexts if change is not None]
        if not known:
            return None
        at = min(known)
        if failing(case.at(at)):
            return at
    return at


def list_fact_changes(case: JudgedCall) -> tuple[datetime, ...]:
    """Return every instant at which a fact may change the answer of a row, in order."""
    found = {find_legal_midnight(day) for day in case.rules.numbers.changes()}
    for row in case.rows:
        if row.kind in INSTANTS:
            found.update(moment.astimezone(UTC) for moment in INSTANTS[row.kind](row, case))
    return tuple(sorted(found))


def find_next_change(
    row: LegalRow, moment: CallMoment, changes: tuple[datetime, ...]
) -> datetime | None:
    """Return the first instant after a moment at which a row's answer may change."""
    found = (find_next_answer_change(row, moment, changes), moment.law_until)
    return min(filter(None, found), default=None)


def find_next_answer_change(
    row: LegalRow, moment: CallMoment, changes: tuple[datetime, ...]
) -> datetime | None:
    """Return the first instant after a moment at which a row that stays may answer otherwise."""
    place = bisect_right(changes, moment.at)
    found = [changes[place]] if place < len(changes) else []
    if row.kind in CLOCK_CHANGES:
        clock = CLOCK_CHANGES[row.kind](row, moment)
        found += [] if clock is None else [clock]
    return min(found, default=None)
