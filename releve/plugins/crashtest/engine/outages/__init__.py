"""Outages of the places of an operator, drawn from a table of hazards; see docs/outages.md.

``draw_outages(read_hazards(text), list_places(operator), days=90, seed=1, replications=1000)``
→ when each place is lost.
"""

from releve.plugins.crashtest.engine.outages.hazard import (
    FOOTPRINTS,
    TAKES,
    DurationHours,
    Hazard,
    HazardFaults,
    OutagesError,
    OutagesOverflowError,
    lognormal,
    quantiles,
    read_hazards,
    sample,
)
from releve.plugins.crashtest.engine.outages.run import Outages, draw_outages
from releve.plugins.crashtest.engine.outages.streams import HomeLines, PlacedSite, Places, list_places
