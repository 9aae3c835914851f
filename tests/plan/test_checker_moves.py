"""Every rule of a relief broken by itself: the checker names it, once, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.network import Measure
from releve.plan.result import Contingency, Move
from tests.plan.checker_case import FIRST, LAST, REST, TEAM, loss_of, only, team, three_sites
from tests.plan.checker_plans import faults, plan_of, put, stand_down, with_operator

OUT = Move("a1", TEAM["a1"], None, "isolated")
"""Site a is lost: only a1 was there."""
HELP = Move("a3", None, put("a3", "a", "p", "08:00", "10:00", REST), "relief")

MOVES: dict[str, tuple[str, list[Move], list[str]]] = {
    "no agent moved off a lost site": ("site:c", [HELP], ["a2", "stays on site c for p", "site c is lost"]),
    "no agent moved off a lost line": (
        "carrier:Blue",
        [HELP],
        ["c1", "stays at home for p", "home lines of Blue are lost"],
    ),
    "before is not the base placement": (
        "site:a",
        [replace(OUT, before=put("a1", "a", "p", "08:00", "10:00", REST))],
        ["a1", "starts on site a for p", "base placement is on site a for q"],
    ),
    "before of an agent in reserve": (
        "site:a",
        [OUT, Move("a3", put("a3", "b", "p", "08:00", "10:00", REST), None, "reserve")],
        ["a3", "base placement is nowhere"],
    ),
    "moved onto the lost site": ("site:a", [OUT, HELP], ["a3", "on site a for p, but site a is lost"]),
    "onto a lost line": (
        "carrier:Red",
        [Move("a1", TEAM["a1"], put("a1", "home", "p", "08:00", "10:00", REST), "relief")],
        ["a1", "moved at home", "home lines of Red are lost"],
    ),
    "exposed and on another site": (
        "site:b",
        [Move("b1", TEAM["b1"], put("b1", "a", "p", "08:00", "10:00", REST), "relief")],
        ["b1", "exposed on site b, so home only", "on site a for p"],
    ),
    "unlawful after": (
        "site:a",
        [OUT, Move("a3", None, put("a3", "c", "p", "08:00", "10:00", REST), "relief")],
        ["a3", "cannot reach site c"],
    ),
    "after without its break": (
        "site:b",
        [Move("b1", TEAM["b1"], None, "stranded"), replace(HELP, after=put("a3", "a", "p", "08:00", "10:00"))],
        ["a3", "break of 30 min is missing"],
    ),
    "relief without a placement": ("site:a", [replace(OUT, reason="relief")], ["a1", "without a placement"]),
    "isolated with a placement": (
        "site:a",
        [replace(OUT, after=put("a1", "home", "p", "08:00", "10:00", REST))],
        ["a1", "isolated, but placed at home for p"],
    ),
    "stranded with a placement": (
        "carrier:Blue",
        [Move("c1", TEAM["c1"], put("c1", "c", "p", "08:00", "10:00"), "stranded")],
        ["c1", "stranded, but placed on site c"],
    ),
    "isolated from elsewhere": (
        "site:a",
        [OUT, Move("b1", TEAM["b1"], None, "isolated")],
        ["b1", "was not on a site lost to an exposure"],
    ),
    "isolated from a lost line": (
        "carrier:Blue",
        [Move("c1", TEAM["c1"], None, "isolated")],
        ["c1", "was not on a site lost to an exposure"],
    ),
    "stranded without having lost anything": (
        "site:a",
        [OUT, Move("b1", TEAM["b1"], None, "stranded")],
        ["b1", "stranded, but the place on site b for r is not lost"],
    ),
    "stranded from the reserve": (
        "site:a",
        [OUT, Move("a3", None, None, "stranded")],
        ["a3", "stranded, but had no placement"],
    ),
    "reserve from a lost site": (
        "site:a",
        [replace(OUT, reason="reserve")],
        ["a1", "reserve, but the place on site a for q is lost"],
    ),
    "reserve from a lost line": (
        "carrier:Blue",
        [Move("c1", TEAM["c1"], None, "reserve")],
        ["c1", "reserve, but the place at home for p is lost"],
    ),
    "reserve from the reserve": (
        "site:a",
        [OUT, Move("a3", None, None, "reserve")],
        ["a3", "reserve, but had no placement"],
    ),
    "reserve with a placement": (
        "carrier:Red",
        [Move("b1", TEAM["b1"], put("b1", "a", "p", "08:00", "10:00", REST), "reserve")],
        ["b1", "reserve, but placed on site a for p"],
    ),
    "unknown reason": ("site:a", [replace(OUT, reason="ill")], ["a1", "'ill'"]),
    "another agent's placement": (
        "site:a",
        [OUT, replace(HELP, agent="b1", before=TEAM["b1"])],
        ["b1", "placement of agent a3"],
    ),
    "no change": ("site:a", [OUT, Move("b1", TEAM["b1"], TEAM["b1"], "relief")], ["b1", "nothing"]),
}


@pytest.mark.parametrize("name", MOVES)
def test_a_move_that_cannot_be_is_named(name: str) -> None:
    contingency, moves, parts = MOVES[name]
    case = three_sites()
    found = faults(case, plan_of(case, team(), {contingency: moves}))
    where = f"Contingency {contingency}"
    assert found
    assert all(text.startswith(where) for text in found), found
    assert sum(all(part in text for part in parts) for text in found) == 1, found
    twice = ("another agent's placement", "moved onto the lost site")
    if name not in twice and "from the reserve" not in name:
        assert len(found) == 1, found


def test_an_agent_moved_twice_is_named() -> None:
    case = three_sites()
    plan = plan_of(case, team(), {"site:a": [OUT, OUT]})
    only(faults(case, plan), "Contingency site:a", "a1 is moved 2 times")


def test_people_who_are_not_needed_may_stand_back_in_reserve() -> None:
    """Their place is not lost: site b under the loss of a, and home while only Red is lost."""
    case = three_sites()
    for name, agent in (("site:a", "b1"), ("carrier:Red", "c1")):
        back = Move(agent, TEAM[agent], None, "reserve")
        plan = plan_of(case, team(), {name: [*loss_of(case, name), back]})
        assert faults(case, plan) == ()


def test_people_of_a_lost_line_may_go_to_their_site() -> None:
    case = three_sites()
    move = Move("c1", TEAM["c1"], put("c1", "c", "p", "08:00", "10:00"), "relief")
    assert faults(case, plan_of(case, team(), {"carrier:Blue": [move]})) == ()


def test_people_of_a_lost_site_may_go_elsewhere_when_nobody_is_exposed() -> None:
    case = three_sites()
    cut = Contingency("named:cut", "named", "Power cut", frozenset({"b"}), exposed=False)
    move = Move("b1", TEAM["b1"], put("b1", "a", "p", "08:00", "10:00", REST), "relief")
    plan = plan_of(case, team(), {"named:cut": [move]}, contingencies=[cut])
    assert [text for text in faults(case, plan) if not text.startswith("Verdict")] == []


def test_reserve_and_exposed_people_with_a_line_may_take_over() -> None:
    case = three_sites()
    home = Move("a1", TEAM["a1"], put("a1", "home", "p", "08:00", "10:00", REST), "relief")
    plan = plan_of(case, team(), {"site:a": [home], "site:b": [*loss_of(case, "site:b"), HELP]})
    assert faults(case, plan) == ()


def test_too_few_isolated_people_are_named_per_lost_site() -> None:
    case = three_sites()
    case = replace(case, settings=replace(case.settings, isolated=0.5))
    rows = team(put("a2", "a", "p", "08:00", "10:00", REST), put("c1", "c", "p", "08:00", "10:00"))
    both = Contingency("named:ac", "named", "a and c", frozenset({"a", "c"}))
    before = {row.agent: row for row in rows}
    home = Move("c1", before["c1"], put("c1", "home", "p", "08:00", "10:00"), "relief")
    moves = [replace(move, reason="stranded") for move in stand_down(case, rows, both)]
    moves = [home if move.agent == "c1" else move for move in moves]
    plan = plan_of(case, rows, {both.id: moves}, contingencies=[both])
    found = [text for text in faults(case, plan) if not text.startswith("Verdict")]
    only(found, "0 of the 2 people exposed on site a are isolated, at least 1 must be")


def test_a_relief_may_not_overfill_a_site_either() -> None:
    case = three_sites()
    limit = Measure("m", "a", "max_people", 1.0, FIRST, LAST)
    case = with_operator(case, measures=(limit,))
    plan = plan_of(case, team(), {"site:b": [*loss_of(case, "site:b"), HELP]})
    only(faults(case, plan), "Contingency site:b: site a at 08:00 has 2 people for 1 usable seats (4 such intervals)")


def test_the_base_plan_has_no_moves() -> None:
    case = three_sites()
    plan = plan_of(case, team())
    base = replace(plan.scenarios["base"], moves=(HELP,))
    only(faults(case, replace(plan, scenarios=plan.scenarios | {"base": base})), "1 moves")
