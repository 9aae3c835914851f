"""The operator as immutable tables, and what follows from them; its numbers and SIP addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from ipaddress import IPv6Address, ip_address

from releve.network.duties import Away, Duty, add_breaks, join_shifts
from releve.network.model import (
    Authorisation,
    Client,
    Floor,
    HistoryRow,
    Measure,
    NamedContingency,
    OperatorRow,
    Programme,
    Seat,
    Shuttle,
    Site,
    Stop,
    Uplift,
    Zone,
)
from releve.network.moments import day_bounds, zone
from releve.network.rows import (
    Agent,
    AgentTeam,
    BreakRule,
    Curfew,
    Depot,
    PlannedAbsence,
    Shift,
    TravelTime,
    Vehicle,
    WorkingTimeRow,
)


@dataclass(frozen=True)
class Operator:
    """An operator that passed every check (:func:`releve.network.read_operator`).

    ``floors``, ``zones`` and ``seats`` are the rows as read; ``all_floors``, ``all_zones`` and
    ``all_seats`` also hold what a number of seats stands for. ``history`` is one row per programme
    and interval, in UTC.
    """

    row: OperatorRow
    sites: tuple[Site, ...]
    floors: tuple[Floor, ...]
    zones: tuple[Zone, ...]
    seats: tuple[Seat, ...]
    clients: tuple[Client, ...]
    programmes: tuple[Programme, ...]
    agents: tuple[Agent, ...]
    stops: tuple[Stop, ...] = ()
    shuttles: tuple[Shuttle, ...] = ()
    shifts: tuple[Shift, ...] = ()
    history: tuple[HistoryRow, ...] = field(default=(), repr=False)
    authorisations: tuple[Authorisation, ...] = ()
    measures: tuple[Measure, ...] = ()
    contingencies: tuple[NamedContingency, ...] = ()
    depots: tuple[Depot, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    travel: tuple[TravelTime, ...] = ()
    curfews: tuple[Curfew, ...] = ()
    teams: tuple[AgentTeam, ...] = ()
    working_time: tuple[WorkingTimeRow, ...] = ()
    breaks: tuple[BreakRule, ...] = ()
    absences: tuple[PlannedAbsence, ...] = ()
    uplifts: tuple[Uplift, ...] = ()

    @cached_property
    def site(self) -> Mapping[str, Site]:
        return {row.id: row for row in self.sites}

    @cached_property
    def programme(self) -> Mapping[str, Programme]:
        return {row.id: row for row in self.programmes}

    @cached_property
    def agent(self) -> Mapping[str, Agent]:
        return {row.id: row for row in self.agents}

    @cached_property
    def team(self) -> Mapping[str, AgentTeam]:
        return {row.id: row for row in self.teams}

    @cached_property
    def client(self) -> Mapping[str, Client]:
        return {row.id: row for row in self.clients}

    @cached_property
    def all_floors(self) -> tuple[Floor, ...]:
        """The floors, and one of the same id for each site that gives its number of seats."""
        counted = (Floor(row.id, row.id, "", row.seats) for row in self.sites if row.seats)
        return (*self.floors, *counted)

    @cached_property
    def all_zones(self) -> tuple[Zone, ...]:
        """The zones, and one of the same id for each floor that gives its number of seats."""
        return (*self.zones, *(Zone(row.id, row.id) for row in self.all_floors if row.seats))

    @cached_property
    def all_seats(self) -> tuple[Seat, ...]:
        """The seats, and ``casa-1-f2-001``, ``-002``... of floors that give their number."""
        counted = (
            Seat(seat_id, row.id) for row in self.all_floors for seat_id in list_counted_seats(row.id, row.seats or 0)
        )
        return (*self.seats, *counted)

    @cached_property
    def site_of_zone(self) -> Mapping[str, str]:
        floors = {row.id: row.site for row in self.all_floors}
        return {row.id: floors[row.floor] for row in self.all_zones}

    @cached_property
    def duties(self) -> tuple[Duty, ...]:
        """The roster's rows joined to duties, in the order of their first rows."""
        duties = join_shifts(self.shifts, timedelta(hours=self.row.split_gap_hours))
        return tuple(map(self.give_breaks, duties)) if self.breaks else duties

    def give_breaks(self, duty: Duty) -> Duty:
        """Return a duty with the breaks of the table ``breaks`` for its agent's home site."""
        agent = self.agent.get(duty.agent)
        if not self.breaks or agent is None:
            return duty
        return add_breaks(duty, self.breaks, agent.home_site, self.site[agent.home_site].time_zone)

    @cached_property
    def away(self) -> Mapping[str, tuple[Away, ...]]:
        """The known absences of each agent who has some."""
        found: dict[str, list[Away]] = {}
        for row in self.absences:
            found.setdefault(row.agent, []).append((row.start, row.end))
        return {agent: tuple(rows) for agent, rows in found.items()}

    @cached_property
    def day_start(self) -> time:
        """The local time at which planning days begin."""
        return time.fromisoformat(self.row.day_starts)

    def day_bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return the first instant of a planning day and of the next one, in UTC."""
        return day_bounds(day, self.row.time_zone, self.day_start)

    def find_day(self, at: datetime) -> date:
        """Return the planning day of an instant."""
        local = at.astimezone(zone(self.row.time_zone))
        day = local.date()
        first, last = self.day_bounds(day)
        return day if first <= at < last else day + timedelta(days=-1 if at < first else 1)


def list_counted_seats(floor: str, count: int) -> list[str]:
    """Return the ids of the seats of a floor that gives their number alone."""
    return [f"{floor}-{n:03d}" for n in range(1, count + 1)]


_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})"
    r"(?:;transport=(?P<transport>udp|tcp|tls))?"
)


@dataclass(frozen=True, slots=True)
class SipAddress:
    """The address of a SIP system: an IP address, since a name that does not resolve would keep a
    proxy from taking a new list, a port, and ``udp``, ``tcp`` or ``tls``."""

    host: str
    port: int
    transport: str = "udp"

    @property
    def uri(self) -> str:
        """Its SIP URI; the transport is named where it is not UDP."""
        named = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.bracketed}:{self.port}{named}"

    @property
    def bracketed(self) -> str:
        """The IP address, in brackets where it is one of version 6."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_sip_address(text: str) -> SipAddress:
    """Return the address of a text like ``10.20.1.4:5060;transport=tcp``, else ValueError."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"{text!r} is not an IP address and a port like 10.20.1.4:5060")
    address = ip_address(found["six"] or found["four"])
    if isinstance(address, IPv6Address) != bool(found["six"]) or address.is_unspecified:
        raise ValueError(f"{text!r} is not an IP address and a port like 10.20.1.4:5060")
    return SipAddress(str(address), int(found["port"]), found["transport"] or "udp")


def is_e164(text: str) -> bool:
    """Return whether a text is a number in E.164: ``+``, country code, at most 15 digits."""
    return _NUMBER.fullmatch(text) is not None
