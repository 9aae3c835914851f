"""The checker at the size of an operator of 5,000 people: a few seconds, whatever it finds."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from releve.plan.checker import check_plan
from releve.plan.checker.figures import compute_weights
from releve.plan.checker.rules import apply_moves
from releve.plan.coverage import Timeline, count_placed
from releve.plan.result import (
    BASE,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedScenario,
    PlannedSite,
    list_contingencies,
)
from releve.plan.settings import PlanSettings
from tests.plan.checker_plans import build_bound
from tests.plan.tiny_operators import DAY, STARTS, Tiny, agent, operator_of, programme, requirement_of, site
from tests.plan.tiny_operators import shift as shift_at

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


def at_own_site(case: Tiny) -> tuple[Placement, ...]:
    shifts = {row.agent: row for row in case.operator.shifts}
    return tuple(
        Placement(
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


def go_home(case: Tiny, base: tuple[Placement, ...], lost: Contingency) -> tuple[Move, ...]:
    """Everyone of a lost site works at home who can; the others are isolated."""
    moves = []
    for row in base:
        person = case.operator.agent[row.agent]
        if row.place in lost.sites:
            able = person.home_ready and person.carrier not in lost.carriers
            after = replace(row, place="home") if able else None
            moves.append(Move(row.agent, row, after, "relief" if able else "isolated"))
    return tuple(moves)


def plan_at_scale(case: Tiny) -> Plan:
    """Return a plan whose people and figures are true, without cells and verdicts."""
    need, operator = case.requirement, case.operator
    base = at_own_site(case)
    timeline = Timeline(need.starts)
    weights = compute_weights(operator, need.agents, need.calls, need.aht_s)
    extra = [Contingency(f"named:{i}", "named", "Two", frozenset({f"s{i}", "s14"})) for i in (0, 3)]
    contingencies = (*list_contingencies(operator), *extra)
    scenarios = {}
    for name, lost in ((BASE, None), *((row.id, row) for row in contingencies)):
        moves = go_home(case, base, lost) if lost else ()
        placed = count_placed(operator, timeline, apply_moves(base, moves))
        penalty = float((np.maximum(0.0, need.agents - placed) @ weights).sum())
        scenarios[name] = PlannedScenario(name, placed, moves, penalty, penalty)
    usable = {row.id: tuple(f"{row.id}-{i}" for i in range(400)) for row in operator.sites}
    return Plan(
        operator=operator.row.name,
        synthetic=True,
        day=DAY,
        time_zone="Europe/Paris",
        starts=need.starts,
        clients=tuple((row.id, row.name) for row in operator.clients),
        programmes=tuple((row.id, row.client, row.name) for row in operator.programmes),
        sites=tuple(
            PlannedSite(row.id, row.name, row.destination, row.time_zone, 400, usable[row.id], 400, True)
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
        bound=build_bound(case, scenarios[BASE], (), base),
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
