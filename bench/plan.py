"""The planner measured: time, memory, gaps, reliefs, what is missing, and the textbook form.

    python -m bench.plan [--size small|medium] [--missing] [--json]

The operator is the sample one (500 agents on 4 sites, or 5,000 on 15), its requirement the
product's own, its contingencies each single site. The textbook form x[group, pattern, place,
programme] is that of the tests, solved by the same solver in the same run: ``forms`` over the
product's own groups with shifts to choose, ``oracle`` from the rules alone on the rostered day,
which shares nothing with the product but the solver. At the small size both with every loss.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import click
import numpy as np
from numpy.typing import NDArray

from releve.cli.desk import two_processes
from releve.demand import Requirement
from releve.kernels.arrays import Floats
from releve.network import Operator, find_site_seats, sample_operator
from releve.plan import Contingency, Plan, PlanSettings, SolvedDay, list_contingencies, name_plan
from releve.plan.integer_plan import IntegerGoal, find_integer_plan
from releve.plan.integer_problem import BASE_ROUNDS
from releve.plan.intraday_relief import build_running_day, solve_intraday_relief
from releve.plan.lp import LinearProgram, Solution, solve_lp
from releve.plan.n1_program import solve_n1_program
from releve.plan.planner import count_seats_to_fill, solve_day
from releve.plan.problem import DayProblem, build_day_problem
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.relief import solve_relief
from releve.plan.scenario_lp import (
    ProblemLayout,
    ScenarioBlock,
    add_block,
    add_caps,
    build_layout,
    compute_client_floors,
    find_lost_assignments,
)
from releve.plan.week import require_day
from tests.plan.planner_parts import aims_of, own_breaks, sites_of
from tests.plan.textbook import Table, textbook_base, textbook_floors, textbook_whole
from tests.plan.tiny_operators import Tiny

__all__ = ["main"]

SIZES = {"small": (500, 4), "medium": (5000, 15)}
DAY = date(2026, 12, 1)
SETTINGS = PlanSettings()
MIP_SECONDS = 60.0


def say(text: str) -> None:
    """Print to standard error, so that --json stays pure."""
    print(text, file=sys.stderr, flush=True)


def n_minus_1(operator: Operator, need: Requirement) -> tuple[SolvedDay, Plan, dict[str, object]]:
    """Plan against the loss of each site, beside the plan made as if nothing could be lost."""
    sites = [c for c in list_contingencies(operator) if c.kind == "site"]
    start = time.perf_counter()
    solved = solve_day(operator, need, SETTINGS, contingencies=sites, now=time.perf_counter)
    plan = name_plan(operator, solved)
    seconds = time.perf_counter() - start
    careless = name_plan(operator, solve_day(operator, need, SETTINGS, contingencies=sites, protect=False))
    bound = plan.bound
    return solved, plan, {
        "seconds": round(seconds, 1),
        "stages": {name: round(value, 1) for name, value in solved.seconds.items()},
        "programme": [bound.rows, bound.columns, bound.nonzeros],
        "status": bound.status,
        "base_gap_of_penalty": (bound.penalty - bound.lp_penalty) / bound.lp_penalty,
        "base_gap_of_requirement": (bound.penalty - bound.lp_penalty)
        / float((solved.planning.problem.required @ solved.planning.problem.weight).sum()),
        "whole_n1_gap": bound.penalty_gap,
        "worst_regret": max(bound.regret.values()),
        "worst_regret_unprotected": max(careless.bound.regret.values()),
        "secure_clients": sum(v.secure for v in plan.verdicts),
        "secure_clients_unprotected": sum(v.secure for v in careless.verdicts),
        "clients": len(plan.verdicts),
        "violations": len(plan.violations) + len(careless.violations),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def reliefs(operator: Operator, need: Requirement, plan: Plan) -> dict[str, object]:
    """Close each site at half past ten, unforeseen, and time the answers."""
    at = datetime.combine(DAY, datetime.min.time(), plan.starts[0].tzinfo) + timedelta(hours=9.5)
    start = time.perf_counter()
    day = build_running_day(operator, plan, need, at, SETTINGS)
    prepared = time.perf_counter() - start
    first: list[float] = []
    whole: list[float] = []
    over: list[float] = []
    for site in operator.sites:
        lost = Contingency(f"now:{site.id}", "named", site.name, frozenset({site.id}))
        start = time.perf_counter()

        def answered(_: object, began: float = start) -> None:
            first.append(time.perf_counter() - began)

        found = solve_intraday_relief(day, lost, SETTINGS, curve=False, first_answer=answered)
        whole.append(time.perf_counter() - start)
        over.append(found.penalty - found.lp_penalty)
    start = time.perf_counter()
    solve_intraday_relief(day, lost, SETTINGS)
    curve = time.perf_counter() - start - whole[-1]
    weighted = float((day.problem.required @ day.problem.weight).sum())
    return {
        "closures": len(whole),
        "prepared_s": round(prepared, 2),
        "first_answer_p50_p95_s": _quantiles(first),
        "whole_people_p50_p95_s": _quantiles(whole),
        "curve_4_points_s": round(curve, 2),
        "over_fractions_of_requirement_mean": float(np.mean(over)) / weighted,
    }


def planned_reliefs(solved: SolvedDay) -> dict[str, object]:
    """Time the relief of each site contingency, fractions and whole people."""
    planning = solved.planning
    limits = np.maximum(SETTINGS.target, planning.floors)
    seconds = []
    for row, lost in enumerate(planning.contingencies):
        limit = np.maximum(limits[1 + row], planning.secure.share.get(lost.id, 0.0))
        start = time.perf_counter()
        solve_relief(
            planning.problem, planning.layout, lost, planning.base, limit=limit,
            isolated=SETTINGS.isolated, move_price=SETTINGS.relief_move_price,
            target=SETTINGS.target,
        )  # fmt: skip
        seconds.append(time.perf_counter() - start)
    return {"contingencies": len(seconds), "p50_p95_s": _quantiles(seconds)}


def _quantiles(values: list[float]) -> list[float]:
    return [round(float(np.quantile(values, q)), 3) for q in (0.5, 0.95)]


class ProblemTable(Table):
    """The columns of the textbook form over the product's own groups and patterns.

    Those of the tests go by a roster; here shifts are chosen too.
    """

    def __init__(self, case: Tiny, problem: DayProblem) -> None:
        self.case, self.places = case, ["home", *problem.sites]
        patterns = [problem.patterns.classes[c] for c in problem.link_class[problem.link]]
        j = np.repeat(np.arange(len(patterns)), [len(found) for found in patterns])
        self.group, self.pattern = problem.group[j], np.concatenate(patterns)
        self.place = (problem.place[j] + 1) % len(self.places)
        self.programme, self._price = problem.programme[j], problem.price[j]
        self.worked, self.present = problem.patterns.worked, problem.patterns.present
        self.heads, self.limit = problem.size.astype(float), problem.seats.astype(float)
        self.weights, self.need, self.client = problem.weight, problem.required, problem.client

    def price(self) -> Floats:
        """Return what a column costs in the base plan."""
        return self._price

    def usable(self, lost: Contingency | None) -> NDArray[np.bool_]:
        """Return which columns the loss of a site leaves."""
        gone = np.zeros(len(self.places), np.bool_) if lost is None else self.lost_places(lost)
        return np.asarray(~gone[self.place], dtype=np.bool_)


def base_programme(problem: DayProblem) -> tuple[LinearProgram, ProblemLayout, ScenarioBlock]:
    """Return the base day in the product's form."""
    lp, layout = LinearProgram(), build_layout(problem)
    nothing = find_lost_assignments(problem, None)
    block = add_block(lp, problem, layout, lost=nothing, price=problem.price, shortfall_cost=1.0)
    add_caps(lp, problem, layout, block)
    return lp, layout, block


