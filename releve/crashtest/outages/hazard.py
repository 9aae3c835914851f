"""A hazard: how often it strikes, how long it lasts, what it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from releve.crashtest.outages.duration import DurationHours
from releve.crashtest.outages.errors import require

__all__ = ["FOOTPRINTS", "TAKES", "Hazard"]

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
        """Refuse what makes no sense, and say what it takes where only one thing is possible."""
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
