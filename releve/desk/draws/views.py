"""The page of the draws of visits, and the plan of visits that an inspector computes alone."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from releve.accounts.scopes import can
from releve.desk.access.open_mode import changes_nothing
from releve.desk.draws.page import draws_page
from releve.desk.endpoint import ACT, serve
from releve.desk.http import keep_unstored, page_response
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.query import read_day
from releve.desk.text import translate_error
from releve.inspection import DrawError
from releve.live import api as live


@serve("draw.see")
def index(request: HttpRequest) -> HttpResponse:
    """The draws of today, or of a day that is asked for."""
    now = moment(request)
    return _show(request, now, read_day(request.GET.get("day", "")) or now.find_day(), {})


@changes_nothing
@sensitive_post_parameters("link")
@serve("draw.preview", ACT)
def preview(request: HttpRequest) -> HttpResponse:
    """Show the visits that the commission's link gives; nothing is recorded, nothing is kept."""
    now, plan = moment(request), request.POST.get("plan", "")
    day = now.find_day()
    try:
        sites = live.preview_draw(plan, day, request.POST.get("link", ""), stream=now.stream)
    except DrawError as error:
        return _show(request, now, day, {"plan": plan, "fault": translate_error(error)}, 422)
    names = tuple(now.operator.site[site].name for site in sites)
    return _show(request, now, day, {"plan": plan, "names": names or (_("no site"),)})


def _show(
    request: HttpRequest, now: StreamContext, day: date, previewed: object, status: int = 200
) -> HttpResponse:
    inspects = can(request.user, "draw.preview")
    page, context = draws_page(now, day, inspects=inspects), {"previewed": previewed}
    response = page_response(request, "desk/draws/index.html", page, context, status=status)
    return keep_unstored(response) if previewed else response
