"""Hazards from YAML, the shipped ones too: how often one strikes, how long it lasts, what it takes.

A row::

    - id: cable
      name: Cut of an international cable
      footprint: destination
      takes: [sites, home]
      rate_per_year: {elsewhere: 0.1, MG: 0.3}
      duration: {median: 5 h, p90: 28 h}

``duration`` is a text such as ``48 h``, or a median with its 90 % quantile (lognormal), or
``quantiles`` by share from 0 to 1, or a ``sample``. Each has its unit: min, h or days. Errors::

    ReleveError, ValueError
    └── OutagesError              a parameter that makes no sense
        ├── HazardFaults          a table of hazards that cannot be read: every fault at once
        └── OutagesOverflowError  more outages than were asked for at most; nothing is dropped
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from releve.errors import ReleveError
from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.network.checks_places import list_country_codes


class OutagesError(ReleveError, ValueError):
    """A hazard, a place or a setting that makes no sense; the text quotes the condition."""


class HazardFaults(OutagesError):  # noqa: N818  the name says it
    """Everything wrong with a table of hazards: ``faults``, each naming the row and the fix."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults

    def __reduce__(self) -> tuple[Any, ...]:
        return HazardFaults, (self.faults,)


class OutagesOverflowError(OutagesError):
    """More outages than ``most`` in one call; ask for fewer replications, or for more."""


require = OutagesError.require


if TYPE_CHECKING:
    from scipy import special
else:
    special = LazyModule("scipy.special")

_P90 = 1.2815515655446004
"""The standard normal quantile of 0.9."""


