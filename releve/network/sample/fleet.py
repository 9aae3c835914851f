"""The sample's minibuses: one depot per city, vehicles by the riders of the city."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from releve.network.model import Agent, Depot, Site, Vehicle
from releve.network.sample.draws import Draws
from releve.network.sample.geography import group_by_city

__all__ = ["park_vehicles"]

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
            Vehicle(f"{key}-bus{n:02d}", f"{key}-depot", SEATS, hours=HOURS, **COSTS)
            for n in range(1, number + 1)
        ]
    return tuple(depots), tuple(vehicles)
