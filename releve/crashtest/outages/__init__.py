"""Outages of the places of an operator: earthquakes, cuts, strikes, orders, as a table of hazards.

``read_hazards(text)`` → hazards; ``places_of(operator)`` → places;
``outages_of(hazards, places, days=90, seed=1, replications=1000)`` → when each place is lost.
See docs/outages.md.
"""

from releve.crashtest.outages.duration import DurationHours, lognormal, quantiles, sample
from releve.crashtest.outages.errors import HazardFaults, OutagesError, OutagesOverflowError
from releve.crashtest.outages.hazard import FOOTPRINTS, TAKES, Hazard
from releve.crashtest.outages.hazard_file import read_hazards
from releve.crashtest.outages.places import HomeLines, PlacedSite, Places, places_of
from releve.crashtest.outages.run import Outages, outages_of

__all__ = [
    "FOOTPRINTS",
    "TAKES",
    "DurationHours",
    "Hazard",
    "HazardFaults",
    "HomeLines",
    "Outages",
    "OutagesError",
    "OutagesOverflowError",
    "PlacedSite",
    "Places",
    "lognormal",
    "outages_of",
    "places_of",
    "quantiles",
    "read_hazards",
    "sample",
]
