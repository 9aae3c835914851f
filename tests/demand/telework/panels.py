"""Panels of agents and weeks with a known effect of working at home, as records and as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from releve.plugins.telework.engine.panel import Panel, keep_comparable

MONDAY = 20514  # 2026-03-02, days since 1970


@dataclass(frozen=True)
class Design:
    """A programme whose agents move home at staggered weeks, some never.

    ``effect`` at once and ``growth`` a week; ``never`` share that stays; ``selection`` of weaker
    agents; ``drift`` a week of those who move, before and after; ``all_at`` week of one move.
    """

    agents: int = 80
    weeks: int = 26
    effect: float = 0.02
    growth: float = 0.0
    never: float = 0.4
    selection: float = 0.0
    drift: float = 0.0
    noise: float = 0.06
    all_at: int | None = None
    returns: int = 0
    teams: int = 0
    by_team: bool = False
    team_shock: float = 0.0
    attrition: float = 0.0


def draw_panel(design: Design, seed: int, *, whole: bool = False) -> Panel:
    """Return a panel of one programme, ``whole`` with what cannot be compared."""
    draws = np.random.Generator(np.random.Philox(seed))
    ability = draws.normal(0, 0.1, design.agents)
    week = np.arange(design.weeks)
    season = 0.05 * np.sin(week / 4) + draws.normal(0, 0.02, design.weeks)
    move = draws.integers(6, design.weeks - 4, design.agents)
    order = np.argsort(ability + draws.normal(0, 1e-9, design.agents))
    if design.selection:
        move[order] = np.sort(move)
    stays = draws.random(design.agents) < design.never
    if design.selection:
        stays = np.zeros(design.agents, bool)
        stays[order[int((1 - design.never) * design.agents) :]] = True
    if design.all_at is not None:
        move[:] = design.all_at
    team = np.arange(design.agents) % design.teams if design.teams else None
    if team is not None and design.by_team:
        stays = (draws.permutation(design.teams) < round(design.never * design.teams))[team]
        move = draws.integers(6, design.weeks - 4, design.teams)[team]
    since = week[None, :] - move[:, None]
    home = (since >= 0) & ~stays[:, None]
    if design.returns:
        home &= since % (2 * design.returns) < design.returns
    shock = draws.normal(0, design.noise, home.shape)
    for at in range(1, design.weeks):  # weeks of one agent are alike
        shock[:, at] += 0.5 * shock[:, at - 1]
    if team is not None:
        common = draws.normal(0, design.team_shock, (design.teams, design.weeks))
        for at in range(1, design.weeks):
            common[:, at] = 0.8 * common[:, at - 1] + 0.6 * common[:, at]
        shock += common[team]
    outcome = ability[:, None] + season[None, :] + shock
    outcome += home * (design.effect + design.growth * np.maximum(since, 0))
    outcome += np.where(stays[:, None], 0.0, design.drift * week[None, :])
    agent, period = np.indices(home.shape)
    panel = Panel(
        agent.ravel(), period.ravel(), (MONDAY + 7 * period).ravel(), home.ravel(), outcome.ravel(),
        None if team is None else team[agent.ravel()].astype(np.int64),
    )  # fmt: skip
    if design.attrition:
        gone = np.where(
            draws.random(design.agents) < design.attrition, draws.integers(8, design.weeks, design.agents), design.weeks
        )
        panel = panel.keep(panel.period < gone[panel.agent])
    return panel if whole else keep_comparable(panel)[0]


def true_effect(design: Design, panel: Panel) -> float:
    """Return the mean effect over the rows at home of a panel without returns."""
    since = (panel.day - panel.first_home[panel.agent])[panel.at_home] / 7
    return float((design.effect + design.growth * since).mean())


def write_records(panel: Panel, programme: str = "hotline") -> bytes:
    """Return a panel as the CSV of work records that has its outcome."""
    lines = ["agent,day,programme,place,paid_min,available_min,handled,handle_s,quality,repeats"]
    if panel.team is not None:
        lines[0] += ",team"
    for at, (agent, day, home, outcome) in enumerate(
        zip(panel.agent, panel.day, panel.at_home, panel.outcome, strict=True)
    ):
        date = np.datetime64(int(day), "D")
        handled = 200
        seconds = handled * 300 / np.exp(outcome)
        place = "home" if home else "site"
        lines.append(f"a{agent:04},{date},{programme},{place},2100,2000,{handled},{float(seconds)!r},,")
        if panel.team is not None:
            lines[-1] += f",t{panel.team[at]}"
    return ("\n".join(lines) + "\n").encode()
