"""Checks of the roster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from releve.errors import Phrase
from releve.network.checks_time import set_utc
from releve.network.clock import UTC, zone
from releve.network.faults import Fault
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD, ParsedTable

__all__ = ["check_shifts"]

LONGEST_SHIFT_HOURS = 16


def check_shifts(book: ParsedTables) -> Iterator[Fault]:
    """A shift ends after it starts, within 16 h, clear of clock changes and of other shifts."""
    table = book.tables.get("shifts")
    if table is None:
        return
    local = {name: list(table.values[name]) for name in ("start", "end")}
    zones = _list_zones(book, table)
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
            reason = Phrase(
                "the shift lasts {0} h, more than {1} h", f"{hours:g}", LONGEST_SHIFT_HOURS
            )
            yield table.fault(i, "end", reason, Phrase("mend its day or time, or write two shifts"))
        else:
            sound.append(i)
            if pause is not BAD and pause >= hours * 60:
                reason = Phrase(
                    "the break is as long as the shift ({0} min) or longer", f"{hours * 60:g}"
                )
                yield table.fault(
                    i, "break_minutes", reason, Phrase("write the minutes of the meal break")
                )
    yield from _check_overlaps(table, sound, starts, ends)


def _list_zones(book: ParsedTables, table: ParsedTable) -> list[str | None]:
    """Return the time zone of each shift: that of the agent's home site, None = not known."""
    sites = {site: name for _, site, name in book.usable("sites", "id", "time_zone")}
    agents = {agent: sites.get(site) for _, agent, site in book.usable("agents", "id", "home_site")}
    return [None if agent is BAD else agents.get(agent) for agent in table.values["agent"]]


def _make_comparable(
    table: ParsedTable, local: dict[str, list[Any]]
) -> tuple[list[Any], list[Any]]:
    """Return starts and ends in UTC, or as written where both lack an offset and a zone."""
    starts, ends = list(table.values["start"]), list(table.values["end"])
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if start is BAD and end is BAD:
            first, last = local["start"][i], local["end"][i]
            if first is not BAD and last is not BAD:
                starts[i], ends[i] = first, last
    return starts, ends


def _check_clock_changes(
    table: ParsedTable, zones: list[str | None], local: dict[str, list[Any]]
) -> Iterator[Fault]:
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


def _check_overlaps(
    table: ParsedTable, sound: list[int], starts: list[Any], ends: list[Any]
) -> Iterator[Fault]:
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
            yield table.fault(
                sound[at], "start", reason, Phrase("mend one of the two, or delete it")
            )
        if last < 0 or who[last] != who[at] or end[at] > end[last]:
            last = at
