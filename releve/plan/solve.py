"""Solve one day as arrays: floors, the N-1 programme, whole people, a relief per contingency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from releve.plan.blocks import Layout, layout_of
from releve.plan.contingency import Contingency
from releve.plan.controlled import controlled_rounding
from releve.plan.floors import client_floors, client_requirement
from releve.plan.lp import Floats
from releve.plan.objective import Answer, objective_of, objective_of_answers
from releve.plan.problem import Problem
from releve.plan.relief import Relief, excess_price, relief_of
from releve.plan.result import BASE
from releve.plan.secure import SecurePlan, secure_plan
from releve.plan.settings import PlanSettings
from releve.plan.whole import Whole, WholePlan, whole_plan

__all__ = ["Planning", "Progress", "Rounding", "Watch", "base_in_people", "plan_problem"]

Progress = Callable[[str, float], None]
"""Called with a stage and the share of it that is done."""
BASE_ROUNDS = 10
"""Exchanges tried per person for the base plan, which is made once and lived with."""
STRAY_PRICE = 1.0
"""Price of a person beyond those the fractional plan wants: keeps the rounded base near the plan
whose reliefs were proved."""


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


ROUNDINGS = (
    Rounding(1.0),
    Rounding(1.0, thrift=0.0),
    Rounding(3.0, thrift=0.0),
    Rounding(1.0, stay=0.7),
    Rounding(1.0, stay=0.5),
    Rounding(3.0, stay=0.7),
    Rounding(3.0, stay=0.3),
)
FEW = 6_000
"""Assignments up to which every rounding is tried and the best kept. Beyond, the first alone, and
the others of :data:`SECOND` one by one where whole people miss a target that fractions hold."""
SECOND = (Rounding(3.0, thrift=0.0), Rounding(3.0, stay=0.3))
DEARER = 10.0
"""How many times dearer to a large operator a miss is in a relief that is tried again."""


HAIR = 1e-6


@dataclass
class Watch:
    """Seconds per stage, by a clock given from outside (an engine has none of its own)."""

    now: Callable[[], float] = lambda: 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = 0.0

    def start(self) -> None:
        """Start timing."""
        self._since = self.now()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under a stage."""
        now = self.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


@dataclass(frozen=True)
class Planning:
    """A solved day before it is written out as a :class:`Plan`; kept for what-if questions."""

    problem: Problem
    layout: Layout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    base: WholePlan
    objective: float
    reliefs: tuple[Relief, ...]


def plan_problem(
    problem: Problem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
    watch: Watch | None = None,
    protect: bool = True,
    proved: bool = True,
) -> Planning:
    """Solve a day: floors, the N-1 programme, whole people, and a relief per contingency.

    ``protect`` False plans the base day as if nothing could be lost (for comparison). ``proved``
    False leaves the objective out (NaN), which says how good a plan is and changes nothing in it.
    """
    watch = watch or Watch()
    layout = layout_of(problem)
    floors = client_floors(problem, contingencies, lambda d, n: progress("floors", d / n))
    watch.lap("floors")
    steps = _Iterations(progress)
    secure = secure_plan(problem, contingencies if protect else (), floors, settings, steps)
    watch.lap("n-1 programme")
    planned = _Planned(problem, layout, tuple(contingencies), floors, secure, settings)
    base, reliefs = planned.best(progress, watch)
    objective = planned.objective(base, progress) if proved else float("nan")
    watch.lap("bound")
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, objective, reliefs)


