"""Grids: a programme's history on its intervals, a table's cells, and the decimals of figures.

Instants are int64 seconds since 1970 UTC; a slot is one interval. Figures that leave an engine are
rounded (:func:`round_to_grid`) because matrix products and vectorised functions give other last
bits on another machine: a search or a rounding to whole people would then differ visibly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from releve.errors import Phrase, ReleveError
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network.faults import Correction
from releve.network.moments import UTC, zone
from releve.network.opening_hours import is_closed_by_holiday, parse_opening

DIVISORS = (30, 15, 10, 6, 5, 3, 2, 1)
"""Minutes that an interval may last."""
DAY = 86400
FARTHEST_SHIFT_HOURS = 14
"""How far times are moved to see whether they fit the opening hours better."""
EPOCH = date(1970, 1, 1)
_THURSDAY = 3


@dataclass(frozen=True)
class ProgrammeHours:
    """When a programme is open: opening hours, their zone, the country of its holidays, and those
    it is open on."""

    opening: str
    zone: str
    holidays: str
    open_holidays: tuple[str, ...] = ()


@dataclass(frozen=True)
class HistorySlots:
    """Slots of whole local days, in order.

    ``day[slot]`` days since 1970 and ``minute[slot]`` of the local clock; ``open`` by the opening
    hours; ``present`` where the history has a row; ``volume`` calls offered there.
    """

    starts: Ints
    seconds: int
    day: Ints
    minute: Ints
    open: Truths
    present: Truths
    volume: Floats

    @cached_property
    def held(self) -> Truths:
        """Return the slots of the days that have a row."""
        return np.isin(self.day, np.unique(self.day[self.present]))

    @cached_property
    def covered(self) -> Truths:
        """Return the slots of the days that have a row in an open slot."""
        days = np.unique(self.day[self.present & self.open])
        return np.isin(self.day, days)

    def compute_outside_share(self) -> float:
        """Return the share of the volume that lies outside the opening hours."""
        total = float(self.volume.sum())
        return float(self.volume[~self.open].sum()) / total if total > 0 else 0.0

    def count_misfits(self, shift_seconds: int) -> int:
        """Return how many slots are open without calls or closed with calls, rows moved later."""
        by = shift_seconds // self.seconds
        active = np.zeros_like(self.open)
        had = self.volume > 0
        if by >= 0:
            active[by:] = had[: len(had) - by]
        else:
            active[:by] = had[-by:]
        return int(((active != self.open) & self.held).sum())

    def find_best_shift(self) -> int:
        """Return the seconds, a multiple of half an hour, whose move leaves the fewest misfits."""
        reach = FARTHEST_SHIFT_HOURS * 2
        shifts = sorted((n * 1800 for n in range(-reach, reach + 1)), key=abs)
        return min(shifts, key=self.count_misfits)


class IntervalFault(ReleveError):  # noqa: N818 (never leaves the package)
    """The rows of a programme are not at intervals of a divisor of 30 minutes."""


def find_interval(starts: Ints) -> int:
    """Return the interval of distinct ascending starts, in seconds; IntervalFault says why not."""
    if len(starts) < 2:
        return 1800
    steps, counts = np.unique(np.diff(starts), return_counts=True)
    step = int(steps[counts.argmax()])
    if step in {minutes * 60 for minutes in DIVISORS}:
        return step
    aligned = float(np.mean(starts % 1800 == 0))
    hourly = step % 3600 == 0 and float(np.mean(starts % 3600 == 0)) >= 0.95
    if aligned < 0.9 or (hourly and len(starts) >= 4):
        raise IntervalFault(Phrase("its rows are {0} minutes apart", f"{step / 60:g}"))
    return 1800


def lay_out_history(starts: Ints, offered: Floats, hours: ProgrammeHours, seconds: int) -> HistorySlots:
    """Return rows (ascending starts, calls offered) on a grid of whole local days."""
    slots, index = np.unique(starts // seconds, return_inverse=True)
    volume_of = np.zeros(len(slots))
    np.add.at(volume_of, index, offered)
    margin = FARTHEST_SHIFT_HOURS * 3600
    low = (int(starts[0]) - margin) // DAY * DAY
    high = (int(starts[-1]) + margin) // DAY * DAY + DAY
    grid = np.arange(low, high, seconds, dtype=np.int64)
    at = slots - low // seconds
    present = np.zeros(len(grid), dtype=np.bool_)
    present[at] = True
    volume = np.zeros(len(grid))
    volume[at] = volume_of
    local = _convert_to_local(grid, hours.zone)
    day, minute = local // DAY, local % DAY // 60
    return HistorySlots(grid, seconds, day, minute, _find_open_slots(day, minute, hours), present, volume)


def find_offset(zone_name: str, instant: int) -> int:
    """Return the seconds that a zone's clock is ahead of UTC at an instant."""
    moment = datetime.fromtimestamp(instant, UTC).astimezone(zone(zone_name))
    return int((moment.utcoffset() or timedelta()).total_seconds())


