"""Simulate the calls of planned days, require more where targets are missed, and plan again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from releve.demand import Forecast, Requirement
from releve.demand.queue import warm_up
from releve.network import Operator
from releve.plan.planner import SolvedDay, name_plan
from releve.plan.result import Plan
from releve.plan.simulation_check import (
    ReliefError,
    SimulatedDay,
    find_relief_error,
    group_equal_scenarios,
    simulate_plan,
    tighten_requirement,
)

__all__ = ["Ending", "VerificationProgress", "VerifiedDay", "verify_days"]

Ending = Literal["held", "rounds", "no better", "no people"]
"""Why a day is not planned again: every half hour holds its targets; no rounds are left; the last
plan was no better; more is required but there are no people to place."""
RELIEF_SHARE = 4
"""A relief is simulated on one day for so many of the base plan's: there are many reliefs."""
MIN_RELIEF_REPLICATIONS = 20


@dataclass(frozen=True)
class VerifiedDay:
    """The best plan of a day by its simulated calls.

    ``before`` and ``after`` are the simulations of the first plan and of the one kept, which was
    planned in ``round`` (0 = the first); ``why`` it ended there. ``asked`` is the requirement to
    plan next, None when it ended. ``reliefs`` lists those in which Erlang errs.
    """

    solved: SolvedDay
    before: SimulatedDay
    after: SimulatedDay
    round: int
    why: Ending
    replications: int
    asked: Requirement | None = None
    reliefs: tuple[ReliefError, ...] = ()


class VerificationProgress:
    """What a verification reports. Does nothing; a subclass shows it."""

    def load(self, step: str) -> None:
        """Report the kernel that is being loaded or compiled."""

    def simulate(self, day: date, number: int, done: int, of: int) -> None:
        """Report simulated days of the plan of ``day`` in a round."""

    def finish_round(self, number: int, day: SimulatedDay) -> None:
        """Report the simulation of a plan in a round."""

    def simulate_reliefs(self, plan: Plan, done: int, of: int) -> None:
        """Report simulated reliefs of a plan; those that place the same count once."""


def verify_days(
    operator: Operator,
    forecasts: Sequence[Forecast],
    solved: Sequence[SolvedDay],
    solve: Callable[[Sequence[Requirement]], list[SolvedDay]],
    *,
    rounds: int,
    replications: int,
    threads: int = 1,
    progress: VerificationProgress | None = None,
) -> list[VerifiedDay]:
    """Simulate the solved days; plan those that miss again, ``rounds`` times at most.

    Of each day the plan with the fewest half hours missed is kept. ``solve`` plans requirements.
    """
    run = _Verification(operator, replications, threads, progress or VerificationProgress())
    warm_up(run.progress.load)
    found = [
        run.verify_first(forecast, one) for forecast, one in zip(forecasts, solved, strict=True)
    ]
    for number in range(1, rounds + 1):
        open_days = {i: one.asked for i, one in enumerate(found) if one.asked is not None}
        if not open_days:
            break
        again = solve(list(open_days.values()))
        for i, one in zip(open_days, again, strict=True):
            found[i] = run.verify_next(forecasts[i], one, found[i], number)
    return [
        run.check_reliefs(forecast, one) for forecast, one in zip(forecasts, found, strict=True)
    ]


@dataclass(frozen=True)
class _Verification:
    """What every simulation of one verification shares."""

    operator: Operator
    replications: int
    threads: int
    progress: VerificationProgress

    def verify_first(self, forecast: Forecast, solved: SolvedDay) -> VerifiedDay:
        """Simulate the first plan of a day."""
        day = self._simulate(forecast, solved, 0)
        why, asked = _decide(day)
        return VerifiedDay(solved, day, day, 0, why, self.replications, asked)

    def verify_next(
        self, forecast: Forecast, solved: SolvedDay, last: VerifiedDay, number: int
    ) -> VerifiedDay:
        """Return the better of the last plan and the next one, and whether to go on from it."""
        day = self._simulate(forecast, solved, number)
        if day.badness >= last.after.badness:
            return replace(last, why="no better", asked=None)
        why, asked = _decide(day)
        return replace(last, solved=solved, after=day, round=number, why=why, asked=asked)

    def check_reliefs(self, forecast: Forecast, one: VerifiedDay) -> VerifiedDay:
        """Simulate each relief of the plan that is kept, and note where Erlang errs."""
        plan = one.after.plan
        groups = group_equal_scenarios(plan)
        errors = []
        for done, names in enumerate(groups):
            self.progress.simulate_reliefs(plan, done, len(groups))
            day = simulate_plan(
                self.operator, plan, one.solved.need, forecast, scenario=names[0],
                replications=max(MIN_RELIEF_REPLICATIONS, self.replications // RELIEF_SHARE),
                threads=self.threads,
            )  # fmt: skip
            errors.append(find_relief_error(day, names))
        self.progress.simulate_reliefs(plan, len(groups), len(groups))
        return replace(one, reliefs=tuple(error for error in errors if error is not None))

    def _simulate(self, forecast: Forecast, solved: SolvedDay, number: int) -> SimulatedDay:
        plan = name_plan(self.operator, solved)
        self.progress.simulate(plan.day, number, 0, self.replications)
        day = simulate_plan(
            self.operator, plan, solved.need, forecast,
            replications=self.replications, threads=self.threads,
            progress=lambda done, of: self.progress.simulate(plan.day, number, done, of),
        )  # fmt: skip
        self.progress.finish_round(number, day)
        return day


def _decide(day: SimulatedDay) -> tuple[Ending, Requirement | None]:
    """Return why a day would end now, and the requirement to plan next unless it does."""
    if not day.misses().any():
        return "held", None
    asked = tighten_requirement(day)
    return "no people" if asked is None else "rounds", asked
