"""What came in each half hour, folded from reports that are late, repeated or corrected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from releve.demand.history import STEPS_MINUTES
from releve.demand.tables import Floats

__all__ = ["FIGURES", "DayFigures", "IntervalFigures", "fold_figures"]

FIGURES = ("offered", "answered", "abandoned", "in_time", "short", "handled_s", "waited_s")
"""The figures of a report, in the order of :class:`DayFigures`."""
_MINUTES = 30


@dataclass(frozen=True)
class IntervalFigures:
    """One report of one interval of one programme; None = not known, which is never zero.

    ``start`` of the interval and ``recorded_at`` of the report, with a time zone; ``minutes`` is
    its length, a divisor of 30. ``in_time`` are the calls answered within the threshold of the
    contract, ``short`` those abandoned within it; ``handled_s`` and ``waited_s`` the seconds of
    work and of waiting that the answered calls took together. A report that knows nothing
    withdraws an earlier one.
    """

    programme: str
    start: datetime
    recorded_at: datetime
    offered: float | None = None
    answered: float | None = None
    abandoned: float | None = None
    in_time: float | None = None
    short: float | None = None
    handled_s: float | None = None
    waited_s: float | None = None
    minutes: int = _MINUTES

    def __post_init__(self) -> None:
        for name in ("start", "recorded_at"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{name} must have a time zone, got {getattr(self, name)}")
        for name in FIGURES:
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a count of at least 0, got {value!r}")
        if self.minutes not in STEPS_MINUTES:
            raise ValueError(f"minutes must divide 30, got {self.minutes}")

    @property
    def end(self) -> datetime:
        """The end of the interval."""
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class DayFigures:
    """What came, as float64 ``[interval, programme]`` of a forecast; NaN = not known.

    ``unplaced`` are the reports of another programme or interval than the forecast's, ``early``
    those of an interval that is not over yet.
    """

    offered: Floats
    answered: Floats
    abandoned: Floats
    in_time: Floats
    short: Floats
    handled_s: Floats
    waited_s: Floats
    unplaced: tuple[IntervalFigures, ...] = ()
    early: tuple[IntervalFigures, ...] = ()


def fold_figures(
    reports: Iterable[IntervalFigures],
    programmes: Sequence[str],
    starts: Sequence[datetime],
    now: datetime,
) -> DayFigures:
    """Fold reports into the half hours ``starts`` of ``programmes``, as known at ``now``.

    Of several reports of the same minutes the one recorded last counts (the last given, where the
    instants are equal); the order they come in is of no account otherwise. A half hour of which
    one part is not known is not known.
    """
    rows = {start: row for row, start in enumerate(starts)}
    columns = {name: column for column, name in enumerate(programmes)}
    table = np.full((len(FIGURES), len(starts), len(programmes), _MINUTES), np.nan)
    taken = np.zeros(table.shape[1:], dtype=np.bool_)
    unplaced, early = [], []
    given = sorted(enumerate(reports), key=lambda one: (one[1].recorded_at, one[0]), reverse=True)
    for report in (one for _, one in given):
        place = _find_part(report.start, rows)
        if place is None or report.programme not in columns:
            unplaced.append(report)
            continue
        row, column, first = place[0], columns[report.programme], place[1]
        minutes = slice(first, first + report.minutes)
        if taken[row, column, minutes].any() or first % report.minutes:
            continue
        taken[row, column, minutes] = True
        if report.end > now:
            early.append(report)
            continue
        values = [getattr(report, name) for name in FIGURES]
        table[:, row, column, minutes] = 0.0
        table[:, row, column, first] = [np.nan if value is None else value for value in values]
    found = dict(zip(FIGURES, table.sum(axis=-1), strict=True))
    return DayFigures(**found, unplaced=tuple(unplaced), early=tuple(early))


def _find_part(start: datetime, rows: dict[datetime, int]) -> tuple[int, int] | None:
    """Return the half hour that a minute lies in and its place there, None where none does."""
    minute = start.minute % _MINUTES
    row = rows.get(start - timedelta(minutes=minute))
    return None if row is None else (row, minute)
