"""Solve one day as arrays: floors, the N-1 programme, whole people, a relief per contingency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from releve.plan.blocks import Layout, layout_of
from releve.plan.contingency import Contingency
from releve.plan.floors import client_floors, client_requirement
from releve.plan.lp import Floats
from releve.plan.objective import objective_of
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
    """One way to round: ``stay`` is the share of a person from which the fractional plan is taken
    to want one more there; ``caution`` times what people beyond that would cost the reliefs by the
    duals is what they pay (a dual is the price of a small step, a person is a large one)."""

    stay: float
    caution: float = 1.0


ROUNDINGS = (Rounding(0.7), Rounding(0.5), Rounding(0.7, 3.0), Rounding(0.3, 3.0))
FEW = 6_000
"""Assignments up to which every rounding is tried and the best kept; beyond, the first alone."""


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
    reliefs: tuple[Relief, ...]


def plan_problem(
    problem: Problem,
    contingencies: Sequence[Contingency],
    settings: PlanSettings,
    progress: Progress = lambda stage, share: None,
    watch: Watch | None = None,
    protect: bool = True,
) -> Planning:
    """Solve a day: floors, the N-1 programme, whole people, and a relief per contingency.

    ``protect`` False plans the base day as if nothing could be lost (for comparison).
    """
    watch = watch or Watch()
    layout = layout_of(problem)
    floors = client_floors(problem, contingencies, lambda d, n: progress("floors", d / n))
    watch.lap("floors")
    steps = _Iterations(progress)
    secure = secure_plan(problem, contingencies if protect else (), floors, settings, steps)
    watch.lap("n-1 programme")
    limits = _limits(contingencies, secure, floors, settings)
    found = []
    ways = (
        ROUNDINGS if len(problem.group) <= FEW and secure.share.keys() > {BASE} else ROUNDINGS[:1]
    )
    for turn, way in enumerate(ways):
        base = base_in_people(problem, layout, secure, limits[0], way)
        watch.lap("whole people")
        reliefs = []
        for i, contingency in enumerate(contingencies):
            reliefs.append(
                relief_of(
                    problem,
                    layout,
                    contingency,
                    base,
                    limit=limits[1 + i],
                    isolated=settings.isolated,
                    move_price=settings.relief_move_price,
                )
            )
            progress("reliefs", (turn + (i + 1) / len(contingencies)) / len(ways))
        watch.lap("reliefs")
        value = objective_of(problem, contingencies, floors, secure, base, reliefs, settings)
        found.append((value, turn, base, tuple(reliefs)))
    _, _, base, chosen = min(found, key=lambda one: one[:2])
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, chosen)


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
    reliefs, so that rounding does not undo the protection; so is a client's shortfall beyond
    ``limit[client]``, a share of its day.
    """
    want = Whole(
        allowed=np.ones(len(problem.group), dtype=np.bool_),
        price=problem.price,
        stay=np.floor(secure.assigned + way.stay).astype(np.int64),
        available=problem.size,
        onsite=problem.size,
        limit=limit * client_requirement(problem),
        move_price=STRAY_PRICE + way.caution * secure.exposure_price,
        rounds=BASE_ROUNDS,
        excess=excess_price(problem),
    )
    return whole_plan(problem, layout, want, secure.assigned, secure.on_pattern)
