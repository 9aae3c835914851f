"""Every rule of a plan and of a relief broken by itself: the checker names it, once, and nothing else."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from releve.network import Authorisation, Measure, Seat, Zone
from releve.plan import checker
from releve.plan.result import Contingency, Move, Pause, Placement, Plan
from tests.plan.checker_plans import (
    FIRST,
    LAST,
    REST,
    TEAM,
    faults,
    loss_of,
    only,
    plan_of,
    put,
    stand_down,
    team,
    three_sites,
    with_operator,
)
from tests.plan.test_checker_figures import TEAM as CHECKER_FIGURES_TEAM
from tests.plan.test_checker_figures import cell_changed, made, scenario_changed
from tests.plan.test_checker_figures import only as checker_figures_only
from tests.plan.tiny_operators import DAY, Tiny, at, requirement_of, shift


def test_a_lawful_plan_has_no_sentence() -> None:
    case = three_sites()
    assert faults(case, plan_of(case, team())) == ()


def test_a_plan_without_anybody_is_lawful() -> None:
    case = three_sites()
    assert faults(case, plan_of(case, [])) == ()


UNLAWFUL = {
    "no such agent": (put("zz", "a", "p", "08:00", "10:00", REST), ["zz", "does not exist"]),
    "no such site": (put("a1", "zz", "p", "08:00", "10:00", REST), ["a1", "site zz does not"]),
    "not skilled": (put("a2", "a", "q", "08:00", "10:00", REST), ["a2", "not skilled for q"]),
    "not home-ready": (put("a2", "home", "p", "08:00", "10:00", REST), ["a2", "home-ready"]),
    "site-only at home": (put("a1", "home", "q", "08:00", "10:00", REST), ["q is site-only"]),
    "destination of a site": (put("c1", "c", "r", "08:00", "10:00"), ["c1", "r is not allowed in TN"]),
    "destination of a home": (put("c1", "home", "r", "08:00", "10:00"), ["c1", "r is not allowed in TN"]),
    "out of reach": (
        put("a1", "c", "p", "08:00", "10:00", REST),
        ["a1", "cannot reach site c", "no shuttle", "no own transport"],
    ),
    "ride too long": (put("a2", "b", "p", "08:00", "10:00", REST), ["a2", "cannot reach site b", "60.5 min"]),
    "drive too far": (
        put("b1", "c", "p", "08:00", "10:00", REST),
        ["b1", "cannot reach site c", "own transport and 16"],
    ),
    "no shift that day": (put("c2", "c", "p", "08:00", "10:00"), ["c2", "no shift that starts"]),
    "shift cut short": (
        put("a1", "a", "q", "08:00", "09:30", ("08:30", "09:00")),
        ["a1", "placed 08:00-09:30, but the shift is 08:00-10:00"],
    ),
    "no break": (put("a1", "a", "q", "08:00", "10:00"), ["a1", "break of 30 min is missing"]),
    "break not due": (
        put("c1", "home", "p", "08:00", "10:00", REST),
        ["c1", "the break 09:00-09:30 does not last 0 min"],
    ),
    "break too short": (put("a1", "a", "q", "08:00", "10:00", ("09:00", "09:15")), ["a1", "does not last 30 min"]),
    "break outside": (put("a1", "a", "q", "08:00", "10:00", ("10:00", "10:30")), ["a1", "not inside the shift"]),
    "break off the half hour": (
        put("a1", "a", "q", "08:00", "10:00", ("08:45", "09:15")),
        ["a1", "does not start on the half hour"],
    ),
    "break with one end": (
        replace(put("a1", "a", "q", "08:00", "10:00", REST), break_end=None),
        ["a1", "only one end"],
    ),
}


@pytest.mark.parametrize("name", UNLAWFUL)
def test_an_unlawful_placement_is_named(name: str) -> None:
    row, parts = UNLAWFUL[name]
    case = three_sites()
    only(faults(case, plan_of(case, team(row))), "Base plan", *parts)


def test_a_drive_within_reach_and_a_ride_at_the_limit_are_lawful() -> None:
    case = three_sites()
    rows = team(put("b1", "a", "r", "08:00", "10:00", REST))
    assert faults(case, plan_of(case, rows)) == ()


def test_a_programme_that_does_not_exist_is_named() -> None:
    case = three_sites()
    plan = plan_of(case, team(without="a2"))
    row = replace(TEAM["a2"], programme="zz")
    found = faults(case, replace(plan, placements=(*plan.placements, row), reserve=("a3",)))
    assert any("a2" in text and "programme zz does not exist" in text for text in found)


def test_a_time_without_zone_is_named_and_not_guessed() -> None:
    case = three_sites()
    plan = plan_of(case, team())
    row = replace(TEAM["a1"], start=TEAM["a1"].start.replace(tzinfo=None))
    rows = (row, *plan.placements[1:])
    found = faults(case, replace(plan, placements=rows))
    assert any("a1" in text and "no time zone" in text for text in found)
    start = TEAM["a1"].break_start
    assert start is not None
    row = replace(TEAM["a1"], break_start=start.replace(tzinfo=None))
    found = faults(case, replace(plan, placements=(row, *plan.placements[1:])))
    assert any("a1" in text and "the break has no time zone" in text for text in found)


def test_an_agent_placed_twice_is_named() -> None:
    case = three_sites()
    plan = plan_of(case, [*team(), put("a1", "a", "p", "08:00", "10:00", REST)])
    found = [text for text in faults(case, plan) if text.startswith("Base plan: agent")]
    only(found, "agent a1 is placed 2 times")


def test_a_site_without_a_valid_permit_is_named_where_any_site_has_one() -> None:
    permits = (
        Authorisation("w1", "site", "a", FIRST, LAST),
        Authorisation("w2", "site", "b", FIRST, date(2026, 11, 30)),
        Authorisation("w3", "site", "c", DAY, DAY),
    )
    case = with_operator(three_sites(), authorisations=permits)
    only(faults(case, plan_of(case, team())), "b1", "site b has no authorisation", "2026-12-01")


def test_an_agent_without_a_valid_permit_stays_off_sites_but_may_work_at_home() -> None:
    permits = tuple(Authorisation(f"w{i}", "agent", i, FIRST, LAST) for i in ("a2", "b1"))
    case = with_operator(three_sites(), authorisations=permits)
    only(faults(case, plan_of(case, team())), "a1", "no authorisation to travel")


def test_a_permit_for_a_vehicle_closes_no_site() -> None:
    permits = (Authorisation("w1", "vehicle", "bus", FIRST, LAST),)
    case = with_operator(three_sites(), authorisations=permits)
    assert faults(case, plan_of(case, team())) == ()


CHOSEN: dict[str, tuple[Placement, list[str]]] = {
    "length": (put("a1", "a", "p", "08:00", "16:00", ("12:00", "12:30")), ["8:30:00 is due"]),
    "half hour": (put("a1", "a", "p", "08:15", "16:45", ("12:00", "12:30")), ["on the half hour"]),
    "day": (put("a1", "a", "p", "24:00", "32:30", ("28:00", "28:30")), ["start on 2026-12-01"]),
    "no break": (put("a1", "a", "p", "08:00", "16:30"), ["break of 30 min is missing"]),
    "short break": (put("a1", "a", "p", "08:00", "16:30", ("12:00", "12:15")), ["30 min"]),
    "odd break": (put("a1", "a", "p", "08:00", "16:30", ("12:15", "12:45")), ["the half hour"]),
    "part time": (put("a2", "a", "p", "08:00", "16:30", ("12:00", "12:30")), ["4:30:00 is due"]),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_shift_chosen_without_a_roster_that_cannot_be_is_named(name: str) -> None:
    """A fifth of the week and a break of half an hour: 8.5 h of 40 h, 4.5 h of 20 h."""
    case = three_sites()
    people = tuple(replace(row, contract_hours=20.0) if row.id == "a2" else row for row in case.operator.agents)
    case = with_operator(case, shifts=(), agents=people)
    row, parts = CHOSEN[name]
    found = [text for text in faults(case, plan_of(case, [row])) if text.startswith("Base plan:")]
    only(found, row.agent, *parts)


def test_anybody_may_be_given_a_shift_of_the_own_hours_where_there_is_no_roster() -> None:
    case = with_operator(three_sites(), shifts=())
    rows = [put(name, "a", "p", "09:30", "18:00", ("13:00", "13:30")) for name in ("a1", "a3")]
    found = faults(case, plan_of(case, rows))
    assert [text for text in found if text.startswith("Base plan:")] == []
    assert any("Reserve: agent c2 has a shift" in text for text in found)


def test_both_parts_of_a_split_shift_are_worked_at_one_place() -> None:
    case = three_sites()
    case = with_operator(case, shifts=(*case.operator.shifts, shift("a1", "14:00", "15:00")))
    whole = replace(put("a1", "a", "q", "08:00", "15:00", REST), pauses=(Pause(at("10:00"), at("14:00"), away=True),))
    assert not [text for text in faults(case, plan_of(case, team(whole))) if "a1" in text]
    first = faults(case, plan_of(case, team(put("a1", "a", "q", "08:00", "10:00", REST))))
    assert any("placed 08:00-10:00, but the shift is 08:00-15:00" in text for text in first)


# -- seats and shares ----------------------------------------------------------------------------
def test_more_people_than_seats_are_named_with_the_worst_interval() -> None:
    case = three_sites()
    rows = team(put("b1", "b", "p", "08:00", "10:00", REST), put("a1", "a", "q", "08:00", "10:00", REST))
    plan = plan_of(case, rows)
    sites = tuple(replace(row, usable_seats=()) if row.id == "b" else row for row in plan.sites)
    found = faults(case, replace(plan, sites=sites))
    assert len(found) == 5  # the base plan and the losses of a, c, Blue and Red
    assert "Base plan: site b at 08:00 has 1 people for 0 usable seats (such half hours: 4" in found[0]


def test_the_interval_named_is_the_fullest_of_those_overfull() -> None:
    case = three_sites()
    shifts = tuple(
        replace(row, start=row.start + timedelta(hours=1)) if row.agent == "a3" else row for row in case.operator.shifts
    )
    limit = Measure("m", "a", "max_people", 1.0, FIRST, LAST)
    case = with_operator(case, shifts=shifts, measures=(limit,))
    rows = [
        put("a1", "a", "p", "08:00", "10:00", REST),
        put("a2", "a", "p", "08:00", "10:00", REST),
        put("a3", "a", "p", "09:00", "10:00", REST),
    ]
    found = [text for text in faults(case, plan_of(case, rows)) if text.startswith("Base")]
    only(found, "site a at 09:00 has 3 people for 1 usable seats (such half hours: 4)")


def test_a_break_frees_no_seat() -> None:
    """Two people with breaks apart sit on two seats all the time: one seat is not enough."""
    case = three_sites()
    rows = [
        put("a1", "a", "p", "08:00", "10:00", ("08:00", "08:30")),
        put("a2", "a", "p", "08:00", "10:00", ("09:30", "10:00")),
    ]
    limit = Measure("m", "a", "max_people", 1.0, FIRST, LAST)
    strict = with_operator(case, measures=(limit,))
    found = [text for text in faults(strict, plan_of(strict, rows)) if text.startswith("Base")]
    only(found, "site a at 08:00 has 2 people for 1 usable seats (such half hours: 4)")
    assert faults(case, plan_of(case, rows)) == ()


def test_a_measure_that_is_over_limits_nobody() -> None:
    past = Measure("m", "a", "max_people", 0.0, FIRST, date(2026, 11, 30))
    case = with_operator(three_sites(), measures=(past,))
    assert faults(case, plan_of(case, team())) == ()


def test_seats_that_lie_too_near_each_other_are_named() -> None:
    case = three_sites()
    plan = plan_of(case, team())
    wider = with_operator(case, measures=(Measure("m", "c", "distance_m", 2.5, FIRST, LAST),))
    found = faults(wider, plan)
    assert len(found) == 2
    assert "Site c: seats c-0 and c-1 lie at 2.000 m, at least 2.5 m is the rule." in found


def test_seats_on_different_floors_do_not_interact() -> None:
    case = three_sites()
    operator = case.operator
    upstairs = replace(operator.floors[2], id="c-up")
    zone = Zone("c-up-z", "c-up", 500.0, 3.0)
    above = Seat("c-up-0", zone.id, 0.1, 0.0)
    case = with_operator(
        case, floors=(*operator.floors, upstairs), zones=(*operator.zones, zone), seats=(*operator.seats, above)
    )
    plan = plan_of(case, team())
    assert "c-up-0" in plan.sites[2].usable_seats
    assert faults(case, plan) == ()


def test_a_distance_rule_of_zero_makes_every_seat_usable() -> None:
    case = three_sites()
    close = tuple(replace(seat, x_m=0.0) for seat in case.operator.seats)
    row = replace(case.operator.row, distance_m=0.0)
    case = with_operator(case, seats=close, row=row)
    plan = plan_of(case, team())
    assert [len(row.usable_seats) for row in plan.sites] == [3, 2, 3]
    assert faults(case, plan) == ()


def site_changed(plan: Plan, **other: Any) -> Plan:
    first = replace(plan.sites[0], **other)
    return replace(plan, sites=(first, *plan.sites[1:]))


SITES: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"name": "Elsewhere"}, "name is 'Elsewhere'"),
    "destination": ({"destination": "FR"}, "destination is 'FR'"),
    "seats": ({"seats": 7}, "says 7 seats, the operator has 3"),
    "bound": ({"usable_bound": 2}, "at most 2 seats are usable and lists 3"),
    "open": ({"open": False}, "open is False"),
    "foreign seat": ({"usable_seats": ("a-0", "a-1", "c-0")}, "c-0 is not a seat of the site"),
    "seat twice": ({"usable_seats": ("a-0", "a-0")}, "a-0 is listed 2 times"),
}


@pytest.mark.parametrize("name", SITES)
def test_a_site_that_is_not_as_it_stands_is_named(name: str) -> None:
    change, part = SITES[name]
    case = three_sites()
    only(faults(case, site_changed(plan_of(case, team()), **change)), "Site a", part)


def test_a_site_missing_twice_or_unknown_is_named() -> None:
    case = three_sites()
    plan = plan_of(case, team(without="a1"))
    a, b, c = plan.sites
    only(faults(case, replace(plan, sites=(b, c))), "Site a: not listed")
    only(faults(case, replace(plan, sites=(a, a, b, c))), "Site a: listed 2 times")
    odd = replace(a, id="zz")
    only(faults(case, replace(plan, sites=(a, b, c, odd))), "Site zz: not a site")


def capped_case(share: float) -> Tiny:
    case = three_sites()
    works = tuple(replace(row, max_site_share=share) if row.id == "r" else row for row in case.operator.programmes)
    return with_operator(case, programmes=works)


def test_a_client_held_too_much_on_one_site_is_named() -> None:
    """The strictest share of the client's programmes counts, rounded up, home included."""
    rows = team(put("a3", "a", "r", "08:00", "10:00", REST), put("b1", "a", "r", "08:00", "10:00", REST))
    case = capped_case(0.5)
    only(faults(case, plan_of(case, rows)), "client l has 3 of its 3 people on site a", "at most 2")
    easier = capped_case(0.67)
    assert faults(easier, plan_of(easier, rows)) == ()


