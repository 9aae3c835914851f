"""The relief of a running day, person by person, and when those who move are at work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from releve.network import HOME, Measure, Operator, TravelTime, Vehicle
from releve.plan import Contingency, Placement, Plan, PlannedScenario, PlanSettings
from releve.plan.checker import check_relief
from releve.plan.integer_plan import IntegerPlan
from releve.plan.intraday_relief import IntradayRelief, RunningDay, build_running_day, solve_intraday_relief
from releve.plan.lp import solve_lp
from releve.plan.named_assignments import HOME_DELAY, SITE_DELAY, MoveDelays, SiteArrival
from releve.plan.relief import build_relief_program, find_available_staff, price_excess, read_columns
from releve.plan.scenario_lp import sum_by_client, sum_client_requirement
from tests.plan import oracle_rules as rules
from tests.plan import planner_parts
from tests.plan.tiny_operators import HALF_HOUR, Tiny

NEAR_PENALTY, NEAR_NEED = 0.16, 0.006
"""How far a relief may be above the fractional one, as a share of its penalty and of the weighted
requirement that is left. Measured on 300 to 600 agents, seeds 1 to 3, at 10:30 and 14:00 (48
losses): at most 13.2 % and 0.43 %, in half of them 0.9 % and 0.05 %. It may also be below: what is
minimised counts moves and what is above the target too, and that is never below."""


@dataclass(frozen=True)
class Closed:
    """A day with a site closed at an instant, and its relief."""

    case: Tiny
    plan: Plan
    when: datetime
    site: str
    lost: Contingency
    day: RunningDay
    found: IntradayRelief

    @property
    def exposed(self) -> set[str]:
        base = planner_parts.list_running(self.plan, self.when)
        return {agent for agent, row in base.items() if row.place == self.site}


def close_each(agents: int, seed: int, text: str) -> list[Closed]:
    case, plan = planner_parts.running_day(agents, seed)
    when = planner_parts.clock(case, text)
    day = build_running_day(case.operator, plan, case.requirement, when, case.settings)
    return [
        Closed(case, plan, when, site, lost, day, solve_intraday_relief(day, lost, case.settings))
        for lost in planner_parts.list_site_losses(case.operator)
        for site in lost.sites
    ]


@pytest.fixture(
    scope="module",
    params=[
        (300, 1, "10:30"),
        pytest.param((450, 2, "10:30"), marks=pytest.mark.slow),
        pytest.param((600, 3, "14:00"), marks=pytest.mark.slow),
    ],
    ids=lambda param: f"{param[0]} agents at {param[2]}",
)
def closures(request: pytest.FixtureRequest) -> list[Closed]:
    return close_each(*request.param)


# -- lawful --------------------------------------------------------------------------------------
def test_nobody_is_at_the_closed_site_and_who_was_there_is_at_home_or_not_at_work(closures: list[Closed]) -> None:
    for one in closures:
        rows = planner_parts.apply_relief(one.plan, one.when, one.found)
        assert one.exposed
        assert not [row for row in rows.values() if row.place == one.site]
        assert {rows[agent].place for agent in one.exposed & rows.keys()} <= {"home"}


def test_the_isolated_are_the_rounded_down_share_of_the_exposed(closures: list[Closed]) -> None:
    for one in closures:
        isolated = {move.agent for move in one.found.moves if move.reason == "isolated"}
        assert len(isolated) == int(one.case.settings.isolated * len(one.exposed) + 1e-9)
        assert isolated <= one.exposed


def test_every_remaining_half_hour_keeps_to_the_seats(closures: list[Closed]) -> None:
    for one in closures:
        seats = {site.id: len(site.usable_seats) for site in one.plan.sites}
        rows = planner_parts.apply_relief(one.plan, one.when, one.found)
        present = planner_parts.people_on(one.case.requirement, rows, one.when)
        assert all(count <= seats[place] for (_, place), count in present.items() if place != "home")


def test_moves_start_from_what_is_left_of_the_base_plan(closures: list[Closed]) -> None:
    for one in closures:
        base = planner_parts.list_running(one.plan, one.when)
        for move in one.found.moves:
            assert move.before == base.get(move.agent)
            assert move.before != move.after
        assert len({move.agent for move in one.found.moves}) == len(one.found.moves)


def test_moves_are_legal_take_their_time_and_keep_shift_and_break(closures: list[Closed]) -> None:
    for one in closures:
        base = planner_parts.list_running(one.plan, one.when)
        for move in one.found.moves:
            after = move.after
            if after is None:
                assert move.reason in ("isolated", "stranded", "reserve")
                continue
            agent = one.case.operator.agent[move.agent]
            shift = rules.shift_of(one.case, agent.id)
            assert shift is not None
            assert (after.place, after.programme) in rules.legal_pairs(one.case, agent, one.lost)
            first = one.when + planner_parts.find_delay(move.before, after)
            assert (after.start, after.end) == (max(shift.start, first), shift.end)
            if move.agent in base and after.break_start is not None:
                before = base[move.agent]
                assert before.break_start is not None
                assert before.break_end is not None
                if before.break_end > after.start:
                    assert after.break_start == max(before.break_start, after.start)
                    assert after.break_end == before.break_end
                else:  # it fell into the way, and comes after it
                    assert after.start <= after.break_start
                    assert after.break_end - after.break_start == before.break_end - before.break_start


def test_placed_work_and_penalties_are_those_of_the_people(closures: list[Closed]) -> None:
    for one in closures:
        weights = rules.weights(one.case)
        rows = planner_parts.apply_relief(one.plan, one.when, one.found)
        np.testing.assert_allclose(one.found.placed, rules.placed_by(one.case, rows.values()), atol=1e-9)
        missing = planner_parts.count_missing(one.case, rows, one.when)
        assert (missing * weights).sum() == pytest.approx(one.found.penalty, rel=1e-9)
        stay = {
            agent: row for agent, row in planner_parts.list_running(one.plan, one.when).items() if row.place != one.site
        }
        alone = (planner_parts.count_missing(one.case, stay, one.when) * weights).sum()
        assert alone == pytest.approx(one.found.unrelieved, rel=1e-9)
        for client, share in one.found.missing.items():
            own = [
                p
                for p, name in enumerate(one.case.requirement.programmes)
                if one.case.operator.programme[name].client == client
            ]
            need = one.found.required[:, own].sum()
            assert share == pytest.approx(missing[:, own].sum() / max(1.0, need), abs=1e-9)


@pytest.mark.slow
def test_at_the_start_of_the_day_the_independent_checker_finds_nothing() -> None:
    """Nothing is running yet, so the live relief is one the morning could have had."""
    case, plan = planner_parts.running_day(300)
    day = build_running_day(case.operator, plan, case.requirement, plan.starts[0], case.settings)
    for lost in planner_parts.list_site_losses(case.operator):
        found = solve_intraday_relief(day, lost, case.settings, curve=False)
        assert found.moves
        scenario = PlannedScenario(lost.id, found.placed, found.moves, found.penalty, found.lp_penalty)
        faults = check_relief(case.operator, plan, lost, scenario, case.settings, case.requirement.aht_s)
        assert faults == ()


@pytest.mark.slow
def test_a_measure_on_how_many_people_a_site_holds_counts_live_too() -> None:
    case, _ = planner_parts.running_day(300)
    day = case.requirement.day
    limits = tuple(Measure(f"few-{site.id}", site.id, "max_people", 15.0, day, day) for site in case.operator.sites)
    tight = replace(case, operator=replace(case.operator, measures=limits))
    plan, when = planner_parts.plan_case(tight), planner_parts.clock(case, "10:30")
    day_left = build_running_day(tight.operator, plan, tight.requirement, when, tight.settings)
    for lost in planner_parts.list_site_losses(tight.operator):
        found = solve_intraday_relief(day_left, lost, tight.settings, curve=False)
        present = planner_parts.people_on(tight.requirement, planner_parts.apply_relief(plan, when, found), when)
        assert max(n for (_, place), n in present.items() if place != "home") == 15


@pytest.mark.parametrize(("home", "site"), [(30, 240), (240, 30), (45, 100)])
def test_seats_and_delays_hold_whichever_move_takes_longer(home: int, site: int) -> None:
    case, plan = planner_parts.running_day(300)
    when = planner_parts.clock(case, "10:30")
    delays = {"home_delay": timedelta(minutes=home), "site_delay": timedelta(minutes=site)}
    day = build_running_day(case.operator, plan, case.requirement, when, case.settings, **delays)
    seats = {row.id: len(row.usable_seats) for row in plan.sites}
    for lost in planner_parts.list_site_losses(case.operator):
        found = solve_intraday_relief(day, lost, case.settings, curve=False)
        present = planner_parts.people_on(case.requirement, planner_parts.apply_relief(plan, when, found), when)
        assert all(n <= seats[place] for (_, place), n in present.items() if place != "home")
        moved = [m for m in found.moves if m.after and (m.before is None or m.before.place != m.after.place)]
        assert moved
        for move in moved:
            assert move.after is not None
            wait = delays["home_delay" if move.after.place == "home" else "site_delay"]
            assert move.after.start >= when + wait
        best = solve_best(day, lost, case.settings)
        assert best.penalty <= best.lp_penalty * (1 + NEAR_PENALTY)


# -- good ----------------------------------------------------------------------------------------
def test_a_relief_misses_less_than_nobody_moving_and_is_near_the_fractional_one(closures: list[Closed]) -> None:
    for one in closures:
        found = one.found
        need = float((found.required @ rules.weights(one.case)).sum())
        assert found.penalty < found.unrelieved
        assert found.first < found.unrelieved
        best = solve_best(one.day, one.lost, one.case.settings)
        assert best.penalty - best.lp_penalty <= NEAR_PENALTY * best.lp_penalty
        assert best.penalty - best.lp_penalty <= NEAR_NEED * need


def solve_best(day: RunningDay, lost: Contingency, settings: PlanSettings) -> IntradayRelief:
    """Return the relief that gives no coverage away to move fewer people."""
    return solve_intraday_relief(day, lost, replace(settings, relief_tolerance=0.0), curve=False)


def test_no_relief_in_whole_people_costs_less_than_the_fractional_one(closures: list[Closed]) -> None:
    """Penalty, moves at their price and what is above the target, all three together."""
    for one in closures:
        problem, price = one.day.problem, one.case.settings.relief_move_price
        limit = np.full(len(problem.clients), one.case.settings.target)
        staff = find_available_staff(problem, one.lost, one.day.stay, one.case.settings.isolated)
        lp, _ = build_relief_program(problem, one.day.layout, staff, limit, price)
        moved = [
            move
            for move in one.found.moves
            if move.after is not None and (move.before is None or _where(move.before) != _where(move.after))
        ]
        missing = sum_by_client(problem, np.maximum(0.0, one.found.required - one.found.placed))
        above = np.maximum(0.0, missing - limit * sum_client_requirement(problem))
        cost = one.found.penalty + price * len(moved) + price_excess(problem) @ above
        assert cost >= solve_lp(lp).objective * (1 - 1e-6)


def _where(row: Placement) -> tuple[str, str]:
    return row.place, row.programme


def test_the_first_answer_comes_before_the_optimum_and_is_the_one_reported() -> None:
    case, plan = planner_parts.running_day(300)
    when = planner_parts.clock(case, "10:30")
    day = build_running_day(case.operator, plan, case.requirement, when, case.settings)
    heard: list[IntegerPlan] = []
    found = solve_intraday_relief(
        day, planner_parts.list_site_losses(case.operator)[0], case.settings, curve=False, first_answer=heard.append
    )
    assert [plan.penalty for plan in heard] == [found.first]


def test_people_moved_fall_as_the_price_of_a_move_rises(closures: list[Closed]) -> None:
    """A law of the linear programme: what is minimised is moves times price plus the rest."""
    for one in closures:
        for (low, many, _), (high, few, _) in pairwise(one.found.curve):
            assert low < high
            assert few <= many + 1e-4


def test_what_is_missing_costs_more_as_the_price_of_a_move_rises(closures: list[Closed]) -> None:
    """The other half of the law: the cost without the moves rises.

    It is weighted by penalties and by what is above the target, so the bare agent half hours of
    the curve follow it only on the whole: from the cheapest price to the dearest they rise, in
    between they may dip.
    """
    for one in closures:
        limit = np.full(len(one.day.problem.clients), one.case.settings.target)
        staff = find_available_staff(one.day.problem, one.lost, one.day.stay, one.case.settings.isolated)
        rest = []
        for price, moved, missing in one.found.curve:
            lp, block = build_relief_program(one.day.problem, one.day.layout, staff, limit, price)
            solution = solve_lp(lp, method="simplex")
            again = np.maximum(0.0, read_columns(solution.x, block.w) - staff.kept).sum()
            assert again == pytest.approx(moved, abs=1e-6)
            assert solution.x[block.u].sum() == pytest.approx(missing, abs=1e-6)
            rest.append(solution.objective - price * moved)
        assert all(low <= high + 1e-4 * high for low, high in pairwise(rest))
        assert one.found.curve[0][2] <= one.found.curve[-1][2] * 1.001


def test_the_frontier_at_the_target_is_the_relief_and_holds_who_can_be_held(closures: list[Closed]) -> None:
    """Moves at their price and what is missing cost together least where no client need be held.

    Moves alone follow no law: a client that need not be held at 5 % may be worth more of them, where each spares
    others more than its price.
    """
    for one in closures:
        target, price = one.case.settings.target, one.case.settings.relief_move_price
        found = solve_intraday_relief(one.day, one.lost, one.case.settings, curve=False, aims=(target, 1.0))
        held, free = found.frontier
        assert held.missing == pytest.approx(found.lp_penalty, rel=1e-6)
        costs = [price * row.moved + row.missing for row in (free, held)]
        assert costs[0] <= costs[1] * (1 + 1e-6), "holding a client saves moves only for more that is missing"
        assert held.worst <= max(target, free.worst) + 1e-6


def test_free_moves_miss_no_more_than_dear_ones(closures: list[Closed]) -> None:
    """In fractions; whole people follow within the tolerance of the rounding."""
    for one in closures:
        free, dear = (
            solve_intraday_relief(one.day, one.lost, replace(one.case.settings, relief_move_price=price), curve=False)
            for price in (0.0, 32.0)
        )
        assert free.penalty <= dear.penalty * (1 + NEAR_PENALTY)
        gone = [move for move in dear.moves if move.after is not None]
        assert len(gone) <= len([move for move in free.moves if move.after is not None])


def test_fewer_people_move_where_every_client_keeps_its_coverage_to_the_tolerance(closures: list[Closed]) -> None:
    saved = 0
    for one in closures:
        best, fewer = solve_best(one.day, one.lost, one.case.settings), one.found
        saved += _count_arrivals(best) - _count_arrivals(fewer)
        assert _count_arrivals(fewer) <= _count_arrivals(best)
        for client, missing in best.missing.items():
            most = max(missing, min(missing + one.case.settings.relief_tolerance, one.case.settings.target))
            assert fewer.missing[client] <= most + 1e-6
    assert saved > 0


def _count_arrivals(found: IntradayRelief) -> int:
    """Return the people who are where they were not before."""
    return sum(
        move.after is not None and (move.before is None or _where(move.before) != _where(move.after))
        for move in found.moves
    )


# -- refused -------------------------------------------------------------------------------------
@pytest.mark.parametrize("beyond", [-HALF_HOUR / 30, timedelta(days=1)])
def test_a_time_off_the_planned_day_is_refused(beyond: timedelta) -> None:
    case, plan = planner_parts.running_day(300)
    with pytest.raises(ValueError, match="is not on the planned day 2026-11-30"):
        build_running_day(case.operator, plan, case.requirement, plan.starts[0] + beyond, case.settings)


def test_a_time_within_a_half_hour_counts_from_its_start() -> None:
    case, plan = planner_parts.running_day(300)
    lost = planner_parts.list_site_losses(case.operator)[1]
    found = [
        solve_intraday_relief(
            build_running_day(case.operator, plan, case.requirement, planner_parts.clock(case, text), case.settings),
            lost,
            case.settings,
            curve=False,
        )
        for text in ("10:30", "10:59")
    ]
    assert found[0].moves == found[1].moves


def test_in_the_last_half_hour_nobody_can_be_moved_in_time() -> None:
    case, plan = planner_parts.running_day(300)
    last = max(row.end for row in plan.placements) - HALF_HOUR
    day = build_running_day(case.operator, plan, case.requirement, last, case.settings)
    for lost in planner_parts.list_site_losses(case.operator):
        found = solve_intraday_relief(day, lost, case.settings, curve=False)
        for move in found.moves:
            assert move.after is None or move.before is not None
            assert move.after is None or move.after.place == move.before.place  # type: ignore[union-attr]


def test_who_goes_to_another_place_works_there_for_an_hour_and_for_no_less_than_the_way_to_a_site() -> None:
    case, plan = planner_parts.running_day(300)
    spared = 0
    for text in ("14:00", "15:30", "17:00"):
        when = planner_parts.clock(case, text)
        day = build_running_day(case.operator, plan, case.requirement, when, case.settings)
        running = planner_parts.list_running(plan, when)
        for lost in planner_parts.list_site_losses(case.operator):
            for move in solve_intraday_relief(day, lost, case.settings, curve=False).moves:
                if move.after is None or (move.before is not None and move.before.place == move.after.place):
                    continue
                work, begun = move.after.end - move.after.start, move.agent in running and move.before is not None
                assert work >= timedelta(hours=1)
                if begun and move.before.start <= when and move.after.place != HOME:  # type: ignore[union-attr]
                    assert work >= SITE_DELAY
            left = [row.end - when for row in running.values() if row.place in lost.sites and row.start <= when]
            spared += sum(HOME_DELAY < time < HOME_DELAY + timedelta(hours=1) for time in left)
    assert spared, "some would have gone home for half an hour"


@pytest.mark.parametrize(("home", "site"), [(90, 120), (240, 30)])
def test_the_linear_relief_knows_every_half_hour_in_which_seats_could_run_out(home: int, site: int) -> None:
    """A group has a pattern of its own at each place when moves take their time."""
    case, plan = planner_parts.running_day(300)
    delays = {"home_delay": timedelta(minutes=home), "site_delay": timedelta(minutes=site)}
    when = planner_parts.clock(case, "10:30")
    day = build_running_day(case.operator, plan, case.requirement, when, case.settings, **delays)
    problem = day.problem
    could: dict[tuple[int, int], set[int]] = {}
    for g, m, link in zip(problem.group, problem.place, problem.link, strict=True):
        patterns = problem.patterns.classes[problem.link_class[link]]
        for t in np.nonzero(problem.patterns.present[patterns].max(axis=0))[0]:
            could.setdefault((int(t), int(m)), set()).add(int(g))
    scarce = {
        (t, m)
        for (t, m), groups in could.items()
        if m != problem.home and sum(problem.size[g] for g in groups) > problem.seats[m]
    }
    assert scarce
    assert set(zip(day.layout.seat_t.tolist(), day.layout.seat_m.tolist(), strict=True)) == scarce


MINUTE = timedelta(minutes=1)


def connect_sites(operator: Operator, minutes: float, source: str = "measured") -> Operator:
    """Return an operator whose table of travel has each pair of sites."""
    names = [site.id for site in operator.sites]
    rows = tuple(TravelTime(a, b, minutes, source=source) for a in names for b in names if a < b)
    return replace(operator, travel=rows)


def place(agent: str, where: str, start: datetime) -> Placement:
    """Return eight hours of an agent somewhere."""
    return Placement(agent, where, "p", start, start + timedelta(hours=8), None, None)


@pytest.mark.parametrize(("drive", "delay"), [(20, 60), (30, 60), (31, 90), (170, 210)])
def test_the_drive_between_sites_and_the_set_up_count_in_half_hours(drive: int, delay: int) -> None:
    case, _ = planner_parts.running_day(300)
    at = planner_parts.clock(case, "10:30")
    one, two = (site.id for site in case.operator.sites[:2])
    delays = MoveDelays(connect_sites(case.operator, drive))
    working = place("a", one, at - MINUTE)
    assert delays.find_site_delay("", working, two, at) == delay * MINUTE
    assert delays.find_site_delay("", place("a", two, at), one, at + MINUTE) == delay * MINUTE


def test_where_no_journey_is_given_the_setting_counts() -> None:
    case, _ = planner_parts.running_day(300)
    operator, at = case.operator, planner_parts.clock(case, "10:30")
    one, two = (site.id for site in operator.sites[:2])
    working = place("a", one, at)
    for delays in (MoveDelays(operator), MoveDelays(connect_sites(operator, 20, "estimated"))):
        assert delays.find_site_delay("", working, two, at) == SITE_DELAY
    known = MoveDelays(connect_sites(operator, 20), site=45 * MINUTE)
    for placed in (None, place("a", HOME, at), place("a", one, at + MINUTE)):
        assert known.find_site_delay("", placed, two, at) == 45 * MINUTE, "not on a site by then"


def test_who_rides_sets_out_from_the_stop_and_others_from_where_they_live() -> None:
    case, _ = planner_parts.running_day(300)
    operator, at = case.operator, planner_parts.clock(case, "06:00")
    shuttle = operator.shuttles[0]
    agent = next(row for row in operator.agents if row.stop == shuttle.stop)
    later = place(agent.id, "elsewhere", at + timedelta(hours=6))
    assert MoveDelays(operator).find_stop(agent.id) == "", "no vehicle brings anybody"
    fleet = replace(operator, vehicles=(Vehicle("v", "depot", 16),))
    delays = MoveDelays(fleet)
    assert delays.find_stop(agent.id) == shuttle.stop
    drive = delays.measure_drive(shuttle.stop, later, shuttle.site, at)
    assert drive == (shuttle.ride_minutes - 6) * MINUTE
    own = replace(agent, own_transport=True)
    rows = tuple(own if row.id == own.id else row for row in operator.agents)
    assert MoveDelays(replace(fleet, agents=rows)).find_stop(own.id) == ""
    assert delays.find_stop("erased") == ""


def test_a_known_journey_shorter_than_the_setting_never_serves_fewer_calls() -> None:
    case, plan = planner_parts.running_day(300)
    when = planner_parts.clock(case, "10:30")
    near = connect_sites(case.operator, 20)
    arrived = set()
    for lost in planner_parts.list_site_losses(case.operator):
        penalty = []
        for operator, wait in ((case.operator, SITE_DELAY), (near, 60 * MINUTE)):
            day = build_running_day(operator, plan, case.requirement, when, case.settings)
            found = solve_intraday_relief(day, replace(lost, exposed=False), case.settings, curve=False)
            penalty.append(found.lp_penalty)
            for move in found.moves:
                before, after = move.before, move.after
                if before is None or after is None or before.place in (HOME, after.place):
                    continue
                if after.place == HOME or before.start > when:
                    continue
                assert after.start >= when + wait
                arrived.add(after.start - when)
        assert penalty[1] <= penalty[0] * (1 + 1e-6)
    assert 60 * MINUTE in arrived, "some are sooner on another site"


def test_arrivals_are_counted_by_site_and_by_how_they_are_known() -> None:
    case, _ = planner_parts.running_day(300)
    at = planner_parts.clock(case, "10:30")
    one, two, three = (site.id for site in case.operator.sites[:3])
    operator = replace(case.operator, travel=(TravelTime(one, two, 20), TravelTime(three, two, 50)))
    names = [agent.id for agent in operator.agents[:5]]
    before = {
        names[0]: place(names[0], one, at),
        names[1]: place(names[1], three, at),
        names[2]: place(names[2], HOME, at),
        names[3]: place(names[3], two, at),
    }
    after = {name: place(name, two, at) for name in names[:4]} | {names[4]: place(names[4], HOME, at)}
    assert MoveDelays(operator).list_site_arrivals(before, after, at) == (
        SiteArrival(two, 1, 120, 120, False),
        SiteArrival(two, 2, 60, 90, True),
    )
    assert HOME_DELAY < SITE_DELAY
