"""A solved N-1 programme to put into whole people: its limits, its roundings and its reliefs.

Two modules choose a base plan with it: :mod:`releve.plan.integer_search` searches among many, and
:mod:`releve.plan.large_plan` rounds the fractional plan where a search would take too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from releve.plan.contingency import Contingency
from releve.plan.controlled_rounding import round_controlled
from releve.plan.integer_plan import IntegerGoal, IntegerPlan, find_integer_plan, settle_rides
from releve.plan.lower_bounds import sum_client_requirement
from releve.plan.lp import Floats, Ints
from releve.plan.n1_program import SecurePlan
from releve.plan.objective import ReliefAnswer, compute_answered_objective, compute_objective
from releve.plan.problem import DayProblem
from releve.plan.progress import Progress
from releve.plan.relief import QUICK, THOROUGH, SolvedRelief, price_excess, solve_relief
from releve.plan.result import BASE
from releve.plan.ride_rows import find_ride_rooms
from releve.plan.scenario_lp import ProblemLayout
from releve.plan.settings import PlanSettings

__all__ = [
    "MAX_SEARCHED_ASSIGNMENTS",
    "IntegerProblem",
    "Rounding",
    "build_base_goal",
    "round_base_plan",
]

BASE_ROUNDS = 10
"""Exchanges tried per person for a base plan that is rounded."""
STRAY_PRICE = 1.0
"""Price of a person beyond those the fractional plan wants: keeps the rounded base near the plan
whose reliefs were proved."""
SETTLE_PRICE = 8.0
"""The same where a base plan changes because its runs leave riders behind."""
HAIR = 1e-6
"""Shares of a day this close are the same: less is the tolerance of the solver."""
MAX_SEARCHED_ASSIGNMENTS = 6_000
"""Assignments up to which base plans are searched for."""
DEARER = 10.0
"""How many times dearer a miss is in a relief that is tried again."""
MARGIN = 0.004
"""How much lower than the target base plans are searched for, as a share of a client's day: whole
people miss a little more than fractions."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """One way to round. ``caution`` times what people on a place would cost the reliefs, by the
    duals, is what those beyond the people wanted there pay (a dual is the price of a small step,
    a person is a large one). Wanted are those of a rounding that keeps every total, which saves
    ``thrift`` times the same; or, where ``stay`` is given, one more from that share of a person
    on."""

    caution: float
    thrift: float = 1.0
    stay: float | None = None


@dataclass(frozen=True)
class IntegerProblem:
    """A solved N-1 programme (``secure``) that is to be put into whole people.

    ``guide``: the optimum whose riders the runs of the base plan are chosen for, by default
    ``secure``. A vertex has fewer parts of riders than the inside of the optima.
    """

    problem: DayProblem
    layout: ProblemLayout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    settings: PlanSettings
    guide: SecurePlan | None = None

    @property
    def thorough(self) -> bool:
        """Whether base plans are searched for: there is a loss to plan for, and time."""
        small = len(self.problem.group) <= MAX_SEARCHED_ASSIGNMENTS
        return small and self.secure.share.keys() > {BASE}

    @cached_property
    def limits(self) -> Floats:
        """Return limit[scenario, client]: the share of its day a client may miss in whole people.

        The target, or what the fractional plan could not avoid where that is more.
        """
        limits = np.maximum(self.settings.target, self.floors)
        for row, name in enumerate((BASE, *(c.id for c in self.contingencies))):
            if name in self.secure.share:
                limits[row] = np.maximum(limits[row], self.secure.share[name])
        return limits

    @cached_property
    def aims(self) -> Floats:
        """Return aim[scenario, client]: the share of its day a client is planned to miss at most.

        Below the limit where the fractional plan shows that the worst client can be served better:
        a relief that only kept to the target would give away the worst regret that was planned for.
        """
        aims = self.limits.copy()
        kinds = ("site", *(c.kind for c in self.contingencies))
        for row, name in enumerate((BASE, *(c.id for c in self.contingencies))):
            if name in self.secure.share:
                worst = self.floors[row] + self.secure.regret[kinds[row]]
                aims[row] = np.minimum(self.limits[row], np.maximum(self.secure.share[name], worst))
        return aims

    def round_base(self, way: Rounding) -> IntegerPlan:
        """Return the fractional base plan in whole people, rounded one way."""
        return round_base_plan(
            self.problem, self.layout, self.secure, self.aims[0], way, self.base_rooms
        )

    @cached_property
    def base_rooms(self) -> Ints | None:
        """Return the riders that each ride row of the base plan may have; None without vehicles."""
        if self.layout.rides is None:
            return None
        return find_ride_rooms(self.layout.rides, (self.guide or self.secure).assigned)

    def route_base(self, base: IntegerPlan) -> IntegerPlan:
        """Return a base plan each rider of which has a seat in a vehicle."""
        if self.base_rooms is None:
            return base
        stray = SETTLE_PRICE + self.secure.exposure_price
        want = build_base_goal(self.problem, self.aims[0], base.assigned, stray, self.base_rooms)
        return settle_rides(self.problem, self.layout, want, base)

    @cached_property
    def margin_targets(self) -> Floats:
        """Return target[scenario, client] less the margin for whole people."""
        return np.full(self.floors.shape, max(0.0, self.settings.target - MARGIN))

    def compute_objective(self, base: IntegerPlan, progress: Progress) -> float:
        """Return the objective of a base plan as its bound counts it."""
        return compute_objective(
            self.problem, self.layout, self.contingencies, self.floors, self.secure, base,
            self.settings, lambda done, of: progress("bound", done / of),
        )  # fmt: skip

    def complete_reliefs(
        self, base: IntegerPlan, known: Mapping[int, SolvedRelief], progress: Progress
    ) -> tuple[SolvedRelief, ...]:
        """Return the relief of every contingency; those ``known`` are not solved again."""
        found = []
        for i in range(len(self.contingencies)):
            found.append(known[i] if i in known else self.solve_relief(base, i))
            share = (i + 1) / len(self.contingencies)
            progress("reliefs", 0.8 + 0.2 * share if known else share)
        return tuple(found)

    def list_missed_losses(self, reliefs: Sequence[SolvedRelief]) -> list[int]:
        """Return the losses under which whole people miss a target that fractions hold."""
        return [i for i, relief in enumerate(reliefs) if self.count_missed_targets(i, relief)]

    def count_missed_targets(self, i: int, relief: SolvedRelief) -> int:
        """Return how many clients miss a target that the fractional plan holds under a loss."""
        share = self.secure.share.get(self.contingencies[i].id)
        if share is None or self.contingencies[i].kind != "site":
            return 0
        target = self.settings.target + HAIR
        whole = relief.plan.missing / sum_client_requirement(self.problem)
        return int(((whole > target) & (share <= target)).sum())

    def compute_objective_in_people(
        self, base: IntegerPlan, reliefs: Mapping[int, SolvedRelief]
    ) -> float:
        """Return the objective with the reliefs in whole people, what people will live by."""
        total = sum_client_requirement(self.problem)
        answers = {
            self.contingencies[i].id: ReliefAnswer(relief.plan.missing / total, relief.plan.penalty)
            for i, relief in reliefs.items()
            if self.contingencies[i].id in self.secure.share
        }
        return compute_answered_objective(
            self.problem, self.contingencies, self.floors, base, answers, self.settings
        )

    def solve_relief(self, base: IntegerPlan, i: int) -> SolvedRelief:
        """Return the relief of contingency i for a base plan that stands."""
        aim = self.aims[1 + i]
        if self.thorough:
            aim = np.minimum(aim, np.maximum(self.margin_targets[1 + i], self.floors[1 + i]))
        return solve_relief(
            self.problem,
            self.layout,
            self.contingencies[i],
            base,
            limit=self.limits[1 + i],
            aim=aim,
            target=self.settings.target,
            isolated=self.settings.isolated,
            move_price=self.settings.relief_move_price,
            dearer=DEARER,
            effort=THOROUGH if self.thorough else QUICK,
        )


def round_base_plan(
    problem: DayProblem,
    layout: ProblemLayout,
    secure: SecurePlan,
    limit: Floats,
    way: Rounding,
    rooms: Ints | None = None,
) -> IntegerPlan:
    """Return the base plan in whole people, near the fractional plan.

    People beyond those of the fractional plan pay what one more person there would cost the
    reliefs, so that rounding does not undo the protection; so is a client's shortfall beyond
    ``limit[client]``, a share of its day.
    """
    if way.stay is None:
        saved = problem.price + way.thrift * secure.exposure_price
        wanted = round_controlled(problem, secure.assigned, saved)
        start = wanted.astype(float)
    else:
        wanted = np.floor(secure.assigned + way.stay).astype(np.int64)
        start = secure.assigned
    stray = STRAY_PRICE + way.caution * secure.exposure_price
    want = build_base_goal(problem, limit, wanted, stray, rooms)
    return find_integer_plan(problem, layout, want, start, secure.on_pattern)


def build_base_goal(
    problem: DayProblem, limit: Floats, stay: Ints, stray: Floats, rooms: Ints | None = None
) -> IntegerGoal:
    """Return what a base plan is for; ``stray[j]`` is the price of a person beyond ``stay[j]``."""
    return IntegerGoal(
        allowed=problem.base_allowed,
        price=problem.price,
        stay=stay,
        available=problem.size,
        onsite=problem.size,
        limit=limit * sum_client_requirement(problem),
        move_price=stray,
        excess=price_excess(problem),
        rounds=BASE_ROUNDS,
        rooms=rooms,
    )
