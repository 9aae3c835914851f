"""The page of the relief in force, its Excel file, and the answers given by voice."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import download, page_response
from releve.desk.live.streams import read_stream
from releve.desk.query import read_day, read_number
from releve.desk.relief.page import SHOWN, ReliefChoice, Shown, relief_page
from releve.desk.relief.workbook import write_relief
from releve.live import api as live
from releve.network.workbook import WORKBOOK_TYPE


@serve("relief.people")
def relief(request: HttpRequest) -> HttpResponse:
    """Who moves from where to where and when, who was notified, and who has not answered."""
    page = relief_page(read_stream(request), request.user, read_choice(request))
    context = {"shown": tuple(SHOWN), "generations": can(request.user, "reliefs.see")}
    return page_response(request, "desk/relief/relief.html", page, context)


@serve("relief.people")
def workbook(request: HttpRequest) -> HttpResponse:
    """The same as an Excel file, with every row."""
    page = relief_page(read_stream(request), request.user, read_choice(request), whole=True)
    name = f"releve-{page.day or page.at.date()}.xlsx"
    return download(write_relief(page), name, WORKBOOK_TYPE)


@serve("relief.call", ACT)
def answer(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """Record that an agent answered by voice."""
    stream = read_stream(request).name
    site = live.find_message_site(stream, message)
    if site is None or not can(request.user, "relief.call", site=site):
        raise Http404(_("There is no such message."))
    live.record_spoken_answer(stream, message, by=actor_name(request))
    messages.success(request, _("The answer is recorded."))
    return redirect(f"{reverse('relief')}?{request.GET.urlencode()}#people")


def read_choice(request: HttpRequest) -> ReliefChoice:
    """Return what a reader asks for; what cannot be read is as if it were not asked."""
    given = request.GET
    show = given.get("show", "")
    return ReliefChoice(
        day=read_day(given.get("day", "")),
        site=given.get("site", "")[:64],
        show=cast("Shown", show) if show in SHOWN else "unanswered",
        people=read_number(given.get("people", ""), 6) or 1,
        moves=read_number(given.get("moves", ""), 6) or 1,
    )
