"""A closure answered across operators: requests of those it hits, offers of the others, matches.

Each operator's plan and its spare agents are there beforehand, so an answer takes a clearing and
no plan. The offers hold in every relief of the giver's plan, so a giver that the closure hits too
can still lend: all but the people whose place is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from releve.kernels.arrays import Floats
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