@lru_cache(maxsize=200_000)
def _find_day_offset(zone_name: str, day: int) -> int:
    return find_offset(zone_name, day * DAY)


def _convert_to_local(instants: Ints, zone_name: str) -> Ints:
    """Return the local clock as seconds: exact offsets on the days of a change, else by day."""
    days, index = np.unique(instants // DAY, return_inverse=True)
    first = np.array([_find_day_offset(zone_name, day) for day in days.tolist()], dtype=np.int64)
    after = np.array([_find_day_offset(zone_name, day + 1) for day in days.tolist()], dtype=np.int64)
    offsets = first[index]
    for i in np.flatnonzero((first != after)[index]).tolist():
        offsets[i] = find_offset(zone_name, int(instants[i]))
    return instants + offsets


@lru_cache(maxsize=4096)
def _build_week(opening: str) -> Truths:
    """Return ``open[weekday, minute of the day]``."""
    week = np.zeros((7, 1440), dtype=np.bool_)
    for weekday, ranges in enumerate(parse_opening(opening).days):
        for start, end in ranges:
            week[weekday, start:end] = True
    return week


def _find_open_slots(day: Ints, minute: Ints, hours: ProgrammeHours) -> Truths:
    out: Truths = _build_week(hours.opening)[(day + _THURSDAY) % 7, minute]
    if hours.holidays:
        closed = [
            number
            for number in np.unique(day).tolist()
            if is_closed_by_holiday(hours.holidays, hours.open_holidays, EPOCH + timedelta(days=number))
        ]
        out = out & ~np.isin(day, closed)
    return out


@dataclass(frozen=True)
class RawGrid:
    """Cells as text, the header among them; null is an empty cell.

    ``rows[i]`` is the row of record i in the file, from 1. ``header`` is the number of cells of
    the first record, ``widths[i]`` that of record i (None where the format makes all rows equally
    wide). ``merged`` holds the first and last row of each merged range. ``comma_decimals``:
    numbers may be written with a decimal comma. ``typed`` holds the cells below the header where
    their format has types, and then ``cells`` is the header alone.
    """

    cells: pl.DataFrame
    rows: NDArray[np.int64]
    header: int
    widths: NDArray[np.int64] | None = None
    merged: tuple[tuple[int, int], ...] = ()
    comma_decimals: bool = True
    from_sheet: bool = False
    typed: pl.DataFrame | None = None


class Unreadable(ReleveError):  # noqa: N818 (never leaves the package: becomes a Fault)
    """A file or sheet that cannot be made a table; becomes one fault of it."""

    def __init__(
        self,
        reason: Phrase,
        fix: Phrase,
        *,
        row: int = 0,
        column: str = "",
        value: str = "",
        correction: Correction | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix
        self.row = row
        self.column = column
        self.value = value
        self.correction = correction


def strip_cells(cells: pl.DataFrame) -> pl.DataFrame:
    """Return cells without blanks around them; a cell of blanks is null."""
    if not cells.width:
        return cells
    text = pl.all().str.strip_chars()
    return cells.select(pl.when(text != "").then(text))


GRID_DECIMALS = 6
"""Calls, seconds and costs."""
FINE_DECIMALS = 9
"""Variances and coefficients of variation, which are small themselves; and agents: those of a
requirement, times the share available, are whole people on the phone again to this precision."""

_SHIFT = (5**0.5 - 2) / 2
"""Where a cell's edge lies, in steps beyond the middle between two grid points: irrational, and
by the golden ratio as far from simple fractions as a number can be."""


def round_to_grid(values: ArrayLike, decimals: int = GRID_DECIMALS) -> NDArray[np.float64]:
    """Return ``values`` as float64 on the multiples of 10^-decimals, of the same shape.

    Promised: the result depends on the cell of each value alone. It takes one product, one sum,
    one rounding and one quotient, which IEEE 754 defines to the last bit, so values that differ by
    less than their distance to the edge of a cell become the same bits. NaN and infinities pass;
    there is no negative zero; grid points stay, so rounding twice changes nothing. A value moves by
    at most 0.62 steps.

    Not promised: that noise never crosses an edge. Of values spread evenly a share of noise / step
    does, 1e-6 for noise of 1e-12 and six decimals. Structured values (halves, means of counts,
    decimals of one digit more) would often lie exactly on the edges of ordinary rounding; here the
    edges are shifted by an irrational 0.118 of a step, where no simple fraction lies. Beyond 2^52
    steps (4.5e9 for six decimals) float64 is coarser than the grid: values pass with their noise.

    ValueError unless ``decimals`` is from 0 to 15.
    """
    if not 0 <= decimals <= 15:
        raise ValueError(f"decimals must be from 0 to 15, got {decimals}")
    steps = 10.0**decimals
    exact = np.asarray(values, dtype=np.float64)
    scaled = exact * steps
    rounded = (np.rint(scaled + _SHIFT) + 0.0) / steps
    return np.asarray(np.where(np.abs(scaled) < 2.0**52, rounded, exact), dtype=np.float64)