@dataclass(frozen=True, slots=True)
class DurationHours:
    """A law of a duration in hours.

    ``lognormal``: ``hours`` are its median and its 90 % quantile. ``quantiles``: ``hours[i]`` at
    ``shares[i]``, from share 0 to 1, between them straight in the logarithm. ``sample``: each of
    ``hours`` alike.
    """

    kind: str
    hours: tuple[float, ...]
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an unknown kind, hours that are not positive and shares that do not rise."""
        require(self.kind in ("lognormal", "quantiles", "sample"), "a known kind", self.kind)
        require(len(self.hours) > 0, "one or more hours", self.hours)
        finite = all(0.0 < one < math.inf for one in self.hours)
        require(finite, "0 < hours < inf", self.hours)
        if self.kind == "lognormal":
            two = len(self.hours) == 2 and self.hours[0] <= self.hours[1]
            require(two, "median <= 90 % quantile", self.hours)
        if self.kind == "quantiles":
            require(len(self.shares) == len(self.hours) >= 2, "a share for each", self.shares)
            ends = self.shares[0] == 0.0 and self.shares[-1] == 1.0
            require(ends, "shares from 0 to 1", self.shares)
            rising = all(a < b for a, b in pairwise(self.shares))
            require(rising and list(self.hours) == sorted(self.hours), "rising shares and hours", self)

    def at(self, share: Floats) -> Floats:
        """Return the quantiles in hours: float64, of the shape of ``share`` in (0, 1)."""
        if self.kind == "lognormal":
            return np.asarray(self.hours[0] * np.exp(self._sdlog * special.ndtri(share)))
        if self.kind == "quantiles":
            return np.asarray(np.exp(np.interp(share, self.shares, np.log(self.hours))))
        rows = np.minimum((share * len(self.hours)).astype(np.int64), len(self.hours) - 1)
        return np.asarray(np.sort(self.hours)[rows])

    @property
    def mean(self) -> float:
        """Return the mean in hours."""
        if self.kind == "lognormal":
            return self.hours[0] * math.exp(self._sdlog**2 / 2)
        if self.kind == "sample":
            return math.fsum(self.hours) / len(self.hours)
        parts = zip(pairwise(self.shares), pairwise(self.hours), strict=True)
        return math.fsum((q - p) * _average_between(low, high) for (p, q), (low, high) in parts)

    @property
    def _sdlog(self) -> float:
        return math.log(self.hours[1] / self.hours[0]) / _P90


def _average_between(low: float, high: float) -> float:
    """Return the mean of what is uniform in the logarithm between two values."""
    return low if low == high else (high - low) / math.log(high / low)


def lognormal(median: float, p90: float) -> DurationHours:
    """Return a lognormal law from its median and its 90 % quantile, in hours."""
    return DurationHours("lognormal", (median, p90))


def quantiles(hours_at: dict[float, float]) -> DurationHours:
    """Return a law from its quantiles: hours by share, with those of 0 and 1."""
    shares = tuple(sorted(hours_at))
    return DurationHours("quantiles", tuple(hours_at[share] for share in shares), shares)


def sample(*hours: float) -> DurationHours:
    """Return the law that takes each of the hours alike; of one value, that value."""
    return DurationHours("sample", hours)


FOOTPRINTS = ("site", "city", "carrier", "destination")
TAKES = ("sites", "home")
_ALLOWED: dict[str, tuple[tuple[str, ...], ...]] = {
    "site": (("sites",),),
    "city": (("sites",),),
    "carrier": (("home",),),
    "destination": (("sites",), ("home",), ("sites", "home")),
}
_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
FASTEST_PER_YEAR = 10_000.0
WIDEST_KM = 1000.0


@dataclass(frozen=True, slots=True)
class Hazard:
    """One hazard. ``rate_per_year`` is how often it strikes one place of its footprint:

    ``site`` each site by itself; ``city`` a site, and with it every other site that lies within
    ``radius_km`` of the same point of the map; ``carrier`` the home lines of a carrier in a
    country; ``destination`` a country, of which it ``takes`` the sites, the home lines (``home``)
    or both.

    ``rates`` replaces the rate in some countries. ``months`` (1 to 12, empty = all) are those in
    which it strikes; the yearly rate is that of the whole year. ``cluster_cv`` is the coefficient
    of variation of a factor (gamma, mean 1) common to all places in a replication: some quarters
    are worse everywhere.
    """

    id: str
    name: str
    footprint: str
    rate_per_year: float
    duration: DurationHours
    takes: tuple[str, ...] = ()
    rates: tuple[tuple[str, float], ...] = ()
    radius_km: float = 0.0
    months: tuple[int, ...] = ()
    cluster_cv: float = 0.0
    name_fr: str = ""
    source: str = ""
    confidence: str = ""

    def __post_init__(self) -> None:
        """Check the values, and fill ``takes`` where only one value is possible."""
        require(bool(_ID.fullmatch(self.id)), "an id of small letters, digits, - and _", self.id)
        require(self.footprint in FOOTPRINTS, f"footprint in {FOOTPRINTS}", self.footprint)
        allowed = _ALLOWED[self.footprint]
        if not self.takes and len(allowed) == 1:
            object.__setattr__(self, "takes", allowed[0])
        require(self.takes in allowed, f"takes of {self.footprint} in {allowed}", self.takes)
        for rate in (self.rate_per_year, *(rate for _, rate in self.rates)):
            require(0.0 <= rate <= FASTEST_PER_YEAR, f"0 <= rate <= {FASTEST_PER_YEAR:g}", rate)
        if self.footprint == "city":
            require(0.0 < self.radius_km <= WIDEST_KM, f"0 < radius_km <= {WIDEST_KM:g}", self.id)
        else:
            require(self.radius_km == 0.0, "a radius for footprint city only", self.id)
        require(all(1 <= month <= 12 for month in self.months), "1 <= month <= 12", self.months)
        require(len(set(self.months)) == len(self.months), "each month once", self.months)
        require(0.0 <= self.cluster_cv <= 5.0, "0 <= cluster_cv <= 5", self.cluster_cv)

    def rate(self, destination: str) -> float:
        """Return the rate per year in a country."""
        return dict(self.rates).get(destination, self.rate_per_year)

    @property
    def highest_rate(self) -> float:
        """Return the highest rate per year of any country, present or not."""
        return max(self.rate_per_year, *(rate for _, rate in self.rates), 0.0)

    @property
    def hours_per_year(self) -> float:
        """Return the hours a year that one place is lost to it, where no country says otherwise."""
        return self.rate_per_year * self.duration.mean


ELSEWHERE = "elsewhere"
"""The rate of every country that is not named."""
_TEXTS = ("id", "name", "name_fr", "footprint", "source", "confidence")
_NEEDED = ("id", "name", "footprint", "rate_per_year", "duration")
_KEYS = (*_TEXTS, "takes", "rate_per_year", "radius_km", "months", "cluster_cv", "duration")
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(min|h|days?)")
_HOURS = {"min": 1 / 60, "h": 1.0, "day": 24.0, "days": 24.0}


def read_hazards(text: str) -> tuple[Hazard, ...]:
    """Return the hazards of a YAML text; HazardFaults names every row, value and fix."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise HazardFaults((f"not YAML: {' '.join(str(error).split())}",)) from None
    if not isinstance(raw, list):
        raise HazardFaults(("not a list of hazards: start each row with `- id:`",))
    rows = [_HazardRow(number, one) for number, one in enumerate(raw, 1)]
    found = [row.hazard() for row in rows]
    faults = [fault for row in rows for fault in row.faults]
    names = [one.id for one in found if one is not None]
    faults += [
        f"{name}: stands there twice; give each row its own id"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if faults:
        raise HazardFaults(tuple(faults))
    return tuple(one for one in found if one is not None)


@dataclass
class _HazardRow:
    """One row while it is read; what is wrong is noted and reading goes on."""

    number: int
    raw: Any
    faults: list[str] = field(default_factory=list)

    def fault(self, what: str, fix: str) -> None:
        """Note a fault of the row and how to mend it."""
        name = self.raw.get("id") if isinstance(self.raw, Mapping) else None
        place = f"row {self.number} ({name})" if isinstance(name, str) else f"row {self.number}"
        self.faults.append(f"{place}: {what}; {fix}")

    def hazard(self) -> Hazard | None:
        """Return the hazard of the row, or None where something is wrong."""
        if not isinstance(self.raw, Mapping):
            self.fault("is not a row", "write keys and values such as `footprint: site`")
            return None
        for key in self.raw:
            if key not in _KEYS:
                self.fault(f"{key!r} is not a key of a hazard", f"write one of {', '.join(_KEYS)}")
        for key in _NEEDED:
            if key not in self.raw:
                self.fault(f"{key} is missing", "give it")
        values: dict[str, Any] = {name: self._read_text(name) for name in _TEXTS}
        self._check_known("footprint", (values["footprint"],), FOOTPRINTS)
        takes = self._read_list("takes")
        self._check_known("takes", takes, TAKES)
        values["takes"] = tuple(name for name in TAKES if name in takes)
        values["rate_per_year"], values["rates"] = self._read_rates()
        values["radius_km"] = self._read_number("radius_km", self.raw.get("radius_km", 0.0))
        values["cluster_cv"] = self._read_number("cluster_cv", self.raw.get("cluster_cv", 0.0))
        values["months"] = self._read_months()
        values["duration"] = self._read_duration(self.raw.get("duration"))
        if self.faults:
            return None
        try:
            return Hazard(**values)
        except OutagesError as error:
            self.fault(str(error), "mend it")
            return None

    def _read_text(self, name: str) -> str:
        value = self.raw.get(name, "")
        if not isinstance(value, str):
            self.fault(f"{name} {value!r} is not a text", "put it in quotes")
            return ""
        return value

    def _check_known(self, name: str, values: Iterable[Any], known: tuple[str, ...]) -> None:
        for value in values:
            if name in self.raw and value not in known:
                self.fault(f"{name} {value!r} is not known", f"write one of {', '.join(known)}")

    def _read_list(self, name: str) -> tuple[Any, ...]:
        value = self.raw.get(name, [])
        if isinstance(value, list):
            return tuple(value)
        self.fault(f"{name} {value!r} is not a list", f"write it such as `{name}: [...]`")
        return ()

    def _read_number(self, name: str, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            self.fault(f"{name} {value!r} is not a number", "write it such as 0.5")
            return 0.0
        if value < 0:
            self.fault(f"{name} {value!r} is negative", "write 0 or more")
            return 0.0
        return float(value)

    def _read_rates(self) -> tuple[float, tuple[tuple[str, float], ...]]:
        given = self.raw.get("rate_per_year", 0.0)
        if not isinstance(given, Mapping):
            return self._read_number("rate_per_year", given), ()
        rates = {}
        for code, value in given.items():
            if code == ELSEWHERE or code in list_country_codes():
                rates[code] = self._read_number(f"rate_per_year of {code}", value)
            else:
                fix = f"write an ISO 3166 code such as MA (NO in quotes), or {ELSEWHERE}"
                self.fault(f"rate_per_year: {code!r} is not a destination", fix)
        if ELSEWHERE not in given:
            fix = f"give `{ELSEWHERE}:` too, 0 if it strikes only there"
            self.fault("rate_per_year does not say how often elsewhere", fix)
        elsewhere = rates.pop(ELSEWHERE, 0.0)
        return elsewhere, tuple(sorted(rates.items()))

    def _read_months(self) -> tuple[int, ...]:
        months = self._read_list("months")
        for month in months:
            if type(month) is not int or not 1 <= month <= 12:
                self.fault(f"months: {month!r} is not a month", "write numbers from 1 to 12")
                return ()
        return months

    def _read_duration(self, given: Any) -> DurationHours | None:
        try:
            return self._parse_duration(given)
        except OutagesError as error:
            self.fault(f"duration: {error}", "mend it")
            return None

    def _parse_duration(self, given: Any) -> DurationHours | None:
        """Return the law of a duration in one of its four forms; OutagesError if it is none."""
        if isinstance(given, Mapping):
            if set(given) == {"median", "p90"}:
                return lognormal(self._parse_hours(given["median"]), self._parse_hours(given["p90"]))
            if set(given) == {"quantiles"} and isinstance(given["quantiles"], Mapping):
                knots = given["quantiles"].items()
                return quantiles({self._read_number("share", at): self._parse_hours(value) for at, value in knots})
            if set(given) == {"sample"} and isinstance(given["sample"], list):
                return sample(*(self._parse_hours(one) for one in given["sample"]))
        if isinstance(given, str | int | float):
            return sample(self._parse_hours(given))
        if "duration" in self.raw:
            fix = "write `48 h`, {median, p90}, {quantiles: {0: ..., 1: ...}} or {sample: [...]}"
            self.fault(f"duration {given!r} is not known", fix)
        return None

    def _parse_hours(self, given: Any) -> float:
        """Return the hours of a text like ``5 h``; 1 where it is wrong, and that is noted."""
        match = _TIME.fullmatch(given.strip()) if isinstance(given, str) else None
        if match is None:
            self.fault(f"duration {given!r} has no unit", "write it such as 90 min, 5 h or 2 days")
            return 1.0
        return float(match[1]) * _HOURS[match[2]]


@cache
def load_shipped_hazards() -> tuple[Hazard, ...]:
    """Return the hazards that the product ships."""
    shipped = resources.files("releve.plugins.crashtest.engine.outages") / "data" / "hazards.yaml"
    return read_hazards(shipped.read_text(encoding="utf-8"))


def format_hazards(hazards: Sequence[Hazard]) -> str:
    """Return a table of hazards, one row each, as it stands in the documentation."""
    head = "| hazard | strikes | how often a year | lasts: median, 90 %, mean | takes | months |"
    rows = [" | ".join(_format_cells(hazard)) for hazard in hazards]
    return "\n".join([head, "|---|---|---|---|---|---|", *(f"| {row} |" for row in rows)]) + "\n"


def _format_cells(hazard: Hazard) -> tuple[str, ...]:
    reach = f" within {hazard.radius_km:g} km" if hazard.radius_km else ""
    elsewhere = f"{hazard.rate_per_year:g}"
    rates = [f"{code} {rate:g}" for code, rate in hazard.rates]
    median, high = hazard.duration.at(np.array([0.5, 0.9]))
    return (
        f"`{hazard.id}` {hazard.name}",
        hazard.footprint + reach,
        ", ".join([*rates, f"elsewhere {elsewhere}"]) if rates else elsewhere,
        f"{median:.1f} h, {high:.1f} h, {hazard.duration.mean:.1f} h",
        " and ".join("home lines" if one == "home" else one for one in hazard.takes),
        ", ".join(map(str, hazard.months)) or "all",
    )


if __name__ == "__main__":
    print(format_hazards(load_shipped_hazards()), end="")