def compact(problem: DayProblem, method: str) -> Solution:
    """Solve the base day in the product's form."""
    lp, _, _ = base_programme(problem)
    return solve_lp(lp, method=method, crossover=False)


def base_alone(solved: SolvedDay) -> dict[str, object]:
    """Put the base day for itself into whole people, beside fractions and the solver's own search.

    ``proved`` is how far above the fractions every plan in whole people is.
    """
    problem = solved.planning.problem
    lp, layout, block = base_programme(problem)
    count = len(problem.group)
    fractions = solve_lp(lp, method="ipm")
    want = IntegerGoal(
        allowed=np.ones(count, np.bool_), price=problem.price, stay=np.zeros(count, np.int64),
        available=problem.size, onsite=problem.size, move_price=np.zeros(count),
        limit=np.full(len(problem.clients), np.inf), excess=np.zeros(len(problem.clients)),
        rounds=BASE_ROUNDS,
    )  # fmt: skip
    start = time.process_time()
    ours = find_integer_plan(problem, layout, want, fractions.x[block.w], fractions.x[block.y])
    seconds = time.process_time() - start
    cost = ours.penalty + float(ours.assigned @ problem.price)
    search = solve_lp(lp, integer=np.concatenate([block.w, block.y]), seconds=MIP_SECONDS, gap=1e-3)
    weighted = float((problem.required * problem.weight).sum())
    costs = {"ours": cost, "solver": search.objective, "proved": search.bound}
    return {
        "fractions": fractions.objective,
        **{f"{name}_above": value / fractions.objective - 1 for name, value in costs.items()},
        **{f"{name}_of_requirement": (value - fractions.objective) / weighted for name, value in costs.items()},
        "ours_s": round(seconds, 2),
        "solver_s": MIP_SECONDS,
        "broken": ours.broken,
    }