def test_a_share_binds_no_relief() -> None:
    case = capped_case(0.5)
    after = put("b1", "a", "r", "08:00", "10:00", REST)
    moves = [Move("b1", TEAM["b1"], after, "relief")]
    plan = plan_of(case, team(), {"carrier:Blue": [*moves, *loss_of(case, "carrier:Blue")]})
    assert faults(case, plan) == ()


def test_a_share_binds_no_client_with_a_single_place() -> None:
    case = three_sites()
    works = tuple(
        replace(row, max_site_share=0.1, allowed_destinations=("TN",), place="site_only")
        for row in case.operator.programmes
    )
    case = with_operator(case, programmes=works)
    rows = [put("c1", "c", "p", "08:00", "10:00"), put("a2", "c", "p", "08:00", "10:00", REST)]
    assert faults(case, plan_of(case, rows)) == ()


# -- reserve -------------------------------------------------------------------------------------
def test_a_reserve_that_is_not_who_is_left_is_named() -> None:
    case = three_sites()
    plan = plan_of(case, team())
    assert plan.reserve == ("a3",)
    only(faults(case, replace(plan, reserve=())), "a3 has a shift and no placement")
    only(faults(case, replace(plan, reserve=("a3", "a3"))), "a3 is listed 2 times")
    only(faults(case, replace(plan, reserve=("a3", "a1"))), "a1 is listed but has a placement")
    only(faults(case, replace(plan, reserve=("a3", "c2"))), "c2 is listed but has no shift")


