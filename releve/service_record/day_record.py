"""The record of some hours, folded from its reports: of two sources, statistics before records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from releve.demand.intraday import FIGURES, IntervalFigures
from releve.demand.tables import INTERVAL
from releve.service_record.models import IntervalReport, PresenceReport

__all__ = ["PROXY", "load_presence", "load_reports", "prefer_statistics"]

PROXY = "proxy"
"""The source of what is folded from the call records of a proxy."""


def load_reports(start: datetime, end: datetime) -> list[IntervalFigures]:
    """Return the reports that count of a period; one query."""
    rows = IntervalReport.objects.filter(start__gte=start, start__lt=end)
    return prefer_statistics(rows.order_by("start", "programme", "source"))


def prefer_statistics(rows: Iterable[IntervalReport]) -> list[IntervalFigures]:
    """Return the figures of rows; the records of a proxy count where no statistics came.

    An ACD sees what a proxy does not: how long a call waited in its queue, who answered it. The
    records of an interval count once they were read after its end.
    """
    step = timedelta(minutes=1)
    listed = [
        row
        for row in rows
        if row.source != PROXY or row.recorded_at >= row.start + row.minutes * step
    ]
    stated = {(row.programme, _half_hour(row.start)) for row in listed if row.source != PROXY}
    return [
        IntervalFigures(
            row.programme, row.start, row.recorded_at, minutes=row.minutes,
            **{name: getattr(row, name) for name in FIGURES},
        )
        for row in listed
        if row.source != PROXY or (row.programme, row.start) not in stated
    ]  # fmt: skip


def _half_hour(start: datetime) -> datetime:
    step = INTERVAL.total_seconds()
    return datetime.fromtimestamp(start.timestamp() // step * step, start.tzinfo)


def load_presence(since: datetime, until: datetime) -> dict[str, tuple[datetime, float]]:
    """Return by programme when agents were last counted in a period, and how many; one query.

    The places of one count are added up. A programme without a count is not in the answer.
    """
    rows = PresenceReport.objects.filter(at__gte=since, at__lte=until).order_by("at", "source")
    found: dict[str, tuple[datetime, float]] = {}
    for row in _keep_last_source(list(rows)):
        at, agents = found.get(row.programme, (row.at, 0.0))
        found[row.programme] = (at, agents + row.agents)
    return found


def _keep_last_source(rows: Sequence[PresenceReport]) -> list[PresenceReport]:
    """Return the rows of each programme's last instant, of one source where several counted."""
    last = {row.programme: (row.at, row.source) for row in rows}
    return [row for row in rows if last[row.programme] == (row.at, row.source)]
