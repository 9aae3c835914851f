"""Stays of agents at sites, from a roster and a seating: the input of tracing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from releve.errors import Phrase
from releve.network import Operator, zone

__all__ = ["Stay", "list_placed_stays", "list_roster_stays", "read_seating"]


@dataclass(frozen=True, slots=True)
class Stay:
    """One agent at one site for one shift; times in UTC.

    ``zone``, ``seat`` and ``shuttle`` are empty when they are not known: an unknown is never
    shared. ``shuttle`` names the vehicle's run to the site and ``shuttle_home`` the one from it, or
    the stop where runs are not known; those of one shuttle whose stays begin (for the way home:
    end) together rode together.
    """

    agent: str
    site: str
    start: datetime
    end: datetime
    zone: str = ""
    seat: str = ""
    shuttle: str = ""
    shuttle_home: str = ""


def list_roster_stays(
    operator: Operator,
    seating: Mapping[str, str] | None = None,
    attendance: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> tuple[Stay, ...]:
    """Return the operator's shifts as stays at the home sites, as :func:`list_placed_stays`."""
    home = {agent.id: agent.home_site for agent in operator.agents}
    rows = ((row.agent, home[row.agent], row.start, row.end) for row in operator.shifts)
    return list_placed_stays(operator, rows, seating, attendance)


def list_placed_stays(
    operator: Operator,
    rows: Iterable[tuple[str, str, datetime, datetime]],
    seating: Mapping[str, str] | None = None,
    attendance: Mapping[tuple[str, str], Collection[str]] | None = None,
    runs: Mapping[tuple[str, str, datetime], tuple[str, str]] | None = None,
) -> tuple[Stay, ...]:
    """Return placements as stays; ``rows`` are (agent, site, start, end) in UTC.

    ``seating``: seat id by agent; it says nothing of a stay on another site than the seat's.
    ``attendance``: who was present by (site, day in ISO, at the site); on a day it lists, only
    those it names were there. ``runs``: the runs to and from the site by (agent, site, start). Of
    a stay that they lack, an agent with a stop and without own transport came by the shuttle of
    that stop.
    """
    seating, attendance, runs = seating or {}, attendance or {}, runs or {}
    floors = {floor.id: floor.site for floor in operator.all_floors}
    site_of = {row.id: floors[row.floor] for row in operator.all_zones}
    zones = {seat.id: seat.zone for seat in operator.all_seats}
    clocks = {site.id: zone(site.time_zone) for site in operator.sites}
    served = {(row.stop, row.site) for row in operator.shuttles}
    stays = []
    for name, site, start, end in rows:
        day = start.astimezone(clocks[site]).date().isoformat()
        present = attendance.get((site, day))
        if present is not None and name not in present:
            continue
        agent, seat = operator.agent[name], seating.get(name, "")
        if seat and site_of[zones[seat]] != site:
            seat = ""
        rides = not agent.own_transport and (agent.stop, site) in served
        stop = agent.stop if rides else ""
        there, back = runs.get((name, site, start), (stop, stop))
        stays.append(Stay(name, site, start, end, zones.get(seat, ""), seat, there, back))
    return tuple(stays)


def read_seating(text: str, operator: Operator) -> tuple[dict[str, str], list[Phrase]]:
    """Return the seat by agent, and the faults, of lines of pseudonym, semicolon and seat."""
    seating: dict[str, str] = {}
    faults = []
    seats = {seat.id for seat in operator.all_seats}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        agent, _separator, seat = (part.strip() for part in line.partition(";"))
        if agent not in operator.agent:
            fault = Phrase("there is no agent {0}; check the pseudonym.", agent)
        elif seat not in seats:
            fault = Phrase("there is no seat {0}; check it.", seat)
        elif agent in seating:
            fault = Phrase("{0} has a seat already; keep one.", agent)
        else:
            seating[agent] = seat
            continue
        faults.append(Phrase("Line {0}: {1}", number, fault))
    return seating, faults
