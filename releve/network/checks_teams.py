"""Checks of teams and days at home: contracts that can be kept, meetings that can be held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from releve.errors import Phrase
from releve.network.clock import zone
from releve.network.faults import Fault
from releve.network.opening_text import DAYS
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD

__all__ = ["check_teams"]


def check_teams(book: ParsedTables) -> Iterator[Fault]:
    """Yield what is wrong with days at home, with teams, and with their meetings."""
    yield from _check_home_days(book)
    yield from _check_members(book)
    yield from _check_meetings(book)


def _is_whole(book: ParsedTables, **columns: str) -> bool:
    """Return whether every cell of some columns (by table, space between) has a value.

    Where one lacks it, what would follow from it is not said.
    """
    return not any(
        table in book.unreadable or any(value is BAD for value in book.column(table, name))
        for table, names in columns.items()
        for name in names.split()
    )


def _check_home_days(book: ParsedTables) -> Iterator[Fault]:
    """Days at home are of someone who may work there, least below most, wishes within."""
    table = book.tables.get("agents")
    if table is None:
        return
    names = ("home_days_min", "home_days_max", "home_wish", "home_ready", "skills")
    at_home = {name: place for _, name, place in book.usable("programmes", "id", "place")}
    for i, least, most, wish, ready, skills in book.usable("agents", *names):
        unknown = [day for day in wish if day not in DAYS]
        if unknown:
            reason = Phrase("{0!r} is not a day of the week", unknown[0])
            yield table.fault(i, "home_wish", reason, Phrase("write days like Mon|Fri"))
        elif most is not None and len(wish) > most:
            reason = Phrase("wishes {0} days at home, the contract allows {1}", len(wish), most)
            fix = Phrase("write fewer days, or a larger home_days_max")
            yield table.fault(i, "home_wish", reason, fix)
        if most is not None and least > most:
            reason = Phrase("the least days at home are more than the most ({0})", most)
            yield table.fault(i, "home_days_min", reason, Phrase("write at most that number"))
        elif least and not ready:
            reason = Phrase("must be at home {0} days a week and is not home-ready", least)
            fix = Phrase("write 0, or equip the agent and write home_ready true")
            yield table.fault(i, "home_days_min", reason, fix)
        elif least and skills and all(at_home.get(name) == "site_only" for name in skills):
            reason = Phrase("must be at home {0} days a week, all skills are on site only", least)
            fix = Phrase("write 0, or train the agent for a programme allowed at home")
            yield table.fault(i, "home_days_min", reason, fix)


def _check_members(book: ParsedTables) -> Iterator[Fault]:
    """A team and its supervisor, a member, are of one site, and it has seats for its members."""
    teams = book.tables.get("teams")
    agents = book.tables.get("agents")
    if teams is None or agents is None:
        return
    site_of_team = {team: site for _, team, site in book.usable("teams", "id", "site")}
    home = {agent: site for _, agent, site in book.usable("agents", "id", "home_site")}
    own = {agent: team for _, agent, team in book.usable("agents", "id", "team")}
    for i, name, site, supervisor in book.usable("teams", "id", "site", "supervisor"):
        if own.get(supervisor, name) != name:
            reason = Phrase("the supervisor {0} is not of the team", supervisor)
            fix = Phrase("write {0} as the team of that agent, or name another supervisor", name)
            yield teams.fault(i, "supervisor", reason, fix)
        elif home.get(supervisor, site) != site:
            reason = Phrase("the supervisor {0} belongs to {1}", supervisor, home[supervisor])
            fix = Phrase("write an agent of {0}, or the site of the supervisor", site)
            yield teams.fault(i, "supervisor", reason, fix)
    for i, team, site in book.usable("agents", "team", "home_site"):
        if team and site_of_team.get(team, site) != site:
            reason = Phrase("the team {0} meets at {1}", team, site_of_team[team])
            fix = Phrase("write a team of {0}, or move the agent", site)
            yield agents.fault(i, "team", reason, fix)
    if not _is_whole(book, agents="id team", teams="id", floors="id", zones="id"):
        return
    seats = _count_seats(book)
    members: dict[str, int] = {}
    for _, team in book.usable("agents", "team"):
        members[team] = members.get(team, 0) + 1
    for i, team, site, quorum in book.usable("teams", "id", "site", "quorum"):
        if team not in members:
            fix = Phrase("write the team of its agents, or delete it")
            yield teams.fault(i, "id", Phrase("the team has no agent"), fix)
        elif 0 < seats.get(site, 0) < members[team] * quorum:
            reason = Phrase(
                "{0} members do not fit the {1} seats of {2}", members[team], seats[site], site
            )
            fix = Phrase("write a lower quorum, or split the team")
            yield teams.fault(i, "quorum", reason, fix)


def _count_seats(book: ParsedTables) -> dict[str, int]:
    """Return the seats of each site; no site where a row cannot be read."""
    if not _is_whole(book, sites="seats", floors="site seats", zones="floor", seats="zone"):
        return {}
    floors = {floor: site for _, floor, site in book.usable("floors", "id", "site")}
    zones = {zone: floors.get(floor, "") for _, zone, floor in book.usable("zones", "id", "floor")}
    count = {site: seats or 0 for _, site, seats in book.usable("sites", "id", "seats")}
    for _, site, seats in book.usable("floors", "site", "seats"):
        count[site] = count.get(site, 0) + (seats or 0)
    for _, name in book.usable("seats", "zone"):
        count[zones.get(name, "")] = count.get(zones.get(name, ""), 0) + 1
    return count


def _check_meetings(book: ParsedTables) -> Iterator[Fault]:
    """A team and its supervisor share as many days of the roster as they meet."""
    teams = book.tables.get("teams")
    if teams is None or "shifts" not in book.tables or "agents" not in book.tables:
        return
    cells = {"agents": "id home_site team", "shifts": "agent start", "sites": "id time_zone"}
    if not _is_whole(book, **cells):
        return
    days = _list_days_by_agent(book)
    span = {day for worked in days.values() for day in worked}
    members: dict[str, set[date]] = {}
    for _, agent, team in book.usable("agents", "id", "team"):
        members.setdefault(team, set()).update(days.get(agent, set()))
    for i, team, supervisor, wanted in book.usable(
        "teams", "id", "supervisor", "meets_per_fortnight"
    ):
        shared = members.get(team, set()) & days.get(supervisor, set())
        needed = wanted * len({day.isocalendar()[:2] for day in span}) // 2
        if team in members and span and len(shared) < needed:
            reason = Phrase(
                "meets {0} times, and its members share {1} days of the roster with {2}",
                needed, len(shared), supervisor,
            )  # fmt: skip
            fix = Phrase("name another supervisor, mend their shifts, or write fewer meetings")
            yield teams.fault(i, "supervisor", reason, fix)


def _list_days_by_agent(book: ParsedTables) -> dict[str, set[date]]:
    """Return the local days on which each agent starts a shift."""
    zones = {site: name for _, site, name in book.usable("sites", "id", "time_zone")}
    home = {agent: site for _, agent, site in book.usable("agents", "id", "home_site")}
    days: dict[str, set[date]] = {}
    for _, agent, start in book.usable("shifts", "agent", "start"):
        name = zones.get(home.get(agent, ""))
        if name is not None:
            days.setdefault(agent, set()).add(start.astimezone(zone(name)).date())
    return days
