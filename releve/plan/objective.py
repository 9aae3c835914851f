"""What the N-1 programme minimises, for a base plan in whole people.

Its reliefs are in fractions, as in the programme: they pay for what is missing and not for moves.
So the figure above the bound is what whole people in the base plan cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from releve.kernels.arrays import Floats, Ints
from releve.network.history_grid import round_to_grid
from releve.plan.integer_plan import IntegerPlan
from releve.plan.lp import Cut, LinearProgram, RepeatedProgram, Solution, build_cut, map_in_threads, solve_lp
from releve.plan.n1_program import (
    KIND_WEIGHT,
    SecurePlan,
    add_regret,
    add_shares,
    add_target,
    build_shortfall_weights,
    price_client_day,
)
from releve.plan.problem import DayProblem
from releve.plan.relief import Staff, compute_exact_available, find_available_staff, limit_staff
from releve.plan.result import Contingency
from releve.plan.scenario_lp import ProblemLayout, add_block, sum_by_client, sum_client_requirement
from releve.plan.settings import PlanSettings


@dataclass(frozen=True)
class ReliefAnswer:
    """The best answer in fractions to a loss: ``share[client]`` of its day missing, ``penalty``
    weighted missing agent-intervals, and the ``cut`` that it gives (None for an answer in whole
    people)."""

    share: Floats
    penalty: float
    cut: Cut | None = None


def compute_objective(
    problem: DayProblem,
    layout: ProblemLayout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    secure: SecurePlan,
    base: IntegerPlan,
    settings: PlanSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> float:
    """Return the objective in weighted agent-intervals; never below ``secure.bound``.

    ``floors[1 + i]`` are those of ``contingencies[i]``. Losses that the programme did not plan for
    do not count.
    """
    answers = solve_answers(problem, layout, contingencies, floors, secure, base, settings, progress)
    return compute_answered_objective(problem, contingencies, floors, base, answers, settings)


def solve_answers(
    problem: DayProblem,
    layout: ProblemLayout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    secure: SecurePlan,
    base: IntegerPlan,
    settings: PlanSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, ReliefAnswer]:
    """Return the best answer in fractions to every loss that the programme planned for."""
    linked = [i for i, c in enumerate(contingencies) if c.id in secure.share]
    weights = build_shortfall_weights([c.kind for c in contingencies], settings)

    def answer(i: int) -> ReliefAnswer:
        kind = contingencies[i].kind
        return solve_answer(
            problem, layout, contingencies[i], base, loss=i, floor=floors[1 + i],
            worst=secure.regret[kind], shortfall_cost=weights[kind], settings=settings,
            target=settings.target,
        )  # fmt: skip

    answers = {}
    for i, found in zip(linked, map_in_threads(answer, linked), strict=True):
        answers[contingencies[i].id] = found
        progress(len(answers), len(linked))
    return answers


def solve_answer(
    problem: DayProblem,
    layout: ProblemLayout,
    contingency: Contingency,
    base: IntegerPlan,
    *,
    floor: Floats,
    worst: float,
    shortfall_cost: float,
    settings: PlanSettings,
    target: ArrayLike,
    loss: int = 0,
) -> ReliefAnswer:
    """Answer a loss as the N-1 programme does, for a base plan that stands.

    ``worst``: regret up to this costs nothing more; it is that of the fractional plan.
    ``loss`` counts the contingencies, for the cut.
    """
    programme = _AnswerProgram(
        problem, layout, contingency, base, floor=floor, worst=worst,
        shortfall_cost=shortfall_cost, settings=settings, target=target, loss=loss,
    )  # fmt: skip
    return programme.read(base, solve_lp(programme.lp, method="ipm", crossover=False))


class _AnswerProgram:
    """The linear program of one loss, with the rows that change with the base plan."""

    def __init__(
        self,
        problem: DayProblem,
        layout: ProblemLayout,
        contingency: Contingency,
        base: IntegerPlan,
        *,
        floor: Floats,
        worst: float,
        shortfall_cost: float,
        settings: PlanSettings,
        target: ArrayLike,
        loss: int,
    ) -> None:
        self._problem, self._layout, self._settings = problem, layout, settings
        self._contingency, self._loss = contingency, loss
        staff, available = self._staff(base)
        unit = price_client_day(problem, settings) * KIND_WEIGHT[contingency.kind]
        self.lp = LinearProgram()
        self._block = add_block(
            self.lp, problem, layout, lost=staff.lost, price=np.zeros(len(problem.group)),
            shortfall_cost=max(shortfall_cost, LEAST),
        )  # fmt: skip
        exposable = staff.lost & (problem.place != problem.home)
        self._lost = np.nonzero(exposable)[0]
        self._groups = np.unique(problem.group[exposable])
        self._on_rows, self._group_rows = limit_staff(self.lp, problem, self._block, staff, available, self._groups)
        share = add_shares(self.lp, problem, layout, self._block)
        add_target(self.lp, share, floor, target, unit)
        add_regret(self.lp, share, floor + worst, int(self.lp.columns(1, unit)[0]))

    def _staff(self, base: IntegerPlan) -> tuple[Staff, Floats]:
        isolated = self._settings.isolated
        staff = find_available_staff(self._problem, self._contingency, base.assigned, isolated)
        return staff, compute_exact_available(self._problem, staff, isolated)

    def limits(self, base: IntegerPlan) -> tuple[Ints, Floats]:
        """Return the rows that follow the base plan, and their limits for this one."""
        staff, available = self._staff(base)
        rows = np.concatenate([self._on_rows, self._group_rows])
        upper = np.concatenate([staff.onsite[self._groups], available[self._groups]])
        return rows, upper.astype(np.float64)

    def read(self, base: IntegerPlan, found: Solution) -> ReliefAnswer:
        """Return a solution for a base plan as an answer with its cut."""
        problem, layout = self._problem, self._layout
        missing = np.zeros_like(problem.required)
        missing[layout.cov_t, layout.cov_p] = found.x[self._block.u]
        dual = self._settings.isolated * found.row_dual[self._group_rows]
        slope = np.zeros(len(problem.size))
        slope[self._groups] = np.maximum(0.0, -(dual + found.row_dual[self._on_rows]))
        people = base.assigned[self._lost].astype(float)
        return ReliefAnswer(
            sum_by_client(problem, missing) / sum_client_requirement(problem),
            problem.penalty(missing),
            build_cut(problem, self._loss, found.bound, slope, self._lost, people),
        )


class AnswerSolver:
    """Answers the losses that the N-1 programme planned for, for one base plan after another.

    ``targets[1 + i, client]`` under ``contingencies[i]``. Each programme starts where it ended for
    the base plan before.
    """

    def __init__(
        self,
        problem: DayProblem,
        layout: ProblemLayout,
        contingencies: Sequence[Contingency],
        floors: Floats,
        secure: SecurePlan,
        settings: PlanSettings,
        targets: Floats,
    ) -> None:
        self._given = (problem, layout, contingencies, floors, secure, settings, targets)
        self._programmes: dict[str, tuple[_AnswerProgram, RepeatedProgram]] = {}

    def solve(self, base: IntegerPlan) -> dict[str, ReliefAnswer]:
        """Return the best answer in fractions to every loss."""
        if not self._programmes:
            self._build_programs(base)
        out = {}
        for name, (programme, repeated) in self._programmes.items():
            out[name] = programme.read(base, repeated.solve(*programme.limits(base)))
        return out

    def _build_programs(self, base: IntegerPlan) -> None:
        problem, layout, contingencies, floors, secure, settings, targets = self._given
        weights = build_shortfall_weights([c.kind for c in contingencies], settings)
        for i, contingency in enumerate(contingencies):
            if contingency.id in secure.share:
                programme = _AnswerProgram(
                    problem, layout, contingency, base, floor=floors[1 + i],
                    worst=secure.regret[contingency.kind], target=targets[1 + i], loss=i,
                    shortfall_cost=weights[contingency.kind], settings=settings,
                )  # fmt: skip
                self._programmes[contingency.id] = programme, RepeatedProgram(programme.lp)


LEAST = 1e-4
"""Price of a shortfall that does not count, so that none is left without a reason."""


def compute_answered_objective(
    problem: DayProblem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    base: IntegerPlan,
    answers: Mapping[str, ReliefAnswer],
    settings: PlanSettings,
    targets: Floats | None = None,
) -> float:
    """Return the objective of a base plan whose losses are answered so (those not named do not
    count); ``targets`` as :class:`AnswerSolver` takes them, else the target of all."""
    rows = np.full(floors.shape, settings.target) if targets is None else targets
    unit = price_client_day(problem, settings)
    short = sum_by_client(problem, problem.required - base.count_covered(problem))
    counted = [("site", short / sum_client_requirement(problem), floors[0], rows[0])]
    counted += [
        (contingency.kind, answers[contingency.id].share, floor, target)
        for contingency, floor, target in zip(contingencies, floors[1:], rows[1:], strict=True)
        if contingency.id in answers
    ]
    regret: dict[str, float] = {}
    above = 0.0
    for kind, share, floor, target in counted:
        regret[kind] = max(regret.get(kind, 0.0), float((share - floor).max()))
        limit = np.maximum(target, floor)
        above += unit * KIND_WEIGHT[kind] * float(np.maximum(0.0, share - limit).sum())
    sites = [answers[c.id].penalty for c in contingencies if c.kind == "site" and c.id in answers]
    total = (
        base.penalty
        + float((base.assigned * problem.price).sum())
        + unit * sum(KIND_WEIGHT[kind] * worst for kind, worst in regret.items())
        + above
        + settings.average_weight * sum(sites) / max(1, len(sites))
    )
    return float(round_to_grid(total))
