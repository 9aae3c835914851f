"""A night of a group: the files that its HR system and its workforce suite write, and what should be there after."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from releve.network import Agent, Operator
from releve.registry.layouts import SCHEDULE, store_layout

HEADER = "Code du téléconseiller;Site de rattachement;Compétences;Heures au contrat;Équipe;Arrêt de navette"
ROSTER = "Agent ID;Activity;Start;End"
KINDS = {"Calls": "work", "Annual leave": "leave"}
JOINS, LEAVERS, MOVERS = 12, 9, 7


def make_feeds(folder: Path, **sources: str) -> None:
    """Make the folder of each feed with its ``feed.toml``."""
    for name, text in sources.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "feed.toml").write_text(text, encoding="utf-8")


def drop(folder: Path, name: str, text: str) -> Path:
    """Put a file into a feed as a careful sender does: under another name first."""
    part = folder / f".{name}"
    part.write_text(text, encoding="utf-8")
    part.rename(folder / name)
    return folder / name


def hours(row: Agent) -> str:
    return f"{row.contract_hours:g}".replace(".", ",")


def write_people(agents: Iterable[Agent]) -> str:
    """Return agents as HR knows them, in French: of a line at home or wishes it knows nothing."""
    rows = (";".join((row.id, row.home_site, "|".join(row.skills), hours(row), row.team, row.stop)) for row in agents)
    return "\n".join((HEADER, *rows)) + "\n"


def list_leavers(operator: Operator) -> list[Agent]:
    """Return agents who may leave: none leads a team."""
    leads = {team.supervisor for team in operator.teams}
    return [row for row in operator.agents if row.id not in leads][-LEAVERS:]


def change_people(operator: Operator) -> list[Agent]:
    """Return the agents after a night of joins, leavers and movers."""
    gone = {row.id for row in list_leavers(operator)}
    rows = [row for row in operator.agents if row.id not in gone]
    teams = {team.site: team.id for team in operator.teams}
    other = {site.id: operator.sites[at - 1].id for at, site in enumerate(operator.sites)}
    leads = {team.supervisor for team in operator.teams}
    for at in [at for at, row in enumerate(rows) if row.id not in leads][:MOVERS]:
        site = other[rows[at].home_site]
        rows[at] = replace(rows[at], home_site=site, team=teams[site], stop="")
    plain = Agent("model", rows[-1].home_site, rows[-1].skills, team=rows[-1].team)
    return rows + [replace(plain, id=f"new{number:03d}") for number in range(JOINS)]


def write_roster(operator: Operator, agents: Iterable[Agent], shift_by: timedelta) -> str:
    """Return a roster of a suite: the shifts of each agent moved by so much, of a joiner those of the first agent."""
    by_agent: dict[str, list[tuple[str, str]]] = {}
    for shift in operator.shifts:
        start, end = (f"{at + shift_by:%Y-%m-%dT%H:%M:%SZ}" for at in (shift.start, shift.end))
        by_agent.setdefault(shift.agent, []).append((start, end))
    first = next(iter(by_agent.values()))
    rows = [
        f"{agent.id};Calls;{start};{end}"
        for agent in agents
        for start, end in by_agent.get(agent.id, first if agent.id.startswith("new") else [])
    ]
    return "\n".join((ROSTER, *rows)) + "\n"


def remember_roster() -> None:
    """Keep how files with these columns are read, as a planner's first import does."""
    store_layout(f"{SCHEDULE}roster.csv", ROSTER.split(";"), {"time_zone": "UTC"}, KINDS, "amina")


def set_up(home: Path) -> Path:
    """Make the two feeds of a group in a home; return their folder."""
    folder = home / "feeds"
    make_feeds(folder, hr='holds = "agents"\nexpected = "Mon-Sun 02:00-06:00"\n', roster='holds = "schedule"\n')
    os.environ["RELEVE_FEEDS"] = str(folder)
    return folder
