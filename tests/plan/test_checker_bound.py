"""What a plan says it proves, made untrue figure by figure; and what N-1 counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from releve.plan.result import Move, Plan, list_contingencies
from releve.plan.settings import PlanSettings
from tests.plan.checker_case import team, three_sites
from tests.plan.checker_plans import faults, plan_of, put
from tests.plan.test_checker_figures import TEAM, cell_changed, made, only, verdict_changed
from tests.plan.tiny_operators import Tiny, agent, operator_of, programme, requirement_of, shift, site

NAN, INF = float("nan"), float("inf")
BOUNDS: dict[str, tuple[dict[str, Any], str]] = {
    "penalty": ({"penalty": 1.1}, "penalty is 1.1, counted 1"),
    "lp below nothing": ({"lp_penalty": -0.1}, "lp_penalty -0.1 is not a penalty"),
    "lp no number": ({"lp_penalty": NAN}, "lp_penalty nan is not a penalty"),
    "lp without end": ({"lp_penalty": INF}, "lp_penalty inf is not a penalty"),
    "gap": ({"penalty_gap": 0.1}, "penalty_gap is 0.1, counted 0.333333"),
    "gap no number": ({"penalty_gap": NAN}, "penalty_gap is nan, counted 0.333333"),
    "need": ({"requirement_gap": 0.1}, "requirement_gap is 0.1, counted 0.395833"),
    "order": (
        {"lower_bound": 9.0, "penalty_gap": 0.0, "requirement_gap": 0.0},
        "lower_bound 9 is above the objective 4.75",
    ),
    "gap over nothing": (
        {"lower_bound": 0.0, "penalty_gap": 0.0, "requirement_gap": 4.75 / 3},
        "penalty_gap is 0, but the lower bound is 0",
    ),
    "no lower bound": ({"lower_bound": NAN}, "lower_bound nan are not both numbers"),
    "no objective": ({"objective": NAN}, "objective nan is below 4.75"),
    "objective without end": ({"objective": INF}, "objective inf and lower_bound"),
    "objective below the penalty": ({"objective": 0.9}, "objective 0.9 is below 4.75"),
    "objective without the regret": ({"objective": 1.0}, "objective 1 is below 4.75"),
    "regret": ({"regret": {"site": 0.9}}, "regret[site] is 0.9, the cells say 1"),
    "regret no number": ({"regret": {"site": NAN}}, "regret[site] is nan, the cells say 1"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_that_is_not_of_the_plan_is_named(name: str) -> None:
    """One of the two agents that client l requires works: penalty 1, regret a half of 5 x 3 / 2."""
    change, part = BOUNDS[name]
    case, _ = made()
    plan = plan_of(case, TEAM[:2])
    assert faults(case, plan) == ()
    found = faults(case, replace(plan, bound=replace(plan.bound, **change)))
    assert any(text.startswith("Bound: ") and part in text for text in found), found
    assert all(text.startswith("Bound: ") for text in found)


def test_the_objective_counts_the_moves_of_the_base_plan() -> None:
    """a2 at home instead of on site a: one step and a half at 0.01 each."""
    case, _ = made()
    plan = plan_of(case, [TEAM[0], put("a2", "home", "q", "08:00", "08:30"), TEAM[2]])
    assert plan.bound.objective == pytest.approx(0.015)
    assert faults(case, plan) == ()
    free = replace(plan.bound, objective=0.0, lower_bound=0.0, penalty_gap=0, requirement_gap=0)
    only(faults(case, replace(plan, bound=free)), "Bound: objective 0 is below 0.015")


def test_a_gap_over_a_bound_of_nothing_is_no_number() -> None:
    case, _ = made()
    plan = plan_of(case, TEAM[:2])
    proof = replace(plan.bound, lower_bound=0.0, penalty_gap=NAN, requirement_gap=4.75 / 3)
    assert faults(case, replace(plan, bound=proof)) == ()


def test_the_regret_of_the_base_plan_is_among_the_worst() -> None:
    """Losing a site costs k nothing above its floor, but the base plan leaves half of l."""
    case, _ = made()
    listed = list_contingencies(case.operator)[:1]
    plan = plan_of(case, TEAM[:2], floors={("site:a", "k"): 1.0, ("site:a", "l"): 1.0}, contingencies=listed)
    assert plan.bound.regret["site"] == 0.5
    assert faults(case, plan) == ()
    none = replace(plan, bound=replace(plan.bound, regret={}))
    only(faults(case, none), "regret[site] is 0, the cells say 0.5")


# -- single losses and larger ones ---------------------------------------------------------------


def larger() -> tuple[Tiny, Plan]:
    """Destination MA (sites a and b) is one of the losses; client l works nowhere else."""
    case = three_sites()
    return case, plan_of(case, team())


LARGER: dict[str, tuple[str, dict[str, Any], str]] = {
    "not beyond": ("l", {"beyond": ()}, "beyond names [], the cells say ['destination:MA']"),
    "beyond without a cause": (
        "l",
        {"beyond": ("destination:MA", "site:a")},
        "beyond names ['destination:MA', 'site:a']",
    ),
    "counted as missed": ("l", {"missed": ("base", "site:a", "site:b", "destination:MA")}, "missed names"),
    "worst": ("l", {"worst": "destination:MA"}, "worst is 'destination:MA', which is no single loss"),
}


@pytest.mark.parametrize("name", LARGER)
def test_a_verdict_that_counts_larger_losses_among_the_single_ones_is_named(name: str) -> None:
    client, change, part = LARGER[name]
    case, plan = larger()
    assert faults(case, plan) == ()
    found = faults(case, verdict_changed(plan, client, **change))
    only(found, f"Verdict {client}: {part}")


def test_a_client_is_secure_though_a_larger_loss_is_missed() -> None:
    """One works on a, one in reserve could on b: either site may go, both may not."""
    people = [agent("a1", "a", "p"), agent("b1", "b", "p")]
    operator = operator_of(
        [site("a"), site("b")],
        {"a": (1, 2.0), "b": (1, 2.0)},
        [programme("p", "k")],
        people,
        [shift(row.id, "08:00", "08:30") for row in people],
    )
    case = Tiny(operator, requirement_of(operator, {("p", "08:00"): 1}), PlanSettings())
    base, relief = put("a1", "a", "p", "08:00", "08:30"), put("b1", "b", "p", "08:00", "08:30")
    moves = [Move("a1", base, None, "isolated"), Move("b1", None, relief, "relief")]
    plan = plan_of(case, [base], {"site:a": moves})
    assert faults(case, plan) == ()
    (verdict,) = plan.verdicts
    assert (verdict.secure, verdict.missed) == (True, ())
    assert verdict.beyond == ("destination:MA",)
    only(faults(case, verdict_changed(plan, "k", secure=False)), "secure is False, its cells say")


def test_a_larger_loss_that_is_held_is_not_beyond() -> None:
    case, plan = larger()
    changed = cell_changed(plan, "l", "destination:MA", status="held")
    found = faults(case, changed)
    assert any("beyond names ['destination:MA'], the cells say []" in text for text in found)