@dataclass(frozen=True)
class _Planned:
    """A solved N-1 programme that is to be put into whole people."""

    problem: Problem
    layout: Layout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    settings: PlanSettings

    @property
    def ways(self) -> tuple[Rounding, ...]:
        """The roundings to try."""
        return ROUNDINGS if not self.large and self.protects else ROUNDINGS[:1]

    @property
    def large(self) -> bool:
        """Whether there is no time to try every rounding."""
        return len(self.problem.group) > FEW

    @property
    def protects(self) -> bool:
        """Whether the programme planned for a loss."""
        return self.secure.share.keys() > {BASE}

    @cached_property
    def limits(self) -> Floats:
        return _limits(self.contingencies, self.secure, self.floors, self.settings)

    @cached_property
    def aims(self) -> Floats:
        return _aims(self.contingencies, self.secure, self.floors, self.limits)

    def best(self, progress: Progress, watch: Watch) -> tuple[WholePlan, tuple[Relief, ...]]:
        """Return the base plan and its reliefs that serve best once both are in whole people."""
        tried = []
        for turn, way in enumerate(self.ways):
            base = base_in_people(self.problem, self.layout, self.secure, self.aims[0], way)
            watch.lap("whole people")
            reliefs = self.reliefs(base, progress, turn)
            watch.lap("reliefs")
            tried.append((self.in_people(base, reliefs), turn, base, reliefs))
        best = min(tried, key=lambda one: one[:2])[2:]
        return self.held(*best, watch) if self.large and self.protects else best

    def held(
        self, base: WholePlan, reliefs: tuple[Relief, ...], watch: Watch
    ) -> tuple[WholePlan, tuple[Relief, ...]]:
        """Return a base plan and reliefs of another rounding, where these miss a target that the
        fractional plan holds and the others miss fewer.

        A rounding is judged by the losses that were missed, before the others are answered.
        """
        missed = self.missed(reliefs)
        for way in SECOND:
            if not missed:
                break
            other = base_in_people(self.problem, self.layout, self.secure, self.aims[0], way)
            watch.lap("whole people")
            known = {i: self.relief(other, i) for i in missed}
            if sum(self.fell_short(i, relief) for i, relief in known.items()) == 0:
                full = tuple(
                    known[i] if i in known else self.relief(other, i) for i in range(len(reliefs))
                )
                if len(self.missed(full)) < len(missed):
                    base, reliefs, missed = other, full, self.missed(full)
            watch.lap("reliefs")
        return base, reliefs

    def missed(self, reliefs: Sequence[Relief]) -> list[int]:
        """Return the losses under which whole people miss a target that fractions hold."""
        return [i for i, relief in enumerate(reliefs) if self.fell_short(i, relief)]

    def fell_short(self, i: int, relief: Relief) -> int:
        """Return how many clients miss a target that the fractional plan holds under a loss."""
        share = self.secure.share.get(self.contingencies[i].id)
        if share is None or self.contingencies[i].kind != "site":
            return 0
        target = self.settings.target + HAIR
        whole = relief.plan.missing / client_requirement(self.problem)
        return int(((whole > target) & (share <= target)).sum())

    def in_people(self, base: WholePlan, reliefs: Sequence[Relief]) -> float:
        """Return the objective with the reliefs in whole people, what people will live by."""
        total = client_requirement(self.problem)
        answers = {
            contingency.id: Answer(relief.plan.missing / total, relief.plan.penalty)
            for contingency, relief in zip(self.contingencies, reliefs, strict=True)
            if contingency.id in self.secure.share
        }
        return objective_of_answers(
            self.problem, self.contingencies, self.floors, base, answers, self.settings
        )

    def objective(self, base: WholePlan, progress: Progress) -> float:
        """Return the objective of a base plan as its bound counts it."""
        return objective_of(
            self.problem, self.layout, self.contingencies, self.floors, self.secure, base,
            self.settings, lambda done, of: progress("bound", done / of),
        )  # fmt: skip

    def reliefs(self, base: WholePlan, progress: Progress, turn: int) -> tuple[Relief, ...]:
        """Return the relief of every contingency, for a base plan that stands."""
        found = []
        for i in range(len(self.contingencies)):
            found.append(self.relief(base, i))
            done = (turn + (i + 1) / len(self.contingencies)) / len(self.ways)
            progress("reliefs", done)
        return tuple(found)

    def relief(self, base: WholePlan, i: int) -> Relief:
        """Return the relief of contingency i for a base plan that stands."""
        return relief_of(
            self.problem,
            self.layout,
            self.contingencies[i],
            base,
            limit=self.limits[1 + i],
            aim=self.aims[1 + i],
            isolated=self.settings.isolated,
            move_price=self.settings.relief_move_price,
            dearer=DEARER if self.large else 1.0,
        )


def _limits(
    contingencies: Sequence[Contingency],
    secure: SecurePlan,
    floors: Floats,
    settings: PlanSettings,
) -> Floats:
    """Return limit[scenario, client]: the share of its day a client may miss in whole people.

    The target, or what the fractional plan could not avoid where that is more.
    """
    limits = np.maximum(settings.target, floors)
    for row, name in enumerate((BASE, *(c.id for c in contingencies))):
        if name in secure.share:
            limits[row] = np.maximum(limits[row], secure.share[name])
    return limits


def _aims(
    contingencies: Sequence[Contingency], secure: SecurePlan, floors: Floats, limits: Floats
) -> Floats:
    """Return aim[scenario, client]: the share of its day a client is planned to miss at most.

    Below the limit where the fractional plan shows that the worst client can be served better: a
    relief that only kept to the target would give away the worst regret that was planned for.
    """
    aims = limits.copy()
    kinds = ("site", *(c.kind for c in contingencies))
    for row, name in enumerate((BASE, *(c.id for c in contingencies))):
        if name in secure.share:
            worst = floors[row] + secure.regret[kinds[row]]
            aims[row] = np.minimum(limits[row], np.maximum(secure.share[name], worst))
    return aims


class _Iterations:
    """Turns the solver's log into progress: the logarithm of the gap that is left."""

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


def base_in_people(
    problem: Problem, layout: Layout, secure: SecurePlan, limit: Floats, way: Rounding
) -> WholePlan:
    """Return the base plan in whole people, near the fractional plan.

    People beyond those of the fractional plan pay what one more person there would cost the
    reliefs, so that rounding does not undo the protection; so is a client's
    shortfall beyond ``limit[client]``, a share of its day.
    """
    if way.stay is None:
        saved = problem.price + way.thrift * secure.exposure_price
        wanted = controlled_rounding(problem, secure.assigned, saved)
        start = wanted.astype(float)
    else:
        wanted = np.floor(secure.assigned + way.stay).astype(np.int64)
        start = secure.assigned
    want = Whole(
        allowed=np.ones(len(problem.group), dtype=np.bool_),
        price=problem.price,
        stay=wanted,
        available=problem.size,
        onsite=problem.size,
        limit=limit * client_requirement(problem),
        move_price=STRAY_PRICE + way.caution * secure.exposure_price,
        rounds=BASE_ROUNDS,
        excess=excess_price(problem),
    )
    return whole_plan(problem, layout, want, start, secure.on_pattern)
