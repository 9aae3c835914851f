"""A solved N-1 programme to put into whole people: limits, roundings, reliefs, progress.

:mod:`releve.plan.integer_search` searches among many base plans. Above
:data:`MAX_SEARCHED_ASSIGNMENTS` assignments there is no time for that: the fractional plan is
rounded once, and again where whole people miss a target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from releve.kernels.arrays import Floats, Ints
from releve.plan.integer_plan import IntegerGoal, IntegerPlan, find_integer_plan, settle_rides
from releve.plan.lp import map_in_threads
from releve.plan.n1_program import SecurePlan
from releve.plan.objective import ReliefAnswer, compute_answered_objective, compute_objective
from releve.plan.problem import DayProblem
from releve.plan.relief import QUICK, THOROUGH, SolvedRelief, price_excess, solve_relief
from releve.plan.result import BASE, Contingency
from releve.plan.ride_rows import find_ride_rooms
from releve.plan.rounding import round_controlled
from releve.plan.scenario_lp import ProblemLayout, sum_client_requirement
from releve.plan.settings import PlanSettings

Progress = Callable[[str, float], None]
"""Called with a stage and the share of it that is done."""
Report = Callable[[float, str], None]
"""Called with the share of a search that is done and what the search is at."""
STEP = 0.2
"""How much of what is left a step of a search moves its progress."""


class SearchProgress:
    """Progress of a search whose number of steps is not known: it always moves, never back."""

    def __init__(self, report: Report = lambda share, words: None) -> None:
        self._report = report
        self._done = 0
        self._within = 0.0
        self._words = ""

    def begin(self, words: str) -> None:
        """Begin the next step."""
        self._done += bool(self._words)
        self._words, self._within = words, 0.0
        self.move(0.0)

    def move(self, share: float) -> None:
        """Report that ``share`` of the step is done."""
        self._within = max(self._within, share)
        self._report(1.0 - (1.0 - STEP) ** (self._done + self._within), self._words)


@dataclass
class StageTimer:
    """Seconds per stage, by a clock given from outside (an engine has none of its own)."""

    now: Callable[[], float] = lambda: 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = 0.0

    def start(self) -> None:
        self._since = self.now()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under a stage."""
        now = self.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