def forms(operator: Operator, need: Requirement, *, losses: bool) -> dict[str, object]:
    """Time both forms, shifts to be chosen, in this run: the base day; with ``losses`` N-1 too."""
    free = replace(operator, shifts=())
    seats = count_seats_to_fill(free, need, find_site_seats(free, DAY))
    problem, case = build_day_problem(free, need, seats, SETTINGS), Tiny(free, need, SETTINGS)
    table = ProblemTable(case, problem)
    seconds: dict[str, dict[str, float]] = {"compact": {}, "textbook": {}}
    optima = []
    for method in ("ipm", "simplex"):
        start = time.process_time()
        optima.append(compact(problem, method).objective)
        middle = time.process_time()
        optima.append(textbook_base(case, table=table, method=method).objective)
        seconds["compact"][method] = middle - start
        seconds["textbook"][method] = time.process_time() - middle
    least = {name: min(found.values()) for name, found in seconds.items()}
    out: dict[str, object] = {
        "cpu_s": {
            name: {method: round(value, 2) for method, value in found.items()} for name, found in seconds.items()
        },
        "ratio_by_interior_point": round(seconds["textbook"]["ipm"] / seconds["compact"]["ipm"], 1),
        "ratio_each_by_its_best": round(least["textbook"] / least["compact"], 1),
        "optimum": optima[0],
        "same": max(optima) - min(optima) <= 1e-5 * max(1.0, abs(optima[0])),
    }
    if losses:
        sites = sites_of(case)
        floors = compute_client_floors(problem, sites)
        out["n_minus_1"] = whole_forms(case, problem, sites, floors, table)
    return out


