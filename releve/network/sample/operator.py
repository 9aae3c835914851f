"""The whole sample operator, its vehicles and numbers; and a sector of several such operators.

Numbers dialled are of the range that Arcep reserves for fiction (01 99 00); numbers shown are of a
range for calls by machine (01 62), which has none for fiction. Addresses are those of RFC 5737.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from releve.network.model import OperatorRow, Programme, Site
from releve.network.operator import Operator
from releve.network.rows import Agent, Depot, Vehicle
from releve.network.sample.contracts import CallVolume, count_default_programmes, draw_contracts, draw_history
from releve.network.sample.people import build_shifts, hire_agents, name_teams
from releve.network.sample.places import (
    Draws,
    build_floors,
    count_peak_presence,
    group_by_city,
    list_power_cuts,
    place_sites,
    place_stops,
    split_by_weight,
)
from releve.network.sample.roster import Squad, fit_programme
from releve.network.sample.teams import Team, apply_caps, form_teams
from releve.network.seats import require

SEATS = 16
HOURS = "Mon-Sun 04:00-24:00"
COSTS = {"cost_per_run": 4.0, "cost_per_km": 0.6, "cost_per_hour": 9.0}


def park_vehicles(
    count: int, sites: Sequence[Site], agents: Sequence[Agent], seed: int
) -> tuple[tuple[Depot, ...], tuple[Vehicle, ...]]:
    """Return ``count`` vehicles, each city's share by largest remainder of its riders."""
    if not count:
        return (), ()
    cities = list(group_by_city(sites).items())
    city_of = {site.id: name for name, held in cities for site in held}
    riders = Counter(city_of[agent.home_site] for agent in agents if agent.stop)
    exact = [count * riders[name] / max(1, riders.total()) for name, _ in cities]
    held = [int(share) for share in exact]
    by_remainder = sorted(range(len(cities)), key=lambda i: (held[i] - exact[i], i))
    for i in by_remainder[: count - sum(held)]:
        held[i] += 1
    depots, vehicles = [], []
    for number, (_, places) in zip(held, cities, strict=True):
        key = places[0].id.rsplit("-", 1)[0]
        draws = Draws(seed, "depot", key)
        lat = round(places[0].lat + draws.uniform(-0.02, 0.02), 3)
        lon = round(places[0].lon + draws.uniform(-0.02, 0.02), 3)
        depots.append(Depot(f"{key}-depot", lat, lon, tuple(site.id for site in places)))
        vehicles += [
            Vehicle(f"{key}-bus{n:02d}", f"{key}-depot", SEATS, hours=HOURS, **COSTS) for n in range(1, number + 1)
        ]
    return tuple(depots), tuple(vehicles)


HOME_ADDRESS = "198.51.100.10:5060"
_CARRIERS = {"inbound": "203.0.113.10:5060", "outbound": "203.0.113.20:5060"}
_PREFIXES = {"inbound": "+3319900", "outbound": "+3316200"}


def assign_numbers(programmes: Sequence[Programme]) -> Iterator[Programme]:
    """Yield the programmes; those with calls have a number and a carrier's trunk."""
    for number, row in enumerate(programmes, 1):
        if row.kind in _PREFIXES:
            numbers = (f"{_PREFIXES[row.kind]}{number:04}",)
            row = replace(row, numbers=numbers, trunk=_CARRIERS[row.kind])
        yield row


