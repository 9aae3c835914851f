"""The drills: start one, look at it, move its clock, end it."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.forms import build_time_field
from releve.desk.http import page_response
from releve.desk.live.page import drills_page
from releve.desk.live.streams import lead_into, read_stream
from releve.desk.query import read_number
from releve.live import api as live
from releve.network.clock import to_utc


class DrillForm(forms.Form):
    """A drill's title and what its clock shows at first."""

    title = forms.CharField(label=lazy("What is rehearsed"), max_length=200)
    at = build_time_field(lazy("Its clock starts at"), lazy("Empty: now."))


@serve("incident.work")
def index(request: HttpRequest) -> HttpResponse:
    """Every drill."""
    return _show(request, DrillForm())


def _show(request: HttpRequest, form: DrillForm, status: int = 200) -> HttpResponse:
    may_start = can(request.user, "drill.run")
    page = drills_page(read_stream(request), live.operator_now(), may_start=may_start)
    return page_response(request, "desk/live/drills.html", page, {"form": form}, status=status)


@serve("incident.work", ACT)
def look(request: HttpRequest) -> HttpResponse:
    """Show a drill, or the live stream, in this browser from now on."""
    return lead_into(request, request.POST.get("stream", live.LIVE), "now")


@serve("drill.run", ACT)
def start(request: HttpRequest) -> HttpResponse:
    """Start a drill from the live situation on, and look at it."""
    form = DrillForm(request.POST)
    if not form.is_valid():
        return _show(request, form, 422)
    at = form.cleaned_data["at"]
    if at is not None:
        at = to_utc(at.replace(tzinfo=None), live.operator_now().row.time_zone)
    found = live.start_drill(form.cleaned_data["title"], by=actor_name(request), at=at)
    messages.success(request, _("The drill has begun."))
    return lead_into(request, found.name, "now")


@serve("drill.run", ACT)
def move(request: HttpRequest, number: int) -> HttpResponse:
    """Move a drill's clock forward by some hours."""
    hours = read_number(request.POST.get("hours", "")) or 0
    if 1 <= hours <= 1000:
        live.move_drill(f"drill:{number}", timedelta(hours=hours), by=actor_name(request))
    else:
        messages.error(request, _("A drill’s clock moves forward by 1 to 1000 hours."))
    return redirect("drills")


@serve("drill.run", ACT)
def stop(request: HttpRequest, number: int) -> HttpResponse:
    """End a drill; what it still had to do is dropped."""
    live.stop_drill(f"drill:{number}", by=actor_name(request))
    messages.success(request, _("The drill is over."))
    return redirect("drills")