def whole_forms(
    case: Tiny, problem: DayProblem, sites: Sequence[Contingency], floors: Floats, table: Table | None = None
) -> dict[str, object]:
    """Time the base day and its reliefs together in both forms, both by interior point.

    ``floors`` are those of the textbook form, first the base day's; so is ``table``, if not that of
    a roster.
    """
    start = time.process_time()
    ours = solve_n1_program(problem, sites, floors, SETTINGS)
    middle = time.process_time()
    capacity = dict(zip(problem.sites, problem.seats.astype(float), strict=True))
    book = textbook_whole(case, floors[1:], sites, capacity, own_breaks, floors[0], aims_of(case), table=table)
    end = time.process_time()
    return {
        "optima": [ours.objective, book.objective],
        "same": abs(ours.objective - book.objective) <= 1e-6 * max(1.0, book.objective),
        "cpu_s": [round(middle - start, 2), round(end - middle, 2)],
        "ratio": round((end - middle) / (middle - start), 1),
        "size": [[ours.rows, ours.columns, ours.nonzeros], [book.rows, book.columns, book.nonzeros]],
    }


def oracle(operator: Operator, need: Requirement, *, losses: bool) -> dict[str, object]:
    """Solve the rostered day in the textbook form that the tests write from the rules alone.

    It shares nothing with the product but the solver: legality, groups, seats, shares, weights,
    floors, exposed and isolated people are its own. With ``losses`` the N-1 problem too.
    """
    room = count_seats_to_fill(operator, need, find_site_seats(operator, DAY))
    problem, case = (build_day_problem(operator, need, room, SETTINGS), Tiny(operator, need, SETTINGS))
    capacity = {site: float(seats) for site, seats in room.items()}
    sites = sites_of(case) if losses else ()
    began = time.process_time()
    floors = compute_client_floors(problem, sites)
    middle = time.process_time()
    least = textbook_floors(case, [None, *sites], capacity, own_breaks)
    out: dict[str, object] = {
        "floors_cpu_s": [round(middle - began, 2), round(time.process_time() - middle, 2)],
        "floors_same": bool(np.allclose(floors, least, atol=1e-6)),
    }
    for name, listed in (("base", ()), ("n_minus_1", sites))[: 1 + losses]:
        out[name] = whole_forms(case, problem, listed, least[: 1 + len(listed)])
    return out


def cpu_seconds() -> float:
    """Return the processor time of this process and of the processes it has ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="small", show_default=True)
@click.option("--missing", is_flag=True, help="Also time what is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def main(size: str, missing: bool, as_json: bool) -> None:
    """Measure the planner on the sample operator."""
    agents, sites = SIZES[size]
    operator = sample_operator(agents, sites, 1)
    need = require_day(operator, DAY)
    say(f"{agents} agents, {sites} sites, {len(operator.programmes)} programmes: N-1 plan ...")
    figures: dict[str, object] = {"size": size}
    solved, plan, figures["n_minus_1"] = n_minus_1(operator, need)
    say(f"the base day alone, the solver's search for {MIP_SECONDS:.0f} s ...")
    figures["base_alone"] = base_alone(solved)
    figures["planned_reliefs"] = planned_reliefs(solved)
    say("unforeseen closures ...")
    figures["relief"] = reliefs(operator, need, plan)
    say("textbook form ...")
    figures["forms"] = forms(operator, need, losses=size == "small")
    say("textbook form of the tests ...")
    figures["oracle"] = oracle(operator, need, losses=size == "small")
    if missing:
        say("what is missing ...")
        start, used = time.perf_counter(), cpu_seconds()
        with two_processes() as run:
            found = find_what_is_missing(operator, solved, run=run)
        figures["missing"] = {
            "seconds": round(time.perf_counter() - start, 1),
            "cpu_s": round(cpu_seconds() - used, 1),
            "cost": found.cost,
            "lower_bound": found.lower_bound,
            "incurable": len(found.incurable),
            "checked": found.checked,
        }
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    for name, part in figures.items():
        print(f"{name}: {part}" if not isinstance(part, dict) else f"{name}")
        if isinstance(part, dict):
            for key, value in part.items():
                print(f"  {key:<40} {value:.5f}" if isinstance(value, float) else f"  {key:<40} {value}")


if __name__ == "__main__":
    main()
