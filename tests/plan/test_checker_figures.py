"""Every figure and every proof a plan states made untrue by itself: the checker says what it counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from releve.plan.checker import check_plan, check_relief
from releve.plan.result import Move, Plan, PlannedScenario, list_contingencies
from releve.plan.settings import PlanSettings
from tests.plan import oracle_rules as rules
from tests.plan.checker_plans import faults, plan_of, put, team, three_sites
from tests.plan.tiny_operators import (
    Tiny,
    agent,
    at,
    one_site_site_only,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
)

FLOORS = {("site:a", "k"): 1.0, ("site:b", "l"): 0.5}
TEAM = [
    put("a1", "a", "p", "08:00", "08:30"),
    put("a2", "a", "q", "08:00", "08:30"),
    put("b1", "b", "q", "08:00", "08:30"),
]


def made() -> tuple[Tiny, Plan]:
    """Client k is out of reach under the loss of a; l misses half under the loss of b."""
    case = one_site_site_only()
    return case, plan_of(case, TEAM, floors=FLOORS)


def only(found: Sequence[str], *parts: str) -> None:
    assert len(found) == 1, found
    for part in parts:
        assert part in found[0]


def cell_changed(plan: Plan, client: str, scenario: str, **other: Any) -> Plan:
    cells = tuple(
        replace(cell, **other) if (cell.client, cell.contingency) == (client, scenario) else cell for cell in plan.cells
    )
    return replace(plan, cells=cells)


def verdict_changed(plan: Plan, client: str, **other: Any) -> Plan:
    changed = tuple(replace(v, **other) if v.client == client else v for v in plan.verdicts)
    return replace(plan, verdicts=changed)


def scenario_changed(plan: Plan, name: str, **other: Any) -> Plan:
    scenario = replace(plan.scenarios[name], **other)
    return replace(plan, scenarios=plan.scenarios | {name: scenario})


def test_the_made_plan_is_true() -> None:
    case, plan = made()
    assert faults(case, plan) == ()
    status = {(cell.client, cell.contingency): cell.status for cell in plan.cells}
    assert status["k", "site:a"] == "contract"
    assert status["l", "site:b"] == "contract"
    assert status["l", "site:a"] == "missed"
    assert status["k", "base"] == "held"


# -- work placed and penalty ---------------------------------------------------------------------
@pytest.mark.parametrize("name", ["base", "site:a", "carrier:Red"])
def test_placed_work_that_is_not_there_is_named(name: str) -> None:
    case, plan = made()
    placed = plan.scenarios[name].placed.copy()
    placed[20, 1] += 1e-5
    found = faults(case, scenario_changed(plan, name, placed=placed))
    where = "Base plan" if name == "base" else f"Contingency {name}"
    only(found, f"{where}: placed of programme q at 10:00 is 1e-05, counted 0 (1 such figures)")


def test_placed_work_that_is_no_number_is_named() -> None:
    case, plan = made()
    placed = plan.scenarios["base"].placed.copy()
    placed[16, 0] = np.nan
    found = faults(case, scenario_changed(plan, "base", placed=placed))
    only(found, "placed of programme p at 08:00 is nan, counted 1")


def test_home_work_counts_at_its_efficiency_and_a_break_is_no_work() -> None:
    case, _ = made()
    works = tuple(replace(row, home_efficiency=0.8) for row in case.operator.programmes)
    shifts = tuple(
        replace(row, end=at("09:15"), break_minutes=30.0) if row.agent == "a2" else row for row in case.operator.shifts
    )
    case = replace(case, operator=replace(case.operator, programmes=works, shifts=shifts))
    row = put("a2", "home", "q", "08:00", "09:15", ("08:30", "09:00"))
    plan = plan_of(case, [row])
    assert plan.scenarios["base"].placed[16:20, 1] == pytest.approx([0.8, 0.0, 0.4, 0.0])
    assert faults(case, plan) == ()


def test_a_penalty_that_is_not_the_missing_work_is_named() -> None:
    case, plan = made()
    only(faults(case, scenario_changed(plan, "site:a", penalty=1.9)), "Contingency site:a: penalty is 1.9, counted 2")


@pytest.mark.parametrize("name", ["base", "site:a"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1])
def test_a_fractional_penalty_that_is_none_is_named(name: str, value: float) -> None:
    case, plan = made()
    found = faults(case, scenario_changed(plan, name, lp_penalty=value))
    where = "Base plan" if name == "base" else f"Contingency {name}"
    only(found, f"{where}: lp_penalty {value:g} is not a penalty.")


def test_whole_people_may_do_better_than_the_fractions_they_come_from() -> None:
    """The fractional relief is the least of penalty, regret and moves together."""
    case, plan = made()
    assert faults(case, scenario_changed(plan, "site:a", lp_penalty=2.01)) == ()


def test_weights_follow_the_price_of_the_calls_an_absent_agent_leaves() -> None:
    """p costs 3 a call of 300 s, q 1 a call of 150 s: 18 against 12 an agent-interval."""
    case, _ = made()
    works = tuple(
        replace(row, penalty_per_missed_call=3.0 if row.id == "p" else 1.0) for row in case.operator.programmes
    )
    operator = replace(case.operator, programmes=works)
    needs = {("p", "08:00"): 1.0, ("q", "08:00"): 2.0}
    case = replace(case, operator=operator, requirement=requirement_of(operator, needs, {"q": 150.0}))
    plan = plan_of(case, [])
    assert plan.scenarios["base"].penalty == pytest.approx(3.0)
    assert rules.weights(case) == pytest.approx([18 / 14, 12 / 14])
    assert faults(case, plan) == ()
    equal = np.full_like(case.requirement.aht_s, 300.0)
    found = check_plan(operator, plan_of(case, TEAM[:1]), case.settings, equal)
    assert any("Base plan: penalty is 1.71429, counted 1.2." in text for text in found)


def test_penalties_of_nothing_weigh_every_programme_alike() -> None:
    case, _ = made()
    works = tuple(replace(row, penalty_per_missed_call=0.0) for row in case.operator.programmes)
    case = replace(case, operator=replace(case.operator, programmes=works))
    plan = plan_of(case, TEAM[:1])
    assert plan.scenarios["base"].penalty == 2.0
    assert faults(case, plan) == ()


# -- cells ---------------------------------------------------------------------------------------
CELLS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "worst coverage": ("l", "site:a", {"worst_coverage": 0.6}, "coverage is 0.6, counted 0.5 at 08:00"),
    "worst interval": ("l", "site:a", {"worst_interval": 17}, "worst interval is 17"),
    "no worst interval": ("l", "site:a", {"worst_interval": -1}, "worst interval is -1"),
    "shortfall": ("l", "site:a", {"shortfall": 0.4}, "shortfall is 0.4, counted 0.5"),
    "regret": ("l", "site:a", {"regret": 0.4}, "regret is 0.4"),
    "negative regret": ("k", "base", {"regret": -0.1}, "regret is -0.1"),
    "floor above": ("l", "base", {"floor": 0.2}, "floor 0.2 is not the least: the plan reaches 0"),
    "floor no share": ("l", "base", {"floor": -0.2}, "floor -0.2 is not a share"),
    "held": ("l", "site:a", {"status": "held"}, "status is held, it is missed"),
    "contract": ("l", "site:a", {"status": "contract"}, "status is contract, it is missed"),
    "missed": ("k", "site:a", {"status": "missed"}, "status is missed, it is contract"),
    "thin": ("k", "base", {"status": "thin"}, "status is thin, it is held"),
    "unknown": ("k", "base", {"status": "unknown"}, "status is unknown, it is held"),
    "too many calls": ("l", "site:a", {"calls_lost": 11.0}, "11 calls lost of 10"),
    "fewer than no calls": ("l", "site:a", {"calls_lost": -1.0}, "-1 calls lost"),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_is_not_true_is_named(name: str) -> None:
    client, scenario, change, part = CELLS[name]
    case, plan = made()
    found = [
        text
        for text in faults(case, cell_changed(plan, client, scenario, **change))
        if text.startswith(f"Cell {client} under {scenario}: ") and part in text
    ]
    assert len(found) == 1


def test_cells_that_are_missing_twice_or_of_nobody_are_named() -> None:
    case, plan = made()
    first, *rest = plan.cells
    found = faults(case, replace(plan, cells=tuple(rest)))
    assert f"Cell {first.client} under {first.contingency}: there are 0, one is due." in found
    found = faults(case, replace(plan, cells=(first, first, *rest)))
    assert f"Cell {first.client} under {first.contingency}: there are 2, one is due." in found
    odd = replace(first, contingency="site:zz")
    found = faults(case, replace(plan, cells=(*plan.cells, odd)))
    assert f"Cell {first.client} under site:zz: no such client or contingency." in found


def test_any_of_equally_bad_intervals_may_be_the_worst() -> None:
    case, _ = made()
    needs = {("p", "08:00"): 1.0, ("p", "12:00"): 2.0, ("p", "13:00"): 1.0}
    case = replace(case, requirement=requirement_of(case.operator, needs))
    plan = plan_of(case, TEAM)
    cell = next(c for c in plan.cells if (c.client, c.contingency) == ("k", "base"))
    assert (cell.worst_coverage, cell.worst_interval) == (0.0, 24)
    assert faults(case, cell_changed(plan, "k", "base", worst_interval=26)) == ()
    assert len(faults(case, cell_changed(plan, "k", "base", worst_interval=16))) == 1


def test_surplus_of_one_programme_does_not_cover_another_of_its_client() -> None:
    """Coverage adds what is used, programme by programme: 0 of 1 and 2 for 1 cover a half."""
    case, _ = made()
    works = tuple(replace(row, client="l") for row in case.operator.programmes)
    clients = tuple(row for row in case.operator.clients if row.id == "l")
    operator = replace(case.operator, programmes=works, clients=clients)
    needs = {("p", "08:00"): 1.0, ("q", "08:00"): 1.0}
    case = Tiny(operator, requirement_of(operator, needs), case.settings)
    plan = plan_of(case, TEAM[1:])
    assert plan.cells[0].worst_coverage == 0.5
    assert faults(case, plan) == ()
    assert len(faults(case, cell_changed(plan, "l", "base", worst_coverage=1.0))) == 1


def test_a_client_without_any_requirement_is_held_at_no_interval() -> None:
    case, _ = made()
    case = replace(case, requirement=requirement_of(case.operator, {("q", "08:00"): 1.0}))
    plan = plan_of(case, TEAM)
    cell = next(cell for cell in plan.cells if cell.client == "k")
    assert (cell.worst_coverage, cell.worst_interval, cell.status) == (1.0, -1, "held")
    assert faults(case, plan) == ()
    only(faults(case, cell_changed(plan, "k", "base", worst_interval=0)), "but nothing is required")


def test_thin_is_within_the_target_with_an_interval_below_the_limit() -> None:
    case, _ = made()
    times = [f"{hour:02}:{minute}" for hour in range(24) for minute in ("00", "30")]
    operator = replace(
        case.operator, shifts=tuple(replace(row, start=at("00:00"), end=at("24:00")) for row in case.operator.shifts)
    )
    needs = {("q", time): 1.0 for time in times} | {("q", "12:00"): 2.0}
    case = Tiny(operator, requirement_of(operator, needs), case.settings)
    plan = plan_of(case, [put("a2", "a", "q", "00:00", "24:00")])
    cell = next(c for c in plan.cells if (c.client, c.contingency) == ("l", "base"))
    assert cell.status == "thin"
    assert cell.shortfall == pytest.approx(1 / 49)
    assert faults(case, plan) == ()
    found = faults(case, cell_changed(plan, "l", "base", status="held"))
    assert "Cell l under base: status is held, it is thin" in found[0]


# -- what is not known ---------------------------------------------------------------------------
def unknown() -> tuple[Tiny, Plan]:
    case, _ = made()
    needs = {("p", "08:00"): np.nan, ("q", "08:00"): 2.0}
    case = replace(case, requirement=requirement_of(case.operator, needs))
    return case, plan_of(case, TEAM)


def test_a_requirement_that_is_not_known_is_no_shortfall_and_no_all_clear() -> None:
    case, plan = unknown()
    assert faults(case, plan) == ()
    assert [v.unknown for v in plan.verdicts] == [True, False]
    assert plan.scenarios["site:a"].penalty == 1.0
    found = faults(case, cell_changed(plan, "k", "base", status="held"))
    assert any("a requirement of the client is unknown" in text for text in found)
    found = faults(case, verdict_changed(plan, "k", secure=True))
    assert any("secure is True, its cells say False" in text for text in found)


def test_figures_of_an_unknown_client_may_be_left_open() -> None:
    case, plan = unknown()
    nan = float("nan")
    for cell in plan.cells:
        if cell.client == "k":
            plan = cell_changed(plan, "k", cell.contingency, shortfall=nan, regret=nan, worst_coverage=nan)
    assert faults(case, plan) == ()


# -- verdicts ------------------------------------------------------------------------------------
VERDICTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "secure": ("k", {"secure": True}, "secure is True, its cells say False"),
    "contract": ("k", {"contract_problem": False}, "contract_problem is False"),
    "contract beside missed": ("l", {"contract_problem": True}, "contract_problem is True"),
    "missed": ("l", {"missed": ()}, "missed names [], the cells say ['site:a']"),
    "thin": ("l", {"thin": ("site:a",)}, "thin names ['site:a'], the cells say []"),
    "contracts": ("k", {"contract": ("site:b",)}, "contract names ['site:b']"),
    "unknown": ("k", {"unknown": True}, "unknown is True"),
    "worst": ("k", {"worst": "site:b"}, "worst is site:b (shortfall 0), but site:a has 1"),
    "no worst": ("k", {"worst": "zz"}, "worst is 'zz', which is no single loss"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_that_does_not_follow_is_named(name: str) -> None:
    client, change, part = VERDICTS[name]
    case, plan = made()
    found = faults(case, verdict_changed(plan, client, **change))
    assert any(text.startswith(f"Verdict {client}: ") and part in text for text in found), found


def test_verdicts_that_are_missing_or_of_nobody_are_named() -> None:
    case, plan = made()
    first, second = plan.verdicts
    only(faults(case, replace(plan, verdicts=(second,))), "Verdict k: there are 0")
    odd = replace(first, client="zz")
    only(faults(case, replace(plan, verdicts=(*plan.verdicts, odd))), "Verdict zz: no such client")


def test_nobody_is_secure_against_a_loss_that_was_not_tried() -> None:
    case, _ = made()
    case = replace(case, requirement=requirement_of(case.operator, {("q", "08:00"): 0.0}))
    full = plan_of(case, TEAM)
    assert all(verdict.secure for verdict in full.verdicts)
    assert faults(case, full) == ()
    fewer = plan_of(case, TEAM, contingencies=full.contingencies[1:])
    found = faults(case, fewer)
    assert len(found) == 2
    assert "Verdict k: called secure, but no contingency loses site a alone." in found


# -- frame ---------------------------------------------------------------------------------------
FRAMES: dict[str, tuple[dict[str, Any], str]] = {
    "operator": ({"operator": "Other"}, "operator is 'Other'"),
    "synthetic": ({"synthetic": False}, "synthetic is False"),
    "zone": ({"time_zone": "Africa/Tunis"}, "time_zone is 'Africa/Tunis'"),
    "clients": ({"clients": ()}, "clients is ()"),
    "programmes": ({"programmes": ()}, "programmes is ()"),
    "starts": ({"starts": ()}, "starts are not the 48 half hours of 2026-12-01"),
    "shape": ({"required": np.zeros((48, 1))}, "required has shape (48, 1)"),
    "calls": ({"calls": np.zeros((47, 2))}, "calls has shape (47, 2)"),
    "negative": ({"required": np.full((48, 2), -1.0)}, "negative"),
    "contingencies": ({"contingencies": ()}, "scenario site:a has no contingency"),
    "scenarios": ({"scenarios": {}}, "scenario base is missing"),
    "settings": ({"settings": {"target": 0.5}}, "setting target is stated as 0.5, it is 0.05"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_plan_of_another_frame_gets_only_sentences_about_it(name: str) -> None:
    change, part = FRAMES[name]
    case, plan = made()
    found = faults(case, replace(plan, **change))
    assert any(part in text for text in found), found
    assert all(text.startswith("Plan: ") for text in found)


def test_scenarios_and_contingencies_that_do_not_match_are_named() -> None:
    case, plan = made()
    first = plan.contingencies[0]
    twice = replace(plan, contingencies=(first, *plan.contingencies))
    only(faults(case, twice), "contingency site:a is named 2 times")
    lost = replace(first, id="named:x", sites=frozenset({"zz"}))
    found = faults(case, replace(plan, contingencies=(*plan.contingencies, lost)))
    assert any("loses site zz, which does not exist" in text for text in found)
    only(faults(case, scenario_changed(plan, "base", id="b")), "scenario base calls itself b")
    placed = np.zeros((1, 1))
    only(faults(case, scenario_changed(plan, "base", placed=placed)), "placed of base has shape")
    found = check_plan(case.operator, plan, case.settings, np.zeros((48, 1)))
    only(found, "aht_s has shape (48, 1)")


def test_one_relief_is_checked_by_itself() -> None:
    """A contingency that the plan does not list, as for a closure that has just happened."""
    case, _ = made()
    plan = plan_of(case, TEAM, contingencies=[])
    whole = plan_of(case, TEAM)
    lost, scenario = whole.contingencies[0], whole.scenarios["site:a"]

    def found(scenario: PlannedScenario) -> tuple[str, ...]:
        aht = case.requirement.aht_s
        return check_relief(case.operator, plan, lost, scenario, case.settings, aht)

    assert found(scenario) == ()
    only(found(replace(scenario, penalty=0.0)), "penalty is 0, counted 2")
    assert len(found(replace(scenario, moves=()))) == 4  # two stay; placed and penalty
    only(found(replace(scenario, placed=np.zeros((1, 1)))), "placed has shape (1, 1)")


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
