"""What a client out of reach lacks: by hand, against plain loops, and cured in the operator's rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, combinations, product

import numpy as np
import pytest

from releve.network import Agent, Authorisation, Operator, Programme, Seat, Shift, Shuttle, Stop, find_site_seats
from releve.network.moments import UTC
from releve.plan import BASE, Placement, PlanSettings, plan_day
from releve.plan.causes import CauseGroup, describe_cause, find_causes, group_causes
from releve.plan.plan_json import plan_from_json, plan_to_json
from releve.plan.planner import count_seats_to_fill
from releve.plan.problem import build_day_problem
from releve.plan.result import Cause, CauseKind, Contingency, ReliefCell, list_contingencies
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.service_status import Status
from tests.plan.tiny_operators import (
    DAY,
    HALF_HOUR,
    STARTS,
    Tiny,
    agent,
    at,
    operator_of,
    programme,
    requirement_of,
    shift,
    site,
    tiny_operator,
    two_sites_one_client,
)

SEAT, LAPTOP, PLACE, SKILL, HIRE = CauseKind
EIGHT = STARTS.index(at("08:00"))


def tiny(
    works: Iterable[Programme],
    people: Iterable[Agent],
    need: dict[str, float],
    rooms: tuple[int, int] = (9, 9),
    reach: tuple[str, ...] = ("a",),
) -> Tiny:
    """Two sites in two countries; agents with a stop come to those of ``reach``; half an hour."""
    staff = tuple(people)
    operator = operator_of(
        [site("a"), site("b", "TN", 36.8, 10.2)],
        {"a": (rooms[0], 2.0), "b": (rooms[1], 2.0)},
        tuple(works),
        staff,
        [shift(row.id, "08:00", "08:30") for row in staff],
        stops=(Stop("x", "X", 33.5, -7.6),),
        shuttles=tuple(Shuttle("x", name, 20.0) for name in reach),
    )
    return Tiny(operator, requirement_of(operator, {(name, "08:00"): n for name, n in need.items()}), PlanSettings())


def measure_floors(case: Tiny, losses: Sequence[Contingency] | None = None) -> dict[tuple[str, str], float]:
    """Return the floor of each client under each loss, of the operator or given."""
    seats = count_seats_to_fill(case.operator, case.requirement, find_site_seats(case.operator, DAY))
    problem = build_day_problem(case.operator, case.requirement, seats, case.settings)
    losses = losses or list_contingencies(case.operator)
    floors = compute_client_floors(problem, losses)
    return {
        (client, name): float(floors[row, c])
        for c, client in enumerate(problem.clients)
        for row, name in enumerate((BASE, *(loss.id for loss in losses)))
    }


def find_all(case: Tiny) -> dict[tuple[str, str], Cause]:
    """Return the causes of all cells with a floor above the target."""
    cells = [
        ReliefCell(client, name, 0.0, EIGHT, floor, floor, 0.0, 0.0, Status.OUT_OF_REACH)
        for (client, name), floor in measure_floors(case).items()
        if floor > case.settings.target + 1e-9
    ]
    seats = count_seats_to_fill(case.operator, case.requirement, find_site_seats(case.operator, DAY))
    losses = list_contingencies(case.operator)
    found = find_causes(case.operator, case.requirement, case.settings, seats, losses, cells)
    return {(one.client, one.contingency): one for one in found}


BY_HAND = {
    "seat": (tiny([programme("p", "k", place="site_only")], [agent("a1", "a", "p"), agent("a2", "a", "p")],
                  {"p": 2}, rooms=(1, 9)), BASE, (SEAT,), (), 1.0),
    "laptop": (tiny([programme("p", "k")], [agent("a1", "a", "p")], {"p": 1}), "site:a", (LAPTOP,), (), 1.0),
    "place": (tiny([programme("p", "k", place="site_only", allowed_destinations=("MA",))],
                   [agent("a1", "a", "p", stop="x")], {"p": 1}, reach=("a", "b")), "site:a", (PLACE,), (), 1.0),
    "skill": (tiny([programme("p", "k"), programme("q", "l")], [agent("a1", "a", "p"), agent("a2", "a", "q")],
                   {"p": 2}), BASE, (SKILL,), ("p",), 1.0),
    "one skill of two": (
        tiny([programme("p", "k"), programme("q", "k")], [agent("a1", "a", "p"), agent("a2", "a", "p")],
             {"p": 1, "q": 1}), BASE, (SKILL,), ("q",), 1.0),
    "people": (tiny([programme("p", "k")], [agent("a1", "a", "p")], {"p": 3}), BASE, (HIRE,), (), 2.0),
    "people under a loss": (
        tiny([programme("p", "k", place="site_only")], [agent("a1", "a", "p"), agent("b1", "b", "p")], {"p": 2}),
        "site:a", (HIRE,), (), 1.0),
    "a place and laptops": (
        tiny([programme("p", "k", place="site_only", allowed_destinations=("MA",))], [agent("a1", "a", "p")],
             {"p": 1}), "site:a", (LAPTOP, PLACE), (), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_the_one_thing_that_is_lacking_is_named(name: str) -> None:
    case, loss, kinds, programmes, agents = BY_HAND[name]
    found = find_all(case)["k", loss]
    assert (found.kinds, found.programmes, found.agents) == (kinds, programmes, agents)
    assert found.interval == EIGHT


def test_a_break_that_the_day_before_has_fixed_is_cured_by_people_not_by_seats() -> None:
    """At 01:00 the one agent of the night is in the break that she was given before the day."""
    staff = [agent("a1", "a", "p")]
    row = shift("a1", "-2:00", "06:00", 30)
    operator = operator_of([site("a")], {"a": (9, 2.0)}, [programme("p", "k")], staff, [row])
    night = Placement("a1", "a", "p", row.start, row.end, at("01:00"), at("01:30"))
    need = requirement_of(operator, {("p", "01:00"): 1.0})
    plan = plan_day(operator, need, PlanSettings(), contingencies=(), carried={"a1": night})
    assert [one.kinds for one in plan.causes] == [(HIRE,)]
    free = plan_day(operator, need, PlanSettings(), contingencies=())
    assert free.causes == (), "where that plan is not known the break lies elsewhere"


def test_what_is_lacking_with_nothing_lost_is_answered_once() -> None:
    case = BY_HAND["people"][0]
    assert set(find_all(case)) == {("k", BASE)}
    assert set(find_all(BY_HAND["people under a loss"][0])) == {("k", "site:a"), ("k", "site:b")}


def test_no_half_hour_is_named_where_only_the_breaks_together_are_too_much() -> None:
    """Two agents with a break each: every half hour alone could be covered, not all of them."""
    case = tiny([programme("p", "k")], [agent("a1", "a", "p"), agent("a2", "a", "p")], {"p": 2})
    people = [shift(name, "08:00", "09:00", 30.0) for name in ("a1", "a2")]
    operator = replace(case.operator, shifts=tuple(people))
    case = replace(
        case, operator=operator, requirement=requirement_of(operator, {("p", "08:00"): 2, ("p", "08:30"): 2})
    )
    found = find_all(case)["k", BASE]
    assert found.kinds == (HIRE,)
    assert (found.agents, found.interval) == (0.0, -1)


# -- against plain loops -------------------------------------------------------------------------


def list_places(case: Tiny, row: Agent, lost: set[str], lifts: set[CauseKind]) -> list[str]:
    """Return where an agent may work for p, by the rules written out."""
    (work,) = (one for one in case.operator.programmes if one.id == "p")
    free = PLACE in lifts
    if "p" not in row.skills and SKILL not in lifts:
        return []
    where = {"a": "MA", "b": "TN"}
    found = []
    for name in ("a", "b"):
        rides = any(one.stop == row.stop and one.site == name for one in case.operator.shuttles)
        allowed = free or not work.allowed_destinations or where[name] in work.allowed_destinations
        if (name == row.home_site or rides) and allowed and name not in lost:
            found.append(name)
    allowed = free or not work.allowed_destinations or where[row.home_site] in work.allowed_destinations
    if (row.home_ready or LAPTOP in lifts) and (free or work.place == "home_allowed") and allowed:
        found.append("home")
    return found


def find_best(case: Tiny, lost: set[str], lifts: set[CauseKind], need: int) -> int:
    """Return the most agents at work for p, by trying every choice of every agent."""
    seats = {name: sum(row.zone == f"{name}-z" for row in case.operator.seats) for name in ("a", "b")}
    if SEAT in lifts:
        seats = dict.fromkeys(seats, 99)
    hired: list[list[str]] = []
    if HIRE in lifts:
        for name, ready in product(("a", "b"), (False, True)):
            there = any(row.home_ready and row.home_site == name for row in case.operator.agents)
            if not ready or there:
                like = Agent("h", name, ("p",), home_ready=ready)
                hired += [list_places(case, like, lost, lifts)] * need
    choices = [[*list_places(case, row, lost, lifts), ""] for row in case.operator.agents]
    best = 0
    for chosen in product(*choices):
        left = {name: seats[name] - chosen.count(name) for name in seats}
        if min(left.values()) < 0:
            continue
        count = sum(place != "" for place in chosen)
        for places in hired:
            for place in reversed(places):
                if place == "home" or left.get(place, 0) > 0:
                    count += 1
                    left[place] = left.get(place, 0) - 1
                    break
        best = max(best, min(count, need))
    return best


def name_kinds(case: Tiny, lost: set[str], need: int) -> tuple[CauseKind, ...] | None:
    """Return what is lacking, by the loops; None where nothing is."""
    if find_best(case, lost, set(), need) == need:
        return None
    for kinds in chain.from_iterable(combinations(CauseKind, n) for n in range(1, 6)):
        if not {SKILL, HIRE} <= set(kinds) and find_best(case, lost, set(kinds), need) == need:
            return kinds
    return ()


CASES = 80


def draw_case(rng: np.random.Generator) -> tuple[Tiny, int]:
    need = int(rng.integers(1, 4))
    work = programme(
        "p",
        "k",
        place=str(rng.choice(["site_only", "home_allowed"])),
        allowed_destinations=(("MA",), ("TN",), ())[int(rng.integers(3))],
    )
    people = [
        replace(
            agent(f"a{i}", str(rng.choice(["a", "b"])), str(rng.choice(["p", "q"], p=[0.7, 0.3]))),
            home_ready=bool(rng.random() < 0.3),
            stop=str(rng.choice(["", "x"])),
        )
        for i in range(int(rng.integers(1, 5)))
    ]
    rooms = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    reach = (("a",), ("b",), ("a", "b"))[int(rng.integers(3))]
    return tiny([work, programme("q", "l")], people, {"p": need}, rooms, reach), need


@pytest.mark.parametrize("seed", range(CASES))
def test_the_causes_are_those_of_plain_loops(seed: int) -> None:
    case, need = draw_case(np.random.default_rng(seed))
    found = find_all(case)
    for loss, lost in ((BASE, set()), ("site:a", {"a"}), ("site:b", {"b"})):
        kinds = name_kinds(case, lost, need)
        always = found.get(("k", BASE))
        if loss != BASE and always is not None:
            assert kinds is not None, "what is out of reach with nothing lost is so under every loss"
            continue
        cause = found.get(("k", loss))
        assert (None if cause is None else cause.kinds) == kinds


def test_the_loops_meet_every_kind() -> None:
    """The comparison above is worth something: it meets each kind, alone and with others."""
    seen = set()
    for seed in range(CASES):
        case, need = draw_case(np.random.default_rng(seed))
        seen |= {name_kinds(case, lost, need) for lost in (set(), {"a"}, {"b"})}
    assert {(kind,) for kind in CauseKind} <= seen
    assert any(len(kinds or ()) > 1 for kinds in seen)


# -- cured in the operator's rows ----------------------------------------------------------------


def apply_cure(case: Tiny, client: str, kinds: Iterable[CauseKind], programmes: Iterable[str]) -> Tiny:
    """Return the operator with what is lacking: in its own tables, and nowhere else."""
    operator = case.operator
    own = tuple(row.id for row in operator.programmes if row.client == client)
    for kind in kinds:
        if kind is SEAT:
            rows = [
                Seat(f"{row.id}-more-{i}", f"{row.id}-z", 100.0 + 9 * i, 0.0)
                for row in operator.sites
                for i in range(40)
            ]
            operator = replace(operator, seats=(*operator.seats, *rows))
        elif kind is LAPTOP:
            people = [replace(row, home_ready=True, carrier="Another") for row in operator.agents]
            operator = replace(operator, agents=tuple(people))
        elif kind is PLACE:
            works = [
                replace(row, place="home_allowed", allowed_destinations=()) if row.client == client else row
                for row in operator.programmes
            ]
            operator = replace(operator, programmes=tuple(works))
        elif kind is SKILL:
            people = [
                replace(row, skills=(*row.skills, *(one for one in programmes if one not in row.skills)))
                for row in operator.agents
            ]
            operator = replace(operator, agents=tuple(people))
        else:
            operator = hire(operator, own, LAPTOP in kinds)
    return replace(case, operator=operator)


def hire(operator: Operator, skills: tuple[str, ...], laptops: bool) -> Operator:
    """Hire ten people for each half hour on each site, and like each agent at home."""
    lines = {(row.home_site, row.carrier) for row in operator.agents if row.home_ready}
    means = [(row.id, laptops, "Another" if laptops else "") for row in operator.sites]
    means += [(name, True, carrier) for name, carrier in sorted(lines)]
    agents, shifts, permits = list(operator.agents), list(operator.shifts), list(operator.authorisations)
    for i, ((name, ready, carrier), time, _) in enumerate(
        product(means, ("08:00", "08:30", "09:00", "09:30"), range(10))
    ):
        agents.append(Agent(f"new-{i}", name, skills, home_ready=ready, carrier=carrier))
        shifts.append(Shift(f"new-{i}", at(time), at(time) + HALF_HOUR, 0.0))
        if any(row.kind == "agent" for row in operator.authorisations):
            permits.append(Authorisation(f"w-new-{i}", "agent", f"new-{i}", DAY, DAY))
    return replace(operator, agents=tuple(agents), shifts=tuple(shifts), authorisations=tuple(permits))


@pytest.mark.parametrize("seed", range(25))
def test_the_cure_named_meets_the_target_and_less_does_not(seed: int) -> None:
    """The losses are those of the operator as it was: a new line is of another carrier."""
    case = tiny_operator(np.random.default_rng(seed))
    losses = list_contingencies(case.operator)
    for (client, loss), cause in find_all(case).items():
        cured = measure_floors(apply_cure(case, client, cause.kinds, cause.programmes), losses)
        if cause.kinds:
            assert cured[client, loss] <= case.settings.target + 1e-9
        for kind in cause.kinds:
            fewer = [one for one in cause.kinds if one is not kind]
            left = measure_floors(apply_cure(case, client, fewer, cause.programmes), losses)
            assert left[client, loss] > case.settings.target + 1e-9


# -- in the plan ---------------------------------------------------------------------------------


def test_a_plan_without_such_cells_has_no_causes_in_its_text() -> None:
    case = two_sites_one_client()
    lenient = replace(case.settings, target=0.3)
    plan = plan_day(case.operator, case.requirement, lenient)
    assert plan.causes == ()
    assert '"causes"' not in plan_to_json(plan)
    assert "hire_price" not in plan.settings


def test_the_causes_stand_in_the_text_of_a_plan_and_are_grouped() -> None:
    case = two_sites_one_client()
    plan = plan_day(case.operator, case.requirement, case.settings)
    assert [(one.contingency, one.kinds) for one in plan.causes] == [("site:a", (LAPTOP,)), ("site:b", (LAPTOP,))]
    again = plan_from_json(plan_to_json(plan))
    assert (again.causes, plan_to_json(again)) == (plan.causes, plan_to_json(plan))
    (group,) = group_causes(plan, plan.cells)
    assert group.contingencies == ("site:a", "site:b")
    assert (group.agents, group.start) == (1.0, at("08:00").astimezone(UTC))


def test_what_stands_with_nothing_lost_is_said_once_for_all_losses() -> None:
    case = BY_HAND["people"][0]
    plan = plan_day(case.operator, case.requirement, case.settings)
    assert len([cell for cell in plan.cells if cell.status is Status.OUT_OF_REACH]) > 2
    (group,) = group_causes(plan, plan.cells)
    assert group.contingencies == (BASE,)
    lost = next(cell for cell in plan.cells if cell.contingency == "site:a")
    assert plan.find_cause(lost) == plan.causes[0]


def test_a_cause_is_said_with_its_cure_and_its_price() -> None:
    group = CauseGroup("k", (BASE,), (LAPTOP, SKILL), ("Claims",), (600.0, None), 2.5, at("08:00"), 0.5)
    assert describe_cause(group, "", "08:00") == (
        "even with nothing lost: too few laptops and lines to work at home and too few people trained for Claims"
        " (at best 2.5 missing at 08:00). Cure: give laptops and lines (EUR 600 each) and train people for it"
    )
    lost = replace(group, contingencies=("site:a",), kinds=(), prices=(), start=None)
    assert describe_cause(lost, "under site:a", "") == (
        "under site:a: no place is left where its work could be done (at best 50.0% of its day missing)"
    )
    both = describe_cause(replace(group, kinds=(LAPTOP, PLACE), programmes=()), "", "08:00")
    assert "the contract allows no other place and too few laptops" in both
