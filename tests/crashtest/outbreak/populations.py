"""Small operators and diseases made for the tests."""

from __future__ import annotations

from dataclasses import replace

from releve.network import Agent, Operator, Seat, Zone, sample_operator
from releve.network.model import Client, Floor, OperatorRow, Programme, Shuttle, Site, Stop
from releve.plugins.crashtest.engine import outbreak


def plain(value: float) -> outbreak.SourcedValue:
    """Return a value without a range."""
    return outbreak.SourcedValue(value, value, value, "made for a test")


def constant(disease: outbreak.Disease | None = None, *, household: float = 0.0) -> outbreak.Disease:
    """Return a disease in which everybody infects alike: no dispersion, no silent cases."""
    return replace(
        disease or outbreak.covid(),
        asymptomatic=plain(0.0),
        dispersion=plain(float("inf")),
        household_dispersion=plain(float("inf")),
        household_attack=plain(household),
    )


def one_room(agents: int, *, others: tuple[float, ...] = (1.0,)) -> outbreak.Population:
    """Return agents of one zone of one site; ``others`` as for ``build_population``."""
    return outbreak.build_population(build_operator({"s": [agents]}), others=others, neighbour_m=0.0)


def build_site(name: str, zones: list[int]) -> tuple[list[Floor], list[Zone], list[Seat], list[Agent]]:
    """Return a site's floors (two zones each), zones, seats in rows and agents."""
    floors = [Floor(f"{name}-f{at}", name) for at in range((len(zones) + 1) // 2)]
    rooms = [Zone(f"{name}-z{at}", floors[at // 2].id, 600.0 + 100.0 * at, 2.0 + at) for at in range(len(zones))]
    seats = [
        Seat(f"{room.id}-{i:05}", room.id, 1.5 * (i % 400), 3.0 * (i // 400))
        for room, count in zip(rooms, zones, strict=True)
        for i in range(count)
    ]
    agents = [
        Agent(
            f"a-{seat.id}",
            name,
            ("p",),
            home_ready=i % 2 == 0,
            stop=f"{name}-stop" if i % 3 == 0 else "",
            own_transport=i % 3 != 0,
        )
        for i, seat in enumerate(seats)
    ]
    return floors, rooms, seats, agents


def build_operator(sites: dict[str, list[int]], *, empty: tuple[str, ...] = ()) -> Operator:
    """Return an operator of sites with so many seats and agents in each zone.

    Half of the agents can work at home, a third comes by shuttle. ``empty`` sites have seats and
    no agents.
    """
    made = {name: build_site(name, zones) for name, zones in sites.items()}
    return Operator(
        row=OperatorRow("made for tests"),
        sites=tuple(Site(n, n, "MA", n, "Africa/Casablanca", 33.5, -7.6) for n in sites),
        floors=tuple(row for part in made.values() for row in part[0]),
        zones=tuple(row for part in made.values() for row in part[1]),
        seats=tuple(row for part in made.values() for row in part[2]),
        clients=(Client("c", "Client"),),
        programmes=(Programme("p", "c", "P", "inbound", "Mon-Fri 08:00-18:00", 300.0),),
        agents=tuple(row for n, part in made.items() if n not in empty for row in part[3]),
        stops=tuple(Stop(f"{n}-stop", n, 33.6, -7.6) for n in sites),
        shuttles=tuple(Shuttle(f"{n}-stop", n, 30.0) for n in sites),
    )


def sample_population(agents: int = 500, sites: int = 4) -> outbreak.Population:
    """Return the sample operator as a population."""
    return outbreak.build_population(sample_operator(agents, sites, 1))


def three_days() -> outbreak.Disease:
    """Return a disease that is passed on after three days exactly."""
    return replace(constant(), generation=outbreak.Duration("gamma", 9e4, 3 / 9e4))
