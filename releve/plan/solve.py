"""Solve one day as arrays: floors, the N-1 programme, whole people, a relief per contingency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from releve.plan.blocks import Layout, layout_of
from releve.plan.contingency import Contingency
from releve.plan.floors import client_floors, client_requirement
from releve.plan.lp import Floats
from releve.plan.problem import Problem
from releve.plan.relief import Relief, excess_price, relief_of
from releve.plan.result import BASE
from releve.plan.secure import SecurePlan, secure_plan
from releve.plan.settings import PlanSettings
from releve.plan.whole import Whole, WholePlan, whole_plan

__all__ = ["Planning", "Progress", "Watch", "base_in_people", "plan_problem"]

Progress = Callable[[str, float], None]
"""Called with a stage and the share of it that is done."""
BASE_ROUNDS = 10
"""Exchanges tried per person for the base plan, which is made once and lived with."""
STAY = 0.7
"""Share of a person from which the fractional plan is taken to want one more there."""
STRAY_PRICE = 1.0
"""Price of a person beyond the (rounded up) number of the fractional plan: keeps the rounded base
near the plan whose reliefs were proved."""


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
    base = base_in_people(problem, layout, secure, limits[0])
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
        progress("reliefs", (i + 1) / len(contingencies))
    watch.lap("reliefs")
    return Planning(problem, layout, tuple(contingencies), floors, secure, base, tuple(reliefs))


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
    problem: Problem, layout: Layout, secure: SecurePlan, limit: Floats
) -> WholePlan:
    """Return the base plan in whole people, near the fractional plan.

    People beyond those of the fractional plan pay what one more person there would cost the
    reliefs, so that rounding does not undo the protection; so is a client's shortfall beyond
    ``limit[client]``, a share of its day.
    """
    want = Whole(
        allowed=np.ones(len(problem.group), dtype=np.bool_),
        price=problem.price,
        stay=np.floor(secure.assigned + STAY).astype(np.int64),
        available=problem.size,
        onsite=problem.size,
        limit=limit * client_requirement(problem),
        move_price=STRAY_PRICE + secure.exposure_price,
        rounds=BASE_ROUNDS,
        excess=excess_price(problem),
    )
    return whole_plan(problem, layout, want, secure.assigned, secure.on_pattern)
