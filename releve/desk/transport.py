"""The pages of the vehicles: the runs of a day with their routes, and a sheet for each driver.

No page names an agent with a seat, and no map of other people lies under a drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.endpoint import serve
from releve.desk.filters import add_words
from releve.desk.http import page_response, read_day, require_found
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import StreamPage
from releve.desk.text import text_now
from releve.live import api as live
from releve.plan.timetable import MapPlace, RunRow, SiteTimetable, VehicleSheet, build_vehicle_sheet
from releve.transport import FROM_SITE, TO_SITE

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


_MARGIN = 34.0
_LEAST = 0.004
"""Degrees of latitude that a drawing shows at least: a single stop has no extent to divide by."""
_APART = 12.0
"""Height of a label: one that would lie on another is left out, the table has every name."""


@dataclass(frozen=True, slots=True)
class RoutePoint:
    """A stop, a site or a depot; ``label`` empty where there is no room for it."""

    x: float
    y: float
    kind: str
    name: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class RouteLine:
    """The way of one or more runs; ``width`` grows with their riders."""

    points: str
    leg: str
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class RouteMap:
    """Lines and points in the box ``0 0 width height``."""

    name: str
    width: float
    height: float
    lines: tuple[RouteLine, ...]
    points: tuple[RoutePoint, ...]


def draw_routes(places: Sequence[MapPlace], runs: Sequence[RunRow], name: str, width: float, height: float) -> RouteMap:
    """Return the runs as lines between places, north up; equal ways are one line."""
    middle = (min(p.lat for p in places) + max(p.lat for p in places)) / 2
    shrink = cos(radians(middle))
    east = {p.id: p.lon * shrink for p in places}
    north = {p.id: p.lat for p in places}
    wide, high = (max(_LEAST, max(side.values()) - min(side.values())) for side in (east, north))
    scale = min((width - 2 * _MARGIN) / wide, (height - 2 * _MARGIN) / high)
    left = (width - scale * (max(east.values()) - min(east.values()))) / 2
    top = (height - scale * (max(north.values()) - min(north.values()))) / 2

    def spot(place: str) -> tuple[float, float]:
        x = left + scale * (east[place] - min(east.values()))
        y = top + scale * (max(north.values()) - north[place])
        return round(x, 1), round(y, 1)

    ways: dict[tuple[str, tuple[str, ...]], list[RunRow]] = {}
    for run in runs:
        way = tuple(call.place for call in run.calls if call.place in east)
        ways.setdefault((run.leg, way), []).append(run)
    lines = tuple(
        RouteLine(
            " ".join(f"{x:g},{y:g}" for x, y in map(spot, way)),
            leg,
            round(1.2 + min(5.0, sum(run.riders for run in own) / 10), 1),
            ", ".join(f"{run.run} {run.vehicle} ({run.riders})" for run in own),
        )
        for (leg, way), own in sorted(ways.items())
    )
    return RouteMap(name, width, height, lines, tuple(_place_labels(places, spot, width)))


def _place_labels(places: Sequence[MapPlace], spot: object, width: float) -> list[RoutePoint]:
    """Return the points, the site's label first; a label that would lie on another is left out."""
    found: list[RoutePoint] = []
    taken: list[tuple[float, float, float]] = []
    for place in sorted(places, key=lambda p: ("site", "depot", "stop").index(p.kind)):
        x, y = spot(place.id)  # type: ignore[operator]
        long = 6.2 * len(place.name)
        anchor = "start" if x + long + 8 < width else "end"
        first = x + 7 if anchor == "start" else x - 7 - long
        free = all(abs(y - other) > _APART or first > last or first + long < start for start, last, other in taken)
        if free:
            taken.append((first, first + long, y))
        found.append(RoutePoint(x, y, place.kind, place.name, place.name if free else "", anchor))
    return found


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


def sheet_page(shown: ShownStream, user: AnyUser, day: date | None, vehicle: str) -> DriverSheet | None:
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


register = Library()
add_words(register, "leg", {TO_SITE: lazy("to the site"), FROM_SITE: lazy("from the site")})

MOST_LARGE_LINES, MOST_NARROW_LINES = 22, 56
"""Lines of a sheet in one and in two columns on one page of A4, under the banners of a drill; the
head of a run takes two."""


@register.filter
def runs_headline(page: RunsPage) -> str:
    """Return how many ride to and from a site in how many runs; or why there is none."""
    if not page.planned:
        return _("No plan is in force")
    if page.timetable is None or not page.timetable.fleet:
        return _("The reference data have no vehicles")
    behind = sum(row.riders for row in page.timetable.left)
    if behind:
        return ngettext("{count} ride has no seat", "{count} rides have no seat", behind).format(
            count=text_now(page.time_zone).number(behind)
        )
    if not page.timetable.runs:
        return _("No shuttle runs to this site that day")
    return _("Every rider has a seat")


@register.filter
def runs_tone(page: RunsPage) -> str:
    """Return the tone of the page."""
    found = page.timetable
    if found is None or not (found.left or found.runs):
        return "unknown"
    return "missed" if found.left or any(map(is_over, found.runs)) else "held"


@register.filter
def is_over(row: RunRow) -> bool:
    """Return whether more heads were counted than a vehicle may carry."""
    return row.boarded is not None and row.boarded > row.cap


@register.filter
def count_sign(call_riders: int, row: RunRow) -> str:
    """Return how many board (+) or alight (−) at a stop."""
    return f"+{call_riders}" if row.leg == TO_SITE else f"\u2212{call_riders}"


@register.filter
def route_maps(found: SiteTimetable) -> tuple[RouteMap, ...]:
    """Return the drawing for a wide and for a narrow screen."""
    return (
        draw_routes(found.places, found.runs, "wide", 960, 420),
        draw_routes(found.places, found.runs, "narrow", 360, 360),
    )


@register.filter
def print_classes(sheet: VehicleSheet) -> str:
    """Return how a sheet is printed to stay on one page: in two columns, or in fine print too."""
    lines = sum(len(row.calls) + 2 for row in sheet.runs)
    if lines <= MOST_LARGE_LINES:
        return ""
    return "narrow" if lines <= MOST_NARROW_LINES else "narrow fine"


@register.filter
def run_words(row: RunRow) -> str:
    """Return to or from which site a run goes."""
    way = _("to {site}") if row.leg == TO_SITE else _("from {site}")
    return way.format(site=next(call.name for call in row.calls if call.place == row.site))


@serve("sites.see")
def runs(request: HttpRequest) -> HttpResponse:
    """The runs to and from a site on a day: routes, times, and how full they are."""
    shown = read_stream(request)
    site = request.GET.get("site", "")[:64]
    page = runs_page(shown, request.user, read_day(request.GET.get("day", "")), site)
    return page_response(request, "desk/transport/runs.html", page)


@serve("sites.see")
def sheet(request: HttpRequest, vehicle: str) -> HttpResponse:
    """A driver's day: places, times and numbers of riders, and no agent."""
    shown = read_stream(request)
    day = read_day(request.GET.get("day", ""))
    page = require_found(sheet_page(shown, request.user, day, vehicle), _("This vehicle has no run that day."))
    return page_response(request, "desk/transport/sheet.html", page)


urlpatterns = [
    path("", runs, name="transport"),
    path("runs.json", runs, name="transport_json"),
    path("vehicles/<ref:vehicle>", sheet, name="transport_sheet"),
]
