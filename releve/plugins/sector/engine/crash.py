"""A closure answered across the operators of a sector, and weeks of them with and without relief.

The operators that a closure hits send requests, the others offers, and a clearing matches them.
Each operator's plan and its spare agents are there beforehand, so an answer takes a clearing and
no plan. The offers hold in every relief of the giver's plan, so a giver that the closure hits too
can still lend: all but the people whose place is lost.

Each simulated day draws the volume of calls and the people absent of every operator, and which
givers lose a place of their own and recall. The same draws are counted twice: with each operator's
own reliefs alone, and with the matches of the clearing besides. Agents of another operator count at
less than one, and givers are short of those they lend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from releve.kernels.arrays import Floats, Truths
from releve.network import Operator
from releve.plan.result import BASE, Contingency, Plan
from releve.plan.spare import SpareAgent, count_spare
from releve.plugins.sector.engine.matches import Clearing, clear
from releve.plugins.sector.engine.needs import (
    ClientTerms,
    Openings,
    ReliefPackage,
    SectorError,
    SectorOffer,
    SectorRequest,
    build_offers,
    build_requests,
    number_half_hours,
)


@dataclass(frozen=True)
class SectorMember:
    """An operator of the sector: its plan of the day, its spare agents, its clients' terms."""

    name: str
    operator: Operator
    plan: Plan
    spare: tuple[SpareAgent, ...]
    rest: Plan
    """The plan without its spare agents."""
    terms: Mapping[str, ClientTerms]


@dataclass(frozen=True)
class SectorAnswer:
    """What was asked and offered, and who helps whom; the scenario of each member's plan."""

    openings: Openings
    cleared: Clearing
    scenario: Mapping[str, str]
    """Contingency of each member's plan, ``base`` where the closure does not hit it."""
    saved: Mapping[str, float]
    """Calls of each member's clients that are answered by others' agents, of a usual day."""


def find_closed(member: SectorMember, destination: str) -> Contingency | None:
    """Return the contingency of a member's plan that loses its sites in a destination."""
    sites = {row.id for row in member.operator.sites if row.destination == destination}
    return next((row for row in member.plan.contingencies if sites and row.sites == sites and row.exposed), None)


def answer_closure(
    members: Sequence[SectorMember],
    closed: Mapping[str, Contingency],
    packages: Sequence[ReliefPackage],
    *,
    day: date,
    time_zone: str,
    seed: bytes,
    asked_at: int = 0,
) -> SectorAnswer:
    """Return the clearing for a closure; ``closed[member]`` is what each member loses.

    ``asked_at``: the half hour of the sector's day in which help is asked for.
    """
    requests: list[SectorRequest] = []
    offers: list[SectorOffer] = []
    approvals: set[tuple[str, str, str]] = set()
    for member in members:
        half_hours = number_half_hours(member.plan.starts, day, time_zone)
        lost = closed.get(member.name)
        if lost is not None:
            asked, allowed = build_requests(
                member.operator, member.plan, lost.id, member.terms, asker=member.name,
                half_hours=half_hours, asked_at=asked_at,
            )  # fmt: skip
            requests += asked
            approvals |= allowed
        there = tuple(one for one in member.spare if lost is None or one.place not in lost.sites)
        spare = {
            key: {half_hours[t]: count for t, count in counts.items() if t in half_hours}
            for key, counts in count_spare(there).items()
        }
        offers += build_offers(packages, member.name, spare, asked_at, day)[0]
    openings = Openings(tuple(sorted(offers)), tuple(sorted(requests)), frozenset(approvals))
    cleared = clear(openings, seed)
    scenario = {one.name: closed[one.name].id if one.name in closed else BASE for one in members}
    return SectorAnswer(openings, cleared, scenario, _count_saved(members, cleared, day, time_zone))


def answer_destination(
    members: Sequence[SectorMember], destination: str, packages: Sequence[ReliefPackage], *, time_zone: str, seed: bytes
) -> SectorAnswer:
    """Return the clearing when every site of a destination shuts on the day planned.

    SectorError where no plan loses it, or the plans are of several days.
    """
    days = {one.plan.day for one in members}
    if len(days) != 1:
        raise SectorError(f"the plans are of {', '.join(map(str, sorted(days)))}: plan every member for one day")
    closed = {one.name: lost for one in members if (lost := find_closed(one, destination)) is not None}
    if not closed:
        known = sorted({site.destination for one in members for site in one.operator.sites})
        raise SectorError(f"no member can lose {destination!r} by its plan; destinations: {', '.join(known)}")
    return answer_closure(members, closed, packages, day=days.pop(), time_zone=time_zone, seed=seed)


def _count_calls_per_agent(plan: Plan, programme: int) -> Floats:
    """Return the calls that one agent answers per half hour of a programme, from the plan."""
    required = np.nan_to_num(plan.required[:, programme])
    calls = np.nan_to_num(plan.calls[:, programme])
    return np.asarray(np.where(required > 0, calls / np.where(required > 0, required, 1.0), 0.0))


def _count_saved(members: Sequence[SectorMember], cleared: Clearing, day: date, time_zone: str) -> dict[str, float]:
    by_name = {one.name: one for one in members}
    saved = dict.fromkeys(by_name, 0.0)
    for match in cleared.matches:
        name, _, programme = match.request.partition("/")
        plan = by_name[name].plan
        p = [one for one, _, _ in plan.programmes].index(programme)
        at = {mine: t for t, mine in number_half_hours(plan.starts, day, time_zone).items()}
        saved[name] += match.agents * float(_count_calls_per_agent(plan, p)[at[match.half_hour]])
    return saved


