"""What the operator and the authorities do: measures, tests, visits, the closure rule.

Every factor is at most one: the kernel draws what would happen without measures and thins it, so
that two policies meet the same attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from releve.plugins.crashtest.engine.outbreak.contacts import REMOVAL_PER_HOUR
from releve.plugins.crashtest.engine.outbreak.disease import Disease
from releve.plugins.crashtest.engine.outbreak.errors import require
from releve.plugins.crashtest.engine.outbreak.kernel_state import Measures
from releve.plugins.crashtest.engine.outbreak.population import Population

_PER_METRE = 2.02
"""The effect of distance doubles per metre (x 2.02), observational: Chu et al. 2020, Lancet."""
HOURS_MOST = 8784
"""Hours of a leap year."""


def _check_share(name: str, value: float) -> None:
    require(0 <= value <= 1, f"0 <= {name} <= 1", value)


def _check_days(name: str, value: int, least: int = 0) -> None:
    require(least <= value <= 365, f"{least} <= {name} <= 365", value)


@dataclass(frozen=True, slots=True)
class ClosurePolicy:
    """Close a site for ``hours`` once ``cases`` of its agents are confirmed within ``within_days``.

    The rule of :mod:`releve.situation` on whole days, both ends included. A case confirmed since
    the last reopening closes an open site; ``earlier_cases_count`` says whether older cases count
    with it. A case confirmed during a closure extends it to at least ``further_case_hours`` from
    that day. A closure lasts its hours in whole days, one at least, and ``reopening_days`` for the
    checks. ``tested`` is the share of the site's agents tested on the day of the order.
    """

    cases: int = 2
    within_days: int = 14
    hours: float = 48.0
    further_case_hours: float = 0.0
    earlier_cases_count: bool = True
    reopening_days: int = 0
    tested: float = 0.0

    def __post_init__(self) -> None:
        require(1 <= self.cases <= 10_000, "1 <= cases <= 10000", self.cases)
        _check_days("within_days", self.within_days)
        for name in ("hours", "further_case_hours"):
            value = getattr(self, name)
            require(0 <= value <= HOURS_MOST, f"0 <= {name} <= {HOURS_MOST}", value)
        _check_days("reopening_days", self.reopening_days)
        _check_share("tested", self.tested)

    @property
    def days(self) -> int:
        """Days an order closes a site."""
        return max(1, int(np.ceil(self.hours / 24))) + self.reopening_days

    @property
    def further_days(self) -> int:
        """Days a site stays closed, at least, from a case confirmed during the closure."""
        shut = int(np.ceil(self.further_case_hours / 24))
        return shut + self.reopening_days if shut else 0


@dataclass(frozen=True, eq=False)
class ClosureCalendar:
    """Closure policies that differ by site or change during the run.

    ``number[site, day]`` is the index into ``policies`` of the one in force, -1 where none is.
    """

    policies: tuple[ClosurePolicy, ...]
    number: NDArray[np.int32] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse numbers that name no policy."""
        within = bool(((self.number >= -1) & (self.number < len(self.policies))).all())
        require(within, f"-1 <= number < {len(self.policies)}", self.number)

    @classmethod
    def everywhere(cls, policy: ClosurePolicy | None, sites: int, days: int) -> ClosureCalendar:
        """Return the calendar of one policy, or none, on all sites and days."""
        number = np.full((sites, days), -1 if policy is None else 0, dtype=np.int32)
        return cls(() if policy is None else (policy,), number)

    def map(self, change: Callable[[ClosurePolicy], ClosurePolicy]) -> ClosureCalendar:
        return ClosureCalendar(tuple(map(change, self.policies)), self.number)


