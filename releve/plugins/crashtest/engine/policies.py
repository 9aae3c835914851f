"""Policies side by side, the best mix of measures that a budget buys, and the worst days replayed.

A policy changes some controls of the outbreak, or places more people at home: in the plan and its
reliefs, and so in their contacts. Prices are assumptions to be replaced by an operator's own.

The wide sweep serves calls by formula; the simulator of queues replays the day on which a client
lost most with the same agents and busyness, and both shares stand side by side. Only inbound
programmes queue. Agents leave and come at the edges of half hours and finish their calls; fractions
of an agent are there in that share of replications.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from releve.demand.queue import CentreSpec, simulate
from releve.demand.queue.prepare import estimate_ratio
from releve.errors import BilingualPhrase, Phrase
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.call_outcomes import serve
from releve.plugins.crashtest.engine.kernel_types import CLIENT
from releve.plugins.crashtest.engine.outbreak import ClosureCalendar, ClosurePolicy, Controls, Estimate, Visits
from releve.plugins.crashtest.engine.outbreak.controls import HOURS_MOST
from releve.plugins.crashtest.engine.outbreak.rng import derive_replication_key
from releve.plugins.crashtest.engine.quarter import draw_day_factors
from releve.plugins.crashtest.engine.run import Quarters, Runner, allocate_work
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays, find_presence, list_home_agents, send_home
from releve.plugins.crashtest.engine.settings import INTERVALS, CrashTestError, require

Change = Callable[[Controls], Controls]
MEASURES_MOST = 5


@dataclass(frozen=True)
class Policy:
    """A policy: what it does, in words, the change it makes, what it costs per agent and quarter in
    EUR (assumed), and the share of the home-ready that it places at home where their programme may
    be done there."""

    id: str
    text: Phrase
    change: Change = field(repr=False, compare=False)
    price: float = 0.0
    home: float = 0.0


def _lengthen_closures(controls: Controls) -> Controls:
    found = ClosurePolicy() if controls.closure is None else controls.closure
    if isinstance(found, ClosureCalendar):
        return replace(controls, closure=found.map(_double_hours))
    return replace(controls, closure=_double_hours(found))


def _double_hours(rule: ClosurePolicy) -> ClosurePolicy:
    return replace(rule, hours=min(2 * rule.hours, HOURS_MOST))


POLICIES: Mapping[str, Policy] = {
    row.id: row
    for row in (
        Policy("as-given", Phrase("the closure rule, with tests of people with symptoms"), lambda c: c),
        Policy("no-rule", Phrase("no closure rule"), lambda c: replace(c, closure=None)),
        Policy(
            "no-tests",
            Phrase("the closure rule without tests of people with symptoms"),
            lambda c: replace(c, symptom_test=0.0),
        ),
        Policy("longer", Phrase("closures twice as long"), _lengthen_closures),
        Policy(
            "tests",
            Phrase("nine in ten people with symptoms are tested"),
            lambda c: replace(c, symptom_test=max(0.9, c.symptom_test)),
            15.0,
        ),
        Policy("masks", Phrase("masks that stop 30% of attempts"), lambda c: replace(c, masks=max(0.3, c.masks)), 12.0),
        Policy(
            "air",
            Phrase("three more air changes an hour"),
            lambda c: replace(c, extra_air_changes=c.extra_air_changes + 3.0),
            20.0,
        ),
        Policy("telework", Phrase("half of the home-ready at home"), lambda c: c, 60.0, home=0.5),
        Policy(
            "visits", Phrase("a brigade every week that tests 20"), lambda c: replace(c, visits=Visits(7.0, 20)), 10.0
        ),
    )
}
"""The policies by id."""


def name_case(label: str) -> Phrase:
    """Return a case of a crash test in words: its policy, and the other plan where it has one."""
    policy, _comma, plan = label.partition(", plan ")
    words = POLICIES[policy].text if policy in POLICIES else BilingualPhrase(policy, policy)
    return Phrase("{0}, with the other plan", words) if plan else words


def apply_policies(names: Sequence[str], test: CrashTest) -> CrashTest:
    """Return a test with the changes of several policies, one after another."""
    for name in names:
        if name not in POLICIES:
            raise CrashTestError(f"policy is one of {', '.join(POLICIES)}, got {name!r}")
        policy = POLICIES[name]
        test = replace(test, controls=policy.change(test.controls))
        if policy.home > 0.0:
            test = _send_share_home(test, policy.home)
    return test


def _send_share_home(test: CrashTest, share: float) -> CrashTest:
    """Place a share of the home-ready at home. Contacts are those of the first plan, as without."""
    population = test.scenario.population
    ready = np.flatnonzero(population.home_ready & (population.telework_rank < share))
    chosen = {population.agents[at] for at in ready}
    plans = tuple(send_home(test.operator, plan, chosen) for plan in test.plans)
    home = np.zeros(population.size, dtype=np.bool_)
    if test.controls.at_home is not None:
        home |= test.controls.at_home
    presence = find_presence(plans, population.agents, test.first_day)
    if presence is None:
        home[[population.number[name] for name in list_home_agents(plans[0])]] = True
    controls = replace(test.controls, at_home=home, presence=presence)
    return replace(test, plans=plans, controls=controls)


@dataclass(frozen=True)
class Mix:
    """Measures taken together, what they cost and what is left to pay in penalties, in EUR a
    quarter."""

    measures: tuple[str, ...]
    cost: float
    penalty: float


def rank_mixes(
    measures: Sequence[str], costs: Mapping[str, float], budget: float, penalty_of: Callable[[tuple[str, ...]], float]
) -> tuple[Mix, ...]:
    """Return every mix that the budget buys, the one with the least penalty first.

    ``costs`` and ``budget`` in EUR a quarter; ``penalty_of(mix)`` the mean penalty of a quarter.
    Among equals the cheaper comes first. All mixes are tried: five measures at most.
    """
    require(budget >= 0, "budget >= 0", budget)
    require(len(measures) <= MEASURES_MOST, f"measures <= {MEASURES_MOST}", len(measures))
    found = []
    for size in range(len(measures) + 1):
        for chosen in combinations(measures, size):
            cost = sum(costs[name] for name in chosen)
            if cost <= budget:
                found.append(Mix(chosen, cost, penalty_of(chosen)))
    return tuple(sorted(found, key=lambda mix: (mix.penalty, mix.cost)))


@dataclass(frozen=True)
class ReplayedDay:
    """A client's bad day: quarter, day, the share of its inbound calls lost by formula, and by the
    simulator with its interval."""

    client: str
    replication: int
    day: int
    formula: float
    simulated: Estimate


def replay_worst(
    test: CrashTest, ready: RunArrays, rows: Quarters, *, days: int = 1, replications: int = 50
) -> tuple[ReplayedDay, ...]:
    """Simulate the ``days`` worst days of each client, each of another quarter."""
    require(days >= 1, "days >= 1", days)
    require(replications >= 2, "replications >= 2", replications)
    runner, found = Runner(ready), []
    for c in range(rows.worst.shape[1]):
        for r in np.argsort(-rows.worst[:, c], kind="stable")[:days]:
            if rows.worst[r, c] > 0:
                day = int(rows.client[r, c, CLIENT.index("worst_day")])
                row = _replay_day(test, ready, runner, c, rows.first + int(r), day, replications)
                found += [row] if row is not None else []
    return tuple(found)


def _replay_day(
    test: CrashTest, ready: RunArrays, runner: Runner, c: int, replication: int, day: int, replications: int
) -> ReplayedDay | None:
    demand, d = ready.demand, int(ready.where.calendar[day])
    mine = np.flatnonzero((demand.client == c) & (demand.kind == 0))
    work = allocate_work(ready, ready.presence)
    quarter = np.uint64(derive_replication_key(ready.settings.seed, replication))
    draw_day_factors(demand, quarter, work.shared, work.factor)
    factor = work.factor[day]
    calls = demand.calls[d, mine].T * factor[mine]
    if not calls.any():
        return None
    placed = np.zeros((ready.settings.days, len(demand.kind), INTERVALS))
    runner.run(replication, 1, placed)
    on_phone = placed[day, mine].T * demand.available[mine]
    for p in mine.tolist():
        serve(ready.demand, work, placed[day], 0, d, p, factor[p])
    lost = work.out[0, mine, 1].sum() + work.queue[0, mine].sum()
    formula = float(lost / work.out[0, mine, 0].sum())
    return ReplayedDay(
        client=test.operator.clients[c].id,
        replication=replication,
        day=day,
        formula=formula,
        simulated=_simulate_day(test, ready, d, mine, calls, on_phone, replications),
    )


def _simulate_day(
    test: CrashTest,
    ready: RunArrays,
    d: int,
    mine: NDArray[np.intp],
    calls: Floats,
    on_phone: Floats,
    replications: int,
) -> Estimate:
    rows = [test.programmes[p] for p in mine]
    low = np.floor(on_phone + 1e-9)
    above, below = [], []
    for part in range(2):
        # Whole people: those above the whole number are there in their share of two halves.
        agents = low + ((on_phone - low) > (0.25 + 0.5 * part))
        centre = CentreSpec(
            [row.id for row in rows],
            1800.0 * np.arange(INTERVALS + 1),
            calls,
            1800.0 / ready.demand.pace[d, mine].T,
            agents,
            patience_s=[np.inf if row.patience_s is None else row.patience_s for row in rows],
            threshold_s=[row.service_threshold_s for row in rows],
        ).build()
        seen = simulate(centre, replications // 2 + part * (replications % 2), part)
        above.append((seen.offered - seen.answered).sum(axis=(1, 2)))
        below.append(seen.offered.sum(axis=(1, 2)))
    found = estimate_ratio(np.concatenate(above)[:, None], np.concatenate(below)[:, None], nothing=0.0)
    return Estimate(float(found.value[0]), float(found.low[0]), float(found.high[0]))
