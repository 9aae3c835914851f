"""The pages of the bulletin: what a member sends, by hand or daily; what the clerk publishes."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.association.bulletin_paper import print_bulletin
from releve.association.bulletin_summaries import describe_clerk_day, describe_contribution
from releve.association.clerk import publish_bulletin
from releve.association.exchange import fetch_published, send_contribution
from releve.association.membership import (
    find_due_day,
    find_membership,
    prepare_contribution,
    state_relief,
    switch_sending,
)
from releve.association.models import DayBulletin, OwnContribution
from releve.desk.access.actor import actor_name
from releve.desk.association.forms import StatedReliefForm
from releve.desk.association.page import ClerkPage, ContributionPage
from releve.desk.endpoint import ACT, perform, serve
from releve.desk.http import download, failure, page_response
from releve.desk.query import read_day, require_found
from releve.live import api as live


@serve("sector.contribute")
def show(request: HttpRequest) -> HttpResponse:
    """What the operator contributes, shown to the byte, and what became of it."""
    return _show(request, _build_form())


@serve("sector.contribute", ACT)
def fetch(request: HttpRequest) -> HttpResponse:
    """Fetch the month's design and the bulletins that have appeared; nothing goes out."""
    said = _("What the clerk has published has come.")
    return _act(request, lambda: fetch_published(timezone.now()), said, _("Nothing was fetched."))


@serve("sector.contribute", ACT)
def prepare(request: HttpRequest) -> HttpResponse:
    """Make the contribution of the day that is due, to be read; one not sent is made again."""
    now = timezone.now()
    day = find_due_day(now)
    if day is None:
        return failure(request, 409, _("No day is due."))
    refused = _("The contribution was not made.")
    return _act(request, lambda: prepare_contribution(day, now, again=True), "", refused)


@serve("sector.contribute", ACT, recent=True)
def send(request: HttpRequest) -> HttpResponse:
    """Send the contribution that was shown."""
    row = OwnContribution.objects.filter(sent_at=None, digest=request.POST.get("digest")).first()
    if row is None:
        return failure(request, 409, _("This contribution was sent, or made again since."))
    said, refused = _("The contribution is sent."), _("The contribution was not sent.")
    return _act(request, lambda: send_contribution(row, timezone.now()), said, refused)


@serve("sector.contribute", ACT, recent=True)
def switch(request: HttpRequest) -> HttpResponse:
    """Switch the daily contribution on or off."""
    on, by = request.POST.get("on") == "yes", actor_name(request)
    said = _("The daily contribution is on.") if on else _("The daily contribution is off.")
    return _act(request, lambda: switch_sending(on, by, timezone.now()), said)


@serve("sector.contribute", ACT)
def state_relief_figures(request: HttpRequest) -> HttpResponse:
    """Store what the planner states."""
    form = _build_form(request.POST)
    if form is None:
        return failure(request, 409, _("Nothing was changed."))
    if not form.is_valid():
        return _show(request, form, 422)
    state_relief(form.stated)
    messages.success(request, _("The figures are stored; they count from the next contribution."))
    return redirect("contribution")


def _act(
    request: HttpRequest, act: Callable[[], object], said: str, refused: str = ""
) -> HttpResponse:
    return perform(request, act, "contribution", said=said, refused=refused)


def _build_form(sent: QueryDict | None = None) -> StatedReliefForm | None:
    membership = find_membership()
    if membership is None:
        return None
    places = (site.destination for site in live.operator_now().sites)
    return StatedReliefForm(sent, destinations=places, stated=membership.stated)


def _show(request: HttpRequest, form: StatedReliefForm | None, status: int = 200) -> HttpResponse:
    page = ContributionPage(contribution=describe_contribution(timezone.now()))
    template = "desk/association/contribution.html"
    return page_response(request, template, page, {"form": form}, status=status)


@serve("sector.clerk")
def show_clerk(request: HttpRequest) -> HttpResponse:
    """The members' contributions of a day, and the bulletins."""
    clerk = None
    if settings.CLERK_OF:
        day = read_day(request.GET.get("day", ""))
        clerk = describe_clerk_day(day, timezone.now())
    page = ClerkPage(association=settings.CLERK_OF, clerk=clerk)
    return page_response(request, "desk/association/clerk.html", page)


@serve("sector.clerk", ACT, recent=True)
def publish(request: HttpRequest) -> HttpResponse:
    """Publish the bulletin of a day."""
    day, refused = read_day(request.POST.get("day", "")), _("Nothing was published.")
    if day is None:
        return failure(request, 409, refused)
    said = _("The bulletin is published.")
    return perform(
        request, lambda: publish_bulletin(day, timezone.now()), "clerk", said=said, refused=refused
    )


@serve("sector.clerk")
def download_paper(request: HttpRequest, day: str) -> HttpResponse:
    """The PDF of a bulletin."""
    found = read_day(day)
    row = require_found(
        DayBulletin.objects.filter(day=found).first() if found else None,
        _("There is no such bulletin."),
    )
    language = "en" if (get_language() or "fr").startswith("en") else "fr"
    paper = print_bulletin(row, language)
    return download(paper, f"bulletin-{row.day}.pdf", "application/pdf")
