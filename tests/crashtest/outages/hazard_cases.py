"""Places and hazards for the tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np

from releve.plugins.crashtest.engine.outages import (
    Hazard,
    HomeLines,
    Outages,
    PlacedSite,
    Places,
    draw_outages,
    lognormal,
    sample,
)

CASA = PlacedSite("casa", "MA", 33.57, -7.59)
MOHAMMEDIA = PlacedSite("mohammedia", "MA", 33.69, -7.38)  # 24 km from Casablanca
FES = PlacedSite("fes", "MA", 34.03, -5.00)
TUNIS = PlacedSite("tunis", "TN", 36.81, 10.18)
INWI = HomeLines("Inwi", "MA")
ORANGE_MA, ORANGE_TN = HomeLines("Orange", "MA"), HomeLines("Orange", "TN")
PLACES = Places((CASA, MOHAMMEDIA, FES, TUNIS), (INWI, ORANGE_MA, ORANGE_TN))
DAY_0 = date(2026, 11, 30)

QUAKE = Hazard("quake", "Earthquake", "city", 6.0, lognormal(24, 200), radius_km=75, rates=(("TN", 2.0),))
FIBRE = Hazard("fibre", "Fibre cut", "site", 8.0, lognormal(5, 28))
CARRIER = Hazard("carrier", "Carrier down", "carrier", 8.0, lognormal(2, 9))
CABLE = Hazard("cable", "Cable cut", "destination", 6.0, sample(5.0), ("sites", "home"))
STORM = Hazard("storm", "Storm", "city", 4.0, sample(48.0), radius_km=40, months=(12, 1, 2), cluster_cv=1.0)
HAZARDS = (QUAKE, FIBRE, CARRIER, CABLE, STORM)

Row = tuple[int, str, str, float, float]


def list_rows(found: Outages, hazards: tuple[Hazard, ...], places: Places) -> set[Row]:
    """Return the outages as rows of replication, hazard, place, begin, end."""
    many = np.diff(found.pointer)
    replication = found.first + np.repeat(np.arange(len(many)), many)
    return {
        (int(r), hazards[h].id, places.names[p], float(begin), float(end))
        for r, h, p, begin, end in zip(replication, found.hazard, found.place, found.begin, found.end, strict=True)
    }


def run(
    hazards: tuple[Hazard, ...] = HAZARDS, places: Places = PLACES, replications: int = 200, first: int = 0
) -> Outages:
    """Return the outages of some quarters that begin on 30 November."""
    return draw_outages(hazards, places, days=90, seed=7, replications=replications, first=first, start=DAY_0)


def set_rate(hazard: Hazard, per_year: float) -> Hazard:
    """Return the hazard at another rate, the same in every country."""
    return replace(hazard, rate_per_year=per_year, rates=())
