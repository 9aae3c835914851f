"""The guide of a rehearsal, and its start."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.drills import set_stream_cookie
from releve.desk.live.streams import read_stream
from releve.desk.rehearsal.page import STEP_PERMISSIONS, guide_page
from releve.live import api as live


@serve("incident.work")
def guide(request: HttpRequest) -> HttpResponse:
    """The steps of a rehearsal, those that are done marked."""
    shown = read_stream(request)
    page = guide_page(shown, live.operator_now())
    opens = {code: can(request.user, asked) for code, asked in STEP_PERMISSIONS.items()}
    context = {
        "drill": shown.banner,
        "may_start": opens["start"],
        "opens": {code for code, may in opens.items() if may},
        "plans": can(request.user, "plan.publish"),
    }
    return page_response(request, "desk/rehearsal/guide.html", page, context)


@serve("drill.run", ACT)
def start(request: HttpRequest) -> HttpResponse:
    """Start a rehearsal, and look at it."""
    stream = live.start_rehearsal(_("Rehearsal: a site closes"), by=actor_name(request))
    messages.success(request, _("The drill has begun."))
    response = redirect("rehearsal")
    set_stream_cookie(response, request, stream.name)
    return response
