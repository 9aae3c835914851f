"""Run replications of an outbreak (one population, one policy or several, any number of threads).

Results depend on the seed and the number of a replication alone, bit for bit, however the work is
split over threads or machines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from releve.kernels.arrays import Ints
from releve.plugins.crashtest.engine.outbreak import rng
from releve.plugins.crashtest.engine.outbreak.contacts import Contacts, compute_infectiousness, compute_rates
from releve.plugins.crashtest.engine.outbreak.controls import Controls, build_measures
from releve.plugins.crashtest.engine.outbreak.disease import (
    Disease,
    build_no_importation,
    tabulate_days,
    tabulate_multiplier,
)
from releve.plugins.crashtest.engine.outbreak.errors import PoolOverflowError, require
from releve.plugins.crashtest.engine.outbreak.kernel import replicate
from releve.plugins.crashtest.engine.outbreak.kernel_state import (
    COUNTS,
    FIELDS,
    LISTS,
    SERIES,
    Measures,
    Rates,
    Record,
    RunState,
    World,
)
from releve.plugins.crashtest.engine.outbreak.population import Population


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean or a probability with the interval that its sample leaves (95 %)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """The spread of single replications: the median and the quantiles around it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """The replications ``first`` to ``first + len(rows) - 1`` of a policy.

    ``rows[replication, field]``, the fields of ``FIELDS``. Where they were asked for:
    ``series[replication, day, series]``, the series of ``SERIES``; ``closed[replication, day,
    site]``; ``away[replication, day, tally]``, agents kept away; ``infected_on``, ``ill_on`` and
    ``infected_by`` ``[replication, person]``: days and numbers, -1 = never or none, -2 = from
    outside. Person ``agents`` and those after are household members, ``members`` of them.
    """

    sites: tuple[str, ...]
    agents: int
    members: int
    days: int
    seed: int
    first: int
    rows: Ints
    series: NDArray[np.int32] = field(repr=False)
    closed: NDArray[np.bool_] = field(repr=False)
    away: NDArray[np.int32] = field(repr=False)
    infected_on: NDArray[np.int16] = field(repr=False)
    ill_on: NDArray[np.int16] = field(repr=False)
    infected_by: NDArray[np.int32] = field(repr=False)

    def column(self, name: str) -> Ints:
        """Return a field of every replication: int64[replication]."""
        require(name in FIELDS, f"field in {FIELDS}", name)
        return self.rows[:, FIELDS.index(name)]

    def mean(self, name: str) -> Estimate:
        """Return the mean of a field over replications."""
        return _estimate_mean(self.column(name).astype(np.float64))

    def band(self, name: str, share: float = 0.9) -> Band:
        """Return the median of a field and the range of the middle ``share`` of replications."""
        require(0 < share < 1, "0 < share < 1", share)
        tail = (1 - share) / 2
        low, median, high = np.quantile(self.column(name), [tail, 0.5, 1 - tail])
        return Band(float(median), float(low), float(high))

    def probability(self, name: str, least: int) -> Estimate:
        """Return P(field >= least), with Wilson's interval."""
        return _estimate_share(int((self.column(name) >= least).sum()), len(self.rows))

    def histogram(self, name: str) -> Ints:
        """Return how many replications have 0, 1, 2, ... of a field: int64[value]."""
        return np.bincount(self.column(name)).astype(np.int64)

    def less_than(self, other: Outcome, name: str) -> Estimate:
        """Return the mean of ``other`` less this, replication by replication (the same luck)."""
        same = (self.seed, self.first, len(self.rows)) == (other.seed, other.first, len(other.rows))
        require(same, "two outcomes of one seed and the same replications", (self.seed, other.seed))
        return _estimate_mean((other.column(name) - self.column(name)).astype(np.float64))

    def daily(self, name: str, share: float = 0.9) -> NDArray[np.float64]:
        """Return the band of a daily series: float64[day, (low, median, high)]."""
        require(len(self.series) > 0, "daily series that were kept", "Detail(series=False)")
        require(name in SERIES, f"series in {SERIES}", name)
        tail = (1 - share) / 2
        values = self.series[:, :, SERIES.index(name)]
        return np.asarray(np.quantile(values, [tail, 0.5, 1 - tail], axis=0).T)


