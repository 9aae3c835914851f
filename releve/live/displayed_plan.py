"""The plan that the desk shows: the one in force, else the folder that it was started with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from releve.files.plan_folder import PlanFolderError
from releve.files.plan_store import StoredPlan, open_plan_store
from releve.live.clock import real_now
from releve.live.current_operator import operator_at
from releve.live.plans import load_activation, load_day_plan
from releve.network import zone
from releve.plan import Plan
from releve.plan.week.hybrid_week import find_monday
from releve.registry.service import get_current_version, load_operator

__all__ = [
    "NamedPlaces",
    "NoPlan",
    "find_displayed_plan",
    "list_displayed_week",
    "list_named_places",
]


class NoPlan(PlanFolderError):  # noqa: N818 (a state of the installation)
    """No plan is in force, and the desk was started without a folder."""


def find_displayed_plan(day: date | None = None) -> StoredPlan | None:
    """Return the plan of a day, by default of today or the next planned day; None: no such day.

    The plan in force comes first; an open desk that was started with a folder shows that folder.
    NoPlan when there is neither; PlanFolderError when the folder cannot be read.
    """
    folder = settings.PLAN_FOLDER
    if settings.OPEN_DESK and folder is not None:
        return open_plan_store(folder).get(day)
    found = load_activation()
    if found is None:
        if folder is None:
            raise NoPlan("no plan is in force: compute one, or name a folder by RELEVE_PLAN_FOLDER")
        return open_plan_store(folder).get(day)
    days = tuple(date.fromisoformat(text) for text in sorted(found.days))
    default = _choose_day(days, operator_at(found.version).row.time_zone)
    digest = found.days.get((day or default).isoformat())
    if digest is None:
        return None
    return StoredPlan(load_day_plan(digest, found.version).plan, digest, days, default)


def list_displayed_week(day: date | None = None) -> list[Plan]:
    """Return the plans of a day's calendar week, by default today's or the next planned one.

    Empty where the day is not planned; NoPlan and PlanFolderError as of find_displayed_plan.
    """
    first = find_displayed_plan(day)
    if first is None:
        return []
    monday = find_monday(first.plan.day)
    found = (find_displayed_plan(one) for one in first.days if find_monday(one) == monday)
    return [stored.plan for stored in found if stored is not None]


def _choose_day(days: Sequence[date], zone_name: str) -> date:
    """Return today or the next planned day; the last one where all are over."""
    today = real_now().astimezone(zone(zone_name)).date()
    return next((day for day in days if day >= today), days[-1])


@dataclass(frozen=True, slots=True)
class NamedPlaces:
    """Sites and clients as (id, name), in the order of their tables."""

    sites: tuple[tuple[str, str], ...] = ()
    clients: tuple[tuple[str, str], ...] = ()


def list_named_places() -> NamedPlaces:
    """Return what a role can be held for: of the reference data, else of the displayed plan."""
    version = get_current_version()
    if version is not None:
        operator = load_operator(version)
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