@dataclass(frozen=True)
class ClosureWindow:
    """A destination shut from a day to a day, both counted from 0 and included."""

    destination: str
    first_day: int
    last_day: int


@dataclass(frozen=True)
class SectorCrashSettings:
    """What is drawn, and how often; shares between 0 and 1."""

    replications: int = 200
    volume_cv: float = 0.10
    """Coefficient of variation of an operator's calls of a day."""
    absent: float = 0.05
    """Mean share of the people placed who do not come."""
    recall: float = 0.02
    """Chance a day that a giver loses a place of its own and takes all its agents back."""
    efficiency: float = 0.75
    """Work of an agent of another operator, over that of an experienced one."""
    days_to_start: int = 1
    """Days of a closure before the first agent of another operator answers."""
    level: float = 0.90
    """Share of the replications inside an interval."""

    def __post_init__(self) -> None:
        if self.replications < 2:
            raise SectorError(f"replications must be at least 2, got {self.replications}")
        for name in ("absent", "recall", "efficiency", "level"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise SectorError(f"{name} must be between 0 and 1, got {value}")


@dataclass(frozen=True)
class SectorCrash:
    """Calls lost ``[replication, day, member]`` without and with relief between operators."""

    members: tuple[str, ...]
    windows: tuple[ClosureWindow, ...]
    alone: Floats
    together: Floats
    level: float

    def estimate(self, lost: Floats) -> tuple[float, float, float]:
        """Return mean, lower and upper end of the interval of ``lost`` over all days and members.

        The interval holds one sequence of weeks, not the mean.
        """
        total = lost.sum(axis=(1, 2))
        edge = (1 - self.level) / 2
        return (float(total.mean()), float(np.quantile(total, edge)), float(np.quantile(total, 1 - edge)))


def simulate_sector(
    members: Sequence[SectorMember],
    windows: Sequence[ClosureWindow],
    answers: Mapping[str, SectorAnswer],
    settings: SectorCrashSettings,
    seed: int,
    *,
    day: date,
    time_zone: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SectorCrash:
    """Simulate the days of the windows; ``answers[destination]`` is its closure's clearing.

    Every day is like the day planned. SectorError where two windows overlap: a plan has a relief of
    one destination at a time.
    """
    days = max(one.last_day for one in windows) + 1
    of_day: list[ClosureWindow | None] = [None] * days
    for one in windows:
        for d in range(one.first_day, one.last_day + 1):
            if of_day[d] is not None:
                raise SectorError(
                    f"{one.destination} and another destination are shut on day {d}: let the windows follow each other"
                )
            of_day[d] = one
    shape = (settings.replications, days, len(members))
    alone, together = np.zeros(shape), np.zeros(shape)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 24])))
    recalled = rng.random(shape) < settings.recall
    volume = np.maximum(0.2, 1 + settings.volume_cv * rng.standard_normal(shape))
    present = 1 - settings.absent * 2 * rng.random(shape)
    for m, member in enumerate(members):
        for d, window in enumerate(of_day):
            answer = None if window is None else answers.get(window.destination)
            scenario = BASE if answer is None else answer.scenario[member.name]
            args = (member, volume[:, d, m], present[:, d, m])
            placed = member.plan.scenarios[scenario].placed
            alone[:, d, m] = _count_lost(*args, placed[None])
            if answer is None or window is None or d < window.first_day + settings.days_to_start:
                together[:, d, m] = alone[:, d, m]
                continue
            helped = _add_helpers(members, m, answer, placed, ~recalled[:, d], settings, day, time_zone)
            together[:, d, m] = _count_lost(*args, helped)
        progress(m + 1, len(members))
    names = tuple(one.name for one in members)
    return SectorCrash(names, tuple(windows), alone, together, settings.level)


def _count_lost(member: SectorMember, volume: Floats, present: Floats, placed: Floats) -> Floats:
    """Return the calls lost of a day, per replication; ``placed[r or 1, t, p]`` agents."""
    required = np.nan_to_num(member.plan.required)[None] * volume[:, None, None]
    calls = np.nan_to_num(member.plan.calls)[None] * volume[:, None, None]
    short = np.maximum(0.0, required - placed * present[:, None, None])
    share = np.divide(short, required, out=np.zeros_like(short), where=required > 0)
    return np.asarray((calls * share).sum(axis=(1, 2)))


def _add_helpers(
    members: Sequence[SectorMember],
    m: int,
    answer: SectorAnswer,
    placed: Floats,
    there: Truths,
    settings: SectorCrashSettings,
    day: date,
    time_zone: str,
) -> Floats:
    """Return ``placed[r, t, p]`` with the agents of others, and without those that are lent.

    ``there[r, member]``: the givers that do not recall.
    """
    member = members[m]
    out = np.repeat(placed[None], len(there), axis=0)
    index = {one.name: i for i, one in enumerate(members)}
    programmes = [name for name, _, _ in member.plan.programmes]
    at = {mine: t for t, mine in number_half_hours(member.plan.starts, day, time_zone).items()}
    giver = {one.offer: one.giver for one in answer.openings.offers}
    lent = 0
    for match in answer.cleared.matches:
        asker, _, programme = match.request.partition("/")
        if asker == member.name:
            comes = there[:, index[giver[match.offer]]] * settings.efficiency * match.agents
            out[:, at[match.half_hour], programmes.index(programme)] += comes
        elif giver[match.offer] == member.name:
            lent += match.agents
    spare = sum(len(one.half_hours) for one in member.spare)
    if lent and spare:
        gone = member.plan.scenarios[answer.scenario[member.name]].placed
        gone = gone - member.rest.scenarios[answer.scenario[member.name]].placed
        out -= (min(1.0, lent / spare) * there[:, m])[:, None, None] * gone[None]
    return out
