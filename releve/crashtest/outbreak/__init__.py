"""An outbreak among the agents of an operator, by replications whose work grows with infections.

``population_of(operator)`` → ``Scenario(population, covid(), Contacts(...))`` →
``simulate(scenario, Controls(...))``. See docs/outbreak.md.
"""

from releve.crashtest.outbreak.contacts import Contacts, Room, air_dose, rates_of
from releve.crashtest.outbreak.controls import (
    ClosureCalendar,
    ClosurePolicy,
    Controls,
    Quarantine,
    Rotation,
    Visits,
    distance_factor,
)
from releve.crashtest.outbreak.disease import Disease, Sensitivity, Value, covid, influenza
from releve.crashtest.outbreak.distributions import Duration, days_table
from releve.crashtest.outbreak.errors import (
    IncidenceError,
    OutbreakError,
    PoolOverflowError,
)
from releve.crashtest.outbreak.incidence import Incidence, importation, read_incidence
from releve.crashtest.outbreak.kernel_types import FIELDS, SERIES
from releve.crashtest.outbreak.outcome import Band, Estimate, Outcome
from releve.crashtest.outbreak.population import AirGroup, Population, population_of
from releve.crashtest.outbreak.run import Detail, Scenario, simulate, sweep, warm_up

__all__ = [
    "FIELDS",
    "SERIES",
    "AirGroup",
    "Band",
    "ClosureCalendar",
    "ClosurePolicy",
    "Contacts",
    "Controls",
    "Detail",
    "Disease",
    "Duration",
    "Estimate",
    "Incidence",
    "IncidenceError",
    "OutbreakError",
    "Outcome",
    "PoolOverflowError",
    "Population",
    "Quarantine",
    "Room",
    "Rotation",
    "Scenario",
    "Sensitivity",
    "Value",
    "Visits",
    "air_dose",
    "covid",
    "days_table",
    "distance_factor",
    "importation",
    "influenza",
    "population_of",
    "rates_of",
    "read_incidence",
    "simulate",
    "sweep",
    "warm_up",
]
