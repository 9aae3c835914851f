"""Who was where and when: the stays that tracing reads, from a roster and a seating."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from releve.network import Operator, zone

__all__ = ["Stay", "roster_stays"]


@dataclass(frozen=True, slots=True)
class Stay:
    """One agent at one site for one shift; times in UTC.

    ``zone``, ``seat`` and ``shuttle`` are empty when they are not known: an unknown is never
    shared. ``shuttle`` names the vehicle's run to the site, such as its stop; those of one shuttle
    whose stays begin (or end) together rode together.
    """

    agent: str
    site: str
    start: datetime
    end: datetime
    zone: str = ""
    seat: str = ""
    shuttle: str = ""


def roster_stays(
    operator: Operator,
    seating: Mapping[str, str] | None = None,
    attendance: Mapping[tuple[str, str], Collection[str]] | None = None,
) -> tuple[Stay, ...]:
    """Return the operator's shifts as stays at the agents' home sites.

    ``seating``: seat id by agent. ``attendance``: who was present by (site, day in ISO, at the
    site); on a day it lists, only those it names were there. An agent with a stop and without own
    transport came by the shuttle of that stop.
    """
    seating, attendance = seating or {}, attendance or {}
    zones = {seat.id: seat.zone for seat in operator.seats}
    served = {(row.stop, row.site) for row in operator.shuttles}
    stays = []
    for shift in operator.shifts:
        agent = operator.agent[shift.agent]
        tz = zone(operator.site[agent.home_site].time_zone)
        day = shift.start.astimezone(tz).date().isoformat()
        present = attendance.get((agent.home_site, day))
        if present is not None and agent.id not in present:
            continue
        rides = not agent.own_transport and (agent.stop, agent.home_site) in served
        seat = seating.get(agent.id, "")
        stays.append(
            Stay(
                agent=agent.id,
                site=agent.home_site,
                start=shift.start,
                end=shift.end,
                zone=zones.get(seat, ""),
                seat=seat,
                shuttle=agent.stop if rides else "",
            )
        )
    return tuple(stays)
