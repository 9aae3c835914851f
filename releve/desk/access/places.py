"""The sites and clients that a role can be held for: of the reference data, or of the plan."""

from __future__ import annotations

from dataclasses import dataclass

from releve.files.plan_folder import PlanFolderError
from releve.live.api import find_displayed_plan
from releve.registry import service as registry


@dataclass(frozen=True, slots=True)
class NamedPlaces:
    """Sites and clients as (id, name), in the order of their tables."""

    sites: tuple[tuple[str, str], ...] = ()
    clients: tuple[tuple[str, str], ...] = ()


def list_places() -> NamedPlaces:
    """Return what is known: the reference data's current version, else the plan's."""
    version = registry.get_current_version()
    if version is not None:
        operator = registry.load_operator(version)
        return NamedPlaces(
            tuple((site.id, site.name) for site in operator.sites),
            tuple((client.id, client.name) for client in operator.clients),
        )
    try:
        stored = find_displayed_plan()
    except PlanFolderError:
        return NamedPlaces()
    if stored is None:
        return NamedPlaces()
    plan = stored.plan
    return NamedPlaces(tuple((site.id, site.name) for site in plan.sites), plan.clients)
