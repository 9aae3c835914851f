"""Solve one day as arrays: floors, the N-1 programme, whole people, a relief per contingency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releve.plan.contingency import Contingency
from releve.plan.integer_plan import IntegerPlan
from releve.plan.integer_problem import IntegerProblem
from releve.plan.integer_search import IntegerSearch
from releve.plan.large_plan import round_large_plan
from releve.plan.lower_bounds import compute_client_floors
from releve.plan.lp import Floats
from releve.plan.n1_program import SecurePlan, solve_n1_program
from releve.plan.problem import DayProblem
from releve.plan.progress import Progress, SolverLog, StageTimer
from releve.plan.relief import SolvedRelief
from releve.plan.scenario_lp import ProblemLayout, build_layout
from releve.plan.settings import PlanSettings

__all__ = ["Planning", "solve_problem"]


@dataclass(frozen=True)
class Planning:
    """A solved day before it is written out as a :class:`Plan`; kept for what-if questions."""

    problem: DayProblem
    layout: ProblemLayout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    base: IntegerPlan
    objective: float
    reliefs: tuple[SolvedRelief, ...]


def solve_problem(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
    watch: StageTimer | None = None,
    protect: bool = True,
    proved: bool = True,
) -> Planning:
    """Solve a day: floors, the N-1 programme, whole people, and a relief per contingency.

    ``protect`` False plans the base day as if nothing could be lost (for comparison). ``proved``
    False leaves the objective of a large operator out (NaN), where it changes nothing in the plan.
    """
    watch = watch or StageTimer()
    layout = build_layout(problem)
    floors = compute_client_floors(problem, contingencies, lambda d, n: progress("floors", d / n))
    watch.lap("floors")
    steps = SolverLog(progress)
    secure = solve_n1_program(problem, contingencies if protect else (), floors, settings, steps)
    watch.lap("n-1 programme")
    case = IntegerProblem(problem, layout, tuple(contingencies), floors, secure, settings)
    if case.thorough:
        base, objective, reliefs = IntegerSearch(case).find_best(progress, watch, proved)
    else:
        base, objective, reliefs = round_large_plan(case, progress, watch, proved)
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, objective, reliefs)
