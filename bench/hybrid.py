"""The hybrid week measured: how near its bound, what meetings cost, what it does to an outbreak.

    python -m bench.hybrid [--agents 600] [--days 5] [--part meetings|week|outbreak|all]

The meetings: the bound, the week planned, team days drawn at random and all on Tuesday, with all
seats and with one in two. The week: its days planned alone, the week with reliefs in whole people,
and a second week without changes. The outbreak: the presence patterns of home-ready agents, under
the same draws.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import click
import numpy as np
from numpy.typing import NDArray

from releve.network import Operator, find_site_seats, sample_operator
from releve.plan import name_plan, solve_day
from releve.plan.settings import PlanSettings
from releve.plan.week import forecast_day, list_roster_days, select_open_days
from releve.plan.week.hybrid import HybridPlan, build_hybrid_problem, name_hybrid_days, plan_hybrid_week
from releve.plan.week.hybrid_meetings import choose_meetings
from releve.plan.week.hybrid_program import HybridProblem, Meetings, solve_hybrid_program
from releve.plan.week.verification import check_hybrid_week
from releve.plugins.crashtest.engine.outbreak import (
    ClosurePolicy,
    Contacts,
    Controls,
    Outcome,
    Population,
    Scenario,
    build_population,
    covid,
    measure_room,
    simulate,
    warm_up,
)

DAYS, RUNS, SEED = 90, 4_000, 22
CYCLE = 14
SIZES = {600: 6, 5_000: 15}
PARTS = ("meetings", "week", "outbreak", "all")


def show(label: str, *figures: object) -> None:
    """Print one line of a table."""
    click.echo(f"{label:<34}" + "".join(f"{figure:>14}" for figure in figures))


def build_case(operator: Operator, days: int, seats: float) -> HybridProblem:
    """Return the week as arrays, with a share of the seats."""
    demands = [forecast_day(operator, day) for day in list_roster_days(operator, days)]
    needs = [need for _, need in select_open_days(demands)]
    rooms = [find_site_seats(operator, need.day) for need in needs]
    case = build_hybrid_problem(operator, needs, rooms, PlanSettings())
    fewer = [np.floor(day.problem.seats * seats).astype(np.int64) for day in case.days]
    return replace(
        case,
        days=tuple(
            replace(day, problem=replace(day.problem, seats=room)) for day, room in zip(case.days, fewer, strict=True)
        ),
    )


def draw_meetings(case: HybridProblem, chosen: Meetings, seed: int) -> Meetings:
    """Return meetings as many as chosen, on days drawn among those that the supervisor works."""
    rng = np.random.default_rng(seed)
    found = {}
    for team, days in chosen.items():
        leader = case.operator.team[team].supervisor
        free = [d for d, day in enumerate(case.work.days) if leader in case.work.sites[day]]
        found[team] = frozenset(rng.choice(free, len(days), replace=False).tolist())
    return found


def meet_on(case: HybridProblem, chosen: Meetings, d: int) -> Meetings:
    """Return every meeting on one day, where the supervisor works on it."""
    at_work = case.work.sites[case.work.days[d]]
    team = case.operator.team
    return {name: frozenset((d,)) if team[name].supervisor in at_work else days for name, days in chosen.items()}


def measure_meetings(operator: Operator, days: int, seats: float) -> None:
    """Print the objectives of weeks whose teams meet on different days."""
    since = time.process_time()
    case = build_case(operator, days, seats)
    free = solve_hybrid_program(case, {})
    chosen = choose_meetings(case, free.home)
    show(f"seats x {seats:g}", "objective", "above bound", "missed calls", "CPU s")
    spent = time.process_time() - since
    show("no meeting (bound)", free.objective, "", free.missed_calls, f"{spent:.1f}")
    contrasts = {
        "ours": chosen,
        "drawn at random": draw_meetings(case, chosen, SEED),
        "all on the second day": meet_on(case, chosen, 1),
    }
    for label, meetings in contrasts.items():
        since = time.process_time()
        found = solve_hybrid_program(case, meetings)
        above = f"{100 * (found.objective / free.bound - 1):.2f} %"
        spent = time.process_time() - since
        show(label, found.objective, above, found.missed_calls, f"{spent:.1f}")


def measure_week(operator: Operator, days: int) -> None:
    """Plan the days alone, the week with its reliefs in whole people, and again without changes."""
    demands = [forecast_day(operator, day) for day in list_roster_days(operator, days)]
    needs = [need for _, need in select_open_days(demands)]
    since, wall = time.process_time(), time.perf_counter()
    for need in needs:
        name_plan(operator, solve_day(operator, need))
    alone = time.process_time() - since
    show("days alone", "", "", "", f"{alone:.0f} CPU s", f"{time.perf_counter() - wall:.0f} s")
    before: HybridPlan | None = None
    for label in ("planned", "a second week"):
        since, wall = time.process_time(), time.perf_counter()
        last = before.week if before else None
        found = plan_hybrid_week(operator, needs, last=last)
        plans = name_hybrid_days(operator, found)
        broken = check_hybrid_week(operator, found.week, plans)
        moved = sum(found.week.home[a] != held for a, held in last.home.items()) if last else 0
        before, spent = found, time.process_time() - since
        show(
            label, f"gap {100 * found.gap:.2f} %", f"broken {len(broken)}",
            f"moved {moved}", f"{spent:.0f} CPU s", f"{time.perf_counter() - wall:.0f} s",
            f"{spent / alone:.2f} x alone",
        )  # fmt: skip


def list_patterns(operator: Operator, population: Population) -> Mapping[str, NDArray[np.bool_]]:
    """Return presence[agent, day of a fortnight] of each contrast; only home-ready agents vary."""
    weekday = np.arange(CYCLE) % 7 < 5
    rank = np.argsort(np.argsort(population.cohort_rank, kind="stable"), kind="stable")
    half = rank % 2 == 0
    teams = sorted({row.team for row in operator.agents})
    by_team = np.array([teams.index(operator.agent[name].team) % 2 == 0 for name in population.agents])
    even_day, even_week = np.arange(CYCLE) % 2 == 0, np.arange(CYCLE) < 7
    meeting = np.arange(CYCLE) % 7 == 1

    def lay(on: NDArray[np.bool_]) -> NDArray[np.bool_]:
        free = population.home_ready[:, None]
        return np.asarray(np.where(free, on, True) & weekday)

    return {
        "all on site": lay(np.ones((population.size, CYCLE), dtype=np.bool_)),
        "the same half always at home": lay(np.tile(half[:, None], CYCLE)),
        "the other half always at home": lay(np.tile(~half[:, None], CYCLE)),
        "that half, and a team day": lay(half[:, None] | meeting),
        "alternate days": lay(half[:, None] == even_day),
        "alternate weeks": lay(half[:, None] == even_week),
        "alternate weeks, whole teams": lay(by_team[:, None] == even_week),
    }


def measure_outbreak(operator: Operator, runs: int) -> None:
    """Print infections and closures of each presence pattern, under the same draws."""
    full = build_population(operator)
    halved = build_population(operator, vehicle_seats=8)
    contacts = Contacts(3.0, room=measure_room(full))
    show("presence of home-ready agents", "infected", "closures", "infections", "95 %")
    cases = [(label, full, on) for label, on in list_patterns(operator, full).items()]
    everyone = list_patterns(operator, halved)["all on site"]
    cases.append(("all on site, 8 riders a vehicle", halved, everyone))
    first: Outcome | None = None
    for label, population, on in cases:
        outside = np.full((len(population.sites), DAYS), 1e-4)
        scenario = Scenario(population, covid(), contacts, DAYS, outside)
        warm_up(scenario)
        controls = Controls(
            symptom_test=0.7, stay_home=0.5, presence=on, closure=ClosurePolicy(cases=2, within_days=14, hours=48)
        )
        found = simulate(scenario, controls, replications=runs, seed=SEED)
        first = first or found
        infected, closures = found.mean("infected"), found.mean("closures")
        fewer, base = found.less_than(first, "infected"), first.mean("infected").value
        show(
            label, f"{infected.value:.2f}", f"{closures.value:.2f}",
            f"{-100 * fewer.value / base:+.1f} %",
            f"{-100 * fewer.high / base:+.1f} to {-100 * fewer.low / base:+.1f} %",
        )  # fmt: skip


@click.command()
@click.option("--agents", type=int, default=600)
@click.option("--days", type=int, default=5)
@click.option("--runs", type=int, default=RUNS)
@click.option("--part", type=click.Choice(PARTS), default="all")
def main(agents: int, days: int, runs: int, part: str) -> None:
    """Measure the hybrid week of a sample operator."""
    operator = sample_operator(agents, SIZES.get(agents, max(1, agents // 100)), 1)
    if part in ("meetings", "all"):
        for seats in (1.0, 0.5):
            measure_meetings(operator, days, seats)
    if part in ("week", "all"):
        measure_week(operator, days)
    if part in ("outbreak", "all"):
        measure_outbreak(operator, runs)


if __name__ == "__main__":
    main()
