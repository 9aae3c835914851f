"""What the N-1 programme minimises, of a base plan in whole people.

The base plan is in whole people, its reliefs are in fractions and answer it as the programme does:
they pay for what is missing and not for moves. So nothing stands in the figure that does not stand
in its bound; what it is above the bound is what whole people in the base plan cost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from releve.network.decimal_grid import round_to_grid
from releve.plan.blocks import Layout, add_block
from releve.plan.contingency import Contingency
from releve.plan.cuts import Cut, cut_through
from releve.plan.floors import by_client, client_requirement
from releve.plan.lp import Floats, LinearProgram, solve
from releve.plan.problem import Problem
from releve.plan.relief import available_staff, exact_available, limit_staff
from releve.plan.secure import (
    KIND_WEIGHT,
    SecurePlan,
    add_regret,
    add_shares,
    add_target,
    client_unit,
    shortfall_weights,
)
from releve.plan.settings import PlanSettings
from releve.plan.whole import WholePlan

__all__ = ["Answer", "answer_of", "answers_of", "objective_of", "objective_of_answers"]


@dataclass(frozen=True)
class Answer:
    """The best answer in fractions to a loss: ``share[client]`` of its day missing, ``penalty``
    weighted missing agent-intervals, and the ``cut`` that it gives (None for an answer in whole
    people)."""

    share: Floats
    penalty: float
    cut: Cut | None = None


def objective_of(
    problem: Problem,
    layout: Layout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    secure: SecurePlan,
    base: WholePlan,
    settings: PlanSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> float:
    """Return the objective in weighted agent-intervals; never below ``secure.bound``.

    ``floors[1 + i]`` are those of ``contingencies[i]``. Losses that the programme did not plan for
    do not count.
    """
    answers = answers_of(problem, layout, contingencies, floors, secure, base, settings, progress)
    return objective_of_answers(problem, contingencies, floors, base, answers, settings)


def answers_of(
    problem: Problem,
    layout: Layout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    secure: SecurePlan,
    base: WholePlan,
    settings: PlanSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
    targets: Floats | None = None,
) -> dict[str, Answer]:
    """Return the best answer in fractions to every loss that the programme planned for.

    ``targets[1 + i, client]`` under ``contingencies[i]``; without them the target of all.
    """
    linked = [i for i, c in enumerate(contingencies) if c.id in secure.share]
    weights = shortfall_weights([c.kind for c in contingencies], settings)
    answers = {}
    for done, i in enumerate(linked, start=1):
        kind = contingencies[i].kind
        answers[contingencies[i].id] = answer_of(
            problem, layout, contingencies[i], base, loss=i, floor=floors[1 + i],
            worst=secure.regret[kind], shortfall_cost=weights[kind], settings=settings,
            target=settings.target if targets is None else targets[1 + i],
        )  # fmt: skip
        progress(done, len(linked))
    return answers


def answer_of(
    problem: Problem,
    layout: Layout,
    contingency: Contingency,
    base: WholePlan,
    *,
    floor: Floats,
    worst: float,
    shortfall_cost: float,
    settings: PlanSettings,
    target: ArrayLike,
    loss: int = 0,
) -> Answer:
    """Answer a loss as the N-1 programme does, for a base plan that stands.

    ``worst`` is the regret up to which no client costs more: that of the fractional plan.
    ``loss`` counts the contingencies, for the cut.
    """
    staff = available_staff(problem, contingency, base.assigned, settings.isolated)
    unit = client_unit(problem, settings) * KIND_WEIGHT[contingency.kind]
    lp = LinearProgram()
    block = add_block(
        lp, problem, layout, lost=staff.lost, price=np.zeros(len(problem.group)),
        shortfall_cost=max(shortfall_cost, LEAST),
    )  # fmt: skip
    available = exact_available(problem, staff, settings.isolated)
    exposable = staff.lost & (problem.place != problem.home)
    group = np.unique(problem.group[exposable])
    on_rows, group_rows = limit_staff(lp, problem, block, staff, available, group)
    share = add_shares(lp, problem, layout, block)
    add_target(lp, share, floor, target, unit)
    add_regret(lp, share, floor + worst, int(lp.columns(1, unit)[0]))
    found = solve(lp, method="ipm", crossover=False)
    missing = np.zeros_like(problem.required)
    missing[layout.cov_t, layout.cov_p] = found.x[block.u]
    slope = np.zeros(len(problem.size))
    dual = settings.isolated * found.row_dual[group_rows] + found.row_dual[on_rows]
    slope[group] = np.maximum(0.0, -dual)
    lost = np.nonzero(exposable)[0]
    return Answer(
        by_client(problem, missing) / client_requirement(problem),
        problem.penalty(missing),
        cut_through(problem, loss, found.bound, slope, lost, base.assigned[lost].astype(float)),
    )


LEAST = 1e-4
"""Price of what is missing where it does not count, so that nothing is missing for no reason."""


def objective_of_answers(
    problem: Problem,
    contingencies: Sequence[Contingency],
    floors: Floats,
    base: WholePlan,
    answers: Mapping[str, Answer],
    settings: PlanSettings,
    targets: Floats | None = None,
) -> float:
    """Return the objective of a base plan whose losses are answered so (those not named do not
    count); ``targets`` as :func:`answers_of` takes them."""
    rows = np.full(floors.shape, settings.target) if targets is None else targets
    unit = client_unit(problem, settings)
    short = by_client(problem, problem.required - base.covered(problem))
    counted = [("site", short / client_requirement(problem), floors[0], rows[0])]
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
