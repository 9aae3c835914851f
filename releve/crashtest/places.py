"""The places that can be lost, by number: sites in the operator's order, carriers sorted, and last
the homes whose carrier is not known, which are never lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak.rng import key_of
from releve.network import HOME, Agent, Operator

__all__ = ["Places", "places_of"]


@dataclass(frozen=True)
class Places:
    """``sites`` then ``carriers``, by id."""

    sites: tuple[str, ...]
    carriers: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of places that can be lost."""
        return len(self.sites) + len(self.carriers)

    @cached_property
    def site_number(self) -> Mapping[str, int]:
        """The number of each site."""
        return {name: at for at, name in enumerate(self.sites)}

    @cached_property
    def carrier_number(self) -> Mapping[str, int]:
        """The number of each carrier, after the sites."""
        return {name: len(self.sites) + at for at, name in enumerate(self.carriers)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of every place, as the contingencies of a plan write it."""
        return tuple(f"site:{s}" for s in self.sites) + tuple(f"carrier:{c}" for c in self.carriers)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """A 64-bit key of every place, hashed from its name: uint64[place]."""
        return np.array([key_of("place", name) for name in self.names], dtype=np.uint64)

    def of(self, place: str, agent: Agent) -> int:
        """Return the number of a placement's place for an agent."""
        if place != HOME:
            return self.site_number[place]
        return self.carrier_number.get(agent.carrier, self.count)


def places_of(operator: Operator) -> Places:
    """Return the places of an operator: its sites, and the carriers of its home-ready agents."""
    carriers = {agent.carrier for agent in operator.agents if agent.home_ready} - {""}
    return Places(tuple(site.id for site in operator.sites), tuple(sorted(carriers)))
