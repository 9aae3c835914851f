"""Hazards from the text of a YAML file, with every fault named at once.

A row::

    - id: cable
      name: Cut of an international cable
      footprint: destination
      takes: [sites, home]
      rate_per_year: {elsewhere: 0.1, MG: 0.3}
      duration: {median: 5 h, p90: 28 h}

``duration`` is a text such as ``48 h``, or a median with its 90 % quantile (lognormal), or
``quantiles`` by share from 0 to 1, or a ``sample``. Each has its unit: min, h or days.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from releve.crashtest.outages.duration import DurationHours, lognormal, quantiles, sample
from releve.crashtest.outages.errors import HazardFaults, OutagesError
from releve.crashtest.outages.hazard import FOOTPRINTS, TAKES, Hazard
from releve.network.checks_places import list_country_codes

__all__ = ["ELSEWHERE", "read_hazards"]

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
        self._check_keys()
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

    def _check_keys(self) -> None:
        for key in self.raw:
            if key not in _KEYS:
                self.fault(f"{key!r} is not a key of a hazard", f"write one of {', '.join(_KEYS)}")
        for key in _NEEDED:
            if key not in self.raw:
                self.fault(f"{key} is missing", "give it")

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
                return lognormal(
                    self._parse_hours(given["median"]), self._parse_hours(given["p90"])
                )
            if set(given) == {"quantiles"} and isinstance(given["quantiles"], Mapping):
                knots = given["quantiles"].items()
                return quantiles(
                    {
                        self._read_number("share", at): self._parse_hours(value)
                        for at, value in knots
                    }
                )
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
