"""The operator's history continued by what the record has seen since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from releve.demand.history import HistoryRows, sum_half_hours
from releve.demand.tables import History
from releve.network import UTC
from releve.service_record.day_record import prefer_statistics
from releve.service_record.models import IntervalReport

__all__ = ["extend_histories"]

_REACH = timedelta(weeks=26)
"""How far back the record is read; the level of a forecast rests on its last weeks."""


def extend_histories(
    histories: Mapping[str, History], programmes: Sequence[str], until: datetime
) -> dict[str, History]:
    """Return the histories with the half hours of the record after them, up to ``until``."""
    found = dict(histories)
    for name in programmes:
        known = histories.get(name)
        since = until - _REACH
        if known is not None and len(known.starts):
            last = datetime.fromtimestamp(int(known.starts[-1]), UTC) + timedelta(minutes=30)
            since = max(since, last)
        rows = IntervalReport.objects.filter(programme=name, start__gte=since, start__lt=until)
        parts = _fold_rows(name, rows.order_by("start", "source"))
        if parts:
            found[name] = _join(name, [known, *parts] if known is not None else parts)
    return found


def _fold_rows(name: str, rows: Iterable[IntervalReport]) -> list[History]:
    """Return half hours of the reports, those of each length of interval apart."""
    reports = prefer_statistics(rows)
    parts = []
    for minutes in sorted({report.minutes for report in reports}):
        table = np.array(
            [
                [
                    report.start.timestamp(),
                    *(np.nan if value is None else value
                      for value in (report.offered, report.answered, report.handled_s)),
                ]
                for report in reports
                if report.minutes == minutes
            ],
            dtype=np.float64,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            aht_s = np.where(table[:, 2] > 0, table[:, 3] / table[:, 2], np.nan)
        aht_s[~(aht_s > 0)] = np.nan
        starts, first = np.unique(table[:, 0].astype(np.int64), return_index=True)
        columns = HistoryRows(starts, table[first, 1], table[first, 2], aht_s[first])
        parts.append(sum_half_hours(name, columns, minutes)[0])
    return parts


def _join(name: str, parts: Sequence[History]) -> History:
    """Return the half hours of several histories; of one that is in two the first that is known."""
    starts = np.concatenate([part.starts for part in parts])
    known = np.concatenate([np.isfinite(part.offered) for part in parts])
    order = np.lexsort((~known, starts))
    _, first = np.unique(starts[order], return_index=True)
    kept = order[first]
    columns = [
        np.concatenate([getattr(part, column) for part in parts])[kept]
        for column in ("offered", "answered", "aht_s")
    ]
    return History(name, starts[kept], *columns)
