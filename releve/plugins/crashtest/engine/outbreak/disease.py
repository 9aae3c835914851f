"""The natural history of a disease, presets with sources, and infections from outside.

A duration of X days becomes whole days by rounding, ``P(k) = P(k - 1/2 < X <= k + 1/2)``, which
keeps its mean; what rounds below one day is one day. A multiplier is cut into equal bins of which
each is its own mean, so the mean over the table is one exactly.

Imported infections come from daily reported cases, smoothed by the mean of the seven days around
each (fewer at the ends): rate = smoothed cases / population / reported share, ``delay_days``
earlier.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.outbreak.errors import IncidenceError, require
from releve.plugins.crashtest.engine.outbreak.population import Population


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


def read_incidence(text: str, column: str, *, day_column: str = "date", negative: str = "refuse") -> Incidence:
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
            f"row {number}, column {column!r}: {text!r} is not a count: write a number, 0 where no case was reported"
        )
    return value


def _spread_correction(cases: list[float], value: float, number: int, column: str, negative: str) -> None:
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
                f"no rate for {destination}, where site {site} is: rates are given for {', '.join(sorted(rates))}"
            )
    rows = [np.asarray(rates[name], dtype=np.float64) for name in population.destinations]
    if len({len(row) for row in rows}) > 1:
        raise IncidenceError(f"the rates have {sorted({len(row) for row in rows})} days")
    return np.array(rows)


def build_no_importation(sites: int, days: int) -> Floats:
    """Return an importation of zero: float64[site, day]."""
    return np.zeros((sites, days))


if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

MULTIPLIER_BINS = 4096
_TAIL = 1e-5
_KINDS = {"lognormal": ("meanlog", "sdlog"), "gamma": ("shape", "scale"), "weibull": ("shape", "scale")}


@dataclass(frozen=True, slots=True)
class Duration:
    """A law of a duration in days: ``lognormal`` (meanlog, sdlog), ``gamma`` or ``weibull``
    (shape, scale), moved by ``offset`` days.
    """

    kind: str
    first: float
    second: float
    offset: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an unknown kind or a parameter out of range."""
        require(self.kind in _KINDS, f"kind in {sorted(_KINDS)}", self.kind)
        require(np.isfinite(self.first) and np.isfinite(self.offset), "finite parameters", self)
        require(0 < self.second < np.inf, f"0 < {_KINDS[self.kind][1]} < inf", self.second)
        require(self.kind == "lognormal" or self.first > 0, "shape > 0", self.first)

    def cdf(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return P(X <= days)."""
        x = np.maximum(np.asarray(days, dtype=np.float64) - self.offset, 0.0)
        if self.kind == "lognormal":
            with np.errstate(divide="ignore"):
                return np.asarray(special.ndtr((np.log(x) - self.first) / self.second))
        if self.kind == "gamma":
            return np.asarray(special.gammainc(self.first, x / self.second))
        return np.asarray(-np.expm1(-((x / self.second) ** self.first)))


def tabulate_days(law: Duration, *, longest: int = 60) -> NDArray[np.float64]:
    """Return P(duration = k days) for k = 0, 1, ...: float64[day]; P(0) is 0.

    The tail beyond the first day that leaves less than 1e-5, or beyond ``longest``, is spread
    over the days before it in proportion.
    """
    upper = law.cdf(np.arange(1.5, longest + 1.0))
    last = min(int(np.searchsorted(upper, 1.0 - _TAIL)) + 1, longest)
    table = np.concatenate([[0.0], np.diff(upper[:last], prepend=0.0)])
    require(table.sum() > 0.5, f"half of the distribution within {longest} days", law)
    return np.asarray(table / table.sum(), dtype=np.float64)


def tabulate_multiplier(k: float) -> NDArray[np.float64]:
    """Return the bins of a gamma law of mean 1 and variance 1/k: float64[bin].

    With Poisson attempts it gives negative binomial offspring of dispersion k; k = inf is no
    dispersion, one bin of 1.
    """
    require(k > 0, "dispersion > 0", k)
    if np.isinf(k):
        return np.ones(1)
    edges = special.gammaincinv(k, np.linspace(0.0, 1.0, MULTIPLIER_BINS + 1))
    below = special.gammainc(k + 1.0, edges)  # E[X; X <= edge] / E[X]
    return np.asarray(np.diff(below) * MULTIPLIER_BINS, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A parameter with the range that its source leaves, and the source."""

    value: float
    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        """Refuse a value outside its own range."""
        require(self.low <= self.value <= self.high, "low <= value <= high", self)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """P(positive) of a test by days since infection: given on ``days``, straight in between,
    0 on day 0 and, after the last day, as far as the line falls to 0 over ``fades_days``.
    """

    days: tuple[int, ...]
    share: tuple[float, ...]
    fades_days: int
    source: str

    def __post_init__(self) -> None:
        """Refuse shares out of range and days out of order."""
        require(len(self.days) == len(self.share) > 0, "one share a day", self.days)
        require(all(a < b for a, b in zip((0, *self.days), self.days, strict=False)), "0 < days, rising", self.days)
        require(all(0 <= x <= 1 for x in self.share), "0 <= share <= 1", self.share)
        require(self.fades_days >= 1, "fades_days >= 1", self.fades_days)

    def table(self) -> NDArray[np.float64]:
        """Return float64[day since infection], from day 0 until it is 0."""
        days = (0, *self.days, self.days[-1] + self.fades_days)
        return np.interp(np.arange(days[-1] + 1), days, (0.0, *self.share, 0.0))


@dataclass(frozen=True)
class Disease:
    """What happens to one infected person.

    ``generation`` is the law of the days from an infection to those it causes; ``incubation`` of
    the days to symptoms, independent of it. ``dispersion`` is the negative binomial k of
    infections at work, ``household_dispersion`` of those at home. An infected person without
    symptoms infects ``asymptomatic_infectiousness`` times as many as one with; the mean over both
    is what the contacts say. ``tests`` by kind.
    """

    name: str
    incubation: Duration
    generation: Duration
    asymptomatic: SourcedValue
    asymptomatic_infectiousness: SourcedValue
    dispersion: SourcedValue
    household_dispersion: SourcedValue
    household_attack: SourcedValue
    tests: Mapping[str, Sensitivity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse shares and dispersions out of range."""
        for name in ("asymptomatic", "household_attack"):
            value = getattr(self, name).value
            require(0 <= value < 1, f"0 <= {name} < 1", value)
        require(
            self.asymptomatic_infectiousness.value >= 0,
            "asymptomatic_infectiousness >= 0",
            self.asymptomatic_infectiousness.value,
        )
        for name in ("dispersion", "household_dispersion"):
            require(getattr(self, name).value > 0, f"{name} > 0", getattr(self, name).value)


_HELLEWELL = (
    "Hellewell et al. 2021 (BMC Medicine 19:106), median by day since infection, rounded to"
    " hundredths; straight lines in between"
)

PCR = Sensitivity((1, 2, 3, 4, 5, 7, 10, 14), (0.04, 0.25, 0.71, 0.79, 0.77, 0.68, 0.51, 0.30), 12, _HELLEWELL)
LATERAL_FLOW = Sensitivity((3, 4, 5, 7, 10), (0.42, 0.63, 0.61, 0.40, 0.14), 5, _HELLEWELL)


def covid() -> Disease:
    """Return COVID-19 of the first variant, in people without immunity."""
    return Disease(
        name="covid",
        incubation=Duration("lognormal", 1.63, 0.50, source="McAloon et al. 2020, meta-analysis: median 5.1 days"),
        generation=Duration("weibull", 2.826, 5.665, source="Ferretti et al. 2020 (Science): mean 5.0, sd 1.9 days"),
        asymptomatic=SourcedValue(
            0.30, 0.15, 0.40, "Buitrago-Garcia et al. 2020: 20 % over all, 31 % (26-37) in screened cohorts"
        ),
        asymptomatic_infectiousness=SourcedValue(
            0.5, 0.2, 1.0, "Buitrago-Garcia et al. 2020: RR 0.35 (0.10-1.27); others 0.14 to 0.31; a middle value"
        ),
        dispersion=SourcedValue(
            0.4,
            0.1,
            1.0,
            "Hong Kong clusters by setting (Nature Communications 2025,"
            " s41467-025-60591-x): office work 0.34 (0.14-0.55), all 0.56",
        ),
        household_dispersion=SourcedValue(1.11, 0.5, 3.0, "the same clusters: households 1.11"),
        household_attack=SourcedValue(0.166, 0.14, 0.193, "Madewell et al. 2020, 54 studies: 16.6 %"),
        tests={"pcr": PCR, "lateral_flow": LATERAL_FLOW},
    )


def influenza() -> Disease:
    """Return influenza A.

    No table of sensitivity by day of infection was found: its tests keep the shape measured for
    COVID-19 on a time scale shortened by the ratio of the median incubations (1.4 to 5.1 days).
    """
    return Disease(
        name="influenza",
        incubation=Duration(
            "lognormal",
            float(np.log(1.4)),
            float(np.log(1.51)),
            source="Lessler et al. 2009: median 1.4 days, dispersion 1.51",
        ),
        generation=Duration(
            "weibull",
            2.36,
            3.18,
            source="NEJM 2009, school outbreak in New York (as in epiparameterDB): median 2.7 days",
        ),
        asymptomatic=SourcedValue(0.30, 0.15, 0.50, "assumed like COVID-19; published shares range widely"),
        asymptomatic_infectiousness=SourcedValue(0.5, 0.2, 1.0, "assumed like COVID-19"),
        dispersion=SourcedValue(1.0, 0.4, 10.0, "assumed: less dispersed than COVID-19"),
        household_dispersion=SourcedValue(2.0, 1.0, 10.0, "assumed: less dispersed than COVID-19"),
        household_attack=SourcedValue(0.15, 0.05, 0.30, "assumed middle of published household studies"),
        tests={
            "pcr": Sensitivity((1, 2, 3, 4, 5), (0.55, 0.79, 0.65, 0.45, 0.28), 3, "assumed: see influenza()"),
            "lateral_flow": Sensitivity((1, 2, 3, 4), (0.35, 0.62, 0.30, 0.10), 1, "assumed: see influenza()"),
        },
    )