@dataclass(frozen=True, slots=True)
class Visits:
    """A brigade comes unannounced and tests ``tests`` of the agents it finds, at random.

    It comes every ``every_days`` on average, each day alike; or with the probability that a draw
    of visits gives each site on a day: ``probabilities``, in the order of the population's sites.
    """

    every_days: float = 14.0
    tests: int = 20
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        require(self.every_days >= 1, "every_days >= 1", self.every_days)
        require(self.tests >= 1, "tests >= 1", self.tests)
        for value in self.probabilities:
            _check_share("probability", value)

    def table(self, sites: int) -> NDArray[np.float64]:
        """Return the probability of a visit on a day: float64[site]."""
        if not self.probabilities:
            return np.full(sites, 1.0 / self.every_days)
        given = len(self.probabilities)
        require(given == sites, f"probabilities of {sites} sites", given)
        return np.array(self.probabilities, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Contacts of a confirmed agent are kept away for ``days``: the share found of those beside
    the seat, of the zone, of the vehicle."""

    days: int = 7
    seat: float = 1.0
    zone: float = 0.0
    shuttle: float = 0.0

    def __post_init__(self) -> None:
        _check_days("days", self.days, 1)
        for name in ("seat", "zone", "shuttle"):
            _check_share(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class Rotation:
    """Cohorts that come by turns: ``on[cohort][day of the cycle]``; agents are in a fixed one.

    The first day of the run is the first of the cycle.
    """

    on: tuple[tuple[bool, ...], ...] = ((True,),)

    def __post_init__(self) -> None:
        """Refuse cycles of different lengths."""
        require(bool(self.on) and bool(self.on[0]), "a cohort and a day", self.on)
        require(len({len(row) for row in self.on}) == 1, "cycles of one length", self.on)

    @classmethod
    def by_turns(cls, cohorts: int, days: int) -> Rotation:
        """Return cohorts that come ``days`` in a row, one after the other."""
        cycle = [[day // days == cohort for day in range(cohorts * days)] for cohort in range(cohorts)]
        return cls(tuple(tuple(row) for row in cycle))

    @classmethod
    def weekdays(cls, days: Sequence[bool] = (True,) * 5 + (False,) * 2) -> Rotation:
        """Return one cohort that works on some days of the week, Monday first."""
        return cls((tuple(days),))

    def table(self, days: int) -> NDArray[np.bool_]:
        """Return bool[cohort, day]."""
        cycle = np.array(self.on, dtype=np.bool_)
        return np.ascontiguousarray(cycle[:, np.arange(days) % cycle.shape[1]])


def compute_distance_factor(metres: float) -> float:
    """Return what is left of the seat layer when neighbours sit ``metres`` apart, against 1 m."""
    require(metres >= 0, "metres >= 0", metres)
    return float(min(1.0, _PER_METRE ** -(metres - 1.0)))


@dataclass(frozen=True)
class Controls:
    """A policy; the default is that nothing is done.

    ``masks``: the share of attempts at work and in vehicles that masks stop. ``distance_m``: least
    distance between neighbours, acts on the seat layer. ``extra_air_changes``: fresh air added to
    every zone, per hour. ``telework``: the share of home-ready agents who work at home, those of
    the lowest rank first; ``at_home[agent]`` overrides it. ``rotation``: who comes on which day.
    ``presence[agent, day of the cycle]``: the days on which each agent comes, in its place.
    ``stay_home``: P(an agent with symptoms stays away from the day they begin);
    ``symptom_test``: P(they are tested ``test_days`` later); a result comes ``result_days`` after
    a test and a positive keeps the agent away for ``isolation_days``: one number, or one by
    [site, day]. ``test``: which of the disease's tests; ``false_positive``: P(positive) of an
    agent who is not infected. ``closure``: one policy for all sites and days, or a calendar.
    ``immune``: the share of people who cannot be infected.
    """

    masks: float = 0.0
    distance_m: float = 1.0
    extra_air_changes: float = 0.0
    telework: float = 0.0
    at_home: NDArray[np.bool_] | None = field(default=None, repr=False)
    rotation: Rotation = Rotation()
    presence: NDArray[np.bool_] | None = field(default=None, repr=False)
    stay_home: float = 0.0
    symptom_test: float = 0.0
    test: str = "pcr"
    test_days: int = 1
    result_days: int = 1
    false_positive: float = 0.0
    isolation_days: int | NDArray[np.int32] = 10
    quarantine: Quarantine | None = None
    visits: Visits | None = None
    closure: ClosurePolicy | ClosureCalendar | None = None
    immune: float = 0.0

    def __post_init__(self) -> None:
        for name in ("masks", "telework", "stay_home", "symptom_test", "false_positive", "immune"):
            _check_share(name, getattr(self, name))
        require(self.distance_m >= 0, "distance_m >= 0", self.distance_m)
        require(self.extra_air_changes >= 0, "extra_air_changes >= 0", self.extra_air_changes)
        for name in ("test_days", "result_days"):
            _check_days(name, getattr(self, name))
        for days in np.unique(self.isolation_days):
            _check_days("isolation_days", int(days))

    def isolation_table(self, sites: int, days: int) -> NDArray[np.int32]:
        """Return the days of isolation from a day on: int32[site, day]."""
        found = _spread_over_days("isolation_days", np.asarray(self.isolation_days), sites, days)
        return np.array(found, dtype=np.int32)

    def closure_calendar(self, sites: int, days: int) -> ClosureCalendar:
        found = self.closure
        if not isinstance(found, ClosureCalendar):
            return ClosureCalendar.everywhere(found, sites, days)
        return ClosureCalendar(found.policies, _spread_over_days("closure", found.number, sites, days))


def _spread_over_days(name: str, values: NDArray[np.int32], sites: int, days: int) -> NDArray[np.int32]:
    """Return values by [site, day]; one value holds everywhere."""
    shapes = ((), (sites, days))
    require(values.shape in shapes, f"{name} has {sites} sites and {days} days", values.shape)
    return np.ascontiguousarray(np.broadcast_to(values, (sites, days)))


def build_measures(population: Population, disease: Disease, controls: Controls, days: int) -> Measures:
    """Return a policy as the kernel reads it."""
    require(controls.test in disease.tests, f"test in {sorted(disease.tests)}", controls.test)
    air = np.array([group.air_changes_per_hour for group in population.groups]) + REMOVAL_PER_HOUR
    masked = 1.0 - controls.masks
    sites = len(population.sites)
    visits = controls.visits or Visits()
    quarantine = controls.quarantine or Quarantine(1, 0.0)
    closure = controls.closure_calendar(sites, days)
    on, cohort = _build_cohorts(population, controls, days)
    return Measures(
        home=_choose_home_agents(population, controls),
        cohort=cohort,
        on=on,
        zone_factor=masked * air / (air + controls.extra_air_changes),
        seat_factor=masked * compute_distance_factor(controls.distance_m),
        other_factor=masked,
        stay_home=controls.stay_home,
        symptom_test=controls.symptom_test,
        test_days=controls.test_days,
        result_days=controls.result_days,
        isolation_days=controls.isolation_table(sites, days),
        sensitivity=disease.tests[controls.test].table(),
        false_positive=controls.false_positive,
        visit_probability=visits.table(sites) if controls.visits else np.zeros(sites),
        visit_tests=visits.tests,
        quarantine_days=quarantine.days,
        quarantine_seat=quarantine.seat,
        quarantine_zone=quarantine.zone,
        quarantine_shuttle=quarantine.shuttle,
        closing=np.array(closure.number, dtype=np.int32),
        closing_cases=np.array([one.cases for one in closure.policies], dtype=np.int32),
        closing_within=np.array([one.within_days for one in closure.policies], dtype=np.int32),
        closing_days=np.array([one.days for one in closure.policies], dtype=np.int32),
        closing_further=np.array([one.further_days for one in closure.policies], dtype=np.int32),
        closing_earlier=np.array([p.earlier_cases_count for p in closure.policies], dtype=np.bool_),
        closing_tested=np.array([one.tested for one in closure.policies], dtype=np.float64),
        immune=controls.immune,
    )


def _build_cohorts(
    population: Population, controls: Controls, days: int
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Return who comes when: bool[cohort, day], and the cohort of each agent.

    Agents of equal presence are one cohort; without it, cohorts are chosen by the agents' ranks.
    """
    if controls.presence is None:
        on = controls.rotation.table(days)
        ranked = np.minimum(population.cohort_rank * len(on), len(on) - 1)
        return on, ranked.astype(np.int32)
    given = np.asarray(controls.presence, dtype=np.bool_)
    fits = given.ndim == 2 and given.shape[0] == population.size and given.shape[1] > 0
    require(fits, f"presence has {population.size} agents and a day", given.shape)
    rows, cohort = np.unique(given, axis=0, return_inverse=True)
    cycle = Rotation(tuple(tuple(row) for row in rows.tolist()))
    return cycle.table(days), cohort.reshape(-1).astype(np.int32)


def _choose_home_agents(population: Population, controls: Controls) -> NDArray[np.bool_]:
    if controls.at_home is None:
        return population.home_ready & (population.telework_rank < controls.telework)
    given = np.asarray(controls.at_home, dtype=np.bool_)
    require(given.shape == (population.size,), f"at_home has {population.size} agents", given.shape)
    return given
