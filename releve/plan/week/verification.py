"""Verify a week: simulate its calls and correct the requirement; recount a hybrid week.

The recount reads the operator's rows alone and shares no code with the module that plans the week.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from releve.demand import Forecast, Requirement
from releve.demand.queue import warm_up
from releve.errors import Phrase
from releve.network import HOME, Operator
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
from releve.plan.week.hybrid_week import HybridWeek

Ending = Literal["held", "rounds", "no better", "no people"]
"""Why a day is not planned again: every half hour holds its targets; no rounds are left; the last
plan was no better; more is required but there are no people to place."""
RELIEF_SHARE = 4
"""Simulated days of the base plan for each of a relief: there are many reliefs."""
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
    found = [run.verify_first(forecast, one) for forecast, one in zip(forecasts, solved, strict=True)]
    for number in range(1, rounds + 1):
        open_days = {i: one.asked for i, one in enumerate(found) if one.asked is not None}
        if not open_days:
            break
        again = solve(list(open_days.values()))
        for i, one in zip(open_days, again, strict=True):
            found[i] = run.verify_next(forecasts[i], one, found[i], number)
    return [run.check_reliefs(forecast, one) for forecast, one in zip(forecasts, found, strict=True)]


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

    def verify_next(self, forecast: Forecast, solved: SolvedDay, last: VerifiedDay, number: int) -> VerifiedDay:
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


def check_hybrid_week(
    operator: Operator, week: HybridWeek, plans: Sequence[Plan] = (), past: HybridWeek | None = None
) -> tuple[Phrase, ...]:
    """Return what breaks a rule, in sentences; ``past``: earlier days that count with these."""
    days = (*(past.days if past else ()), *week.days)
    at_work: dict[date, set[str]] = {day: set() for day in days}
    for duty in operator.duties:
        day = operator.find_day(duty.start)
        if day in at_work and duty.leave_out(operator.away.get(duty.agent, ())) is not None:
            at_work[day].add(duty.agent)
    home = {day: {a for a, held in week.home.items() if day in held} for day in week.days}
    if past is not None:
        for day in past.days:
            home[day] = {agent for agent, held in past.home.items() if day in held}
    return (
        *_check_home_days(operator, at_work, home, week),
        *_check_meetings(operator, at_work, home, week, past),
        *_check_placements(operator, home, week, plans),
    )


def _check_home_days(
    operator: Operator, at_work: dict[date, set[str]], home: dict[date, set[str]], week: HybridWeek
) -> Iterator[Phrase]:
    """Yield days at home that are not worked or not possible, and contracts that are not kept."""
    allowed = {row.id for row in operator.programmes if row.place == "home_allowed"}
    worked: Counter[tuple[str, tuple[int, int]]] = Counter()
    at_home: Counter[tuple[str, tuple[int, int]]] = Counter()
    for day, agents in at_work.items():
        number = day.isocalendar()[:2]
        worked.update((agent, number) for agent in agents)
        at_home.update((agent, number) for agent in home[day] & agents)
        for agent in sorted(home[day]):
            row = operator.agent.get(agent)
            if row is None or agent not in agents:
                yield Phrase("{0} is at home on {1} without a shift", agent, day.isoformat())
            elif not row.home_ready or not allowed.intersection(row.skills):
                yield Phrase("{0} cannot work at home on {1}", agent, day.isoformat())
    planned = {day.isocalendar()[:2] for day in week.days}
    for (agent, number), count in sorted(worked.items()):
        row = operator.agent[agent]
        held = at_home[agent, number]
        least = row.home_days_min * min(count, 5) // 5
        if number in planned and held < least:
            yield Phrase("{0} has {1} days at home in a week, {2} are due", agent, held, least)
        if number in planned and row.home_days_max is not None and held > row.home_days_max:
            most = row.home_days_max
            yield Phrase("{0} has {1} days at home in a week, at most {2}", agent, held, most)


def _check_meetings(
    operator: Operator,
    at_work: dict[date, set[str]],
    home: dict[date, set[str]],
    week: HybridWeek,
    past: HybridWeek | None,
) -> Iterator[Phrase]:
    """Yield meetings that are missing, without supervisor or below the quorum."""
    weeks = len({day.isocalendar()[:2] for day in at_work})
    members = {row.id: set[str]() for row in operator.teams}
    for row in operator.agents:
        if row.team:
            members[row.team].add(row.id)
    for team in operator.teams:
        held = set(week.meetings.get(team.id, ()))
        if past is not None:
            held |= set(past.meetings.get(team.id, ()))
        due = team.meets_per_fortnight * weeks // 2
        if members[team.id] and len(held) < due:
            yield Phrase("the team {0} meets {1} times, {2} are due", team.id, len(held), due)
        for day in sorted(held & set(week.days)):
            here = (members[team.id] & at_work[day]) - home[day]
            if team.supervisor not in at_work[day] - home[day]:
                yield Phrase("{0} meets on {1} without its supervisor", team.id, day.isoformat())
            present = len(members[team.id] & at_work[day])
            if len(here) < team.quorum * present - 1e-9:
                yield Phrase("{0} meets on {1} with {2} of {3} at work", team.id, day.isoformat(), len(here), present)


def _check_placements(
    operator: Operator, home: dict[date, set[str]], week: HybridWeek, plans: Sequence[Plan]
) -> Iterator[Phrase]:
    """Yield placements of the plans that are not where the week has the agent."""
    allowed = {row.id for row in operator.programmes if row.place == "home_allowed"}
    for plan in plans:
        if plan.day not in home:
            continue
        for row in plan.placements:
            if row.carried:
                continue  # placed by the day before, where this week has them too
            agent = operator.agent[row.agent]
            may = agent.home_ready and bool(allowed.intersection(agent.skills))
            if may and (row.place == HOME) != (row.agent in home[plan.day]):
                day = plan.day.isoformat()
                yield Phrase("{0} is placed at {1} on {2} against the week", agent.id, row.place, day)
            team = operator.team.get(agent.team)
            meets = team is not None and plan.day in week.meetings.get(team.id, ())
            if team is not None and meets and row.place not in (HOME, team.site):
                yield Phrase("{0} is away when {1} meets on {2}", agent.id, team.id, plan.day)
