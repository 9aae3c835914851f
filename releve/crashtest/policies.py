"""Policies to put side by side, and the best mix of measures that a budget buys.

A policy changes some controls of the outbreak, or places more people at home: in the plan and its
reliefs, and so in their contacts. Prices are assumptions to be replaced by an
operator's own; what a measure buys is the model's, under the same disasters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from releve.crashtest.errors import CrashTestError, require
from releve.crashtest.outbreak import ClosureCalendar, ClosurePolicy, Controls, Visits
from releve.crashtest.outbreak.controls import HOURS_MOST
from releve.crashtest.run_arrays import CrashTest
from releve.crashtest.telework import find_presence, list_home_agents, send_home
from releve.errors import BilingualPhrase, Phrase

__all__ = [
    "MEASURES_MOST",
    "POLICIES",
    "Mix",
    "Policy",
    "apply_policies",
    "name_case",
    "rank_mixes",
]

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
        Policy(
            "as-given", Phrase("the closure rule, with tests of people with symptoms"), lambda c: c
        ),
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
        Policy(
            "masks",
            Phrase("masks that stop 30% of attempts"),
            lambda c: replace(c, masks=max(0.3, c.masks)),
            12.0,
        ),
        Policy(
            "air",
            Phrase("three more air changes an hour"),
            lambda c: replace(c, extra_air_changes=c.extra_air_changes + 3.0),
            20.0,
        ),
        Policy("telework", Phrase("half of the home-ready at home"), lambda c: c, 60.0, home=0.5),
        Policy(
            "visits",
            Phrase("a brigade every week that tests 20"),
            lambda c: replace(c, visits=Visits(7.0, 20)),
            10.0,
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
    measures: Sequence[str],
    costs: Mapping[str, float],
    budget: float,
    penalty_of: Callable[[tuple[str, ...]], float],
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
