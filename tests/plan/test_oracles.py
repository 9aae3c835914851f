"""The oracles against what is known by hand, against each other, and against trying everything."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.network import find_faults, write_operator
from releve.plan.result import Contingency, list_contingencies
from releve.plan.settings import PlanSettings
from tests.plan import oracle_rules as rules
from tests.plan import tiny_operators
from tests.plan.oracle_bruteforce import Day, best_base, best_relief, floors
from tests.plan.oracle_whole import best_whole
from tests.plan.textbook import textbook_base, textbook_floors, textbook_relief, textbook_whole
from tests.plan.tiny_operators import Tiny, tiny_operator

seeds = st.integers(0, 2**32 - 1)
NO_ISOLATION = PlanSettings(isolated=0.0)

# Objective of the base plan, relief penalties by contingency, objective of the whole.
KNOWN: list[tuple[Callable[[], Tiny], float, dict[str, float], float]] = [
    (tiny_operators.two_sites_one_client, 0.0, {"site:a": 2.0, "site:b": 2.0, "carrier:Red": 0.0}, 0.4),
    (tiny_operators.scarce_seats, 0.215, {"site:a": 1.2, "carrier:Red": 1.0}, 0.455),
    (tiny_operators.one_site_site_only, 0.0, {"site:a": 1.0, "site:b": 1.0}, 0.2),
    (tiny_operators.capped, 0.01, {}, 3.0),
    (tiny_operators.breaks_apart, 0.0, {"site:a": 4.0}, 0.8),
    (tiny_operators.spare_person, 0.0, {"site:b": 0.0}, 0.0),
    (tiny_operators.two_needed_of_two, 0.0, {}, 2.0),
    (tiny_operators.carrier_lost, 0.015, {"site:a": 1.0, "carrier:Red": 1.0}, 0.215),
]


@pytest.mark.parametrize(("made", "base", "reliefs", "whole"), KNOWN)
def test_the_best_of_hand_made_operators_is_the_one_worked_out(
    made: Callable[[], Tiny], base: float, reliefs: dict[str, float], whole: float
) -> None:
    case = made()
    plan = best_base(case)
    assert plan.objective == pytest.approx(base)
    for lost in list_contingencies(case.operator):
        if lost.id in reliefs:
            relief = best_relief(case, plan.placements, lost)
            assert relief.penalty == pytest.approx(reliefs[lost.id])
    assert best_whole(case, floors(case)).objective == pytest.approx(whole)


def test_counting_the_base_plans_own_regret_keeps_people_at_work() -> None:
    """Without it idle agents are never exposed, and the optimum is to send both home."""
    case = tiny_operators.two_needed_of_two()
    least = floors(case)
    idle = best_whole(case, least)
    assert (idle.objective, idle.placements) == (2.0, ())
    served = best_whole(case, least, base_regret=np.zeros(1))
    assert served.objective == pytest.approx(5.21)
    assert {row.place for row in served.placements} == {"a", "b"}


def test_floors_are_of_one_client_with_everyone_for_itself() -> None:
    case = tiny_operators.one_site_site_only()
    assert floors(case).tolist() == [[1.0, 0.0], [0.0, 0.5], [0.0, 0.0]]


def plainly(case: Tiny, lost: Contingency | None) -> float:
    """Return the least objective over the full product of options, with nothing left out."""
    day = Day(case)
    base = best_base(case).placements if lost else ()
    before = {row.agent: row for row in base}
    options = day.relief_options(before, lost, 0.5) if lost else day.base_options()
    caps = {} if lost else rules.capped_clients(case)
    best = float("inf")
    for choice in itertools.product(*([None, *found] for found in options.values())):
        chosen = [option for option in choice if option is not None]
        team = [option.placement for option in chosen]
        seated = np.zeros((len(case.operator.sites), len(day.times)))
        for option in chosen:
            if option.placement.place != "home":
                seated[list(case.operator.site).index(option.placement.place)] += option.present
        limit = np.array([day.capacity[name] for name in case.operator.site])
        if (seated <= limit[:, None]).all() and rules.within_caps(case, caps, team):
            missing = day.need.copy()
            for option in chosen:
                missing[:, option.column] -= option.worked
            penalty = (np.maximum(0.0, missing) * day.weights).sum() + day.hopeless
            best = min(best, float(penalty) + sum(option.price for option in chosen))
    return best


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_branches_left_out_never_held_the_best(seed: int) -> None:
    case = tiny_operator(np.random.default_rng(seed), agents=3, sites=2, programmes=2)
    case = replace(case, settings=NO_ISOLATION)
    plan = best_base(case)
    assert plan.objective == pytest.approx(plainly(case, None), abs=1e-9)
    assert plan.penalty == pytest.approx(rules.penalty_of(case, plan.placements), abs=1e-9)
    lost = list_contingencies(case.operator)[0]
    relief = best_relief(case, plan.placements, lost, price=0.5)
    assert relief.objective == pytest.approx(plainly(case, lost), abs=1e-9)


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_fractions_of_people_are_never_worse_than_whole_people(seed: int) -> None:
    """The textbook form is a relaxation of all that brute force tries."""
    case = tiny_operator(np.random.default_rng(seed), agents=4, sites=2, settings=NO_ISOLATION, unknown=seed % 5 == 0)
    plan = best_base(case)
    assert textbook_base(case).objective <= plan.objective + 1e-6
    for lost in list_contingencies(case.operator):
        relief = best_relief(case, plan.placements, lost)
        assert textbook_relief(case, plan.placements, lost).penalty <= relief.penalty + 1e-6
    least = textbook_floors(case)
    assert (least <= floors(case) + 1e-6).all()
    assert textbook_whole(case, least).objective <= best_whole(case, least).objective + 1e-6


def test_the_textbook_form_finds_the_optimum_where_it_is_whole() -> None:
    assert textbook_base(tiny_operators.scarce_seats()).objective == pytest.approx(0.215)
    assert textbook_base(tiny_operators.breaks_apart()).objective == pytest.approx(0.0, abs=1e-9)
    case = replace(tiny_operators.two_sites_one_client(), settings=NO_ISOLATION)
    whole = textbook_whole(case, textbook_floors(case))
    assert whole.objective == pytest.approx(0.4)
    assert whole.penalties["site:a"] == pytest.approx(2.0)
    assert whole.regret == pytest.approx(0.0, abs=1e-9)


def test_the_textbook_form_isolates_the_exact_share() -> None:
    """Of a1, who could work at home, a tenth is isolated: 0.1 people over two intervals less.

    Moves are dear here, or a1 would be at home before anything happens.
    """
    case = tiny_operators.two_sites_one_client()
    case = replace(case, settings=PlanSettings(isolated=0.1, move_price=1.0))
    whole = textbook_whole(case, textbook_floors(case)[:1], list_contingencies(case.operator)[:1])
    assert whole.penalties["site:a"] == pytest.approx(2.2)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_random_operators_are_well_formed(seed: int) -> None:
    """Every agent has one shift of the day, every skill and site exists, breaks fit."""
    case = tiny_operator(np.random.default_rng(seed))
    operator = case.operator
    assert 3 <= len(operator.agents) <= 7
    for row in operator.agents:
        shift = rules.shift_of(case, row.id)
        assert shift is not None
        assert rules.every_break(shift)
        assert set(row.skills) <= set(operator.programme)
        assert row.home_ready == bool(row.carrier)
    assert {row.client for row in operator.programmes} == set(operator.client)
    assert case.requirement.agents.shape == (48, len(operator.programmes))


def test_tiny_operators_pass_the_checks_of_an_operator_folder() -> None:
    """Written as tables and read back, they have no fault and are the same."""
    cases = [tiny_operator(np.random.default_rng(seed)) for seed in range(12)]
    for case in [*cases, *(made() for made, *_ in KNOWN)]:
        operator, found = find_faults(write_operator(case.operator))
        assert found == ()
        assert operator == case.operator
