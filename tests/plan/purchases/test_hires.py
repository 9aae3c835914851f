"""People are hired where the user gives a price for it, and only what they cost less than."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from releve.network import Authorisation
from releve.plan import BASE, PlanSettings, Purchase, plan_day, solve_day
from releve.plan.purchases import search
from releve.plan.purchases.lp import apply_purchases, merge_purchases
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.result import WhatIsMissing
from tests.plan.tiny_operators import (
    DAY,
    Tiny,
    agent,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
    tiny_operator,
)

PRICED = PlanSettings(hire_price=9000.0)


def too_few(known: int = 1, others: int = 0, need: int = 3) -> Tiny:
    """A client on one site with fewer people than it needs, and perhaps some who could learn."""
    people = [agent(f"a{i}", "a", "p") for i in range(known)] + [agent(f"b{i}", "a", "q") for i in range(others)]
    operator = operator_of(
        [site("a")],
        {"a": (9, 2.0)},
        [programme("p", "k"), programme("q", "l")],
        people,
        [shift(row.id, "08:00", "08:30") for row in people],
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): need}), PRICED)


def buy(case: Tiny, settings: PlanSettings | None = None) -> WhatIsMissing:
    """Return what is missing with nothing lost."""
    solved = solve_day(case.operator, case.requirement, settings or case.settings, contingencies=())
    return find_what_is_missing(case.operator, solved)


def test_people_are_hired_where_nothing_else_cures() -> None:
    found = buy(too_few())
    assert found.purchases == (Purchase("hire", 2, 9000.0, "a", "p", ("a0", "a0")),)
    assert (found.cost, found.incurable, found.left) == (18_000.0, (), ())


def test_without_a_price_no_hire_is_proposed() -> None:
    found = buy(too_few(), PlanSettings())
    assert found.purchases == ()
    assert found.incurable == ((BASE, "k"),)


def test_training_goes_before_hiring_while_there_are_people_to_train() -> None:
    found = buy(too_few(others=1))
    assert {(one.kind, one.count) for one in found.purchases} == {("skill", 1), ("hire", 1)}
    assert found.checked


def test_a_hire_cheaper_than_training_goes_first() -> None:
    found = buy(too_few(others=2), PlanSettings(hire_price=100.0))
    assert {(one.kind, one.count) for one in found.purchases} == {("hire", 2)}


def test_a_large_operator_hires_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_SEARCHED_ASSIGNMENTS", -1)
    found = buy(too_few(others=1))
    assert {(one.kind, one.count) for one in found.purchases} == {("skill", 1), ("hire", 1)}
    assert found.checked


def test_hires_have_the_shifts_skills_and_permits_of_the_agent_they_are_like() -> None:
    case = too_few()
    permits = (Authorisation("w", "agent", "a0", DAY, DAY),)
    operator = replace(case.operator, authorisations=permits)
    lines = [Purchase("hire", 1, 9000.0, "a", "p", ("a0",)), Purchase("hire", 1, 9000.0, "a", "p", ("a0",))]
    (merged,) = merge_purchases(lines)
    assert merged.agents == ("a0", "a0")
    better = apply_purchases(operator, [merged, Purchase("skill", 1, 400.0, "a", "q", ("a0",))])
    assert [row.id for row in better.agents] == ["a0", "a0-more-1", "a0-more-2"]
    assert {row.skills for row in better.agents} == {("p", "q")}
    assert [(row.agent, row.start) for row in better.shifts] == [
        (row.id, operator.shifts[0].start) for row in better.agents
    ]
    assert {row.subject for row in better.authorisations} == {row.id for row in better.agents}
    assert len({row.id for row in better.authorisations}) == 3


def test_a_plan_of_the_operator_with_its_hires_holds() -> None:
    case = too_few(need=4)
    better = apply_purchases(case.operator, buy(case).purchases)
    plan = plan_day(better, case.requirement, case.settings, contingencies=())
    assert plan.cell["k", BASE].status == "held"
    assert plan.settings["hire_price"] == 9000.0


@pytest.mark.parametrize("seed", range(6))
def test_a_price_for_hiring_never_leaves_more_uncured(seed: int) -> None:
    case = tiny_operator(np.random.default_rng(seed), agents=4, programmes=2)
    without = buy(case, PlanSettings())
    priced = buy(case, PRICED)
    assert set(priced.incurable) <= set(without.incurable)
    if not without.incurable:
        assert priced.lower_bound <= without.lower_bound + 1e-6
