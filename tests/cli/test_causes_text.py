"""What a client out of reach lacks, on a terminal: once, with its cure, never a place to agree on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.cli.main import Speech
from releve.cli.plan_text import build_verdict_table, list_missing_lines
from releve.plan import Plan, PlanSettings, WhatIsMissing, name_plan, solve_day
from releve.plan.purchases.search import find_what_is_missing
from tests.plan.tiny_operators import Tiny, agent, operator_of, programme, requirement_of, shift, site


@pytest.fixture
def short() -> Tiny:
    """Two sites, each with one of four people needed."""
    people = [agent("a1", "a", "p"), agent("b1", "b", "p")]
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (9, 2.0), "b": (9, 2.0)},
        [programme("p", "k")],
        people,
        [shift(row.id, "08:00", "08:30") for row in people],
    )
    return Tiny(operator, requirement_of(operator, {("p", "08:00"): 4}), PlanSettings())


def plan_of(case: Tiny) -> Plan:
    solved = solve_day(case.operator, case.requirement, case.settings)
    return replace(name_plan(case.operator, solved), missing=find_what_is_missing(case.operator, solved))


def read_why(plan: Plan) -> str:
    table = build_verdict_table(plan, Speech("en"))
    return " ".join(str(cell) for column in table.columns[1:] for cell in column.cells)


def test_too_few_people_with_nothing_lost_are_said_once(short: Tiny) -> None:
    plan = plan_of(short)
    assert read_why(plan) == (
        "out of reach even with nothing lost: too few people (at best 2 missing at 08:00). Cure: hire people"
        "; nothing on the list of what is missing is enough"
    )
    lines = [line for line in list_missing_lines(plan) if "nothing on the list" in line]
    assert lines == [
        "  nothing on the list is enough for K even with nothing lost: too few people (at best 2 missing at 08:00)."
        " Cure: hire people"
    ]


def test_a_price_for_a_hire_stands_beside_the_cure_and_in_what_is_missing(short: Tiny) -> None:
    plan = plan_of(replace(short, settings=PlanSettings(hire_price=9000.0)))
    assert "Cure: hire people (EUR 9,000 each)" in read_why(plan)
    assert any("hired for p at" in line for line in list_missing_lines(plan))


def test_a_plan_without_causes_says_that_nothing_protects_the_client(short: Tiny) -> None:
    plan = replace(plan_of(short), causes=(), missing=WhatIsMissing((), 0.0, 0.0, (("base", "k"),)))
    assert "no arrangement of today's people can protect it with nothing lost and under site:a, site:b" in read_why(
        plan
    )
    assert "  nothing on the list cures K with nothing lost" in list_missing_lines(plan)
