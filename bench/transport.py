"""Runs, and plans with vehicles, measured.

    ./scripts/bench transport                 routing, then plans of 600 agents
    ./scripts/bench transport routing         300 people at 40 stops, beside OR-Tools
    ./scripts/bench transport plans --agents 5000 --sites 15 --vehicles 500
    ./scripts/bench transport week            N-1 with and without vehicles at 600 and 5,000
    ./scripts/bench transport scarce          the same at 600, with 60, 30 and 15 vehicles

``routing``: runs of 300 people in vehicles for 10, for one wave and for two starts 90 minutes
apart: beside the runs their bound (people over seats), whether a second time gives the same, and
OR-Tools on the one wave with the same costs (a run is 1,000 minutes). ``plans``: a day of the
sample operator with fleets of 0, 100, 75, 50 and 25 %: bound, objective, shortfall, regret, CPU
seconds, and the faults that the checker finds in the plan and in every relief. ``week`` and
``scarce``: the CPU seconds of the N-1 programme without and with vehicles, and of the whole day.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import cos, pi, radians, sin

import click

from releve.network import Depot, Operator, Site, Stop, Vehicle, sample_operator
from releve.network.sample import FIRST_DAY
from releve.network.sample.places import Draws
from releve.plan import BASE, Plan, SolvedDay, name_plan, solve_day
from releve.plan.day_fleet import build_day_fleet, route_plan
from releve.plan.settings import PlanSettings
from releve.plan.week import require_day
from releve.transport import (
    FROM_SITE,
    TO_SITE,
    Fleet,
    Rider,
    TransportPlan,
    Wave,
    build_fleet,
    check_runs,
    route_riders,
)

PEOPLE, STOPS, SEATS, VEHICLES = 300, 40, 10, 60
EIGHT = datetime(2026, 12, 1, 8, tzinfo=UTC)
SHARES = (1.0, 0.75, 0.5, 0.25)
PEER_SECONDS = (0.5, 5.0)
"""How long OR-Tools searches."""
RUN_MINUTES = 1000
"""What a run costs, in minutes of driving."""
WEEK = ((600, 6, 60, (60,)), (5000, 15, 500, (500,)))
"""Agents, sites and vehicles of the operators of ``week``, and the fleets planned with."""
SCARCE = ((600, 6, 60, (60, 30, 15)),)


def build_town(seed: int) -> tuple[Operator, list[str]]:
    """Return a town with one site and 40 stops around it, and the stop of each of 300 people."""
    draws = Draws(seed, "bench transport")
    lat, lon = 33.57, -7.6
    stops = []
    for i in range(STOPS):
        km, turn = 12 * draws.uniform() ** 0.5, 2 * pi * draws.uniform()
        north, east = km * sin(turn) / 111.2, km * cos(turn) / (111.2 * cos(radians(lat)))
        stops.append(Stop(f"s{i:02d}", f"Stop {i}", lat + north, lon + east))
    base = sample_operator(50, 1, seed, weeks_of_history=0)
    site = Site("site", "Site", "MA", "Casablanca", "Africa/Casablanca", lat, lon)
    town = replace(
        base,
        sites=(site,),
        stops=tuple(stops),
        shuttles=(),
        depots=(Depot("depot", lat, lon, ("site",)),),
        vehicles=tuple(Vehicle(f"v{n:02d}", "depot", SEATS) for n in range(VEHICLES)),
    )
    return town, [stops[int(draws.uniform() * STOPS)].id for _ in range(PEOPLE)]


def measure_cost(found: TransportPlan) -> float:
    """Return what runs cost: each RUN_MINUTES, and its minutes of driving with riders."""
    minutes = [
        (max(run.at_site, *run.times) - min(run.at_site, *run.times)) / timedelta(minutes=1) for run in found.runs
    ]
    return RUN_MINUTES * len(minutes) + sum(minutes)


def print_routing(seed: int) -> None:
    """Print the runs of one wave, and of two starts with both legs."""
    town, stops = build_town(seed)
    fleet = build_fleet(town, EIGHT.date())
    assert fleet is not None
    one = [Rider(f"a{n}", stop, Wave("site", TO_SITE, EIGHT)) for n, stop in enumerate(stops)]
    two = []
    for n, stop in enumerate(stops):
        start = EIGHT + timedelta(minutes=90 * (n % 2))
        two.append(Rider(f"a{n}", stop, Wave("site", TO_SITE, start)))
        two.append(Rider(f"a{n}", stop, Wave("site", FROM_SITE, start + timedelta(hours=8))))
    for name, riders in (("one wave", one), ("two starts, both legs", two)):
        began = time.process_time()
        found = route_riders(fleet, riders)
        took = time.process_time() - began
        faults = check_runs(fleet, found.runs, riders, found.left_behind)
        same = route_riders(fleet, riders) == found
        print(
            f"{seed:>4} {name:<22} {len(riders):>5} {len(found.runs):>5} {found.trip_bound:>5}"
            f" {len(found.left_behind):>4} {found.vehicles:>8} {took:>7.2f} {len(faults):>6}"
            f" {'yes' if same else 'NO':>4}  {measure_cost(found):>9.1f}"
        )
    for seconds in PEER_SECONDS:
        runs, cost = solve_with_ortools(fleet, Counter(stops), seconds)
        name = f"one wave, OR-Tools {seconds:g} s"
        print(f"{seed:>4} {name:<28} {runs:>5} {'':>43} {cost:>9.1f}")


def solve_with_ortools(fleet: Fleet, people: Mapping[str, int], seconds: float) -> tuple[int, float]:
    """Return the runs of one wave to the site, and their cost, as OR-Tools finds them.

    A stop with more people than seats is several places, full ones first.
    """
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    hour = fleet.get_hour("site", EIGHT)
    cap = fleet.most_riders
    loads = [
        (stop, load)
        for stop, count in sorted(people.items())
        for load in [*[cap] * (count // cap), count % cap]
        if load
    ]
    n = len(loads)

    def drive(a: int, b: int) -> int:
        """Hundredths of a minute; 0 is the site, and a run begins at any place for nothing."""
        if a == 0 or a == b:
            return 0
        target = "site" if b == 0 else loads[b - 1][0]
        return round(100 * fleet.travel.get_minutes(loads[a - 1][0], target, hour))

    table = [[drive(a, b) for b in range(n + 1)] for a in range(n + 1)]
    manager = pywrapcp.RoutingIndexManager(n + 1, n, 0)
    routing = pywrapcp.RoutingModel(manager)
    arc = routing.RegisterTransitMatrix(table)
    routing.SetArcCostEvaluatorOfAllVehicles(arc)
    routing.SetFixedCostOfAllVehicles(100 * RUN_MINUTES)
    room = fleet.settings.max_ride_minutes - fleet.settings.boarding_minutes
    routing.AddDimension(arc, 0, round(100 * room), True, "ride")
    riders = routing.RegisterUnaryTransitVector([0, *(load for _, load in loads)])
    routing.AddDimension(riders, 0, cap, True, "seats")
    search = pywrapcp.DefaultRoutingSearchParameters()
    search.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.SAVINGS
    search.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    search.time_limit.FromMilliseconds(round(1000 * seconds))
    found = routing.SolveWithParameters(search)
    used = sum(routing.IsVehicleUsed(found, vehicle) for vehicle in range(n))
    return used, found.ObjectiveValue() / 100


def keep_vehicles(operator: Operator, count: int) -> Operator:
    """Return an operator with so many of its vehicles, evenly taken."""
    step = len(operator.vehicles) / max(1, count)
    return replace(operator, vehicles=tuple(operator.vehicles[int(i * step)] for i in range(count)))


def plan_with(operator: Operator) -> tuple[SolvedDay, Plan, float]:
    """Return the plan of the first day, and its CPU seconds."""
    began = time.process_time()
    solved = solve_day(operator, require_day(operator, FIRST_DAY), now=time.process_time)
    took = time.process_time() - began
    return solved, name_plan(operator, solved), took


def print_plan(operator: Operator, vehicles: int) -> None:
    """Print the plan of the first day with so many of the operator's vehicles."""
    kept = keep_vehicles(operator, vehicles)
    solved, plan, took = plan_with(kept)
    secure = solved.planning.secure
    reliefs = [one.penalty for name, one in plan.scenarios.items() if name != BASE]
    runs = used = 0
    fleet = build_day_fleet(kept, plan.day, PlanSettings())
    if fleet is not None:
        _, found = route_plan(kept, plan, BASE, fleet)
        runs, used = len(found.runs), found.vehicles
    print(
        f"{vehicles:>8} {secure.bound:>9.1f} {solved.planning.objective:>9.1f}"
        f" {plan.scenarios[BASE].penalty:>7.1f} {sum(reliefs) / len(reliefs):>8.1f}"
        f" {secure.regret['site']:>7.4f} {runs:>5} {used:>5}"
        f" {solved.seconds['n-1 programme']:>7.1f} {took:>7.1f} {len(plan.violations):>6}",
        flush=True,
    )


