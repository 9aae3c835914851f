"""Contingencies: the sets of places that a plan must survive losing."""

from __future__ import annotations

from dataclasses import dataclass

from releve.network import Operator

__all__ = ["Contingency", "list_contingencies"]


@dataclass(frozen=True, slots=True)
class Contingency:
    """A set of places lost for the day.

    ``exposed``: the people placed on a lost site count as exposed, so for as long as it lasts
    they may work at home only (a health closure); otherwise they may also go elsewhere.
    """

    id: str
    kind: str
    """site, destination, carrier or named."""
    name: str
    sites: frozenset[str] = frozenset()
    carriers: frozenset[str] = frozenset()
    exposed: bool = True


def list_contingencies(operator: Operator) -> tuple[Contingency, ...]:
    """Return every contingency of an operator: sites, destinations, home carriers, named sets.

    A destination with a single site is that site's contingency and is not listed twice.
    """
    found = [
        Contingency(f"site:{site.id}", "site", site.name, frozenset({site.id}))
        for site in operator.sites
    ]
    destinations: dict[str, set[str]] = {}
    for site in operator.sites:
        destinations.setdefault(site.destination, set()).add(site.id)
    found += [
        Contingency(f"destination:{code}", "destination", code, frozenset(sites))
        for code, sites in sorted(destinations.items())
        if len(sites) > 1
    ]
    carriers = sorted({agent.carrier for agent in operator.agents if agent.home_ready} - {""})
    found += [
        Contingency(f"carrier:{name}", "carrier", name, carriers=frozenset({name}), exposed=False)
        for name in carriers
    ]
    found += [
        Contingency(
            f"named:{row.id}", "named", row.name, frozenset(row.sites), frozenset(row.carriers)
        )
        for row in operator.contingencies
    ]
    return tuple(found)
