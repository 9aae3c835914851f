"""An outbreak among the agents of an operator; see docs/outbreak.md.

``build_population(operator)`` → ``Scenario(population, covid(), Contacts(...))`` →
``simulate(scenario, Controls(...))``.
"""

from releve.plugins.crashtest.engine.outbreak.contacts import (
    Contacts,
    Room,
    compute_air_dose,
    compute_rates,
    measure_room,
)
from releve.plugins.crashtest.engine.outbreak.controls import (
    ClosureCalendar,
    ClosurePolicy,
    Controls,
    Quarantine,
    Rotation,
    Visits,
    compute_distance_factor,
)
from releve.plugins.crashtest.engine.outbreak.disease import (
    Disease,
    Duration,
    Incidence,
    Sensitivity,
    SourcedValue,
    build_importation,
    covid,
    influenza,
    read_incidence,
    tabulate_days,
)
from releve.plugins.crashtest.engine.outbreak.errors import IncidenceError, OutbreakError, PoolOverflowError
from releve.plugins.crashtest.engine.outbreak.kernel_state import FIELDS, SERIES
from releve.plugins.crashtest.engine.outbreak.population import AirGroup, Manifest, Population, build_population
from releve.plugins.crashtest.engine.outbreak.run import (
    Band,
    Detail,
    Estimate,
    Outcome,
    Scenario,
    simulate,
    sweep,
    warm_up,
)