def print_week(sizes: Sequence[tuple[int, int, int, Sequence[int]]]) -> None:
    """Print the N-1 programme of the first day without and with vehicles."""
    print(
        f"{'agents':>6} {'vehicles':>8} {'n-1 without':>11} {'with':>7} {'times':>6}"
        f" {'day without':>11} {'with':>7} {'bound':>9} {'objective':>9} {'faults':>6}"
    )
    for agents, sites, vehicles, fleets in sizes:
        operator = sample_operator(agents, sites, 1, vehicles=vehicles)
        without, _, day_without = plan_with(keep_vehicles(operator, 0))
        for count in fleets:
            solved, plan, day = plan_with(keep_vehicles(operator, count))
            before, after = (one.seconds["n-1 programme"] for one in (without, solved))
            print(
                f"{agents:>6} {count:>8} {before:>11.1f} {after:>7.1f} {after / before:>6.2f}"
                f" {day_without:>11.1f} {day:>7.1f} {solved.planning.secure.bound:>9.1f}"
                f" {solved.planning.objective:>9.1f} {len(plan.violations):>6}",
                flush=True,
            )


@click.command()
@click.argument("what", default="", type=click.Choice(["", "routing", "plans", "week", "scarce"]))
@click.option("--agents", default=600, show_default=True, type=click.IntRange(50))
@click.option("--sites", default=6, show_default=True, type=click.IntRange(1))
@click.option("--vehicles", default=60, show_default=True, type=click.IntRange(1))
def main(what: str, agents: int, sites: int, vehicles: int) -> None:
    """Print the tables."""
    if what in ("", "routing"):
        print(
            f"{'seed':>4} {'waves':<22} {'rides':>5} {'runs':>5} {'bound':>5} {'left':>4}"
            f" {'vehicles':>8} {'CPU s':>7} {'faults':>6} {'same':>4}  {'cost':>9}"
        )
        for seed in range(3):
            print_routing(seed)
    if what in ("", "plans"):
        operator = sample_operator(agents, sites, 1, vehicles=vehicles)
        print(
            f"\n{agents} agents, {sites} sites\n{'vehicles':>8} {'bound':>9} {'objective':>9}"
            f" {'base':>7} {'reliefs':>8} {'regret':>7} {'runs':>5} {'used':>5} {'n-1 s':>7}"
            f" {'CPU s':>7} {'faults':>6}"
        )
        for count in (0, *(round(vehicles * share) for share in SHARES)):
            print_plan(operator, count)
    if what in ("week", "scarce"):
        print_week(WEEK if what == "week" else SCARCE)


if __name__ == "__main__":
    main()
