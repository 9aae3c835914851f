"""The guide of a rehearsal, and its start."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.streams import lead_into, read_stream
from releve.desk.rehearsal.page import guide_page
from releve.live import api as live

_PERMISSIONS: Mapping[str, str] = {
    "matrix": "plan.see",
    "start": "drill.run",
    "case": "event.record.case",
    "close": "event.record.closure",
    "now": "situation.see",
    "relief": "relief.people",
    "incident": "incident.work",
    "reopening": "reopening.approve",
    "crashtest": "crashtest.see",
}
"""What the page of a step asks of its reader; others see the step without its link."""


@serve("incident.work")
def guide(request: HttpRequest) -> HttpResponse:
    """The steps of a rehearsal, those that are done marked."""
    page = guide_page(read_stream(request), live.operator_now())
    opens = {code for code, asked in _PERMISSIONS.items() if can(request.user, asked)}
    context = {"opens": opens, "plans": can(request.user, "plan.publish")}
    return page_response(request, "desk/rehearsal/guide.html", page, context)


@serve("drill.run", ACT)
def start(request: HttpRequest) -> HttpResponse:
    """Start a rehearsal, and look at it."""
    stream = live.start_rehearsal(_("Rehearsal: a site closes"), by=actor_name(request))
    messages.success(request, _("The drill has begun."))
    return lead_into(request, stream.name, "rehearsal")