# -- independence --------------------------------------------------------------------------------
def test_the_checker_shares_no_code_with_the_planner() -> None:
    """It imports value types, the counting of coverage, and runs that show that riders have a seat,
    which it has timed again by :mod:`releve.transport.check`."""
    allowed = {"result", "settings", "coverage", "checker", "day_fleet"}
    seen = set()
    for path in Path(checker.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [n.name for n in node.names] if isinstance(node, ast.Import) else []
            seen |= {name.split(".")[2] for name in names if name.startswith("releve.plan.")}
            assert "releve.plan" not in names
    assert seen == allowed


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
    only(found, "of the 2 people exposed on site a, 0 are isolated, at least 1 must be")


def test_a_relief_may_not_overfill_a_site_either() -> None:
    case = three_sites()
    limit = Measure("m", "a", "max_people", 1.0, FIRST, LAST)
    case = with_operator(case, measures=(limit,))
    plan = plan_of(case, team(), {"site:b": [*loss_of(case, "site:b"), HELP]})
    only(faults(case, plan), "Contingency site:b: site a at 08:00 has 2 people for 1 usable seats (such half hours: 4)")


def test_the_base_plan_has_no_moves() -> None:
    case = three_sites()
    plan = plan_of(case, team())
    base = replace(plan.scenarios["base"], moves=(HELP,))
    only(faults(case, replace(plan, scenarios=plan.scenarios | {"base": base})), "1 moves")


@pytest.mark.parametrize("field", ["shortfall", "regret", "worst_coverage", "floor", "calls_lost"])
def test_figures_of_a_known_client_may_not_be_left_open(field: str) -> None:
    case, plan = made()
    found = faults(case, cell_changed(plan, "l", "site:a", **{field: float("nan")}))
    assert any(text.startswith("Cell l under site:a: ") and "nan" in text for text in found)


def test_large_figures_are_compared_by_their_size() -> None:
    case, _ = made()
    case = replace(case, requirement=requirement_of(case.operator, {("q", "08:00"): 1e6}))
    plan = plan_of(case, CHECKER_FIGURES_TEAM)
    near = scenario_changed(plan, "site:a", penalty=plan.scenarios["site:a"].penalty + 0.5)
    far = scenario_changed(plan, "site:a", penalty=plan.scenarios["site:a"].penalty + 5.0)
    assert faults(case, near) == ()
    checker_figures_only(faults(case, far), "Contingency site:a: penalty is 1")
