"""Named curves of infection outside, by place and month, and what an outbreak would be on each.

The share of agents infected from outside is the strongest input of a crash test, and the least
known. A named curve has daily reported cases per 100,000 people in steps of some days, and the share
of infections that were reported, with its range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml

from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.outbreak.errors import IncidenceError, require

_PEOPLE = 100_000


@dataclass(frozen=True, slots=True)
class NamedCurve:
    """Reported cases per 100,000 people and day from ``first`` on, a step of ``step_days`` each.

    ``reported``, from ``reported_low`` to ``reported_high``, is the share of infections that were
    reported. Day 0 of a test is the first of the curve; its last step goes on.
    """

    name: str
    place: str
    first: date
    per_100000: tuple[float, ...]
    step_days: int
    reported: float
    reported_low: float
    reported_high: float
    source: str

    def __post_init__(self) -> None:
        """Refuse what is not a curve."""
        require(len(self.per_100000) >= 1, f"{self.name}: a step at least", 0)
        require(all(0 <= one < _PEOPLE for one in self.per_100000), f"{self.name}: cases >= 0", self.per_100000)
        require(self.step_days >= 1, f"{self.name}: step_days >= 1", self.step_days)
        shares = (self.reported_low, self.reported, self.reported_high)
        require(0 < shares[0] <= shares[1] <= shares[2] <= 1, f"{self.name}: 0 < low <= reported <= high <= 1", shares)

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of infections reported: as assumed, and the ends of their range, fewest infections first."""
        return self.reported, self.reported_high, self.reported_low

    def rate(self, days: int, reported: float | None = None) -> Floats:
        """Return infections per person and day: float64[day]."""
        step = np.minimum(np.arange(days) // self.step_days, len(self.per_100000) - 1)
        return np.asarray(np.array(self.per_100000)[step] / _PEOPLE / (reported or self.reported))


def read_curves(text: str) -> tuple[NamedCurve, ...]:
    """Return the curves of a YAML table; IncidenceError names the row that is none."""
    curves = []
    for number, row in enumerate(yaml.safe_load(text) or (), start=1):
        try:
            curves.append(_read_curve(row))
        except (KeyError, TypeError, ValueError) as error:
            raise IncidenceError(f"curve {number}: {error!r}: write it like those of curves.yaml") from None
    names = [curve.name for curve in curves]
    require(len(set(names)) == len(names), "every curve has a name of its own", names)
    return tuple(curves)


def _read_curve(row: Mapping[str, Any]) -> NamedCurve:
    share = row["reported"]
    return NamedCurve(
        name=str(row["name"]),
        place=str(row["place"]),
        first=row["first"],
        per_100000=tuple(float(one) for one in row["per_100000_a_day"]),
        step_days=int(row["step_days"]),
        reported=float(share["assumed"]),
        reported_low=float(share["low"]),
        reported_high=float(share["high"]),
        source=str(row["source"]),
    )


@cache
def load_shipped_curves() -> tuple[NamedCurve, ...]:
    """Return the curves that the product ships."""
    shipped = resources.files("releve.plugins.crashtest.engine.outbreak") / "data" / "curves.yaml"
    return read_curves(shipped.read_text(encoding="utf-8"))


def find_curve(name: str, curves: Sequence[NamedCurve]) -> NamedCurve:
    """Return a curve by name; IncidenceError names those there are."""
    found = [curve for curve in curves if curve.name == name]
    if not found:
        raise IncidenceError(f"no curve {name!r}: there are {', '.join(curve.name for curve in curves)}")
    return found[0]
