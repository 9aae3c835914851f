"""What the pages of the vehicles hold, in no language. No page names an agent with a seat."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.live.streams import ShownStream
from releve.desk.page import StreamPage
from releve.live import api as live
from releve.plan.timetable import SiteTimetable, VehicleSheet, build_vehicle_sheet

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class RunsPage(StreamPage):
    """The runs of a site on a day."""

    planned: bool = Field(description="Whether a plan is in force for the hours ahead")
    days: tuple[date, ...]
    day: date | None
    sites: tuple[str, ...] = Field(description="Those of the reader's scope")
    site: str
    lost: bool = Field(description="Whether the site is lost on that day")
    names: dict[str, str] = Field(description="Of sites")
    timetable: SiteTimetable | None = Field(
        description="null: no plan, or the operator has no vehicles; agents without a seat only to"
        " those who see who moves"
    )


class DriverSheet(StreamPage):
    """A vehicle's day for its driver."""

    sheet: VehicleSheet


def runs_page(shown: ShownStream, user: AnyUser, day: date | None, site: str) -> RunsPage:
    """Return the runs of one site that the reader may see, by default of the first."""
    scene, operator = live.load_scene(shown.name), live.operator_now()
    seen = scope_for(user, "sites.see")
    sites = tuple(row.id for row in operator.sites if seen.has_site(row.id))
    site = site if site in sites else next(iter(sites), "")
    zone = operator.site[site].time_zone if site else operator.row.time_zone
    days = () if scene is None or not site else scene.days
    day = day if day in days else next(iter(days), None)
    found = live.find_timetable(scene, day, site) if scene and day else None
    if found is not None and not can(user, "relief.people", site=site):
        found = found.without_agents()
    return RunsPage(
        **shown.build_head(zone),
        planned=scene is not None and bool(scene.days),
        days=days,
        day=day,
        sites=sites,
        site=site,
        lost=scene is not None and day is not None and site in scene.wanted[day].sites,
        names={row.id: row.name for row in operator.sites if row.id in sites},
        timetable=found,
    )


def sheet_page(
    shown: ShownStream, user: AnyUser, day: date | None, vehicle: str
) -> DriverSheet | None:
    """Return a vehicle's day; None where it has no run to or from a site that the reader sees."""
    scene = live.load_scene(shown.name)
    if scene is None or not scene.days:
        return None
    day = day if day in scene.days else scene.days[0]
    found = live.find_scene_runs(scene, day, live.select_rules(scene.situation))
    sheet = None if found is None else build_vehicle_sheet(found, vehicle, scene.at)
    seen = scope_for(user, "sites.see")
    if found is None or sheet is None or not all(seen.has_site(run.site) for run in sheet.runs):
        return None
    zone = found.fleet.operator.site[sheet.site].time_zone
    return DriverSheet(**shown.build_head(zone), sheet=sheet)
