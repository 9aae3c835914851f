"""The guide of a rehearsal: a drill step by step, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.page import ShownStream, lead_into, read_stream
from releve.desk.page import PageModel
from releve.live import api as live
from releve.network import Operator


class GuidePage(PageModel):
    """The steps of a rehearsal; all but ``ready`` and ``steps`` are empty before it begins."""

    stream: str = ""
    drill: str = ""
    site: str = ""
    site_name: str = ""
    agent: str = ""
    incident: str = ""
    opens_at: datetime | None = None
    ready: bool
    steps: tuple[live.RehearsalStep, ...]


def guide_page(shown: ShownStream, operator: Operator) -> GuidePage:
    """Return the guide: before a drill is looked at, its beginning."""
    found = live.find_rehearsal(shown.name) if shown.title else None
    ready = bool(live.list_days_in_force())
    steps = live.list_rehearsal_steps(found) if ready else ()
    if found is None:
        return GuidePage(drill=shown.title, ready=ready, steps=steps)
    name = operator.site[found.site].name
    return GuidePage.from_row(found, drill=shown.title, site_name=name, ready=ready, steps=steps)


_PERMISSIONS: Mapping[str, str] = {
    "matrix": "plan.see",
    "start": "drill.run",
    "case": "event.record.case",
    "close": "event.record.closure",
    "now": "situation.see",
    "relief": "relief.people",
    "incident": "incident.work",
    "clock": "drill.run",
    "reopening": "reopening.approve",
    "review": "incident.work",
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


@serve("drill.run", ACT)
def forward(request: HttpRequest) -> HttpResponse:
    """Move the clock of the drill that is looked at to when its site may open."""
    shown = read_stream(request)
    if not shown.title or live.move_to_reopening(shown.name, by=actor_name(request)) is None:
        messages.error(request, _("No closed site of this drill has its reopening ahead."))
    return redirect("rehearsal")


urlpatterns = [
    path("", guide, name="rehearsal"),
    path("start", start, name="rehearsal_start"),
    path("forward", forward, name="rehearsal_forward"),
]
