"""What goes into the kernel and what comes out, as tuples of arrays that numba reads."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["FIELDS", "SERIES", "Measures", "Rates", "Record", "RunState", "World"]

Array = NDArray[Any]

FIELDS = (
    "infected",
    "household",
    "imported",
    "by_zone",
    "by_seat",
    "by_floor",
    "by_site",
    "by_shuttle",
    "by_household",
    "confirmed",
    "closures",
    "site_days_closed",
    "away_days",
    "tests",
    "visits",
    "visits_positive",
)
"""What is counted in every replication: agents infected, household members infected, agents
infected outside, infections of agents and members by layer, agents confirmed, orders to close,
days of closed sites, days of agents kept away (isolation and quarantine), tests, visits that
found agents present, visits with a positive."""

SERIES = ("infected", "household", "onsets", "confirmed", "away", "closed")
"""What is counted every day: new infections of agents and of members, agents whose symptoms
begin, agents confirmed, agents kept away, sites closed."""


class Rates(NamedTuple):
    """Infection attempts by an average infected person over the whole infection: ``zone[group]``;
    ``seat`` per person beside; ``floor`` and ``site`` where there are others; ``shuttle[vehicle]``
    per rider; ``household`` per member."""

    zone: Array
    seat: float
    floor: float
    site: float
    shuttle: Array
    household: float


class World(NamedTuple):
    """The people (:class:`~releve.crashtest.outbreak.population.Population`, groups as
    ``group_first``, ``group_end``, ``group_places``), the disease as tables of cumulative
    probabilities, and importation: ``imports[site, day]``, the cumulative infections from
    outside expected among the agents of a site before a day; ``first_cases``: of whom
    ``first_count`` are infected on the first day. ``known_site`` and ``known_day``: cases known
    before the first day (negative days, in order); ``shut[site]``: the first day a site that is
    closed already is open.
    """

    agents: int
    key: Array
    site_key: Array
    group: Array
    site: Array
    floor: Array
    group_first: Array
    group_end: Array
    group_places: Array
    floor_range: Array
    site_range: Array
    near_pointer: Array
    near: Array
    vehicle: Array
    rider_pointer: Array
    riders: Array
    home_pointer: Array
    owner: Array
    incubation: Array
    generation: Array
    multiplier: Array
    home_multiplier: Array
    asymptomatic: float
    factor_sick: float
    factor_well: float
    imports: Array
    first_cases: Array
    first_count: int
    known_site: Array
    known_day: Array
    shut: Array


class Measures(NamedTuple):
    """A policy as arrays: see :class:`~releve.crashtest.outbreak.controls.Controls`.

    ``home[agent]``, ``cohort[agent]``, ``on[cohort, day]``, ``zone_factor[group]``,
    ``sensitivity[day since infection]``, ``isolation_days[site, day]``,
    ``visit_probability[site]`` on each day; ``closing[site, day]`` the
    closure policy in force (-1 = none), ``closing_cases[policy]`` and the others its parameters.
    """

    home: Array
    cohort: Array
    on: Array
    zone_factor: Array
    seat_factor: float
    other_factor: float
    stay_home: float
    symptom_test: float
    test_days: int
    result_days: int
    isolation_days: Array
    sensitivity: Array
    false_positive: float
    visit_probability: Array
    visit_tests: int
    quarantine_days: int
    quarantine_seat: float
    quarantine_zone: float
    quarantine_shuttle: float
    closing: Array
    closing_cases: Array
    closing_within: Array
    closing_days: Array
    closing_further: Array
    closing_earlier: Array
    closing_tested: Array
    immune: float


class RunState(NamedTuple):
    """The state of one replication, used again by the next.

    ``infected[person]``: day or -1; ``away[agent]``: first day back; ``confirmed[agent]``;
    ``closed[site]``: first day open; ``cases[site, last]``: days of the last confirmed cases and
    ``case_count[site]`` how many there were; ``visit_number[site]``; ``head[kind, day]``: the
    first event of a list, ``next``, ``who`` and ``what`` of events; ``counts``: the fields and
    what :mod:`~releve.crashtest.outbreak.kernel_state` adds; ``touched`` and ``kept``: whom to
    reset; ``stamp[agent]``: the last visit that drew the agent; ``sample``: whom a visit tests;
    ``series[day, series]``; ``leaving[day, tally]``: changes in the agents away, then their
    number, ``tally_of[agent]``.
    """

    infected: Array
    away: Array
    confirmed: Array
    closed: Array
    cases: Array
    case_count: Array
    visit_number: Array
    head: Array
    next: Array
    who: Array
    what: Array
    counts: Array
    touched: Array
    kept: Array
    stamp: Array
    sample: Array
    series: Array
    leaving: Array
    tally_of: Array


class Record(NamedTuple):
    """What is kept: ``row[replication, field]``; the others, where asked for, per replication:
    ``series[., day, series]``, ``closed[., day, site]``, ``away[., day, tally]``,
    ``day[., person]`` of infection, ``onset[., person]``, ``by[., person]`` who infected (-1
    = none, -2 = from outside).
    """

    row: Array
    series: Array
    closed: Array
    away: Array
    day: Array
    onset: Array
    by: Array
