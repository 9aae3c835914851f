"""Checks of the work: clients, programmes, agents and teams, permits, contingencies, the roster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import numpy as np

from releve.errors import Phrase
from releve.network.checks_places import check_time_zones, list_country_codes
from releve.network.checks_time import set_utc
from releve.network.faults import Fault, find_nearest, suggest_fix
from releve.network.moments import UTC, zone
from releve.network.opening_hours import (
    DAYS,
    EXAMPLE_HOURS,
    list_calendar_countries,
    list_calendar_names,
    normalize_opening,
    parse_opening,
)
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD, ParsedTable
from releve.network.table_words import name_column

_LANGUAGE_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv "
    "cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho "
    "hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku "
    "kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn "
    "no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm "
    "sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi "
    "vo wa wo xh yi yo za zh zu"
)
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
"""ISO 639-1."""
_HALF_HOUR = re.compile(r"([01]\d|2[0-3]):[03]0")
_CALENDAR_YEARS = range(2015, 2036)
"""Years whose public holidays may be named."""


def check_operator_row(book: ParsedTables) -> Iterator[Fault]:
    """The operator's time zone exists, and its planning days begin on a half hour."""
    yield from check_time_zones(book, "operator")
    for i, text in book.usable("operator", "day_starts"):
        if not _HALF_HOUR.fullmatch(text):
            fix = Phrase("write a half hour like 00:00 or 04:30")
            yield book.tables["operator"].fault(i, "day_starts", Phrase("is not a half hour of a day"), fix)
            book.tables["operator"].values["day_starts"][i] = BAD


def check_clients(book: ParsedTables) -> Iterator[Fault]:
    """A client has a programme."""
    named = book.list_likely_ids("programmes", "client")
    if named is None or "clients" not in book.tables:
        return
    served = {name for names in named for name in names}
    for i, client in book.usable("clients", "id"):
        if client not in served:
            fix = Phrase("add its programmes, or delete the client")
            yield book.tables["clients"].fault(i, "id", Phrase("the client has no programme"), fix)


def check_programmes(book: ParsedTables) -> Iterator[Fault]:
    """A programme has hours, languages and holidays that exist, and a site that may do its work."""
    if "programmes" not in book.tables:
        return
    yield from check_time_zones(book, "programmes")
    yield from _check_opening(book)
    yield from _check_languages(book)
    yield from _check_holidays(book)
    yield from _check_destinations(book)
    yield from _check_home_efficiency(book)


def _check_home_efficiency(book: ParsedTables) -> Iterator[Fault]:
    """Check that an interval has both ends, and holds the value that it is of."""
    table = book.tables["programmes"]
    names = ("home_efficiency", "home_efficiency_low", "home_efficiency_high")
    for i, value, low, high in book.usable("programmes", *names):
        if (low is None) != (high is None):
            column = names[2] if high is None else names[1]
            fix = Phrase("give both ends of the interval, or neither")
            yield table.fault(i, column, Phrase("the other end of the interval is given"), fix)
        elif low is not None and not low <= value <= high:
            reason = Phrase("is not within its interval ({0} to {1})", f"{low:g}", f"{high:g}")
            yield table.fault(i, names[0], reason, Phrase("correct one of the three"))


