"""The page of a day's runs, and the sheet of a vehicle."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.desk.endpoint import serve
from releve.desk.http import page_response
from releve.desk.live.streams import read_stream
from releve.desk.query import read_day, require_found
from releve.desk.transport.page import runs_page, sheet_page


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
    page = require_found(
        sheet_page(shown, request.user, day, vehicle), _("This vehicle has no run that day.")
    )
    return page_response(request, "desk/transport/sheet.html", page)
