"""Plans with vehicles: no seat, no promise; groups that only a stop tells apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest

from releve import transport
from releve.demand.requirement import Requirement
from releve.network import HOME, Operator, find_site_seats, sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan, PlanError, PlanSettings, SolvedDay, check_plan, list_contingencies, name_plan
from releve.plan import solve_day as solve
from releve.plan.candidate_groups import MergedGroups, add_candidate_groups, merge_groups
from releve.plan.checker.rules import apply_moves
from releve.plan.day_fleet import build_day_fleet, cap_vehicles, list_riders, route_plan
from releve.plan.day_runs import PlacementsFrom, route_day
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.lp import LinearProgram, solve_lp
from releve.plan.n1_program import add_n1_day, solve_n1_program
from releve.plan.named_assignments import SET_UP
from releve.plan.planner import count_seats_to_fill
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.purchases.lp import apply_purchases, list_purchases, solve_cheapest_set
from releve.plan.result import BASE, Contingency
from releve.plan.ride_rows import GRID_SECONDS, RideLayout, RideRuns, add_rides, build_ride_layout, find_ride_rooms
from releve.plan.scenario_lp import build_layout, find_lost_assignments
from releve.plan.week import require_day
from releve.situation import ChosenPack
from releve.situation.shipped import load_rules_with, load_shipped_rules

SETTINGS = PlanSettings()
BOARDING = transport.TransportSettings().boarding_minutes


@cache
def build_operator(vehicles: int) -> Operator:
    """Return an operator of two sites in one town, which share their vehicles."""
    return sample_operator(60, 2, 1, vehicles=vehicles, weeks_of_history=4)


@cache
def require() -> Requirement:
    return require_day(build_operator(0), FIRST_DAY)


@cache
def solve_day(vehicles: int) -> SolvedDay:
    return solve(build_operator(vehicles), require(), SETTINGS)


@cache
def plan_day(vehicles: int) -> Plan:
    return name_plan(build_operator(vehicles), solve_day(vehicles))


@pytest.mark.slow
def test_each_rider_of_the_plan_and_of_every_relief_has_a_seat_in_a_checked_run() -> None:
    for vehicles in (12, 2):
        operator, plan = build_operator(vehicles), plan_day(vehicles)
        assert plan.violations == ()
        fleet = build_day_fleet(operator, plan.day, SETTINGS)
        assert fleet is not None
        for name in plan.scenarios:
            riders, found = route_plan(operator, plan, name, fleet)
            assert found.left_behind == ()
            assert transport.check_runs(fleet, found.runs, riders) == ()


@pytest.mark.slow
def test_fewer_vehicles_never_help_and_all_of_them_cost_nothing() -> None:
    bounds = [solve_day(vehicles).planning.secure.bound for vehicles in (0, 12, 2, 1)]
    assert bounds[0] <= bounds[1] + 1e-3
    assert bounds[1] <= bounds[2] + 1e-6
    assert bounds[2] < bounds[3]
    free, few = (plan_day(vehicles).scenarios for vehicles in (0, 2))
    assert sum(one.penalty for one in free.values()) < sum(one.penalty for one in few.values())


def test_a_fleet_that_carries_no_rider_leaves_home_own_transport_and_reserve() -> None:
    operator = build_operator(2)
    empty = replace(operator, vehicles=tuple(replace(one, hours="Mon 00:00-00:30") for one in operator.vehicles))
    plan = name_plan(empty, solve(empty, require(), SETTINGS))
    assert plan.violations == ()
    assert list_riders(empty, plan.placements) == ()
    stop = {agent.id for agent in empty.agents if agent.stop and not agent.home_ready}
    rostered = {shift.agent for shift in empty.shifts} & stop
    assert rostered & {placed.agent for placed in plan.placements} == set()


def test_the_checker_names_riders_without_a_seat() -> None:
    operator, plan = build_operator(12), plan_day(12)
    small = replace(operator, vehicles=operator.vehicles[:1])
    said = check_plan(small, plan, SETTINGS, require().aht_s)
    assert any("Base plan: agent" in text and "no seat in a vehicle" in text for text in said)


def test_the_vehicles_of_a_lost_site_bring_more_people_to_the_other() -> None:
    operator = build_operator(1)
    seats = count_seats_to_fill(operator, require(), find_site_seats(operator, FIRST_DAY))
    problem = build_day_problem(operator, require(), seats, SETTINGS)
    rides = build_ride_layout(problem)
    assert rides is not None
    one, two = (site.id for site in operator.sites)
    free = find_lost_assignments(problem, Contingency("x", "site", "x", frozenset((one,)), frozenset()))
    busy = np.zeros(len(free), dtype=np.bool_)
    on_two = problem.place == problem.sites.index(two)
    riding = rides.row >= 0

    def count_most(lost: np.ndarray, held: float) -> float:
        """Return the riders of site two at most, while site one takes a share of its own most."""
        lp = LinearProgram()
        w = np.full(len(lost), -1, dtype=np.int64)
        kept = np.nonzero(~lost & riding)[0]
        w[kept] = lp.columns(len(kept), np.where(on_two[kept], -1.0, -held))
        groups = lp.rows(len(problem.size), upper=problem.size.astype(float))
        lp.add(groups[problem.group[kept]], w[kept])
        add_rides(lp, rides, w)
        x = solve_lp(lp).x
        return float(x[w[kept[on_two[kept]]]].sum())

    assert count_most(free, 0.0) > count_most(busy, 1.5) + 1


def test_rooms_are_what_runs_carry_and_spare_seats_go_where_they_call() -> None:
    operator = build_operator(12)
    seats = count_seats_to_fill(operator, require(), find_site_seats(operator, FIRST_DAY))
    problem = build_day_problem(operator, require(), seats, SETTINGS)
    rides = build_ride_layout(problem)
    assert rides is not None
    empty = find_ride_rooms(rides, np.zeros(len(problem.group)))
    assert not empty.any()
    one = np.zeros(len(problem.group))
    j = int(np.nonzero(rides.row >= 0)[0][0])
    one[j] = 1.0
    rooms = find_ride_rooms(rides, one)
    assert rooms[rides.row[j]] > 1
    assert find_ride_rooms(rides, one, spare=False).sum() == 1


def test_a_chosen_rule_caps_the_vehicles_without_a_cap_of_their_own() -> None:
    operator = build_operator(2)
    first, second = operator.vehicles
    mixed = replace(operator, vehicles=(replace(first, fill_cap=0.75), second))
    chosen = load_rules_with(chosen=(ChosenPack("health-2020", date.min),))
    capped = cap_vehicles(mixed, FIRST_DAY, chosen)
    assert [one.fill_cap for one in capped.vehicles] == [0.75, 0.5]
    fleet = build_day_fleet(capped, FIRST_DAY, SETTINGS)
    assert fleet is not None
    assert [pool.cap for pool in fleet.pools] == [12, 8]
    assert cap_vehicles(operator, FIRST_DAY, load_shipped_rules()) == operator


def test_vehicles_without_a_roster_are_refused() -> None:
    operator = replace(build_operator(2), shifts=())
    with pytest.raises(PlanError, match="add the table shifts"):
        solve(operator, require(), SETTINGS)


@pytest.mark.slow
def test_a_relief_of_a_running_day_gives_a_seat_to_each_rider_it_brings() -> None:
    operator, plan = build_operator(2), plan_day(2)
    one = operator.sites[0].id
    loss = Contingency(f"site:{one}", "site", one, frozenset((one,)), frozenset())
    fleet = build_day_fleet(operator, plan.day, SETTINGS)
    assert fleet is not None
    rides = {(row.stop, row.site): row.ride_minutes for row in operator.shuttles}
    for when in (plan.starts[0], plan.starts[14], plan.starts[22]):
        day = build_running_day(operator, plan, require(), when, SETTINGS)
        found = solve_intraday_relief(day, loss, SETTINGS, curve=False)
        rows = [row for row in apply_moves(plan.placements, found.moves) if row.place != one]
        riders = [
            rider
            for row in rows
            for rider in list_riders(operator, [row])
            if row.end > when and (rider.wave.leg == transport.FROM_SITE or row.start >= when)
        ]
        assert transport.route_riders(fleet, riders).left_behind == ()
        base = {row.agent: row for row in plan.placements}
        for row in rows:
            agent, before = operator.agent[row.agent], base.get(row.agent)
            stays = before is not None and before.place == row.place
            if agent.stop and row.place != HOME and not stays:
                ride = rides[agent.stop, row.place]
                assert row.start >= when + timedelta(minutes=ride - BOARDING) + SET_UP


def test_rows_of_vehicles_added_where_they_bind_give_the_optimum_of_all_rows() -> None:
    optima = {}
    for vehicles in (0, 1):
        problem = build_problem(vehicles)
        losses = list_contingencies(build_operator(vehicles))
        floors = np.zeros((1 + len(losses), len(problem.clients)))
        lp = LinearProgram()
        add_n1_day(lp, problem, losses, floors, SETTINGS)
        found = solve_n1_program(problem, losses, floors, SETTINGS)
        whole = solve_lp(lp, method="ipm", crossover=False)
        assert found.objective == pytest.approx(whole.objective, rel=1e-6)
        optima[vehicles] = found.objective
    assert optima[1] > optima[0] * (1 + 1e-4), "one vehicle binds"


def test_a_plan_of_other_targets_begins_with_the_vehicles_that_bound_before() -> None:
    problem = build_problem(1)
    losses = list_contingencies(build_operator(1))
    floors = np.zeros((1 + len(losses), len(problem.clients)))
    before = solve_n1_program(problem, losses, floors, SETTINGS)
    assert before.rides.any()
    lower = np.full(floors.shape, SETTINGS.target / 2)
    afresh, again = (
        solve_n1_program(problem, losses, floors, SETTINGS, targets=lower, tie_breaker=2**0.5, rides=known)
        for known in (None, before.rides)
    )
    assert again.objective == pytest.approx(afresh.objective, rel=1e-6)
    assert np.array_equal(again.assigned, afresh.assigned)


@pytest.mark.parametrize("vehicles", [1, 2, 12])
def test_runs_left_out_carry_nobody_whom_the_others_do_not(vehicles: int) -> None:
    """Whatever a rider of each stop and wave is worth, as much is carried with all runs."""
    rides = build_ride_layout(build_problem(vehicles))
    assert rides is not None
    every = list_every_run(rides)
    assert len(rides.runs.wave) < len(every.wave) / 2
    assert len(rides.runs.vehicles) < len(every.vehicles)
    rng = np.random.default_rng(vehicles)
    for _ in range(5):
        worth = rng.integers(0, 4, len(rides.visits)).astype(float)
        most = rng.integers(1, 20, len(rides.visits)).astype(float)
        carried = carry_most(rides, rides.runs, worth, most)
        assert carried == pytest.approx(carry_most(rides, every, worth, most), rel=1e-9)
        assert carried > 0


def list_every_run(rides: RideLayout) -> RideRuns:
    """Return all runs of a fleet, and a row for each pool and instant: the plain version."""
    stops: dict[int, list[str]] = {}
    for wave, stop in rides.visits:
        stops.setdefault(wave, []).append(stop)
    fleet = rides.fleet
    found = [
        (w, route, departure)
        for w, names in stops.items()
        for route in transport.list_routes(fleet, rides.waves[w], dict.fromkeys(names, 0), fleet.most_riders)
        for departure in transport.list_departures(fleet, rides.waves[w], route, 0)
    ]
    begin = min(one.busy_from for _, _, one in found).timestamp() // GRID_SECONDS
    end = max(one.busy_until for _, _, one in found).timestamp() // GRID_SECONDS
    busy = [
        (run, pool, instant)
        for pool in range(len(fleet.pools))
        for instant in np.arange(begin, end + 1) * GRID_SECONDS
        for run, (_, _, one) in enumerate(found)
        if one.pool == pool and one.busy_from.timestamp() <= instant < one.busy_until.timestamp()
    ]
    rows = {key: row for row, key in enumerate(dict.fromkeys(one[1:] for one in busy))}
    most = np.zeros(len(rides.visits))
    np.maximum.at(most, rides.runs.call_visit, rides.runs.call_seats)
    visit = {key: v for v, key in enumerate(rides.visits)}
    calls = [
        (run, visit[w, stop], min(fleet.pools[one.pool].cap, most[visit[w, stop]]))
        for run, (w, route, one) in enumerate(found)
        for stop in route.stops
    ]
    return RideRuns(
        wave=np.array([w for w, _, _ in found]),
        cap=np.array([float(fleet.pools[one.pool].cap) for _, _, one in found]),
        call_run=np.array([one[0] for one in calls]),
        call_visit=np.array([one[1] for one in calls]),
        call_seats=np.array([one[2] for one in calls]),
        busy_run=np.array([one[0] for one in busy]),
        busy_row=np.array([rows[one[1:]] for one in busy]),
        row_pool=np.array([pool for pool, _ in rows]),
        vehicles=np.array([float(len(fleet.pools[pool].vehicles)) for pool, _ in rows]),
    )


def carry_most(rides: RideLayout, runs: RideRuns, worth: np.ndarray, most: np.ndarray) -> float:
    """Return what the riders are worth at most that runs carry, ``most[visit]`` of each visit."""
    lp = LinearProgram()
    riders = lp.columns(len(worth), -worth, upper=most)
    x = lp.columns(len(runs.wave))
    visits, seats = lp.rows(len(worth), upper=0.0), lp.rows(len(rides.waves), upper=0.0)
    lp.add(visits, riders)
    lp.add(visits[runs.call_visit], x[runs.call_run], -runs.call_seats)
    lp.add(seats[[w for w, _ in rides.visits]], riders)
    lp.add(seats[runs.wave], x, -runs.cap)
    fleet = lp.rows(len(runs.vehicles), upper=runs.vehicles)
    lp.add(fleet[runs.busy_row], x[runs.busy_run])
    return -solve_lp(lp).objective


def build_problem(vehicles: int) -> DayProblem:
    operator = build_operator(vehicles)
    seats = count_seats_to_fill(operator, require(), find_site_seats(operator, FIRST_DAY))
    return build_day_problem(operator, require(), seats, SETTINGS)


def test_a_vehicle_is_bought_where_vehicles_are_what_is_missing() -> None:
    few, many = build_problem(1), build_problem(12)
    reached = solve_n1_program(many, (), np.zeros((1, len(many.clients))), SETTINGS).share[BASE]
    twins = add_candidate_groups(build_operator(1), few, (), SETTINGS)
    bought = solve_cheapest_set(twins, (), lambda name: reached + 1e-3, SETTINGS, ("vehicle",))
    assert bought.vehicles.sum() >= 1
    assert max(bought.slack.values()) < 1e-4
    (one,) = list_purchases(twins, bought, SETTINGS)
    more = apply_purchases(build_operator(1), (one,))
    assert len(more.vehicles) == 1 + one.count
    assert {replace(row, id="") for row in more.vehicles} == {replace(build_operator(1).vehicles[0], id="")}


def test_runs_under_way_stay_and_people_of_a_lost_site_are_taken_home() -> None:
    operator, plan = build_operator(12), plan_day(12)
    fleet = build_day_fleet(operator, plan.day, SETTINGS)
    assert fleet is not None
    one, when = operator.sites[0].id, plan.starts[22]
    after = tuple(row for row in plan.placements if row.place != one)
    first = PlacementsFrom(None, plan.placements)
    before = route_day(operator, fleet, [first])
    found = route_day(operator, fleet, [first, PlacementsFrom(when, after)])
    kept = [replace(run, id="") for run in before.runs if run.busy_from < when]
    assert kept == [replace(run, id="") for run in found.runs if run.busy_from < when]
    at_work = [row for row in plan.placements if row.place == one and row.start <= when < row.end]
    sent = {rider.agent for rider in list_riders(operator, at_work)}
    rides = found.list_rides()
    assert sent
    for agent in sent:
        assert rides[agent, transport.FROM_SITE].run.wave.site == one
        assert rides[agent, transport.FROM_SITE].run.at_site >= when
    faults = transport.check_runs(fleet, found.runs, ())
    assert [fault for fault in faults if "too many" not in fault] == []
    assert route_day(operator, fleet, [first, PlacementsFrom(when, after)]) == found


def test_a_run_on_its_way_to_a_lost_site_stops_for_no_one_more_and_brings_home_who_is_aboard() -> None:
    operator, plan = build_operator(12), plan_day(12)
    fleet = build_day_fleet(operator, plan.day, SETTINGS)
    assert fleet is not None
    first = PlacementsFrom(None, plan.placements)
    under_way = [
        run
        for run in route_day(operator, fleet, [first]).runs
        if run.wave.leg == transport.TO_SITE and len(run.stops) > 1
    ]
    assert under_way
    for run in under_way:
        when = run.times[0] + timedelta(minutes=1)
        after = tuple(row for row in plan.placements if row.place != run.wave.site)
        found = route_day(operator, fleet, [first, PlacementsFrom(when, after)])
        rides = found.list_rides()
        for agent in run.agents[0]:
            assert rides[agent, transport.TO_SITE].at == run.times[0]
            home = rides[agent, transport.FROM_SITE]
            assert home.run.wave.site == run.wave.site
            assert home.run.at_site >= run.at_site
        for agent in (name for names in run.agents[1:] for name in names):
            assert (agent, transport.TO_SITE) not in rides
            assert (agent, transport.FROM_SITE) not in rides
        waiting = route_day(operator, fleet, [first, PlacementsFrom(run.busy_from + timedelta(minutes=1), after)])
        assert all(agent not in names for agent, _ in waiting.list_rides() for names in run.agents)


def merge(vehicles: int) -> MergedGroups:
    problem = build_problem(vehicles)
    return merge_groups(problem, build_layout(problem).rides)


def test_what_is_left_are_the_groups_of_an_operator_without_vehicles() -> None:
    assert len(merge(12).problem.size) == len(build_problem(0).size) < len(merge(12).full.size)


def test_groups_that_no_run_can_bring_stay_apart() -> None:
    """They may not work where the others of their group may."""
    problem = build_problem(12)
    fleet = problem.fleet
    assert fleet is not None
    near = replace(fleet, settings=replace(fleet.settings, max_ride_minutes=20))
    far = replace(problem, fleet=near)
    rides = build_layout(far).rides
    assert rides is not None
    found = merge_groups(far, rides)
    kept = [group.stop for group in found.problem.groups.groups]
    assert len(kept) > len(merge(12).problem.size)
    served = {rides.visits[visit] for visit in rides.runs.call_visit.tolist()}
    for j, row in enumerate(rides.row.tolist()):
        ways = {(wave[row], rides.stop[row]) for wave in (rides.wave_to, rides.wave_from)}
        if row >= 0 and not ways <= served:
            assert kept[found.group[far.group[j]]] == rides.stop[row]


def test_without_vehicles_nothing_is_merged_and_nothing_moves() -> None:
    found = merge(0)
    assert np.array_equal(found.assignment, np.arange(len(found.full.group)))
    people = np.random.default_rng(1).uniform(0, 2, len(found.full.group))
    assert found.spread_in_turn(people) is people


def test_people_and_places_are_the_same_in_both() -> None:
    found = merge(12)
    full, small = found.full, found.problem
    assert small.size.sum() == full.size.sum()
    assert sorted(sum(small.groups.members, ())) == sorted(sum(full.groups.members, ()))
    assert np.array_equal(small.group[found.assignment], found.group[full.group])
    for name in ("place", "programme", "price", "link"):
        assert np.array_equal(getattr(small, name)[found.assignment], getattr(full, name))
    assert np.array_equal(small.carrier[found.group], full.carrier)


def draw_people(found: MergedGroups, seed: int) -> np.ndarray:
    """Return people of the smaller problem, none of its groups beyond its size."""
    small, rng = found.problem, np.random.default_rng(seed)
    people = rng.uniform(0, 1, len(small.group)) * rng.integers(0, 2, len(small.group))
    whole = np.bincount(small.group, people, len(small.size))
    room = rng.uniform(0, 1, len(small.size)) * small.size
    return people * (room / np.maximum(whole, 1e-9))[small.group]


@pytest.mark.parametrize("seed", range(20))
def test_people_are_spread_over_the_groups_within_their_sizes(seed: int) -> None:
    found = merge(12)
    full, people = found.full, draw_people(found, seed)
    room = np.random.default_rng(seed).uniform(0.5, 1, len(full.size)) * full.size
    for spread, most in (
        (found.spread_in_turn(people), full.size.astype(float)),
        (found.spread_evenly(people, room), None),
    ):
        assert (spread >= 0).all()
        again = np.bincount(found.assignment, spread, len(people))
        assert again == pytest.approx(people, abs=1e-9)
        if most is not None:
            assert (np.bincount(full.group, spread, len(most)) <= most + 1e-9).all()


def test_whole_people_are_not_cut_in_parts() -> None:
    found = merge(12)
    people = np.floor(draw_people(found, 3))
    assert people.any()
    assert np.array_equal(found.spread_in_turn(people) % 1, np.zeros(len(found.full.group)))


def test_the_merged_programme_has_the_optimum_of_all_groups_with_all_vehicles() -> None:
    problem = build_problem(12)
    losses = list_contingencies(build_operator(12))
    floors = np.zeros((1 + len(losses), len(problem.clients)))
    found = solve_n1_program(problem, losses, floors, SETTINGS)
    every, free = LinearProgram(), LinearProgram()
    add_n1_day(every, problem, losses, floors, SETTINGS)
    add_n1_day(free, problem, losses, floors, SETTINGS, rides=False)
    whole = solve_lp(every, method="ipm", crossover=False)
    assert found.objective == pytest.approx(whole.objective, rel=1e-6)
    assert found.columns < free.n_columns
    assert len(found.assigned) == len(found.exposure_price) == len(problem.group)
    assert (np.bincount(problem.group, found.assigned) <= problem.size + 1e-6).all()
    for cut in found.cuts:
        assert len(cut.slope) == len(problem.size)
