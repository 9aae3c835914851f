"""Infections from outside: from a column of daily cases to a rate per agent and day.

Reported cases fall with the weekday and come in lumps, so a curve is smoothed by the mean of the
seven days around each (fewer at its ends), which keeps the total but for its ends. Cases are a
share of infections and come after them: the rate is smoothed cases / population / reported share,
``delay_days`` earlier.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak.errors import IncidenceError, require
from releve.crashtest.outbreak.population import Population

__all__ = ["Incidence", "build_importation", "build_no_importation", "read_incidence"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Incidence:
    """Daily cases of a country or a region from ``start`` on: ``cases[day]``, no day missing."""

    name: str
    start: date
    cases: tuple[float, ...]

    def smoothed(self, days: int = 7) -> Floats:
        """Return the centred mean over ``days`` (odd), over what there is near the ends."""
        require(days >= 1 and days % 2 == 1, "an odd number of days", days)
        half = days // 2
        total = np.concatenate([[0.0], np.cumsum(self.cases)])
        at = np.arange(len(self.cases))
        low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(self.cases))
        return np.asarray((total[high] - total[low]) / (high - low))

    def rate(
        self,
        first: date,
        days: int,
        *,
        population: float,
        reported: float = 1.0,
        delay_days: int = 7,
        smooth_days: int = 7,
    ) -> Floats:
        """Return infections per person and day for ``days`` from ``first``: float64[day].

        ``reported``: the share of infections that become cases; ``delay_days``: from infection to
        report. IncidenceError when the curve does not reach so far.
        """
        require(population > 0, "population > 0", population)
        require(0 < reported <= 1, "0 < reported <= 1", reported)
        require(delay_days >= 0, "delay_days >= 0", delay_days)
        begin = (first - self.start).days + delay_days
        if begin < 0 or begin + days > len(self.cases):
            last = self.start + timedelta(days=len(self.cases) - 1)
            raise IncidenceError(
                f"{self.name}: cases reported from {first + timedelta(days=delay_days)} for {days}"
                f" days are needed, and the curve goes from {self.start} to {last}: choose other"
                " days, or a longer curve"
            )
        smooth = self.smoothed(smooth_days)[begin : begin + days]
        return np.asarray(smooth / population / reported)


def read_incidence(
    text: str, column: str, *, day_column: str = "date", negative: str = "refuse"
) -> Incidence:
    """Read a column of daily cases from CSV text with one row a day.

    IncidenceError names the row and the fix: a hole in the days, a day out of order, an empty or
    negative count. ``negative="spread"`` takes a negative day (a correction by the source) off
    the days before it, in proportion to their cases, and keeps the total.
    """
    require(negative in ("refuse", "spread"), "negative in ('refuse', 'spread')", negative)
    rows = csv.reader(io.StringIO(text))
    head = next(rows, [])
    for name in (day_column, column):
        if name not in head:
            raise IncidenceError(f"no column {name!r}: the columns are {', '.join(head)}")
    day_at, at = head.index(day_column), head.index(column)
    days: list[date] = []
    cases: list[float] = []
    for number, row in enumerate(rows, start=2):
        days.append(_read_day(row, day_at, number, days))
        value = _read_count(row, at, number, column)
        if value < 0:
            _spread_correction(cases, value, number, column, negative)
            value = 0.0
        cases.append(value)
    if not cases:
        raise IncidenceError(f"column {column!r} has no row: give at least one day")
    return Incidence(column, days[0], tuple(cases))


def _read_day(row: Sequence[str], at: int, number: int, before: Sequence[date]) -> date:
    text = row[at] if at < len(row) else ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise IncidenceError(f"row {number}: {text!r} is not a date: write YYYY-MM-DD") from None
    if before and day != before[-1] + timedelta(days=1):
        expected = before[-1] + timedelta(days=1)
        raise IncidenceError(
            f"row {number}: {day} follows {before[-1]}: give a row for every day from {expected},"
            " in order, with 0 where no case was reported"
        )
    return day


def _read_count(row: Sequence[str], at: int, number: int, column: str) -> float:
    text = row[at].strip() if at < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise IncidenceError(
            f"row {number}, column {column!r}: {text!r} is not a count: write a number, 0 where no"
            " case was reported"
        )
    return value


def _spread_correction(
    cases: list[float], value: float, number: int, column: str, negative: str
) -> None:
    """Spread a negative day over the days before it, or refuse it."""
    before = sum(cases)
    if negative == "refuse" or before + value < 0:
        raise IncidenceError(
            f"row {number}, column {column!r}: {value:g} cases: a correction by the source; take it"
            " off the days it corrects, or read with negative='spread'"
        )
    if before > 0:
        cases[:] = [one * (1 + value / before) for one in cases]


def build_importation(population: Population, rates: Mapping[str, Floats]) -> Floats:
    """Return the importation of every site from rates by destination: float64[site, day].

    IncidenceError names a destination without a rate, or rates of different lengths.
    """
    for site, destination in zip(population.sites, population.destinations, strict=True):
        if destination not in rates:
            raise IncidenceError(
                f"no rate for {destination}, where site {site} is: rates are given for"
                f" {', '.join(sorted(rates))}"
            )
    rows = [np.asarray(rates[name], dtype=np.float64) for name in population.destinations]
    if len({len(row) for row in rows}) > 1:
        raise IncidenceError(f"the rates have {sorted({len(row) for row in rows})} days")
    return np.array(rows)


def build_no_importation(sites: int, days: int) -> Floats:
    """Return an importation of zero: float64[site, day]."""
    return np.zeros((sites, days))
