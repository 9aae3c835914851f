"""The member's page: what goes out is shown to the byte, sent by hand, or switched on."""

from __future__ import annotations

import dataclasses

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.association.exchange import fetch_published, send_contribution
from releve.association.membership import (
    find_due_day,
    find_membership,
    prepare_contribution,
    state_relief,
    switch_sending,
)
from releve.association.models import OwnContribution
from releve.desk.access.actor import actor_name
from releve.desk.association.forms import StatedReliefForm
from releve.desk.association.page import build_contribution_page
from releve.desk.endpoint import ACT, serve
from releve.desk.http import answer, failure
from releve.desk.text import text_now, translate_error
from releve.errors import ReleveError
from releve.live import api as live


@serve("sector.contribute")
def show(request: HttpRequest) -> HttpResponse:
    """What the operator contributes, and what became of it."""
    return _show(request, None)


@serve("sector.contribute", ACT)
def fetch(request: HttpRequest) -> HttpResponse:
    """Fetch the month's design and the bulletins that have appeared; nothing goes out."""
    try:
        fetch_published(timezone.now())
    except ReleveError as error:
        return failure(request, 409, _("Nothing was fetched."), translate_error(error))
    messages.success(request, _("What the clerk has published has come."))
    return redirect("contribution")


@serve("sector.contribute", ACT)
def prepare(request: HttpRequest) -> HttpResponse:
    """Make the contribution of the day that is due, to be read; one not sent is made again."""
    day = find_due_day(timezone.now())
    if day is None:
        return failure(request, 409, _("No day is due."))
    try:
        prepare_contribution(day, timezone.now(), again=True)
    except ReleveError as error:
        return failure(request, 409, _("The contribution was not made."), translate_error(error))
    return redirect("contribution")


@serve("sector.contribute", ACT, recent=True)
def send(request: HttpRequest) -> HttpResponse:
    """Send the contribution that was shown."""
    row = OwnContribution.objects.filter(sent_at=None, digest=request.POST.get("digest")).first()
    if row is None:
        return failure(request, 409, _("This contribution was sent, or made again since."))
    try:
        send_contribution(row, timezone.now())
    except ReleveError as error:
        return failure(request, 409, _("The contribution was not sent."), translate_error(error))
    messages.success(request, _("The contribution is sent."))
    return redirect("contribution")


@serve("sector.contribute", ACT, recent=True)
def switch(request: HttpRequest) -> HttpResponse:
    """Switch the daily contribution on or off."""
    on = request.POST.get("on") == "yes"
    try:
        switch_sending(on, actor_name(request), timezone.now())
    except ReleveError as error:
        return failure(request, 409, _("Nothing was changed."), translate_error(error))
    said = _("The daily contribution is on.") if on else _("The daily contribution is off.")
    messages.success(request, said)
    return redirect("contribution")


@serve("sector.contribute", ACT)
def state_relief_figures(request: HttpRequest) -> HttpResponse:
    """Store what the planner states."""
    form = _build_form(request, request.POST)
    if form is None:
        return failure(request, 409, _("Nothing was changed."))
    if not form.is_valid():
        return _show(request, form, status=422)
    state_relief(form.stated)
    messages.success(request, _("The figures are stored; they count from the next contribution."))
    return redirect("contribution")


def _build_form(request: HttpRequest, data: object) -> StatedReliefForm | None:
    membership = find_membership()
    if membership is None:
        return None
    places = (site.destination for site in live.operator_now().sites)
    return StatedReliefForm(data, destinations=places, stated=membership.stated)


def _show(request: HttpRequest, form: StatedReliefForm | None, status: int = 200) -> HttpResponse:
    text = text_now(live.operator_now().row.time_zone)
    page = build_contribution_page(timezone.now(), text)
    shown = {"page": page, "form": form or _build_form(request, None)}
    twin = {"contribution": None if page is None else dataclasses.asdict(page)}
    return answer(request, "desk/association/contribution.html", shown, twin, status)
