"""Template filters that say in words what the pages of the vehicles hold as codes."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.text import text_now
from releve.desk.transport.page import RunsPage
from releve.desk.transport.shapes import RouteMap, draw_routes
from releve.plan.timetable import RunRow, SiteTimetable, VehicleSheet
from releve.transport import FROM_SITE, TO_SITE

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
