"""The arrays of the outbreak kernel: input, output and the state of a replication."""

from __future__ import annotations

from typing import NamedTuple

from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel

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
    """The people (``population.Population``, groups as
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
    """A policy as arrays: see :class:`~releve.plugins.crashtest.engine.outbreak.controls.Controls`.

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
    the further counts below; ``touched`` and ``kept``: whom to
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


RESULTS_LIST, ILLNESS_LIST, VISITS_LIST, ATTEMPTS_LIST = 0, 1, 2, 3
LISTS = 4

USED = len(FIELDS)
"""After the fields in ``RunState.counts``: events used; people touched; agents kept away;
events for which there was no room; visits so far, over all replications."""
TOUCHED, KEPT, OVERFLOWN, VISITED = USED + 1, USED + 2, USED + 3, USED + 4
COUNTS = USED + 5

BY_ZONE, BY_SEAT, BY_FLOOR, BY_SITE, BY_SHUTTLE, BY_HOUSEHOLD = 0, 1, 2, 3, 4, 5
BY_OUTSIDE = 6


@inlined_kernel
def wipe(w: World, x: RunState) -> None:
    """Undo a replication: only what it touched, and the small arrays."""
    for i in range(x.counts[TOUCHED]):
        x.infected[x.touched[i]] = -1
    for i in range(x.counts[KEPT]):
        x.away[x.kept[i]] = 0
        x.confirmed[x.kept[i]] = False
    serial = x.counts[VISITED]
    x.counts.fill(0)
    x.counts[VISITED] = serial
    x.closed.fill(0)
    x.case_count.fill(0)
    x.visit_number.fill(0)
    x.head.fill(-1)
    x.series.fill(0)
    x.leaving.fill(0)


@inlined_kernel
def push(x: RunState, kind: int, t: int, who: int, what: int) -> None:
    """Put an event first in the list of its day; without room for it the run is void."""
    e = x.counts[USED]
    if e == len(x.next):
        x.counts[OVERFLOWN] += 1
        return
    x.counts[USED] = e + 1
    x.who[e] = who
    x.what[e] = what
    x.next[e] = x.head[kind, t]
    x.head[kind, t] = e


@inlined_kernel
def present(w: World, p: Measures, x: RunState, a: int, t: int) -> bool:
    """Return whether an agent is on site: not at home, of a cohort that comes, not kept away,
    and the site is open."""
    return bool(not p.home[a] and p.on[p.cohort[a], t] and x.away[a] <= t and x.closed[w.site[a]] <= t)


@inlined_kernel
def remember(x: RunState, a: int) -> None:
    """Note an agent who is kept away or confirmed for the first time, to be wiped."""
    if x.away[a] == 0 and not x.confirmed[a]:
        x.kept[x.counts[KEPT]] = a
        x.counts[KEPT] += 1


@inlined_kernel
def keep_away(x: RunState, a: int, t: int, until: int) -> None:
    """Keep an agent away from day t to the day before ``until``, or as long as already said."""
    days = len(x.series)
    start, end = max(t, x.away[a]), min(until, days)
    if end <= start:
        return
    remember(x, a)
    x.away[a] = end
    x.leaving[start, x.tally_of[a]] += 1
    x.leaving[end, x.tally_of[a]] -= 1
