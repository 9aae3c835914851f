"""The planner's linear programme and the oracles: by laws, by hand, against each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.network import Seat, Site, find_faults, write_operator
from releve.plan import plan_day
from releve.plan.n1_program import solve_n1_program
from releve.plan.result import Contingency, Placement, list_contingencies
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.settings import PlanSettings
from tests.plan import oracle_rules as rules
from tests.plan import tiny_operators
from tests.plan.checker_plans import with_operator
from tests.plan.oracle_bruteforce import Day, best_base, best_relief, floors
from tests.plan.oracle_rules import Floats
from tests.plan.oracle_whole import best_whole
from tests.plan.planner_parts import floors_of, linked, own_breaks, problem_of, secure_of, textbook_of
from tests.plan.textbook import textbook_base, textbook_floors, textbook_relief, textbook_whole
from tests.plan.tiny_operators import Tiny, room, tiny_operator

NEAR = 1e-6
SEEDS = range(12)


def by_chance(seed: int) -> Tiny:
    """Every third has no isolated people, every seventh a programme without a forecast."""
    case = tiny_operator(np.random.default_rng(seed), unknown=seed % 7 == 0)
    return replace(case, settings=PlanSettings(isolated=0.0)) if seed % 3 == 0 else case


def bound_of(case: Tiny, listed: Sequence[Contingency], floors: Floats) -> float:
    """Return the lower bound of a case for given contingencies and floors."""
    return solve_n1_program(problem_of(case), listed, floors, case.settings).objective


def near(value: float) -> object:
    return pytest.approx(value, rel=NEAR, abs=NEAR)


# -- against the textbook ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(12, 160), marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_the_compact_form_reaches_the_optimum_of_the_textbook_form(seeds: range) -> None:
    """Base alone and base with every relief it is made for; legality, seats, shares, weights,
    floors, regret, target, isolated and exposed people are all written twice."""
    for seed in seeds:
        case = by_chance(seed)
        for listed in ((), linked(case)):
            ours, book = secure_of(case, listed), textbook_of(case, listed)
            assert ours.objective == near(book.objective), f"seed {seed}, {len(listed)} losses"
            assert ours.status == "Optimal"


def test_the_base_penalty_and_regret_are_those_of_the_textbook_where_they_are_unique() -> None:
    """Prices that break ties apart: without moves to pay, penalty and regret may trade places."""
    case = by_chance(1)
    ours, book = secure_of(case, ()), textbook_of(case, ())
    assert ours.base_penalty == near(book.penalty)
    assert ours.regret["site"] == near(book.regret)


@pytest.mark.parametrize("seed", SEEDS)
def test_floors_are_those_of_the_textbook(seed: int) -> None:
    case = by_chance(seed)
    listed = linked(case)
    book = textbook_floors(case, [None, *listed], breaks=own_breaks)
    assert floors_of(case, listed) == pytest.approx(book, abs=NEAR)


# -- more never hurts ----------------------------------------------------------------------------
def one_more_seat(case: Tiny) -> Tiny:
    """A seat far from every other on the floor of the first site."""
    zone = case.operator.zones[0].id
    return with_operator(case, seats=(*case.operator.seats, Seat("extra", zone, 900.0, 900.0)))


def one_more_agent(case: Tiny, index: int) -> Tiny:
    """Another agent like one there is, on the same shift, permit included."""
    operator = case.operator
    like = operator.agents[index]
    shifts = [replace(s, agent="extra") for s in operator.shifts if s.agent == like.id]
    permits = [
        replace(row, id="w-extra", subject="extra")
        for row in operator.authorisations
        if row.kind == "agent" and row.subject == like.id
    ]
    return with_operator(
        case,
        agents=(*operator.agents, replace(like, id="extra")),
        shifts=(*operator.shifts, *shifts),
        authorisations=(*operator.authorisations, *permits),
    )


def without_shares(case: Tiny) -> Tiny:
    works = tuple(replace(row, max_site_share=1.0) for row in case.operator.programmes)
    return with_operator(case, programmes=works)


def never_above(before: Tiny, after: Tiny) -> None:
    """With the floors of before (regret is counted from them), and the floors themselves."""
    listed = linked(before)
    floors = floors_of(before, listed)
    least = bound_of(before, listed, floors)
    assert bound_of(after, listed, floors) <= least + NEAR * max(1.0, least)
    assert (compute_client_floors(problem_of(after), listed) <= floors + NEAR).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_seat_never_raises_the_bound(seed: int) -> None:
    case = by_chance(seed)
    never_above(case, one_more_seat(case))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_agent_never_raises_the_bound(seed: int) -> None:
    case = by_chance(seed)
    for index in range(len(case.operator.agents)):
        never_above(case, one_more_agent(case, index))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_more_home_ready_agent_never_raises_the_bound(seed: int) -> None:
    """A laptop for each agent in turn. Shares of a site are off: a first person at home makes a
    client one with two places, whose share of a site is then limited."""
    case = without_shares(by_chance(seed))
    for row in case.operator.agents:
        if not row.home_ready:
            able = replace(row, home_ready=True, line_type="fibre", line_mbps=50.0, carrier="New")
            people = tuple(able if a.id == row.id else a for a in case.operator.agents)
            never_above(case, with_operator(case, agents=people))


@pytest.mark.parametrize("seed", SEEDS)
def test_losses_to_be_survived_never_lower_the_bound(seed: int) -> None:
    """The base plan alone costs no more than the base plan with reliefs."""
    case = by_chance(seed)
    listed = linked(case)
    floors = floors_of(case, listed)
    assert bound_of(case, (), floors[:1]) <= bound_of(case, listed, floors) * (1 + NEAR) + NEAR


# -- what changes nothing ------------------------------------------------------------------------
def with_empty_site(case: Tiny) -> Tiny:
    """A site in the Gulf of Guinea with five seats, without agents and out of reach."""
    floor, zone, seats = room("gulf", 5)
    operator = case.operator
    return with_operator(
        case,
        sites=(*operator.sites, Site("gulf", "Gulf", "GH", "Gulf", "Africa/Accra", 0.0, 0.0)),
        floors=(*operator.floors, floor),
        zones=(*operator.zones, zone),
        seats=(*operator.seats, *seats),
    )


def with_dear_calls(case: Tiny) -> Tiny:
    works = tuple(
        replace(row, penalty_per_missed_call=7.0 * row.penalty_per_missed_call) for row in case.operator.programmes
    )
    return with_operator(case, programmes=works)


def with_sites_turned(case: Tiny) -> Tiny:
    return with_operator(case, sites=case.operator.sites[::-1])


def with_agents_turned(case: Tiny) -> Tiny:
    return with_operator(case, agents=case.operator.agents[::-1])


def with_programmes_turned(case: Tiny) -> Tiny:
    need = case.requirement
    turned = {name: getattr(need, name)[:, ::-1] for name in ("agents", "on_phone", "calls", "aht_s")}
    case = with_operator(case, programmes=case.operator.programmes[::-1])
    turned_need = replace(need, programmes=need.programmes[::-1], **turned)
    return replace(case, requirement=turned_need)


SAME: dict[str, Callable[[Tiny], Tiny]] = {
    "an empty site": with_empty_site,
    "all penalties times seven": with_dear_calls,
    "the order of sites": with_sites_turned,
    "the order of agents": with_agents_turned,
    "the order of programmes": with_programmes_turned,
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_bound_does_not_change_with(name: str, seed: int) -> None:
    case = by_chance(seed)
    listed = linked(case)
    other = SAME[name](case)
    floors = floors_of(other, listed)
    assert floors == pytest.approx(floors_of(case, listed), abs=NEAR)
    assert bound_of(other, listed, floors) == near(secure_of(case, listed).objective)


def long(name: str) -> str:
    return f"{name}-x" if name else ""


def long_place(name: str) -> str:
    return name if name == "home" else long(name)


def who_works_where(row: Placement, named: Callable[[str], str]) -> tuple[object, ...]:
    who = (named(row.agent), named(row.place), named(row.programme))
    return (*who, row.start, row.end, row.break_start, row.break_end)


def renamed(case: Tiny) -> Tiny:
    """Every site, agent, programme and client under another name, in the same order.

    The new names of places sort as the old ones do, ``home`` included.
    """
    old = case.operator

    def names(values: Sequence[str]) -> tuple[str, ...]:
        return tuple(long(value) for value in values)

    operator = replace(
        old,
        sites=tuple(replace(r, id=long(r.id)) for r in old.sites),
        floors=tuple(replace(r, site=long(r.site)) for r in old.floors),
        clients=tuple(replace(r, id=long(r.id)) for r in old.clients),
        programmes=tuple(replace(r, id=long(r.id), client=long(r.client)) for r in old.programmes),
        agents=tuple(
            replace(r, id=long(r.id), home_site=long(r.home_site), skills=names(r.skills)) for r in old.agents
        ),
        shifts=tuple(replace(r, agent=long(r.agent)) for r in old.shifts),
        shuttles=tuple(replace(r, site=long(r.site)) for r in old.shuttles),
        authorisations=tuple(replace(r, subject=long(r.subject)) for r in old.authorisations),
        measures=tuple(replace(r, site=long(r.site)) for r in old.measures),
        contingencies=tuple(replace(r, sites=names(r.sites)) for r in old.contingencies),
    )
    need = case.requirement
    unknown = {long(name): reason for name, reason in need.unknown.items()}
    need = replace(need, programmes=names(need.programmes), unknown=unknown)
    return Tiny(operator, need, case.settings)


@pytest.mark.parametrize("seed", SEEDS)
def test_other_names_in_the_same_order_change_nothing_but_the_names(seed: int) -> None:
    """Not the bound, and not who works where, when and with which break."""
    case = by_chance(seed)
    other = renamed(case)
    assert secure_of(other, linked(other)).objective == secure_of(case, linked(case)).objective
    plan = plan_day(case.operator, case.requirement, case.settings)
    again = plan_day(other.operator, other.requirement, other.settings)
    assert [who_works_where(row, long_place) for row in plan.placements] == [
        who_works_where(row, str) for row in again.placements
    ]
    assert again.bound.objective == plan.bound.objective
    moves = {name: len(scenario.moves) for name, scenario in plan.scenarios.items()}
    assert sum(moves.values()) == sum(len(row.moves) for row in again.scenarios.values())


seeds = st.integers(0, 2**32 - 1)
NO_ISOLATION = PlanSettings(isolated=0.0)

# Objective of the base plan, relief penalties by contingency, objective of the whole.
KNOWN: list[tuple[Callable[[], Tiny], float, dict[str, float], float]] = [
    (tiny_operators.two_sites_one_client, 0.0, {"site:a": 2.0, "site:b": 2.0, "carrier:Red": 0.0}, 0.4),
    (tiny_operators.scarce_seats, 0.215, {"site:a": 1.2, "carrier:Red": 1.0}, 0.455),
    (tiny_operators.one_site_site_only, 0.0, {"site:a": 1.0, "site:b": 1.0}, 0.2),
    (tiny_operators.capped, 0.01, {}, 3.0),
    (tiny_operators.breaks_apart, 0.0, {"site:a": 4.0}, 0.8),
    (tiny_operators.spare_person, 0.0, {"site:b": 0.0}, 0.0),
    (tiny_operators.two_needed_of_two, 0.0, {}, 2.0),
    (tiny_operators.carrier_lost, 0.015, {"site:a": 1.0, "carrier:Red": 1.0}, 0.215),
]


@pytest.mark.parametrize(("made", "base", "reliefs", "whole"), KNOWN)
def test_the_best_of_hand_made_operators_is_the_one_worked_out(
    made: Callable[[], Tiny], base: float, reliefs: dict[str, float], whole: float
) -> None:
    case = made()
    plan = best_base(case)
    assert plan.objective == pytest.approx(base)
    for lost in list_contingencies(case.operator):
        if lost.id in reliefs:
            relief = best_relief(case, plan.placements, lost)
            assert relief.penalty == pytest.approx(reliefs[lost.id])
    assert best_whole(case, floors(case)).objective == pytest.approx(whole)


def test_counting_the_base_plans_own_regret_keeps_people_at_work() -> None:
    """Without it idle agents are never exposed, and the optimum is to send both home."""
    case = tiny_operators.two_needed_of_two()
    least = floors(case)
    idle = best_whole(case, least)
    assert (idle.objective, idle.placements) == (2.0, ())
    served = best_whole(case, least, base_regret=np.zeros(1))
    assert served.objective == pytest.approx(5.21)
    assert {row.place for row in served.placements} == {"a", "b"}


def test_floors_are_of_one_client_with_everyone_for_itself() -> None:
    case = tiny_operators.one_site_site_only()
    assert floors(case).tolist() == [[1.0, 0.0], [0.0, 0.5], [0.0, 0.0]]


def plainly(case: Tiny, lost: Contingency | None) -> float:
    """Return the least objective over the full product of options, with nothing left out."""
    day = Day(case)
    base = best_base(case).placements if lost else ()
    before = {row.agent: row for row in base}
    options = day.relief_options(before, lost, 0.5) if lost else day.base_options()
    caps = {} if lost else rules.capped_clients(case)
    best = float("inf")
    for choice in itertools.product(*([None, *found] for found in options.values())):
        chosen = [option for option in choice if option is not None]
        team = [option.placement for option in chosen]
        seated = np.zeros((len(case.operator.sites), len(day.times)))
        for option in chosen:
            if option.placement.place != "home":
                seated[list(case.operator.site).index(option.placement.place)] += option.present
        limit = np.array([day.capacity[name] for name in case.operator.site])
        if (seated <= limit[:, None]).all() and rules.within_caps(case, caps, team):
            missing = day.need.copy()
            for option in chosen:
                missing[:, option.column] -= option.worked
            penalty = (np.maximum(0.0, missing) * day.weights).sum() + day.hopeless
            best = min(best, float(penalty) + sum(option.price for option in chosen))
    return best


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_branches_left_out_never_held_the_best(seed: int) -> None:
    case = tiny_operator(np.random.default_rng(seed), agents=3, sites=2, programmes=2)
    case = replace(case, settings=NO_ISOLATION)
    plan = best_base(case)
    assert plan.objective == pytest.approx(plainly(case, None), abs=1e-9)
    assert plan.penalty == pytest.approx(rules.penalty_of(case, plan.placements), abs=1e-9)
    lost = list_contingencies(case.operator)[0]
    relief = best_relief(case, plan.placements, lost, price=0.5)
    assert relief.objective == pytest.approx(plainly(case, lost), abs=1e-9)


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_fractions_of_people_are_never_worse_than_whole_people(seed: int) -> None:
    """The textbook form is a relaxation of all that brute force tries."""
    case = tiny_operator(np.random.default_rng(seed), agents=4, sites=2, settings=NO_ISOLATION, unknown=seed % 5 == 0)
    plan = best_base(case)
    assert textbook_base(case).objective <= plan.objective + 1e-6
    for lost in list_contingencies(case.operator):
        relief = best_relief(case, plan.placements, lost)
        assert textbook_relief(case, plan.placements, lost).penalty <= relief.penalty + 1e-6
    least = textbook_floors(case)
    assert (least <= floors(case) + 1e-6).all()
    assert textbook_whole(case, least).objective <= best_whole(case, least).objective + 1e-6


def test_the_textbook_form_finds_the_optimum_where_it_is_whole() -> None:
    assert textbook_base(tiny_operators.scarce_seats()).objective == pytest.approx(0.215)
    assert textbook_base(tiny_operators.breaks_apart()).objective == pytest.approx(0.0, abs=1e-9)
    case = replace(tiny_operators.two_sites_one_client(), settings=NO_ISOLATION)
    whole = textbook_whole(case, textbook_floors(case))
    assert whole.objective == pytest.approx(0.4)
    assert whole.penalties["site:a"] == pytest.approx(2.0)
    assert whole.regret == pytest.approx(0.0, abs=1e-9)


def test_the_textbook_form_isolates_the_exact_share() -> None:
    """Of a1, who could work at home, a tenth is isolated: 0.1 people over two intervals less.

    Moves are dear here, or a1 would be at home before anything happens.
    """
    case = tiny_operators.two_sites_one_client()
    case = replace(case, settings=PlanSettings(isolated=0.1, move_price=1.0))
    whole = textbook_whole(case, textbook_floors(case)[:1], list_contingencies(case.operator)[:1])
    assert whole.penalties["site:a"] == pytest.approx(2.2)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_random_operators_are_well_formed(seed: int) -> None:
    """Every agent has one shift of the day, every skill and site exists, breaks fit."""
    case = tiny_operator(np.random.default_rng(seed))
    operator = case.operator
    assert 3 <= len(operator.agents) <= 7
    for row in operator.agents:
        shift = rules.shift_of(case, row.id)
        assert shift is not None
        assert rules.every_break(shift)
        assert set(row.skills) <= set(operator.programme)
        assert row.home_ready == bool(row.carrier)
    assert {row.client for row in operator.programmes} == set(operator.client)
    assert case.requirement.agents.shape == (48, len(operator.programmes))


def test_tiny_operators_pass_the_checks_of_an_operator_folder() -> None:
    """Written as tables and read back, they have no fault and are the same."""
    cases = [tiny_operator(np.random.default_rng(seed)) for seed in range(12)]
    for case in [*cases, *(made() for made, *_ in KNOWN)]:
        operator, found = find_faults(write_operator(case.operator))
        assert found == ()
        assert operator == case.operator
