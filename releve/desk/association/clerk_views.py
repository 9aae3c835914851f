"""The clerk's page: who has contributed for a day, and the bulletin published."""

from __future__ import annotations

import dataclasses

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from releve.association.bulletin_paper import print_bulletin
from releve.association.clerk import publish_bulletin
from releve.association.models import DayBulletin
from releve.desk.association.page import build_clerk_page
from releve.desk.endpoint import ACT, serve
from releve.desk.http import answer, download, failure
from releve.desk.query import read_day, require_found
from releve.desk.text import text_now, translate_error
from releve.errors import ReleveError

_ZONE = "Europe/Paris"


@serve("sector.clerk")
def show(request: HttpRequest) -> HttpResponse:
    """The members' contributions of a day, and the bulletins."""
    page = None
    if settings.CLERK_OF:
        day = read_day(request.GET.get("day", ""))
        page = build_clerk_page(settings.CLERK_OF, day, timezone.now(), text_now(_ZONE))
    twin = {"clerk": None if page is None else dataclasses.asdict(page)}
    return answer(request, "desk/association/clerk.html", page, twin)


@serve("sector.clerk", ACT, recent=True)
def publish(request: HttpRequest) -> HttpResponse:
    """Publish the bulletin of a day."""
    day = read_day(request.POST.get("day", ""))
    if day is None:
        return failure(request, 409, _("Nothing was published."))
    try:
        publish_bulletin(day, timezone.now())
    except ReleveError as error:
        return failure(request, 409, _("Nothing was published."), translate_error(error))
    messages.success(request, _("The bulletin is published."))
    return redirect("clerk")


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
