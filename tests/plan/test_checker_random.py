"""The checker on operators made by chance, and at the size of 5,000 people."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.plan import result
from releve.plan.checker import check_plan, check_relief
from releve.plan.checker.figures import compute_weights
from releve.plan.checker.rules import DayRules, apply_moves
from releve.plan.coverage import Timeline, count_placed
from releve.plan.settings import PlanSettings
from tests.plan import oracle_rules as rules
from tests.plan.checker_plans import build_bound, faults, moves_between, plan_of
from tests.plan.oracle_bruteforce import best_base, best_relief
from tests.plan.tiny_operators import (
    DAY,
    STARTS,
    Tiny,
    agent,
    operator_of,
    programme,
    requirement_of,
    site,
    tiny_operator,
)
from tests.plan.tiny_operators import shift as shift_at

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
    for lost in result.list_contingencies(case.operator):
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
    for lost in (None, *result.list_contingencies(case.operator)):
        for person in case.operator.agents:
            allowed = {
                (place, row.id)
                for place in ("home", *case.operator.site)
                for row in case.operator.programmes
                if day.explain_refusal(person, place, row.id) is None
                and (lost is None or day.explain_loss(person, place, lost) is None)
            }
            assert allowed == set(rules.legal_pairs(case, person, lost))


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
    row = result.Placement(agent.id, place, name, shift.start, shift.end, *rest)
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
    for lost in result.list_contingencies(case.operator):
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


SITES, PEOPLE, WORKS = 15, 5000, 60


def large() -> Tiny:
    """15 sites of 400 seats, 60 programmes of 20 clients, 5,000 agents on six shifts."""
    rng = np.random.default_rng(1)
    works = [programme(f"p{i}", f"k{i % 20}", home_efficiency=0.95) for i in range(WORKS)]
    people, shifts = [], []
    for i in range(PEOPLE):
        skills = [f"p{(i + step) % WORKS}" for step in (0, 7, 20)]
        carrier = str(rng.choice(["", "Red", "Blue", "Green"]))
        people.append(agent(f"a{i}", f"s{i % SITES}", *skills, carrier=carrier))
        start = 7 + int(rng.integers(6))
        shifts.append(shift_at(f"a{i}", f"{start}:00", f"{start + 8}:30", 30.0))
    places = [site(f"s{i}", "MA" if i < 8 else "TN", 33.0 + i / 10) for i in range(SITES)]
    operator = operator_of(places, {row.id: (400, 1.6) for row in places}, works, people, shifts)
    needs = {(row.id, f"{hour}:00"): 60.0 for row in works for hour in range(7, 20)}
    return Tiny(operator, requirement_of(operator, needs), PlanSettings())


def at_own_site(case: Tiny) -> tuple[result.Placement, ...]:
    shifts = {row.agent: row for row in case.operator.shifts}
    return tuple(
        result.Placement(
            row.id,
            row.home_site,
            row.skills[0],
            shifts[row.id].start,
            shifts[row.id].end,
            shifts[row.id].start + (STARTS[8] - STARTS[0]),
            shifts[row.id].start + (STARTS[9] - STARTS[0]),
        )
        for row in case.operator.agents
    )


def go_home(case: Tiny, base: tuple[result.Placement, ...], lost: result.Contingency) -> tuple[result.Move, ...]:
    """Everyone of a lost site works at home who can; the others are isolated."""
    moves = []
    for row in base:
        person = case.operator.agent[row.agent]
        if row.place in lost.sites:
            able = person.home_ready and person.carrier not in lost.carriers
            after = replace(row, place="home") if able else None
            moves.append(result.Move(row.agent, row, after, "relief" if able else "isolated"))
    return tuple(moves)


def plan_at_scale(case: Tiny) -> result.Plan:
    """Return a plan whose people and figures are true, without cells and verdicts."""
    need, operator = case.requirement, case.operator
    base = at_own_site(case)
    timeline = Timeline(need.starts)
    weights = compute_weights(operator, need.agents, need.calls, need.aht_s)
    extra = [result.Contingency(f"named:{i}", "named", "Two", frozenset({f"s{i}", "s14"})) for i in (0, 3)]
    contingencies = (*result.list_contingencies(operator), *extra)
    scenarios = {}
    for name, lost in ((result.BASE, None), *((row.id, row) for row in contingencies)):
        moves = go_home(case, base, lost) if lost else ()
        placed = count_placed(operator, timeline, apply_moves(base, moves))
        penalty = float((np.maximum(0.0, need.agents - placed) @ weights).sum())
        scenarios[name] = result.PlannedScenario(name, placed, moves, penalty, penalty)
    usable = {row.id: tuple(f"{row.id}-{i}" for i in range(400)) for row in operator.sites}
    return result.Plan(
        operator=operator.row.name,
        synthetic=True,
        day=DAY,
        time_zone="Europe/Paris",
        starts=need.starts,
        clients=tuple((row.id, row.name) for row in operator.clients),
        programmes=tuple((row.id, row.client, row.name) for row in operator.programmes),
        sites=tuple(
            result.PlannedSite(row.id, row.name, row.destination, row.time_zone, 400, usable[row.id], 400, True)
            for row in operator.sites
        ),
        contingencies=contingencies,
        required=need.agents,
        calls=need.calls,
        placements=base,
        reserve=(),
        scenarios=scenarios,
        cells=(),
        verdicts=(),
        bound=build_bound(case, scenarios[result.BASE], (), base),
        missing=None,
        violations=(),
        settings={},
    )


@pytest.mark.slow
def test_five_thousand_people_and_twenty_contingencies_are_checked_in_seconds() -> None:
    """Only the cells and verdicts left out are named; the bound is generous for a busy machine."""
    case = large()
    plan = plan_at_scale(case)
    began = time.perf_counter()
    found = check_plan(case.operator, plan, case.settings, case.requirement.aht_s)
    seconds = time.perf_counter() - began
    assert {text.split()[0] for text in found} == {"Cell", "Verdict"}
    assert len(found) == 20 * (len(plan.scenarios) + 1)
    assert seconds < 10
