"""Search a base plan in whole people, judged by what it is for: the base day and its reliefs.

The fractional plan is rounded in several ways. Every base plan found is answered, loss by loss, in
fractions, which gives its objective and cuts (:mod:`releve.plan.cuts`); under these the search
goes on from the best, exchanging people over places and programmes, in a neighbourhood that narrows
when it fails. Of the base plans near the best one, the reliefs of each are put into whole people,
and the one that serves best is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from releve.plan.contingency import Contingency
from releve.plan.controlled_rounding import controlled_rounding
from releve.plan.cuts import Cut, cut_table
from releve.plan.integer_plan import SEED, Whole, WholePlan, whole_plan
from releve.plan.lower_bounds import client_requirement
from releve.plan.lp import Floats, Ints
from releve.plan.n1_program import SecurePlan, secure_plan
from releve.plan.objective import Answer, AnswerSolver, objective_of, objective_of_answers
from releve.plan.problem import Problem
from releve.plan.progress import Progress, SolverLog, Watch
from releve.plan.relief import QUICK, THOROUGH, Relief, excess_price, relief_of
from releve.plan.result import BASE
from releve.plan.scenario_lp import Layout
from releve.plan.settings import PlanSettings

__all__ = ["FEW", "IntegerSearch", "Rounding", "base_in_people"]

BASE_ROUNDS = 10
"""Exchanges tried per person for a base plan that is rounded."""
STRAY_PRICE = 1.0
"""Price of a person beyond those the fractional plan wants: keeps the rounded base near the plan
whose reliefs were proved."""
HAIR = 1e-6


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
    Rounding(3.0, stay=0.7),
    Rounding(3.0, stay=0.3),
)
TURNS = 8
"""Searches under the cuts, each from the best base plan so far."""
TURN_ROUNDS = 20
TURN_THRESHOLD = 1.0
STRAYS = (0.02, 8.0)
"""Least and largest price, in agent-intervals, of a person who is not where the best base plan has
one: it halves after a gain and doubles after a failure."""
CLOSE = 2e-4
"""How far the objective of a base plan may be above the best, as a share of the weighted
requirement, for its reliefs to be put into whole people."""
KEPT = 3
"""Base plans whose reliefs are put into whole people, at most."""
FEW = 6_000
"""Assignments up to which base plans are searched for. Beyond, the first rounding alone, and the
others of :data:`SECOND` one by one where whole people miss a target that fractions hold."""
SECOND = (Rounding(3.0, thrift=0.0), Rounding(3.0, stay=0.3))
DEARER = 10.0
"""How many times dearer a miss is in a relief that is tried again."""
MARGIN = 0.004
"""How much lower than the target base plans are searched for, as a share of a client's day: whole
people miss a little more than fractions."""


@dataclass(frozen=True)
class Trial:
    """A base plan in whole people, its ``objective`` with the reliefs in fractions, their cuts."""

    base: WholePlan
    objective: float
    cuts: tuple[Cut, ...]


@dataclass
class _Pool:
    """The base plans tried, the best first, and the cuts of all their answers."""

    cuts: list[Cut]
    trials: list[Trial] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)

    def add(self, base: WholePlan, try_out: Callable[[WholePlan], Trial]) -> bool:
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
    """A solved N-1 programme that is to be put into whole people."""

    problem: Problem
    layout: Layout
    contingencies: tuple[Contingency, ...]
    floors: Floats
    secure: SecurePlan
    settings: PlanSettings

    @property
    def thorough(self) -> bool:
        """Whether base plans are searched for: there is a loss to plan for, and time."""
        return len(self.problem.group) <= FEW and self.secure.share.keys() > {BASE}

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

    def best(
        self, progress: Progress, watch: Watch, proved: bool = True
    ) -> tuple[WholePlan, float, tuple[Relief, ...]]:
        """Return the base plan that serves best in whole people, its objective and its reliefs.

        The objective is NaN where it is not needed to choose and not ``proved``.
        """
        if self.thorough:
            return self._searched_plan(progress, watch, proved)
        base = self.rounded(ROUNDINGS[0])
        watch.lap("whole people")
        reliefs = self._completed(base, {}, progress)
        watch.lap("reliefs")
        if self.secure.share.keys() > {BASE}:
            base, reliefs = self._held(base, reliefs, watch)
        objective = self._objective(base, progress) if proved else float("nan")
        watch.lap("bound")
        return base, objective, reliefs

    def rounded(self, way: Rounding) -> WholePlan:
        """Return the fractional base plan in whole people, rounded one way."""
        return base_in_people(self.problem, self.layout, self.secure, self.aims[0], way)

    @cached_property
    def _targets(self) -> Floats:
        """Return target[scenario, client] less the margin for whole people."""
        return np.full(self.floors.shape, max(0.0, self.settings.target - MARGIN))

    @cached_property
    def _solver(self) -> AnswerSolver:
        return AnswerSolver(
            self.problem, self.layout, self.contingencies, self.floors, self.secure,
            self.settings, self._targets,
        )  # fmt: skip

    def margin_plan(self, progress: Progress = lambda stage, share: None) -> SecurePlan:
        """Return the fractional plan for the targets less the margin for whole people."""
        return secure_plan(
            self.problem, self.contingencies, self.floors, self.settings, SolverLog(progress),
            self._targets,
        )  # fmt: skip

    def _searched_plan(
        self, progress: Progress, watch: Watch, proved: bool
    ) -> tuple[WholePlan, float, tuple[Relief, ...]]:
        """Search for a base plan from a fractional plan with a margin."""
        guide = self.margin_plan(progress)
        watch.lap("n-1 programme")
        trials = self.trials(guide, progress)
        watch.lap("whole people")
        base, linked = self._best_in_people(trials, progress)
        reliefs = self._completed(base, linked, progress)
        watch.lap("reliefs")
        objective = self._objective(base, progress) if proved else float("nan")
        watch.lap("bound")
        return base, objective, reliefs

    def trials(
        self, guide: SecurePlan, progress: Progress = lambda stage, share: None
    ) -> list[Trial]:
        """Return base plans, the best first: the roundings of a fractional plan, then what is
        found from the best so far under the cuts of all."""
        pool = _Pool(list(guide.cuts))
        for step, way in enumerate(ROUNDINGS, start=1):
            base = base_in_people(self.problem, self.layout, guide, self.aims[0], way)
            pool.add(base, self.trial)
            progress("whole people", step / (len(ROUNDINGS) + TURNS))
        stray = 1.0
        for turn in range(TURNS):
            base = self._exchanged(pool, stray, SEED + turn)
            first = pool.trials[0]
            if not pool.add(base, self.trial):
                stray = max(STRAYS[0], stray / 4)
            else:
                gained = pool.trials[0] is not first
                stray = min(STRAYS[1], max(STRAYS[0], stray * (0.5 if gained else 2.0)))
            progress("whole people", (len(ROUNDINGS) + turn + 1) / (len(ROUNDINGS) + TURNS))
        return pool.trials

    def trial(self, base: WholePlan) -> Trial:
        """Answer every loss that was planned for in fractions, for a base plan that stands and
        the targets with their margin."""
        answers = self._solver.answers(base)
        objective = objective_of_answers(
            self.problem, self.contingencies, self.floors, base, answers, self.settings,
            self._targets,
        )  # fmt: skip
        return Trial(base, objective, tuple(one.cut for one in answers.values() if one.cut))

    def _objective(self, base: WholePlan, progress: Progress) -> float:
        """Return the objective of a base plan as its bound counts it."""
        return objective_of(
            self.problem, self.layout, self.contingencies, self.floors, self.secure, base,
            self.settings, lambda done, of: progress("bound", done / of),
        )  # fmt: skip

    def _exchanged(self, pool: _Pool, stray: float, seed: int) -> WholePlan:
        """Search from the best base plan for a better one under the cuts; ``stray`` is what a
        person pays who is not where that plan has one."""
        base = pool.trials[0].base
        sites = [c.sites if c.id in self.secure.share else () for c in self.contingencies]
        table = cut_table(self.problem, [frozenset(lost) for lost in sites], pool.cuts)
        price = np.full(len(self.problem.group), stray)
        want = replace(
            _base_want(self.problem, self.aims[0], base.assigned, price),
            rounds=TURN_ROUNDS,
            threshold=TURN_THRESHOLD,
            seed=seed,
            cuts=table,
        )
        return whole_plan(
            self.problem, self.layout, want,
            base.assigned.astype(float), base.on_pattern.astype(float),
        )  # fmt: skip

    def _best_in_people(
        self, trials: Sequence[Trial], progress: Progress
    ) -> tuple[WholePlan, dict[int, Relief]]:
        """Put the reliefs of the base plans near the best objective into whole people; return the
        base plan that serves best so, with the reliefs of the losses that were planned for."""
        close = trials[0].objective + CLOSE * self.problem.weighted_requirement
        kept = [trial.base for trial in trials[:KEPT] if trial.objective <= close]
        linked = [i for i, c in enumerate(self.contingencies) if c.id in self.secure.share]
        found = []
        for turn, base in enumerate(kept):
            reliefs = {}
            for done, i in enumerate(linked, start=1):
                reliefs[i] = self.relief(base, i)
                progress("reliefs", 0.8 * (turn + done / len(linked)) / len(kept))
            missed = sum(self.fell_short(i, relief) for i, relief in reliefs.items())
            found.append((missed, self.in_people(base, reliefs), turn, base, reliefs))
        return min(found, key=lambda one: one[:3])[3:]

    def _completed(
        self, base: WholePlan, known: Mapping[int, Relief], progress: Progress
    ) -> tuple[Relief, ...]:
        """Return the relief of every contingency; those ``known`` are not solved again."""
        found = []
        for i in range(len(self.contingencies)):
            found.append(known[i] if i in known else self.relief(base, i))
            share = (i + 1) / len(self.contingencies)
            progress("reliefs", 0.8 + 0.2 * share if known else share)
        return tuple(found)

    def _held(
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
            other = self.rounded(way)
            watch.lap("whole people")
            known = {i: self.relief(other, i) for i in missed}
            if sum(self.fell_short(i, relief) for i, relief in known.items()) == 0:
                full = self._completed(other, known, lambda stage, share: None)
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

    def in_people(self, base: WholePlan, reliefs: Mapping[int, Relief]) -> float:
        """Return the objective with the reliefs in whole people, what people will live by."""
        total = client_requirement(self.problem)
        answers = {
            self.contingencies[i].id: Answer(relief.plan.missing / total, relief.plan.penalty)
            for i, relief in reliefs.items()
            if self.contingencies[i].id in self.secure.share
        }
        return objective_of_answers(
            self.problem, self.contingencies, self.floors, base, answers, self.settings
        )

    def relief(self, base: WholePlan, i: int) -> Relief:
        """Return the relief of contingency i for a base plan that stands."""
        aim = self.aims[1 + i]
        if self.thorough:
            aim = np.minimum(aim, np.maximum(self._targets[1 + i], self.floors[1 + i]))
        return relief_of(
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


def base_in_people(
    problem: Problem, layout: Layout, secure: SecurePlan, limit: Floats, way: Rounding
) -> WholePlan:
    """Return the base plan in whole people, near the fractional plan.

    People beyond those of the fractional plan pay what one more person there would cost the
    reliefs, so that rounding does not undo the protection; so is a client's shortfall beyond
    ``limit[client]``, a share of its day.
    """
    if way.stay is None:
        saved = problem.price + way.thrift * secure.exposure_price
        wanted = controlled_rounding(problem, secure.assigned, saved)
        start = wanted.astype(float)
    else:
        wanted = np.floor(secure.assigned + way.stay).astype(np.int64)
        start = secure.assigned
    stray = STRAY_PRICE + way.caution * secure.exposure_price
    want = _base_want(problem, limit, wanted, stray)
    return whole_plan(problem, layout, want, start, secure.on_pattern)


def _base_want(problem: Problem, limit: Floats, stay: Ints, stray: Floats) -> Whole:
    """Return what a base plan is for; ``stray[j]`` is the price of a person beyond ``stay[j]``."""
    return Whole(
        allowed=np.ones(len(problem.group), dtype=np.bool_),
        price=problem.price,
        stay=stay,
        available=problem.size,
        onsite=problem.size,
        limit=limit * client_requirement(problem),
        move_price=stray,
        excess=excess_price(problem),
        rounds=BASE_ROUNDS,
    )
