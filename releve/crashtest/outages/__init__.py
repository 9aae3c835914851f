"""Outages of the places of an operator: earthquakes, cuts, strikes, orders, as a table of hazards.

``read_hazards(text)`` → hazards; ``list_places(operator)`` → places;
``draw_outages(hazards, places, days=90, seed=1, replications=1000)`` → when each place is lost.
See docs/outages.md.
"""

from releve.crashtest.outages.duration import DurationHours, lognormal, quantiles, sample
from releve.crashtest.outages.errors import HazardFaults, OutagesError, OutagesOverflowError
from releve.crashtest.outages.hazard import FOOTPRINTS, TAKES, Hazard
from releve.crashtest.outages.hazard_file import read_hazards
from releve.crashtest.outages.places import HomeLines, PlacedSite, Places, list_places
from releve.crashtest.outages.run import Outages, draw_outages

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
    "draw_outages",
    "list_places",
    "lognormal",
    "quantiles",
    "read_hazards",
    "sample",
]
