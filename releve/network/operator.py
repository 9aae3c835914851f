"""The operator as immutable tables, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from releve.network.model import (
    Agent,
    AgentTeam,
    Authorisation,
    Client,
    Curfew,
    Depot,
    Floor,
    HistoryRow,
    Measure,
    NamedContingency,
    OperatorRow,
    Programme,
    Seat,
    Shift,
    Shuttle,
    Site,
    Stop,
    TravelTime,
    Vehicle,
    Zone,
)

__all__ = ["Operator", "list_counted_seats"]


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

    @cached_property
    def site(self) -> Mapping[str, Site]:
        """Sites by id."""
        return {row.id: row for row in self.sites}

    @cached_property
    def programme(self) -> Mapping[str, Programme]:
        """Programmes by id."""
        return {row.id: row for row in self.programmes}

    @cached_property
    def agent(self) -> Mapping[str, Agent]:
        """Agents by id."""
        return {row.id: row for row in self.agents}

    @cached_property
    def team(self) -> Mapping[str, AgentTeam]:
        """Teams by id."""
        return {row.id: row for row in self.teams}

    @cached_property
    def client(self) -> Mapping[str, Client]:
        """Clients by id."""
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
            Seat(seat_id, row.id)
            for row in self.all_floors
            for seat_id in list_counted_seats(row.id, row.seats or 0)
        )
        return (*self.seats, *counted)

    @cached_property
    def site_of_zone(self) -> Mapping[str, str]:
        """Site id by zone id."""
        floors = {row.id: row.site for row in self.all_floors}
        return {row.id: floors[row.floor] for row in self.all_zones}


def list_counted_seats(floor: str, count: int) -> list[str]:
    """Return the ids of the seats of a floor that gives their number alone."""
    return [f"{floor}-{n:03d}" for n in range(1, count + 1)]
