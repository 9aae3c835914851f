"""The checker against the oracles' own reading of the rules, on operators made by chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.plan.checker import check_relief
from releve.plan.checker.figures import compute_weights
from releve.plan.checker.rules import DayRules
from releve.plan.result import Placement, list_contingencies
from tests.plan import oracle_rules as rules
from tests.plan.checker_plans import faults, moves_between, plan_of
from tests.plan.oracle_bruteforce import best_base, best_relief
from tests.plan.tiny_operators import DAY, Tiny, tiny_operator

seeds = st.integers(0, 2**32 - 1)


def case_of(seed: int, agents: int = 4) -> Tiny:
    rng = np.random.default_rng(seed)
    return tiny_operator(rng, agents=agents, unknown=seed % 7 == 0)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_best_plans_and_reliefs_of_the_oracle_pass(seed: int) -> None:
    """Legality, seats, shares, moves and all figures are read alike in two programs."""
    case = case_of(seed)
    base = best_base(case).placements
    moves = {}
    for lost in list_contingencies(case.operator):
        relief = best_relief(case, base, lost, price=0.5)
        moves[lost.id] = moves_between(case, base, relief.placements, lost)
    plan = plan_of(case, base, moves)
    assert faults(case, plan) == ()
    for lost in plan.contingencies:
        relief_faults = check_relief(
            case.operator, plan, lost, plan.scenarios[lost.id], case.settings, case.requirement.aht_s
        )
        assert relief_faults == ()


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_a_pair_is_refused_exactly_when_the_oracle_has_it_not(seed: int) -> None:
    """Every agent x place x programme, with and without a contingency."""
    case = case_of(seed, agents=6)
    day = DayRules(case.operator, DAY, case.settings)
    for lost in (None, *list_contingencies(case.operator)):
        for agent in case.operator.agents:
            allowed = {
                (place, row.id)
                for place in ("home", *case.operator.site)
                for row in case.operator.programmes
                if day.explain_refusal(agent, place, row.id) is None
                and (lost is None or day.explain_loss(agent, place, lost) is None)
            }
            assert allowed == set(rules.legal_pairs(case, agent, lost))


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_weights_are_those_of_the_oracle_and_weigh_the_requirement_as_itself(seed: int) -> None:
    case = case_of(seed)
    need = case.requirement
    found = compute_weights(case.operator, need.agents, need.calls, need.aht_s)
    assert found == pytest.approx(rules.weights(case), rel=1e-12)
    total = np.nansum(need.agents)
    assert float(np.nansum(need.agents, axis=0) @ found) == pytest.approx(total, rel=1e-12)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_one_person_put_at_a_random_place_passes_only_if_the_oracle_allows_it(seed: int) -> None:
    """One agent on any place, programme and break: faults appear exactly when it is illegal."""
    case = case_of(seed)
    rng = np.random.default_rng(seed)
    agent = case.operator.agents[int(rng.integers(len(case.operator.agents)))]
    shift = rules.shift_of(case, agent.id)
    assert shift is not None
    place = str(rng.choice(["home", *case.operator.site]))
    name = str(rng.choice([row.id for row in case.operator.programmes]))
    pauses = rules.every_break(shift)
    rest = pauses[int(rng.integers(len(pauses)))] or (None, None)
    row = Placement(agent.id, place, name, shift.start, shift.end, *rest)
    lawful = (place, name) in rules.legal_pairs(case, agent)
    seated = place == "home" or rules.capacity(case, place) >= 1
    assert (faults(case, plan_of(case, [row])) == ()) == (lawful and seated)


@given(seeds, st.floats(0.2, 1.0))
@settings(max_examples=30, deadline=None)
def test_isolation_is_counted_per_lost_site(seed: int, share: float) -> None:
    """With a large share isolated the oracle's reliefs pass; one isolated person less does not."""
    case = case_of(seed, agents=5)
    case = replace(case, settings=replace(case.settings, isolated=share))
    base = best_base(case).placements
    for lost in list_contingencies(case.operator):
        relief = best_relief(case, base, lost).placements
        moves = moves_between(case, base, relief, lost)
        plan = plan_of(case, base, {lost.id: moves}, contingencies=[lost])
        found = [text for text in faults(case, plan) if "called secure" not in text]
        assert found == []
        isolated = [move for move in moves if move.reason == "isolated"]
        if isolated:
            fewer = [replace(move, reason="stranded") if move == isolated[0] else move for move in moves]
            plan = plan_of(case, base, {lost.id: fewer}, contingencies=[lost])
            assert any("must be" in text and "isolated" in text for text in faults(case, plan))
