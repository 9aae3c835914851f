"""Search a base plan in whole people, judged by the base day and its reliefs.

The fractional plan is rounded in several ways. Every base plan found is answered, loss by loss, in
fractions, which gives its objective and cuts; under these the search goes on from the best,
exchanging people over places and programmes, in a neighbourhood that narrows when it fails. Of the
base plans near the best one the reliefs are put into whole people, of further ones too while each
misses a target that fractions keep; the one that serves best is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np

from releve.kernels.arrays import Floats, Truths
from releve.plan.integer_plan import SEED, IntegerPlan, find_integer_plan
from releve.plan.integer_problem import (
    MAX_SEARCHED_ASSIGNMENTS,
    IntegerProblem,
    Progress,
    Rounding,
    SolverLog,
    StageTimer,
    build_base_goal,
    build_margin_targets,
    round_base_plan,
)
from releve.plan.lp import Cut, build_cut_table, map_in_threads
from releve.plan.n1_program import SecurePlan, list_linked, solve_n1_program
from releve.plan.objective import AnswerSolver, compute_answered_objective
from releve.plan.problem import DayProblem
from releve.plan.relief import SolvedRelief
from releve.plan.result import Contingency
from releve.plan.scenario_lp import ProblemLayout
from releve.plan.settings import PlanSettings

ROUNDINGS = (
    Rounding(1.0),
    Rounding(1.0, thrift=0.0),
    Rounding(3.0, thrift=0.0),
    Rounding(1.0, stay=0.7),
    Rounding(3.0, stay=0.7),
    Rounding(3.0, stay=0.3),
)
TIE_BREAKERS = ((5**0.5 - 1) / 2, 2**0.5, 3**0.5)
"""Irrational numbers; each picks one of the optimal fractional plans to be rounded."""
FEW_ASSIGNMENTS = 400
"""Up to this many assignments all these plans are rounded, else the first alone."""
TURNS = 8
"""Searches under the cuts, each from the best base plan so far."""
TURN_ROUNDS = 20
"""Exchanges tried per person in a search under the cuts."""
TURN_THRESHOLD = 1.0
"""Largest loss, in agent-intervals, that such an exchange may bring at first."""
STRAY_PRICES = (0.02, 8.0)
"""Least and largest price, in agent-intervals, of a person who is not where the best base plan has
one: it halves after a gain and doubles after a failure."""
OBJECTIVE_TOLERANCE = 2e-4
"""How far the objective of a base plan may be above the best, as a share of the weighted
requirement, for its reliefs to be put into whole people."""
MAX_CANDIDATES = 3
"""Base plans whose reliefs are put into whole people, at most, while one of them keeps the targets
that fractions keep."""
MAX_MISSING_CANDIDATES = 8
"""The same, of any objective, while each of them misses such a target."""


def solve_fractions(
    problem: DayProblem,
    layout: ProblemLayout,
    contingencies: Sequence[Contingency],
    floors: Floats,
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
) -> tuple[SecurePlan, tuple[SecurePlan, ...]]:
    """Return the fractional N-1 plan, and those for the targets less the margin for whole people.

    The latter guide the search for whole people: none where there is none. Whole people are a
    lottery over the optima. Without tie breakers the solver's path would draw the ticket; a small
    operator, whose plans differ most, has time for several.
    """
    log = SolverLog(progress)
    searched = len(problem.group) <= MAX_SEARCHED_ASSIGNMENTS and list_linked(contingencies)
    numbers = TIE_BREAKERS[: None if len(problem.group) <= FEW_ASSIGNMENTS else 1] if searched else ()
    lower = build_margin_targets(floors, settings)

    def solve_guide(number: float, log: Callable[[str], None], rides: Truths | None = None) -> SecurePlan:
        return solve_n1_program(
            problem, contingencies, floors, settings, log, lower, tie_breaker=number, rides=rides
        )  # fmt: skip

    if not numbers or layout.rides is not None:  # the first finds the vehicles that bind
        secure = solve_n1_program(problem, contingencies, floors, settings, log)
        return secure, tuple(solve_guide(number, log, secure.rides) for number in numbers)
    # Side by side, the first half in silence: progress belongs to the caller's thread.
    half = len(numbers) // 2
    with ThreadPoolExecutor(1) as pool:
        secure_beside = pool.submit(solve_n1_program, problem, contingencies, floors, settings)
        beside = [pool.submit(solve_guide, number, lambda line: None) for number in numbers[:half]]
        here = [solve_guide(number, log) for number in numbers[half:]]
    return secure_beside.result(), (*(one.result() for one in beside), *here)


@dataclass(frozen=True)
class BasePlanTrial:
    """A base plan in whole people, its ``objective`` with the reliefs in fractions, their cuts."""

    base: IntegerPlan
    objective: float
    cuts: tuple[Cut, ...]


@dataclass
class _TrialPool:
    """The base plans tried, the best first, and the cuts of all their answers."""

    cuts: list[Cut]
    trials: list[BasePlanTrial] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def add(self, base: IntegerPlan, try_out: Callable[[IntegerPlan], BasePlanTrial]) -> bool:
        """Try a base plan unless it was; return whether it was new."""
        key = base.assigned.tobytes() + base.on_pattern.tobytes()
        if key in self.seen:
            return False
        self.seen.add(key)
        trial = try_out(base)
        self.cuts += trial.cuts
        self.trials = sorted([*self.trials, trial], key=lambda one: one.objective)
        return True


@dataclass(frozen=True)
class IntegerSearch:
    """The search for a base plan of one :class:`IntegerProblem`."""

    case: IntegerProblem

    @cached_property
    def _solver(self) -> AnswerSolver:
        case = self.case
        return AnswerSolver(
            case.problem, case.layout, case.contingencies, case.floors, case.secure, case.settings, case.margin_targets
        )

    def find_best(
        self, guides: Sequence[SecurePlan], progress: Progress, watch: StageTimer, proved: bool = True
    ) -> tuple[IntegerPlan, float, tuple[SolvedRelief, ...]]:
        """Return the base plan that serves best in whole people, its objective and its reliefs.

        ``guides``: fractional plans to start from (:func:`solve_fractions`). The objective is NaN
        unless ``proved``: it is the bound's, and not needed to choose.
        """
        search = IntegerSearch(replace(self.case, guide=guides[0]))
        case, trials = search.case, search.search_base_plans(guides, progress)
        watch.lap("whole people")
        base, linked = search._choose_in_people(trials, progress)
        reliefs = case.complete_reliefs(base, linked, progress)
        watch.lap("reliefs")
        objective = case.compute_objective(base, progress) if proved else float("nan")
        watch.lap("bound")
        return base, objective, reliefs

    def search_base_plans(
        self, guides: Sequence[SecurePlan], progress: Progress = lambda stage, share: None
    ) -> list[BasePlanTrial]:
        """Return base plans, the best first: the roundings of the fractional plans, then what is
        found from the best so far under the cuts of all."""
        case = self.case
        pool = _TrialPool([cut for guide in guides for cut in guide.cuts])
        ways = list(product(guides, ROUNDINGS))

        def round_one(one: tuple[SecurePlan, Rounding]) -> IntegerPlan:
            return round_base_plan(case.problem, case.layout, one[0], case.aims[0], one[1], case.base_rooms)

        for step, base in enumerate(map_in_threads(round_one, ways), start=1):
            pool.add(base, self.try_base)
            progress("whole people", step / (len(ways) + TURNS))
        stray = 1.0
        for turn in range(TURNS):
            base = self._exchange(pool, stray, SEED + turn)
            first = pool.trials[0]
            if not pool.add(base, self.try_base):
                stray = max(STRAY_PRICES[0], stray / 4)
            else:
                gained = pool.trials[0] is not first
                stray = min(STRAY_PRICES[1], max(STRAY_PRICES[0], stray * (0.5 if gained else 2.0)))
            progress("whole people", (len(ways) + turn + 1) / (len(ways) + TURNS))
        return pool.trials

    def try_base(self, base: IntegerPlan) -> BasePlanTrial:
        """Answer every loss that was planned for in fractions, for a base plan that stands and
        the targets with their margin."""
        case = self.case
        answers = self._solver.solve(base)
        objective = compute_answered_objective(
            case.problem, case.contingencies, case.floors, base, answers, case.settings, case.margin_targets
        )
        return BasePlanTrial(base, objective, tuple(one.cut for one in answers.values() if one.cut))

    def _exchange(self, pool: _TrialPool, stray: float, seed: int) -> IntegerPlan:
        """Search from the best base plan for a better one under the cuts; ``stray`` is what a
        person pays who is not where that plan has one."""
        case = self.case
        base = pool.trials[0].base
        sites = [c.sites if c.id in case.secure.share else () for c in case.contingencies]
        table = build_cut_table(case.problem, [frozenset(lost) for lost in sites], pool.cuts)
        price = np.full(len(case.problem.group), stray)
        want = replace(
            build_base_goal(case.problem, case.aims[0], base.assigned, price, case.base_rooms),
            rounds=TURN_ROUNDS,
            threshold=TURN_THRESHOLD,
            seed=seed,
            cuts=table,
        )
        return find_integer_plan(
            case.problem, case.layout, want, base.assigned.astype(float), base.on_pattern.astype(float)
        )

    def _choose_in_people(
        self, trials: Sequence[BasePlanTrial], progress: Progress
    ) -> tuple[IntegerPlan, dict[int, SolvedRelief]]:
        """Put the reliefs of the base plans near the best objective into whole people, and of
        further ones while each misses a target that fractions keep; return the base plan that
        serves best so, with the reliefs of the losses that were planned for."""
        case = self.case
        close = trials[0].objective + OBJECTIVE_TOLERANCE * case.problem.weighted_requirement
        near = sum(trial.objective <= close for trial in trials[:MAX_CANDIDATES])
        linked = [i for i, c in enumerate(case.contingencies) if c.id in case.secure.share]
        found: list[tuple[int, float, int, IntegerPlan, dict[int, SolvedRelief]]] = []
        for turn, trial in enumerate(trials[:MAX_MISSING_CANDIDATES]):
            if turn >= near and min(one[0] for one in found) == 0:
                break
            base = case.route_base(trial.base)
            reliefs: dict[int, SolvedRelief] = {}
            for i, relief in zip(linked, case.solve_reliefs(base, linked), strict=True):
                reliefs[i] = relief
                progress("reliefs", 0.8 * _share_done(turn + len(reliefs) / len(linked), near))
            missed = sum(case.count_missed_targets(i, relief) for i, relief in reliefs.items())
            objective = case.compute_objective_in_people(base, reliefs)
            found.append((missed, objective, turn, base, reliefs))
        return min(found, key=lambda one: one[:3])[3:]


def _share_done(tried: float, near: int) -> float:
    """Return how much of the reliefs of all candidates is done, where further ones may follow."""
    if tried <= near:
        return 0.5 * tried / near
    return 0.5 + 0.5 * (tried - near) / (MAX_MISSING_CANDIDATES - near)
