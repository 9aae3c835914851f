"""The whole sample operator, put together."""

from __future__ import annotations

from datetime import date

from releve.network.model import OperatorRow, Programme
from releve.network.operator import Operator
from releve.network.sample.buildings import build_floors, count_peak_presence
from releve.network.sample.calls import CallVolume, draw_history
from releve.network.sample.contracts import count_default_programmes, draw_contracts
from releve.network.sample.fleet import park_vehicles
from releve.network.sample.geography import list_power_cuts, place_sites, place_stops
from releve.network.sample.meetings import name_teams
from releve.network.sample.people import build_shifts, hire_agents
from releve.network.sample.roster import Squad, fit_programme
from releve.network.sample.teams import Team, apply_caps, form_teams
from releve.network.sample.telephony import HOME_ADDRESS, assign_addresses, assign_numbers

__all__ = ["FIRST_DAY", "sample_operator"]

FIRST_DAY = date(2026, 11, 30)
"""The Monday the sample's roster starts on unless another day is asked for."""


def sample_operator(
    agents: int,
    sites: int,
    seed: int,
    *,
    start: date = FIRST_DAY,
    weeks_of_history: int = 10,
    programmes: int | None = None,
    vehicles: int = 0,
) -> Operator:
    """Return a made-up operator of any size, the same for the same arguments.

    50 to 70,000 agents on 1 to 200 sites, a roster of the seven days from ``start`` on and the
    history of the weeks before it; with ``vehicles`` a fleet of minibuses. ValueError quotes the
    condition that does not hold.
    """
    count = count_default_programmes(agents) if programmes is None else programmes
    _require(50 <= agents <= 70_000, "50 <= agents <= 70000", agents)
    _require(1 <= sites <= 200, "1 <= sites <= 200", sites)
    _require(agents >= 20 * sites, "agents >= 20 * sites", f"{agents} agents, {sites} sites")
    _require(vehicles >= 0, "vehicles >= 0", vehicles)
    _require(seed >= 0, "seed >= 0", seed)
    _require(0 <= weeks_of_history <= 520, "0 <= weeks_of_history <= 520", weeks_of_history)
    _require(1 <= count <= agents // 10, "1 <= programmes <= agents // 10", count)
    places = place_sites(sites, seed)
    contracts = draw_contracts(agents, count, places, seed)
    teams = form_teams(contracts, places, seed)
    rows = apply_caps(contracts, teams, seed)
    squads, volumes = _fitted(rows, teams, seed)
    stops, shuttles = place_stops(places, seed)
    people = hire_agents(squads, teams, rows, places, shuttles, seed)
    shifts = build_shifts(people, squads, teams, rows, start)
    depots, buses = park_vehicles(vehicles, places, people, seed)
    people, named = name_teams(people, squads, teams, rows, places, seed)
    floors, zones, seats = build_floors(places, count_peak_presence(people, shifts), seed)
    return Operator(
        row=OperatorRow(
            f"Prestataire fictif {agents}-{sites}-{seed}",
            synthetic=True,
            home_sip_address=HOME_ADDRESS,
        ),
        sites=assign_addresses(places),
        floors=floors,
        zones=zones,
        seats=seats,
        clients=contracts.clients,
        programmes=assign_numbers(rows),
        agents=people,
        stops=stops,
        shuttles=shuttles,
        depots=depots,
        vehicles=buses,
        teams=named,
        shifts=shifts,
        history=draw_history(volumes, start, weeks_of_history, seed),
        contingencies=list_power_cuts(places, people),
    )


def _fitted(
    programmes: tuple[Programme, ...], teams: tuple[Team, ...], seed: int
) -> tuple[list[Squad], list[CallVolume]]:
    """Return the squads of every team, team after team, and the volumes they can answer."""
    own: list[list[tuple[int, Team]]] = [[] for _ in programmes]
    for number, team in enumerate(teams):
        own[team.programme].append((number, team))
    squads: list[Squad] = []
    volumes: list[CallVolume] = []
    for programme, numbered in zip(programmes, own, strict=True):
        fitted, calls = fit_programme(programme, numbered, seed)
        squads += fitted
        volumes.append(CallVolume(programme, calls))
    return squads, volumes


def _require(holds: bool, condition: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{condition} does not hold, got {value}")