FIRST_DAY = date(2026, 11, 30)
"""The Monday on which the sample's roster starts by default."""


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
    require(50 <= agents <= 70_000, "50 <= agents <= 70000", agents)
    require(1 <= sites <= 200, "1 <= sites <= 200", sites)
    require(agents >= 20 * sites, "agents >= 20 * sites", f"{agents} agents, {sites} sites")
    require(vehicles >= 0, "vehicles >= 0", vehicles)
    require(seed >= 0, "seed >= 0", seed)
    require(0 <= weeks_of_history <= 520, "0 <= weeks_of_history <= 520", weeks_of_history)
    require(1 <= count <= agents // 10, "1 <= programmes <= agents // 10", count)
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
        row=OperatorRow(f"Prestataire fictif {agents}-{sites}-{seed}", synthetic=True, home_sip_address=HOME_ADDRESS),
        sites=tuple(replace(site, sip_address=f"192.0.2.{number}:5060") for number, site in enumerate(places, 1)),
        floors=floors,
        zones=zones,
        seats=seats,
        clients=contracts.clients,
        programmes=tuple(assign_numbers(rows)),
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


SECTOR_TABLES = {
    "packages.csv": (
        "package", "giver", "destination", "skill", "tools", "hours_to_start", "block",
        "price_cents", "currency", "valid_from", "valid_to", "accreditation", "annex",
    ),
    "ceilings.csv": ("asker", "client", "ceiling_cents"),
    "approvals.csv": ("asker", "client", "operator", "destination", "valid_from", "valid_to"),
    "exclusions.csv": ("asker", "client", "operator"),
}  # fmt: skip
"""The tables of terms and their columns; ``asker`` is the operator whose client it is."""
APPROVED = 0.6
"""Share of the other operators that a client of the sample has approved."""
EXCLUDED = 0.3
"""Share of the others that it excludes by name."""


@dataclass(frozen=True)
class MemberSize:
    """Name and size of an operator of the sample."""

    name: str
    agents: int
    sites: int
    seed: int


def share_sizes(operators: int, agents: int, sites: int, seed: int) -> tuple[MemberSize, ...]:
    """Return sizes that differ by up to a half and sum to what is asked, 2 sites each at least.

    ValueError quotes the condition that does not hold.
    """
    for holds, condition in (
        (2 <= operators <= 99, "2 <= operators <= 99"),
        (agents >= 60 * operators, "agents >= 60 * operators"),
        (sites >= 2 * operators, "sites >= 2 * operators"),
        (agents >= 60 * sites, "agents >= 60 * sites"),
    ):
        if not holds:
            raise ValueError(f"{condition} does not hold, got {operators} operators, {agents} agents, {sites} sites")
    weights = Draws(seed, "sector").uniforms(operators, 1.0, 2.0)
    heads = split_by_weight(agents, weights, 60)
    places = split_by_weight(sites, weights, 2)
    return tuple(MemberSize(f"member-{i + 1:02}", int(heads[i]), int(places[i]), seed + i) for i in range(operators))


def sample_sector(
    operators: int, agents: int, sites: int, seed: int, *, start: date = FIRST_DAY, weeks_of_history: int = 10
) -> Iterator[tuple[str, Operator]]:
    """Yield the name and the tables of each operator, the same for the same arguments."""
    for one in share_sizes(operators, agents, sites, seed):
        made = sample_operator(one.agents, one.sites, one.seed, start=start, weeks_of_history=weeks_of_history)
        yield one.name, replace(made, row=replace(made.row, name=f"Prestataire fictif {one.name}"))


def sample_sector_terms(
    members: dict[str, Operator], seed: int, *, start: date = FIRST_DAY
) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of each table of terms (:data:`SECTOR_TABLES`)."""
    draws = Draws(seed, "sector terms")
    valid = (start.isoformat(), date(start.year + 1, start.month, min(start.day, 28)).isoformat())
    rows: dict[str, list[tuple[str, ...]]] = {name: [] for name in SECTOR_TABLES}
    places = {name: sorted({site.destination for site in made.sites}) for name, made in members.items()}
    for name, made in members.items():
        skills = sorted({f"{p.kind}:{lang}" for p in made.programmes for lang in p.languages})
        for destination in places[name]:
            for skill in skills:
                for place in ("home", "site"):
                    price = draws.whole(700, 1_100) + (0 if place == "home" else 100)
                    rows["packages.csv"].append(
                        (f"{destination}-{skill}-{place}", name, destination, f"{skill}:{place}",
                         "web desktop", "1", "1", str(price), "EUR", *valid, "", "annex-1")
                    )  # fmt: skip
        others = [other for other in members if other != name]
        for client in made.clients:
            rows["ceilings.csv"].append((name, client.id, str(draws.whole(900, 1_500))))
            for other in others:
                if draws.chance(APPROVED):
                    rows["approvals.csv"] += [
                        (name, client.id, other, destination, valid[0], "") for destination in places[other]
                    ]
                elif draws.chance(EXCLUDED):
                    rows["exclusions.csv"].append((name, client.id, other))
    return rows
