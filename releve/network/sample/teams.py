"""Teams: which programme works on which site, and what else a team can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from releve.kernels.arrays import Floats
from releve.network.model import Programme, Site
from releve.network.sample.contracts import Contracts
from releve.network.sample.places import Draws, split_by_weight

_TEAM = 14
"""Agents of a team, where there are enough for two teams a site."""
_CROSS_TRAINED = 0.40


@dataclass(frozen=True, slots=True)
class Team:
    """10 to 18 agents of one site and one main programme; ``skills`` are programme indices."""

    programme: int
    site: int
    size: int
    skills: tuple[int, ...]


def form_teams(contracts: Contracts, sites: Sequence[Site], seed: int) -> tuple[Team, ...]:
    """Return the teams, those of one programme together; every site has at least one."""
    teams = _occupy_all_sites(_seat_teams(contracts, sites, seed), contracts, sites)
    return _cross_train(teams, contracts, sites, seed)


def _seat_teams(contracts: Contracts, sites: Sequence[Site], seed: int) -> list[Team]:
    """Give each client its sites and spread its teams over them."""
    draws = Draws(seed, "sites of clients")
    targets = 0.6 + 1.4 * draws.uniforms(len(sites)) ** 1.5
    targets *= contracts.agents.sum() / targets.sum()
    load = np.zeros(len(sites))
    heads = np.bincount(contracts.owner, contracts.agents, len(contracts.clients))
    free = [len(_list_allowed_sites(contracts, c, sites)) for c in range(len(heads))]
    order = sorted(range(len(heads)), key=lambda c: (free[c] == len(sites), -heads[c], c))
    size_wanted = min(_TEAM, contracts.agents.sum() / (2 * len(sites)))
    teams: list[Team] = []
    for client in order:
        allowed = _list_allowed_sites(contracts, client, sites)
        count = min(len(allowed), _draw_site_count(float(heads[client]), draws))
        chosen, weights = _draw_sites(allowed, count, targets, load, draws)
        here = np.zeros(count)
        for p in np.flatnonzero(contracts.owner == client):
            agents = int(contracts.agents[p])
            for size in split_by_weight(agents, np.ones(max(1, round(agents / size_wanted)))):
                k = int(np.argmin((here + size) / weights))
                here[k] += size
                load[chosen[k]] += size
                teams.append(Team(int(p), chosen[k], int(size), (int(p),)))
    return sorted(teams, key=lambda team: (team.programme, team.site))


def _list_allowed_sites(contracts: Contracts, client: int, sites: Sequence[Site]) -> list[int]:
    codes = contracts.programmes[int(np.argmax(contracts.owner == client))].allowed_destinations
    return [i for i, site in enumerate(sites) if not codes or site.destination in codes]


def _draw_site_count(heads: float, draws: Draws) -> int:
    if heads < 32:
        return 1 if draws.chance(0.6) else 2
    return min(8, 2 + int(heads / 90))


def _draw_sites(
    allowed: list[int], count: int, targets: Floats, load: Floats, draws: Draws
) -> tuple[list[int], Floats]:
    """Draw sites by the room they have left; return them and their weights (at most 1.8 apart)."""
    chosen: list[int] = []
    room = np.maximum(0.04 * targets, targets - load)
    for _ in range(count):
        left = [i for i in allowed if i not in chosen]
        chosen.append(left[draws.index(room[left] ** 1.5)])
    weights = room[chosen] / room[chosen].max()
    return chosen, np.maximum(weights, 1 / 1.8)


def _occupy_all_sites(teams: list[Team], contracts: Contracts, sites: Sequence[Site]) -> list[Team]:
    for empty in [s for s in range(len(sites)) if all(t.site != s for t in teams)]:
        counts = np.bincount([t.site for t in teams], minlength=len(sites))
        movable = [
            i
            for i, team in enumerate(teams)
            if counts[team.site] > 1
            and empty in _list_allowed_sites(contracts, int(contracts.owner[team.programme]), sites)
        ]
        if movable:
            best = max(movable, key=lambda i: (counts[teams[i].site], -i))
            teams[best] = replace(teams[best], site=empty)
    return sorted(teams, key=lambda team: (team.programme, team.site))


def _cross_train(teams: list[Team], contracts: Contracts, sites: Sequence[Site], seed: int) -> tuple[Team, ...]:
    """Train whole teams for one or two more programmes until two agents in five are."""
    draws = Draws(seed, "cross-training")
    out = list(teams)
    wanted = _CROSS_TRAINED * sum(team.size for team in teams)
    staffed = np.zeros((len(contracts.programmes), len(sites)), dtype=np.bool_)
    staffed[[t.programme for t in teams], [t.site for t in teams]] = True
    legal = np.array(
        [
            [not p.allowed_destinations or s.destination in p.allowed_destinations for s in sites]
            for p in contracts.programmes
        ]
    )
    # programmes of the same languages can share people
    languages = np.array(["|".join(p.languages) for p in contracts.programmes])
    for i in draws.order(len(teams)):
        team = out[i]
        if wanted < team.size / 2:
            continue
        same_client = contracts.owner == contracts.owner[team.programme]
        same_language = languages == languages[team.programme]
        weights = 1.0 + 3.0 * (same_language & staffed[:, team.site])
        weights = np.where(same_client, 1.5 * weights.sum() / same_client.sum(), weights)
        weights = np.where(legal[:, team.site], weights, 0.0)
        weights[team.programme] = 0.0
        if not weights.any():
            continue
        drawn = draws.indices(2 if draws.chance(0.3) else 1, weights)
        extra = tuple(dict.fromkeys(int(q) for q in drawn))
        out[i] = replace(team, skills=(team.programme, *sorted(extra)))
        wanted -= team.size
    return tuple(out)


def apply_caps(contracts: Contracts, teams: Sequence[Team], seed: int) -> tuple[Programme, ...]:
    """Cap the share of one site for about half the clients, where their staffing meets the cap."""
    order = Draws(seed, "caps").order(len(contracts.clients))
    caps: dict[int, float] = {}
    for client in (int(c) for c in order):
        if len(caps) * 2 >= len(contracts.clients):
            break
        own = [t for t in teams if contracts.owner[t.programme] == client]
        held = np.bincount([t.site for t in own], [t.size for t in own])
        cap = max(0.5, np.ceil(20 * (held.max() / held.sum() + 0.04)) / 20)
        if cap <= 0.8:
            caps[client] = round(float(cap), 2)
    return tuple(
        replace(row, max_site_share=caps.get(int(client), 1.0))
        for row, client in zip(contracts.programmes, contracts.owner, strict=True)
    )