class SolverLog:
    """Turns the log of the interior point into progress of the N-1 programme: the logarithm of the
    gap that is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._share = 0.0

    def __call__(self, line: str) -> None:
        cells = line.replace("*", " ").split()
        if len(cells) != 7 or not cells[0].isdigit():
            return
        try:
            gap = float(cells[5])
        except ValueError:
            return
        if gap > 0:
            done = min(1.0, max(0.0, (4.0 - float(np.log10(gap))) / 13.0))
            self._share = max(self._share, done)
            self._progress("n-1 programme", self._share)


BASE_ROUNDS = 10
"""Exchanges tried per person for a base plan that is rounded."""
STRAY_PRICE = 1.0
"""Price of a person beyond those the fractional plan wants: keeps the rounded base near the plan
whose reliefs were proved."""
SETTLE_PRICE = 8.0
"""The same where a base plan changes because its runs leave riders behind."""
HELD_PRICE = -1e5
"""Price, in agent-intervals, of a person carried in whom the day before has placed: more than anything that a base
plan could save without them."""
HAIR = 1e-6
"""Shares of a day this close are the same: less is the tolerance of the solver."""
MAX_SEARCHED_ASSIGNMENTS = 6_000
"""Up to this many assignments base plans are searched."""
DEARER = 10.0
"""How many times dearer a miss is in a relief that is tried again."""
MARGIN = 0.004
"""How much lower than the target base plans are searched for, as a share of a client's day: whole
people miss a little more than fractions."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """One way to round.

    People beyond those wanted on a place pay ``caution`` times what they would cost the reliefs by
    the duals (a dual is the price of a small step, a person is a large one). Wanted is a rounding
    that keeps every total and saves ``thrift`` times the same, or with ``stay`` one person more
    from that share of a person on.
    """

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
        By ``relief_aim`` "promise" it is the limit itself.
        """
        if self.settings.relief_aim == "promise":
            return self.limits
        aims = self.limits.copy()
        kinds = ("site", *(c.kind for c in self.contingencies))
        for row, name in enumerate((BASE, *(c.id for c in self.contingencies))):
            if name in self.secure.share:
                worst = self.floors[row] + self.secure.regret[kinds[row]]
                aims[row] = np.minimum(self.limits[row], np.maximum(self.secure.share[name], worst))
        return aims

    def round_base(self, way: Rounding) -> IntegerPlan:
        """Return the fractional base plan in whole people, rounded one way."""
        return round_base_plan(self.problem, self.layout, self.secure, self.aims[0], way, self.base_rooms)

    @cached_property
    def base_rooms(self) -> Ints | None:
        """Return the riders that each ride row of the base plan may have; None without vehicles."""
        if self.layout.rides is None:
            return None
        return find_ride_rooms(self.layout.rides, (self.guide or self.secure).assigned)

    def route_base(self, base: IntegerPlan) -> IntegerPlan:
        """Return a base plan with a vehicle seat for every rider."""
        if self.base_rooms is None:
            return base
        stray = SETTLE_PRICE + self.secure.exposure_price
        want = build_base_goal(self.problem, self.aims[0], base.assigned, stray, self.base_rooms)
        return settle_rides(self.problem, self.layout, want, base)

    @cached_property
    def margin_targets(self) -> Floats:
        """Return target[scenario, client] less the margin for whole people."""
        return build_margin_targets(self.floors, self.settings)

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
        found = dict(known)
        left = [i for i in range(len(self.contingencies)) if i not in known]
        for i, relief in zip(left, self.solve_reliefs(base, left), strict=True):
            found[i] = relief
            share = len(found) / len(self.contingencies)
            progress("reliefs", 0.8 + 0.2 * share if known else share)
        return tuple(found[i] for i in range(len(self.contingencies)))

    def solve_reliefs(self, base: IntegerPlan, losses: Iterable[int]) -> Iterator[SolvedRelief]:
        """Yield the relief of each contingency for a base plan that stands, in their order."""
        return map_in_threads(lambda i: self.solve_relief(base, i), losses)

    def list_missed_losses(self, reliefs: Sequence[SolvedRelief]) -> list[int]:
        """Return the losses where whole people miss a target that fractions hold."""
        return [i for i, relief in enumerate(reliefs) if self.count_missed_targets(i, relief)]

    def count_missed_targets(self, i: int, relief: SolvedRelief) -> int:
        """Return how many clients miss a target that the fractional plan holds under a loss."""
        share = self.secure.share.get(self.contingencies[i].id)
        if share is None or self.contingencies[i].kind != "site":
            return 0
        target = self.settings.target + HAIR
        whole = relief.plan.missing / sum_client_requirement(self.problem)
        return int(((whole > target) & (share <= target)).sum())

    def compute_objective_in_people(self, base: IntegerPlan, reliefs: Mapping[int, SolvedRelief]) -> float:
        """Return the objective with the reliefs in whole people, what people will live by."""
        total = sum_client_requirement(self.problem)
        answers = {
            self.contingencies[i].id: ReliefAnswer(relief.plan.missing / total, relief.plan.penalty)
            for i, relief in reliefs.items()
            if self.contingencies[i].id in self.secure.share
        }
        return compute_answered_objective(self.problem, self.contingencies, self.floors, base, answers, self.settings)

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
            tolerance=self.settings.relief_tolerance,
        )


def build_margin_targets(floors: Floats, settings: PlanSettings) -> Floats:
    """Return target[scenario, client], in the shape of ``floors``, less the margin for whole people."""
    return np.full(floors.shape, max(0.0, settings.target - MARGIN))


def round_base_plan(
    problem: DayProblem,
    layout: ProblemLayout,
    secure: SecurePlan,
    limit: Floats,
    way: Rounding,
    rooms: Ints | None = None,
) -> IntegerPlan:
    """Return the base plan in whole people, near the fractional plan.

    People beyond the fractional plan pay what one more there would cost the reliefs, so that
    rounding keeps the protection; so does a client's shortfall beyond ``limit[client]``, a share of
    its day.
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
        price=np.where(problem.held, HELD_PRICE, problem.price),
        stay=stay,
        available=problem.size,
        onsite=problem.size,
        limit=limit * sum_client_requirement(problem),
        move_price=stray,
        excess=price_excess(problem),
        rounds=BASE_ROUNDS,
        rooms=rooms,
    )


FIRST = Rounding(1.0)
ALTERNATIVES = (Rounding(3.0, thrift=0.0), Rounding(3.0, stay=0.3))
"""Roundings tried where whole people miss a target that fractions hold."""


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

    def judge(way: Rounding) -> tuple[IntegerPlan, dict[int, SolvedRelief]]:
        other = case.route_base(case.round_base(way))
        return other, dict(zip(missed, case.solve_reliefs(other, missed), strict=True))

    for other, known in list(map_in_threads(judge, ALTERNATIVES if missed else ())):
        if not missed or any(case.count_missed_targets(i, known[i]) for i in missed if i in known):
            continue
        full = case.complete_reliefs(other, known, lambda stage, share: None)
        if len(case.list_missed_losses(full)) < len(missed):
            base, reliefs, missed = other, full, case.list_missed_losses(full)
    watch.lap("reliefs")
    return base, reliefs
