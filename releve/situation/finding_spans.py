"""The days on which findings of audits are open, by which the standing and the label are judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from releve.network import Operator
from releve.situation.audits import list_findings
from releve.situation.events_audit import FindingRaised
from releve.situation.refusal import to_local_day
from releve.situation.situation import Situation

__all__ = ["FindingSpan", "list_finding_spans"]


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