def _check_opening(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, text in book.usable("programmes", "opening"):
        try:
            parse_opening(text)
            table.values["opening"][i] = normalize_opening(text)
        except ValueError as error:
            fix = Phrase("write hours like {0}", EXAMPLE_HOURS)
            why = error.args[0]
            if why.params and why.params[0] not in text and normalize_opening(text) != text:
                why = why.with_params(text, *why.params[1:])  # as it was written
            yield table.fault(i, "opening", Phrase("cannot be understood: {0}", why), fix)
            table.values["opening"][i] = BAD


def _check_languages(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, codes in book.usable("programmes", "languages"):
        unknown = [code for code in codes if code not in _LANGUAGES]
        if unknown:
            reason = Phrase("{0!r} is not a language code of ISO 639-1 (two small letters)", unknown[0])
            yield table.fault(i, "languages", reason, Phrase("write codes like fr|en"))


def _check_holidays(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, code in book.usable("programmes", "holidays"):
        if code and code not in list_calendar_countries():
            reason = Phrase("is not a country whose public holidays are known")
            fix = Phrase("write a code like FR, or leave it empty (open on holidays)")
            yield table.fault(i, "holidays", reason, fix)
            table.values["holidays"][i] = BAD
    for i, code, named in book.usable("programmes", "holidays", "open_holidays"):
        known = list_calendar_names(code, _CALENDAR_YEARS) if code else frozenset()
        strange = [name for name in named if name not in known]
        if strange:
            reason = Phrase("{0!r} is not a public holiday of {1}", strange[0], code or "the programme")
            near: list[str] = []
            fix = Phrase("write the country in holidays; without one no holiday closes it")
            if known:
                names = Phrase("write a name of its calendar: {0}", ", ".join(sorted(known)))
                near = find_nearest(strange[0], known)
                fix = suggest_fix(near, names)
            yield table.fault(i, "open_holidays", reason, fix, strange[0], near)
            table.values["open_holidays"][i] = BAD


def _check_destinations(book: ParsedTables) -> Iterator[Fault]:
    """Check that the contract allows at least one country with a site."""
    table = book.tables["programmes"]
    held = _list_held_countries(book)
    for i, allowed in book.usable("programmes", "allowed_destinations"):
        wrong = [code for code in allowed if code not in list_country_codes()]
        if wrong:
            reason = Phrase("{0!r} is not a country code of ISO 3166 (two capital letters)", wrong[0])
            yield table.fault(i, "allowed_destinations", reason, Phrase("write codes like MA|TN"))
        elif allowed and held and not held.intersection(allowed):
            reason = Phrase("no site of the operator is in an allowed destination")
            fix = Phrase("add one of {0}, or a site there, or leave it empty (all)", ", ".join(sorted(held)))
            yield table.fault(i, "allowed_destinations", reason, fix)


def _list_held_countries(book: ParsedTables) -> frozenset[str]:
    """Return the countries that have a site; empty when a site does not say its own."""
    codes = set()
    for i, code in enumerate(book.column("sites", "destination")):
        written = book.tables["sites"].text("destination", i)
        if not written or "sites" in book.unreadable:
            return frozenset()
        codes.add(written.upper() if code is BAD else code)
    return frozenset(codes)


def check_agents(book: ParsedTables) -> Iterator[Fault]:
    """An agent who works at home, with own equipment or a kit of the site, has a line and its carrier."""
    table = book.tables.get("agents")
    if table is None:
        return
    takers: dict[str, int] = {}
    names = ("home_ready", "home_kit", "home_site", "line_type", "carrier")
    for i, ready, kit, site, line, carrier in book.usable("agents", *names):
        if kit:
            takers[site] = takers.get(site, 0) + 1
        if kit and ready:
            reason = Phrase("the agent is home-ready and takes a kit of the site's pool")
            fix = Phrase(
                "write {0} false where the equipment is the agent's own, else {1} false",
                name_column("agents", "home_kit"),
                name_column("agents", "home_ready"),
            )
            yield table.fault(i, "home_kit", reason, fix)
        elif kit and line == "none":
            reason = Phrase("the agent works at home with a kit but has no line")
            yield table.fault(
                i, "line_type", reason, Phrase("write the line, or {0} false", name_column("agents", "home_kit"))
            )
        elif ready and line == "none":
            reason = Phrase("the agent is home-ready but has no line")
            fix = Phrase("write the line, or {0} false", name_column("agents", "home_ready"))
            yield table.fault(i, "line_type", reason, fix)
        elif (ready or kit) and not carrier:
            reason = Phrase("the agent works at home but the carrier of the line is not given")
            fix = Phrase("write the carrier: its outage takes the line away")
            yield table.fault(i, "carrier", reason, fix)
    for i, site, kits in book.usable("sites", "id", "home_kits"):
        if site in takers and not kits:
            reason = Phrase("the site has no kit, but {0} of its agents work at home with one", takers[site])
            fix = Phrase("write how many kits the site has, or home_kit false for the agents")
            yield book.tables["sites"].fault(i, "home_kits", reason, fix)


def check_dates(book: ParsedTables) -> Iterator[Fault]:
    """A permit, measure or uplift ends after it starts; a permit is of something that exists."""
    for name in ("authorisations", "measures", "uplifts"):
        for i, first, last in book.usable(name, "valid_from", "valid_to"):
            if last < first:
                reason = Phrase("ends before it starts ({0})", first.isoformat())
                fix = Phrase("write the last day, not before the first one")
                yield book.tables[name].fault(i, "valid_to", reason, fix)
    tables = {"site": "sites", "agent": "agents"}
    if "vehicles" in book.tables:
        tables["vehicle"] = "vehicles"
    for i, kind, subject in book.usable("authorisations", "kind", "subject"):
        known = book.find_ids(tables[kind]) if kind in tables else None
        if known is None or subject in known:
            continue
        if book.count_without_id(tables[kind]):
            continue
        near = find_nearest(subject, known)
        fix = suggest_fix(near, Phrase("write an id of the table {0}", tables[kind]))
        reason = Phrase("is not an id of the table {0}", tables[kind])
        yield book.tables["authorisations"].fault(i, "subject", reason, fix, subject, near)


def check_contingencies(book: ParsedTables) -> Iterator[Fault]:
    """A named contingency names a place, and carriers of at least one agent's line."""
    table = book.tables.get("contingencies")
    if table is None:
        return
    carriers = frozenset(name for name in book.column("agents", "carrier") if name)
    for i, sites, lost in book.usable("contingencies", "sites", "carriers"):
        unknown = [name for name in lost if name not in carriers]
        if not sites and not lost:
            reason = Phrase("the contingency names neither a site nor a carrier")
            yield table.fault(i, "sites", reason, Phrase("name what is lost"))
        elif unknown and "agents" not in book.unreadable:
            near = find_nearest(unknown[0], carriers)
            fix = suggest_fix(near, Phrase("write a carrier of the table agents"))
            reason = Phrase("no agent has the carrier {0!r}", unknown[0])
            yield table.fault(i, "carriers", reason, fix, unknown[0], near)


def check_teams(book: ParsedTables) -> Iterator[Fault]:
    """Days at home are possible and within the contract; a team has one site, a supervisor of its own, and can meet."""
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
    """Check days at home: the agent may work there, least is below most, wishes are within."""
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
            reason = Phrase("{0} members do not fit the {1} seats of {2}", members[team], seats[site], site)
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
    for i, team, supervisor, wanted in book.usable("teams", "id", "supervisor", "meets_per_fortnight"):
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


LONGEST_SHIFT_HOURS = 16


def check_shifts(book: ParsedTables) -> Iterator[Fault]:
    """A shift ends after it starts, within 16 h, clear of clock changes and of other shifts."""
    table = book.tables.get("shifts")
    if table is None:
        return
    local = {name: list(table.values[name]) for name in ("start", "end")}
    zones = _list_agent_zones(book, table)
    for name in ("start", "end"):
        yield from set_utc(table, name, zones)
    yield from _check_clock_changes(table, zones, local)
    sound = []
    starts, ends = _make_comparable(table, local)
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if start is BAD or end is BAD:
            continue
        hours = (end - start).total_seconds() / 3600
        pause = table.values["break_minutes"][i]
        if hours <= 0:
            fix = Phrase("write the end with its own day: a night shift ends on the next one")
            yield table.fault(i, "end", Phrase("the shift does not end after it starts"), fix)
        elif hours > LONGEST_SHIFT_HOURS:
            reason = Phrase("the shift lasts {0} h, more than {1} h", f"{hours:g}", LONGEST_SHIFT_HOURS)
            yield table.fault(i, "end", reason, Phrase("mend its day or time, or write two shifts"))
        else:
            sound.append(i)
            if pause is not BAD and pause >= hours * 60:
                reason = Phrase("the break is as long as the shift ({0} min) or longer", f"{hours * 60:g}")
                yield table.fault(i, "break_minutes", reason, Phrase("write the minutes of the meal break"))
    yield from _check_overlaps(table, sound, starts, ends)


def check_breaks(book: ParsedTables) -> Iterator[Fault]:
    """A break has both its times or none, ends after it may begin, and has a half hour to start at."""
    table = book.tables.get("breaks")
    if table is None:
        return
    clock = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
    for name in ("from_time", "to_time"):
        for i, text in book.usable("breaks", name):
            if text and not clock.fullmatch(text):
                yield table.fault(i, name, Phrase("is not a time of day"), Phrase("write a time like 18:00"))
                table.values[name][i] = BAD
    for i, first, last in book.usable("breaks", "from_time", "to_time"):
        if bool(first) != bool(last):
            name = "to_time" if first else "from_time"
            fix = Phrase("write both times of day, or none")
            yield table.fault(i, name, Phrase("one of the two times of day is missing"), fix)
            table.values[name][i] = BAD
    for i, minutes, earliest, latest in book.usable("breaks", "minutes", "earliest_hours", "latest_hours"):
        if latest < earliest + minutes / 60:
            reason = Phrase("the break of {0} min is over before it may begin", f"{minutes:g}")
            fix = Phrase("write at least {0} h", f"{earliest + minutes / 60:g}")
            yield table.fault(i, "latest_hours", reason, fix)
    for i, minutes, begins, ends in book.usable("breaks", "minutes", "from_time", "to_time"):
        if begins and _count_half_hours(begins, ends, minutes) == 0:
            reason = Phrase("no half hour between the two times has room for {0} min", f"{minutes:g}")
            fix = Phrase("breaks start on the half hour: write times further apart")
            yield table.fault(i, "to_time", reason, fix)
    for i, first, last in book.usable("breaks", "valid_from", "valid_to"):
        if first and last and last < first:
            reason = Phrase("ends before it starts ({0})", first.isoformat())
            fix = Phrase("write the last day, not before the first one")
            yield table.fault(i, "valid_to", reason, fix)


def _count_half_hours(begins: str, ends: str, minutes: float) -> int:
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (begins, ends))
    last += 24 * 60 if last <= first else 0
    return sum(start + minutes <= last for start in range(-(-first // 30) * 30, last, 30))


def _list_agent_zones(book: ParsedTables, table: ParsedTable) -> list[str | None]:
    """Return the time zone of the home site of each record's agent; None where it is not known."""
    sites = {site: name for _, site, name in book.usable("sites", "id", "time_zone")}
    agents = {agent: sites.get(site) for _, agent, site in book.usable("agents", "id", "home_site")}
    return [None if agent is BAD else agents.get(agent) for agent in table.values["agent"]]


LONGEST_ABSENCE_DAYS = 366


def check_absences(book: ParsedTables) -> Iterator[Fault]:
    """An absence ends after it starts, within 366 days, and an agent has one from a time on."""
    table = book.tables.get("absences")
    if table is None:
        return
    zones = _list_agent_zones(book, table)
    for name in ("start", "end"):
        yield from set_utc(table, name, zones)
    known: dict[tuple[str, datetime], int] = {}
    for i, agent, start, end in book.usable("absences", "agent", "start", "end"):
        if end <= start:
            fix = Phrase("write when the agent is available again, with its own day")
            yield table.fault(i, "end", Phrase("the absence does not end after it starts"), fix)
        elif (end - start).days > LONGEST_ABSENCE_DAYS:
            reason = Phrase("the absence lasts {0} days, more than {1}", (end - start).days, LONGEST_ABSENCE_DAYS)
            yield table.fault(i, "end", reason, Phrase("mend its year, or delete the agent's row and shifts"))
        if (agent, start) in known:
            reason = Phrase("starts as the absence of row {0} of the same agent", table.rows[known[agent, start]])
            yield table.fault(i, "start", reason, Phrase("mend one of the two, or delete it"))
        known.setdefault((agent, start), i)


def _make_comparable(table: ParsedTable, local: dict[str, list[Any]]) -> tuple[list[Any], list[Any]]:
    """Return starts and ends in UTC, or as written where both lack an offset and a zone."""
    starts, ends = list(table.values["start"]), list(table.values["end"])
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if start is BAD and end is BAD:
            first, last = local["start"][i], local["end"][i]
            if first is not BAD and last is not BAD:
                starts[i], ends[i] = first, last
    return starts, ends


def _check_clock_changes(table: ParsedTable, zones: list[str | None], local: dict[str, list[Any]]) -> Iterator[Fault]:
    """A shift over a change of the clocks says its length only with offsets."""
    offsets: dict[tuple[str, datetime], Any] = {}

    def offset(name: str, moment: datetime) -> Any:
        if (name, moment) not in offsets:
            offsets[name, moment] = moment.replace(tzinfo=zone(name)).utcoffset()
        return offsets[name, moment]

    starts, ends = table.values["start"], table.values["end"]
    for i, name in enumerate(zones):
        first, last = local["start"][i], local["end"][i]
        if name is None or starts[i] is BAD or ends[i] is BAD or first.tzinfo or last.tzinfo:
            continue
        if first < last and offset(name, first) != offset(name, last):
            moments = (t.astimezone(zone(name)) for t in (starts[i], ends[i]))
            written = " to ".join(t.isoformat(timespec="minutes") for t in moments)
            reason = Phrase("the clocks change in {0} during the shift", name)
            yield table.fault(i, "start", reason, Phrase("write the offsets: {0}", written))


def _check_overlaps(table: ParsedTable, sound: list[int], starts: list[Any], ends: list[Any]) -> Iterator[Fault]:
    """Name each shift that starts before an earlier one of the same agent has ended."""
    agents = table.values["agent"]
    sound = [i for i in sound if agents[i] is not BAD]
    if len(sound) < 2:
        return
    # Times of a zone that is not known are compared among themselves.
    owners = [(agents[i], starts[i].tzinfo is None) for i in sound]
    number = {owner: n for n, owner in enumerate(dict.fromkeys(owners))}
    who = np.array([number[owner] for owner in owners])
    moments = {times[i] for times in (starts, ends) for i in sound}
    seconds = {t: t.replace(tzinfo=UTC).timestamp() for t in moments}
    start = np.array([seconds[starts[i]] for i in sound])
    end = np.array([seconds[ends[i]] for i in sound])
    order = np.lexsort((np.array(sound), start, who))
    last = -1
    for at in order.tolist():
        if last >= 0 and who[last] == who[at] and start[at] < end[last]:
            row = table.rows[sound[last]]
            reason = Phrase("overlaps the shift of row {0} of the same agent", row)
            yield table.fault(sound[at], "start", reason, Phrase("mend one of the two, or delete it"))
        if last < 0 or who[last] != who[at] or end[at] > end[last]:
            last = at
