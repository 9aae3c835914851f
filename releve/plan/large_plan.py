"""Whole people for a large operator: one rounding, and another where whole people miss a target.

Above :data:`MAX_SEARCHED_ASSIGNMENTS` assignments there is no time to search many base plans
(:mod:`releve.plan.integer_search`); where no loss is planned for there is nothing to search.
"""

from __future__ import annotations

from releve.plan.integer_plan import IntegerPlan
from releve.plan.integer_problem import IntegerProblem, Rounding
from releve.plan.progress import Progress, StageTimer
from releve.plan.relief import SolvedRelief
from releve.plan.result import BASE

__all__ = ["replace_rounding", "round_large_plan"]

FIRST = Rounding(1.0)
ALTERNATIVES = (Rounding(3.0, thrift=0.0), Rounding(3.0, stay=0.3))
"""Roundings tried one by one where whole people miss a target that fractions hold."""


def round_large_plan(
    case: IntegerProblem, progress: Progress, watch: StageTimer, proved: bool = True
) -> tuple[IntegerPlan, float, tuple[SolvedRelief, ...]]:
    """Return a base plan in whole people, its objective (NaN unless ``proved``) and its reliefs."""
    base = case.route_base(case.round_base(FIRST))
    watch.lap("whole people")
    reliefs = case.complete_reliefs(base, {}, progress)
    watch.lap("reliefs")
    if case.secure.share.keys() > {BASE}:
        base, reliefs = replace_rounding(case, base, reliefs, watch)
    objective = case.compute_objective(base, progress) if proved else float("nan")
    watch.lap("bound")
    return base, objective, reliefs


def replace_rounding(
    case: IntegerProblem, base: IntegerPlan, reliefs: tuple[SolvedRelief, ...], watch: StageTimer
) -> tuple[IntegerPlan, tuple[SolvedRelief, ...]]:
    """Return another rounding and its reliefs where it misses fewer targets than ``base`` does.

    Only targets that the fractional plan holds count. An alternative is first judged by the losses
    that ``base`` missed; the others are answered only if it holds all of these.
    """
    missed = case.list_missed_losses(reliefs)
    for way in ALTERNATIVES:
        if not missed:
            break
        other = case.route_base(case.round_base(way))
        watch.lap("whole people")
        known = {i: case.solve_relief(other, i) for i in missed}
        if sum(case.count_missed_targets(i, relief) for i, relief in known.items()) == 0:
            full = case.complete_reliefs(other, known, lambda stage, share: None)
            if len(case.list_missed_losses(full)) < len(missed):
                base, reliefs, missed = other, full, case.list_missed_losses(full)
        watch.lap("reliefs")
    return base, reliefs