def _estimate_mean(values: NDArray[np.float64]) -> Estimate:
    mean = float(values.mean())
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
    return Estimate(mean, mean - 1.96 * error, mean + 1.96 * error)


def _estimate_share(hits: int, n: int) -> Estimate:
    z2 = 1.96**2
    centre = (hits + z2 / 2) / (n + z2)
    half = 1.96 / (n + z2) * np.sqrt(hits * (n - hits) / n + z2 / 4)
    return Estimate(hits / n, float(centre - half), float(centre + half))


Progress = Callable[[float], None]
_CHUNK = 256
_LARGEST_MEAN = 600.0
"""Attempts of one person beyond which exp(-mean) is no longer exact enough."""


def _ignore_progress(done: float) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What to keep of every replication beside its counts: the daily ``series``, which sites are
    ``closed`` on which day, the agents ``away`` by day and tally (``tally_of[agent]``, like the
    number of a planning group; None = all in one), and ``persons``: the day everybody was
    infected, fell ill, and by whom.
    """

    series: bool = False
    closed: bool = False
    away: bool = False
    tally_of: NDArray[np.int32] | None = field(default=None, repr=False)
    persons: bool = False


@dataclass(frozen=True)
class Scenario:
    """What happens outside the operator's control, and where.

    ``importation[site, day]``: infections from outside per agent and day (None = none).
    ``first_cases``: the numbers of agents of whom ``first_count``, drawn with replacement, are
    infected on the first day. ``known_cases``: (site, days before the first, one at least) of
    cases that the closure rule counts already; ``shut``: (site, first day open) of sites that are
    closed already.
    """

    population: Population
    disease: Disease
    contacts: Contacts
    days: int = 90
    importation: NDArray[np.float64] | None = field(default=None, repr=False)
    first_cases: Sequence[int] = ()
    first_count: int = 0
    known_cases: Sequence[tuple[int, int]] = ()
    shut: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        """Refuse what the kernel cannot run."""
        require(1 <= self.days <= rng.DAYS_MOST, f"1 <= days <= {rng.DAYS_MOST}", self.days)
        require(self.first_count >= 0, "first_count >= 0", self.first_count)
        require(self.first_count == 0 or len(self.first_cases) > 0, "first_cases to name agents", self.first_cases)
        require(
            all(0 <= at < self.population.size for at in self.first_cases),
            f"0 <= first case < {self.population.size}",
            self.first_cases,
        )
        for name in ("known_cases", "shut"):
            rows, sites = getattr(self, name), len(self.population.sites)
            known = all(0 <= site < sites and day >= 1 for site, day in rows)
            require(known, f"{name} are of 0 <= site < {sites}, a day or more", rows)
        if self.importation is not None:
            shape = (len(self.population.sites), self.days)
            require(
                self.importation.shape == shape,
                f"importation has a row a site and {self.days} days",
                self.importation.shape,
            )
            finite = bool(np.isfinite(self.importation).all())
            require(finite and bool((self.importation >= 0).all()), "importation >= 0", "less")


def simulate(
    scenario: Scenario,
    controls: Controls | None = None,
    *,
    replications: int = 1000,
    seed: int = 0,
    first: int = 0,
    threads: int = 1,
    detail: Detail | None = None,
    pool: int | None = None,
    progress: Progress = _ignore_progress,
) -> Outcome:
    """Run the replications ``first`` to ``first + replications - 1`` of one policy.

    ``pool``: events that a replication may hold; by default what four times the expected number
    needs. PoolOverflowError when one holds more: nothing is dropped. OutbreakError quotes what
    else is wrong.
    """
    require(replications >= 1, "replications >= 1", replications)
    require(first >= 0, "first >= 0", first)
    require(0 <= seed < 2**63, "0 <= seed < 2**63", seed)
    require(threads >= 1, "threads >= 1", threads)
    detail = detail or Detail()
    population = scenario.population
    world = _build_world(scenario)
    rates = compute_rates(population, scenario.disease, scenario.contacts)
    mean = _bound_mean(population, rates) * world.factor_sick * world.multiplier.max()
    require(mean < _LARGEST_MEAN, f"attempts of one person < {_LARGEST_MEAN:g}", mean)
    policy = build_measures(population, scenario.disease, controls or Controls(), scenario.days)
    record = _allocate_record(scenario, detail, replications)
    size = pool if pool is not None else _size_pool(scenario, rates)
    require(size >= 1, "pool >= 1", size)

    def run(begin: int) -> None:
        scratch = _allocate_state(scenario, policy, detail, size)
        for start in range(begin, min(begin + chunk, replications), _CHUNK):
            end = min(start + _CHUNK, begin + chunk, replications)
            bad = replicate(world, rates, policy, scratch, record, seed, first, start, end)
            if bad >= 0:
                raise PoolOverflowError(f"replication {bad} needs more than {size} events: give a larger pool")
            done.append(end - start)
            progress(sum(done) / replications)

    done: list[int] = []
    chunk = -(-replications // threads)
    if threads == 1:
        run(0)
    else:
        with ThreadPoolExecutor(threads) as workers:
            list(workers.map(run, range(0, replications, chunk)))
    return Outcome(
        sites=population.sites,
        agents=population.size,
        members=population.persons - population.size,
        days=scenario.days,
        seed=seed,
        first=first,
        rows=record.row,
        series=record.series,
        closed=record.closed,
        away=record.away,
        infected_on=record.day,
        ill_on=record.onset,
        infected_by=record.by,
    )


def sweep(
    scenario: Scenario,
    policies: Sequence[Controls],
    *,
    replications: int = 1000,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = _ignore_progress,
) -> list[Outcome]:
    """Run several policies under the same luck: the same seed and replications."""
    outcomes = []
    for at, controls in enumerate(policies):

        def part(done: float, at: int = at) -> None:
            progress((at + done) / len(policies))

        outcomes.append(
            simulate(scenario, controls, replications=replications, seed=seed, threads=threads, progress=part)
        )
    return outcomes


def warm_up(scenario: Scenario) -> None:
    """Compile the kernel (once on a machine), so that what follows can be timed."""
    simulate(scenario, replications=1)


def _build_world(scenario: Scenario) -> World:
    population, disease = scenario.population, scenario.disease
    sick, well = compute_infectiousness(disease)
    groups = population.groups
    sizes = np.diff(population.site_range, axis=1)
    importation = scenario.importation
    if importation is None:
        importation = build_no_importation(len(population.sites), scenario.days)
    known = sorted(scenario.known_cases, key=lambda row: -row[1])
    shut = np.zeros(len(population.sites), dtype=np.int32)
    for site, day in scenario.shut:
        shut[site] = day
    imports = np.zeros((len(population.sites), scenario.days + 1))
    imports[:, 1:] = np.cumsum(importation * sizes, axis=1)
    return World(
        agents=population.size,
        key=population.key,
        site_key=population.site_key,
        group=population.group,
        site=population.site,
        floor=population.floor,
        group_first=np.array([g.first for g in groups], dtype=np.int32),
        group_end=np.array([g.end for g in groups], dtype=np.int32),
        group_places=np.array([g.places for g in groups], dtype=np.int32),
        floor_range=population.floor_range,
        site_range=population.site_range,
        near_pointer=population.near_pointer,
        near=population.near,
        vehicle=population.vehicle,
        rider_pointer=population.rider_pointer,
        riders=population.riders,
        home_pointer=population.home_pointer,
        owner=population.owner,
        incubation=np.cumsum(tabulate_days(disease.incubation)),
        generation=np.cumsum(tabulate_days(disease.generation)),
        multiplier=tabulate_multiplier(disease.dispersion.value),
        home_multiplier=tabulate_multiplier(disease.household_dispersion.value),
        asymptomatic=disease.asymptomatic.value,
        factor_sick=sick,
        factor_well=well,
        imports=imports,
        first_cases=np.array(scenario.first_cases or [0], dtype=np.int32),
        first_count=scenario.first_count,
        known_site=np.array([site for site, _ in known], dtype=np.int32),
        known_day=np.array([-days for _, days in known], dtype=np.int32),
        shut=shut,
    )


def _bound_mean(population: Population, rates: Rates) -> float:
    """Return no less than the attempts of the busiest average agent."""
    beside = np.diff(population.near_pointer).max(initial=0)
    members = np.diff(population.home_pointer).max(initial=0)
    work = rates.zone.max() + rates.seat * beside + rates.floor + rates.site
    return float(max(work + rates.shuttle.max(initial=0.0), rates.household * members))


def _size_pool(scenario: Scenario, rates: Rates) -> int:
    """Return the events for four times what everybody infected would need on average."""
    per_person = 4 + _bound_mean(scenario.population, rates)
    return int(4096 + 4 * per_person * scenario.population.persons)


def _allocate_state(scenario: Scenario, policy: Measures, detail: Detail, pool: int) -> RunState:
    """Return a thread's working arrays."""
    population, days = scenario.population, scenario.days
    agents, sites = population.size, len(population.sites)
    tally_of = detail.tally_of
    if tally_of is None:
        tally_of = np.zeros(agents, dtype=np.int32)
    require(tally_of.shape == (agents,), f"tally_of has {agents} agents", tally_of.shape)
    return RunState(
        infected=np.full(population.persons, -1, dtype=np.int16),
        away=np.zeros(agents, dtype=np.int16),
        confirmed=np.zeros(agents, dtype=np.bool_),
        closed=np.zeros(sites, dtype=np.int32),
        cases=np.zeros((sites, int(policy.closing_cases.max(initial=1))), dtype=np.int32),
        case_count=np.zeros(sites, dtype=np.int32),
        visit_number=np.zeros(sites, dtype=np.int32),
        head=np.full((LISTS, days), -1, dtype=np.int32),
        next=np.zeros(pool, dtype=np.int32),
        who=np.zeros(pool, dtype=np.int32),
        what=np.zeros(pool, dtype=np.int32),
        counts=np.zeros(COUNTS, dtype=np.int64),
        touched=np.zeros(population.persons, dtype=np.int32),
        kept=np.zeros(agents, dtype=np.int32),
        stamp=np.zeros(agents, dtype=np.int64),
        sample=np.zeros(policy.visit_tests, dtype=np.int32),
        series=np.zeros((days, len(SERIES)), dtype=np.int32),
        leaving=np.zeros((days + 1, int(tally_of.max()) + 1), dtype=np.int32),
        tally_of=tally_of.astype(np.int32),
    )


def _allocate_record(scenario: Scenario, detail: Detail, replications: int) -> Record:
    """Return the arrays that the kernel fills; details not requested are empty."""
    days, persons = scenario.days, scenario.population.persons
    tallies = 1 if detail.tally_of is None else int(detail.tally_of.max()) + 1

    def kept(wanted: bool) -> int:
        return replications if wanted else 0

    return Record(
        row=np.zeros((replications, len(FIELDS)), dtype=np.int64),
        series=np.zeros((kept(detail.series), days, len(SERIES)), dtype=np.int32),
        closed=np.zeros((kept(detail.closed), days, len(scenario.population.sites)), np.bool_),
        away=np.zeros((kept(detail.away), days, tallies), dtype=np.int32),
        day=np.full((kept(detail.persons), persons), -1, dtype=np.int16),
        onset=np.full((kept(detail.persons), persons), -1, dtype=np.int16),
        by=np.full((kept(detail.persons), persons), -1, dtype=np.int32),
    )
