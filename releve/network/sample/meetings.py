"""The sample's teams on paper: who leads, how often they meet, and the contracts of telework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from releve.network.model import Agent, AgentTeam, Programme, Site
from releve.network.opening_text import DAYS
from releve.network.sample.draws import Draws
from releve.network.sample.roster import Squad
from releve.network.sample.teams import Team

__all__ = ["name_teams"]

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
        AgentTeam(ids[number], sites[teams[number].site].id, leader)
        for number, leader in sorted(leaders.items())
    )
