"""The places of an operator that an outage can take: its sites, and the home lines of carriers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outages.errors import require
from releve.network import Operator

__all__ = ["HomeLines", "PlacedSite", "Places", "list_places", "measure_distances"]

EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class PlacedSite:
    """A site: its id, country and WGS 84 coordinates in degrees."""

    id: str
    destination: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True, order=True)
class HomeLines:
    """The home lines of a carrier in one country (of the agents' sites).

    A carrier that serves agents of two countries is two networks: neither fails with the other.
    """

    carrier: str
    destination: str


@dataclass(frozen=True)
class Places:
    """The places by their numbers: the sites as given, then the home lines in sorted order."""

    sites: tuple[PlacedSite, ...]
    home_lines: tuple[HomeLines, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a place that is named twice, and home lines that are not sorted."""
        names = [site.id for site in self.sites]
        require(len(set(names)) == len(names), "each site named once", names)
        ordered = tuple(sorted(set(self.home_lines)))
        require(self.home_lines == ordered, "home lines sorted, each once", self.home_lines)

    def __len__(self) -> int:
        """Return how many places there are."""
        return len(self.sites) + len(self.home_lines)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of each place, like ``site:casa-1`` or ``carrier:Inwi@MA``."""
        lines = tuple(f"carrier:{one.carrier}@{one.destination}" for one in self.home_lines)
        return tuple(f"site:{site.id}" for site in self.sites) + lines

    def destinations(self) -> tuple[str, ...]:
        """Return the countries of the sites and of the home lines, sorted."""
        found = {site.destination for site in self.sites}
        return tuple(sorted(found | {lines.destination for lines in self.home_lines}))

    def home_place(self, carrier: str, destination: str) -> int:
        """Return the number of the home lines of a carrier in a country; -1 if it has none."""
        wanted = HomeLines(carrier, destination)
        if wanted not in self.home_lines:
            return -1
        return len(self.sites) + self.home_lines.index(wanted)


def list_places(operator: Operator) -> Places:
    """Return the places of an operator: its sites, and the carriers of those ready for home."""
    sites = tuple(PlacedSite(s.id, s.destination, s.lat, s.lon) for s in operator.sites)
    country = {site.id: site.destination for site in sites}
    lines = {
        HomeLines(agent.carrier, country[agent.home_site])
        for agent in operator.agents
        if agent.home_ready and agent.carrier
    }
    return Places(sites, tuple(sorted(lines)))


def measure_distances(
    lat: NDArray[np.float64], lon: NDArray[np.float64], sites: Sequence[PlacedSite]
) -> NDArray[np.float64]:
    """Return great circle distances in km: float64[point, site]; the points in degrees."""
    there = np.radians(np.array([(s.lat, s.lon) for s in sites]).reshape(-1, 2))
    phi, lam = np.radians(lat)[:, None], np.radians(lon)[:, None]
    half = np.sin((there[:, 0] - phi) / 2) ** 2 + np.cos(phi) * np.cos(there[:, 0]) * (
        np.sin((there[:, 1] - lam) / 2) ** 2
    )
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))
