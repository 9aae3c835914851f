"""The planner's linear programme: equal to its textbook form, and lawful under what changes.

Laws are of the optimum, to the solver's tolerance: which of several best plans is found may change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from releve.network import Seat, Site
from releve.plan import plan_day
from releve.plan.n1_program import solve_n1_program
from releve.plan.result import Contingency, Placement
from releve.plan.scenario_lp import compute_client_floors
from releve.plan.settings import PlanSettings
from tests.plan.checker_plans import with_operator
from tests.plan.oracle_rules import Floats
from tests.plan.planner_parts import floors_of, linked, own_breaks, problem_of, secure_of, textbook_of
from tests.plan.textbook import textbook_floors
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
