"""The numbers of the places that can be lost: those of the outages, sites first, then home lines;
after them the homes whose carrier is not known, which are never lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outages import Places, list_places
from releve.crashtest.outbreak.rng import hash_key
from releve.network import HOME, Agent, Operator
from releve.plan import Contingency

__all__ = ["PlaceIndex", "number_places"]


@dataclass(frozen=True)
class PlaceIndex:
    """``site[id]``, ``line[carrier, destination]``, and ``destination[site id]`` of an operator;
    ``key[place]`` a 64-bit key of each place, hashed from its name."""

    places: Places
    site: Mapping[str, int]
    line: Mapping[tuple[str, str], int]
    destination: Mapping[str, str]
    key: NDArray[np.uint64]

    @property
    def count(self) -> int:
        """The number of places that can be lost."""
        return len(self.places)

    def of(self, place: str, agent: Agent) -> int:
        """Return the number of a placement's place for an agent."""
        if place != HOME:
            return self.site[place]
        return self.line.get((agent.carrier, self.destination[agent.home_site]), self.count)

    def lost(self, contingency: Contingency) -> frozenset[int]:
        """Return the numbers of what a contingency takes."""
        lines = (at for (carrier, _), at in self.line.items() if carrier in contingency.carriers)
        return frozenset((*(self.site[name] for name in contingency.sites), *lines))


def number_places(operator: Operator) -> PlaceIndex:
    """Return the numbers of an operator's places."""
    places = list_places(operator)
    first = len(places.sites)
    lines = ((one.carrier, one.destination) for one in places.home_lines)
    return PlaceIndex(
        places=places,
        site={site.id: at for at, site in enumerate(places.sites)},
        line={line: first + at for at, line in enumerate(lines)},
        destination={site.id: site.destination for site in operator.sites},
        key=np.array([hash_key("place", name) for name in places.names], dtype=np.uint64),
    )
