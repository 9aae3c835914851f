"""The sample's agents: their home line, their way to work, their teams and telework contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import islice

from releve.network.model import Programme, Shuttle, Site
from releve.network.opening_hours import DAYS
from releve.network.rows import Agent, AgentTeam, Shift
from releve.network.sample.places import Draws, find_country
from releve.network.sample.roster import PART, Squad, list_turn_shifts
from releve.network.sample.teams import Team

_WORKABLE_MBPS = 8.0
"""Least measured rate of a line that makes an agent ready for work at home."""
_LONGEST_RIDE = 55.0


def hire_agents(
    squads: Sequence[Squad],
    teams: Sequence[Team],
    programmes: Sequence[Programme],
    sites: Sequence[Site],
    shuttles: Sequence[Shuttle],
    seed: int,
) -> tuple[Agent, ...]:
    stops = _list_stops(shuttles)
    agents: list[Agent] = []
    for number, squad in enumerate(squads):
        team = teams[squad.team]
        skills = tuple(programmes[p].id for p in team.skills)
        hours = 30.0 if squad.turn.length == PART else 40.0
        draws = Draws(seed, "squad", number)
        site = sites[team.site]
        agents += _hire_squad(len(agents), squad.size, site, skills, hours, stops[site.id], draws)
    return tuple(agents)


def _list_stops(shuttles: Sequence[Shuttle]) -> dict[str, list[tuple[str, float]]]:
    """Return for each site its stops with a bearable ride (or the nearest), and their weight."""
    rides: dict[str, list[tuple[float, str]]] = {}
    for row in shuttles:
        rides.setdefault(row.site, []).append((row.ride_minutes, row.stop))
    out = {}
    for site, own in rides.items():
        near = [(ride, stop) for ride, stop in own if ride <= _LONGEST_RIDE] or [min(own)]
        out[site] = [(stop, 1 / (15 + ride)) for ride, stop in near]
    return out


def _hire_squad(
    first: int,
    size: int,
    site: Site,
    skills: tuple[str, ...],
    hours: float,
    stops: list[tuple[str, float]],
    draws: Draws,
) -> list[Agent]:
    country = find_country(site.destination)
    offers = (*country.lines, ("none", 1 - sum(line[1] for line in country.lines), 0.0, 0.0))
    lines = draws.indices(size, [share for _, share, _, _ in offers])
    rates = draws.uniforms(size)
    carriers = draws.indices(size, [share for _, share in country.carriers])
    at_stop = draws.indices(size, [weight for _, weight in stops])
    own = draws.uniforms(size) < country.own_transport
    willing = draws.uniforms(size)
    out = []
    for i in range(size):
        kind, _, low, high = offers[lines[i]]
        mbps = round(low + (high - low) * float(rates[i]) ** 1.5, 1)
        can = kind != "none" and mbps >= _WORKABLE_MBPS
        out.append(
            Agent(
                id=f"a{first + i + 1:05d}",
                home_site=site.id,
                skills=skills,
                home_ready=can and bool(willing[i] < country.ready / _able(country.code)),
                line_type=kind,
                line_mbps=mbps,
                carrier="" if kind == "none" else country.carriers[carriers[i]][0],
                stop="" if own[i] else stops[at_stop[i]][0],
                own_transport=bool(own[i]),
                contract_hours=hours,
            )
        )
    return out


def _able(code: str) -> float:
    """Return the share of a country's agents whose line is good enough."""
    able = 0.0
    for _, share, low, high in find_country(code).lines:
        least = max(0.0, min(1.0, (_WORKABLE_MBPS - low) / (high - low)))
        able += share * (1 - least ** (1 / 1.5))
    return able


def build_shifts(
    agents: Sequence[Agent],
    squads: Sequence[Squad],
    teams: Sequence[Team],
    programmes: Sequence[Programme],
    start: date,
) -> tuple[Shift, ...]:
    """Return a week of shifts from ``start`` on, agent after agent, in UTC."""
    shifts: list[Shift] = []
    people = iter(agents)
    for squad in squads:
        programme = programmes[teams[squad.team].programme]
        times = list_turn_shifts(squad.turn, programme, start)
        for agent in islice(people, squad.size):
            shifts += [Shift(agent.id, first, last, 30.0) for first, last in times]
    return tuple(shifts)


HOME_DAYS = (1, 3)
"""Least and most days at home a week of agents who may work there."""
_WITH_WISH = 0.3


def name_teams(
    agents: Sequence[Agent],
    squads: Sequence[Squad],
    teams: Sequence[Team],
    programmes: Sequence[Programme],
    sites: Sequence[Site],
    seed: int,
) -> tuple[tuple[Agent, ...], tuple[AgentTeam, ...]]:
    """Return the agents with team, days at home and wishes, and their teams.

    The first agent of a team leads it.
    """
    allowed = {row.id for row in programmes if row.place == "home_allowed"}
    count: dict[int, int] = {}
    ids = []
    for team in teams:
        count[team.site] = count.get(team.site, 0) + 1
        ids.append(f"{sites[team.site].id}-t{count[team.site]:02d}")
    people = iter(agents)
    found: list[Agent] = []
    leaders: dict[int, str] = {}
    for number, squad in enumerate(squads):
        draws = Draws(seed, "wishes", number)
        wishing, weekday = draws.uniforms(squad.size), draws.uniforms(squad.size)
        for i, agent in enumerate(islice(people, squad.size)):
            leaders.setdefault(squad.team, agent.id)
            row = replace(agent, team=ids[squad.team])
            if agent.home_ready and allowed.intersection(agent.skills):
                wish = (DAYS[int(5 * weekday[i])],) if wishing[i] < _WITH_WISH else ()
                least, most = HOME_DAYS
                row = replace(row, home_days_min=least, home_days_max=most, home_wish=wish)
            found.append(row)
    return tuple(found), tuple(
        AgentTeam(ids[number], sites[teams[number].site].id, leader) for number, leader in sorted(leaders.items())
    )
