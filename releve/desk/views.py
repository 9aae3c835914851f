"""The pages of the desk: find what is asked for, hand it to its presenter."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.i18n import set_language as django_set_language

from releve.desk.access.guard import allow_anonymous, require_permission
from releve.desk.database_errors import when_busy
from releve.desk.http import failure
from releve.desk.plan_store import store_of
from releve.desk.presenters import Desk, cell_page, cell_twin, verdict_page, verdict_twin
from releve.desk.responses import Page, plan_page
from releve.files.plan_folder import PlanFolderError
from releve.live.api import Kept

__all__ = ["cell", "healthz", "server_error", "set_language", "stranger", "verdict"]


@require_permission("plan.see")
@plan_page
def verdict(request: HttpRequest, desk: Desk) -> Page:
    """The verdict, the relief matrix, what is missing and the proof."""
    return Page("desk/verdict.html", lambda: _written(desk), lambda: verdict_twin(desk))


@dataclass(frozen=True, slots=True)
class _Written:
    """The verdict page as HTML, without what frames it."""

    title: str
    body: SafeString


_pages: Kept[_Written] = Kept()


def _written(desk: Desk) -> _Written:
    """Write the page of a plan, once for all who see the same of it in the same language.

    The matrix of a large operator takes a tenth of a second to write, and never changes.
    """

    def made() -> _Written:
        page = verdict_page(desk)
        body = render_to_string("desk/_verdict.html", {"page": page})
        return _Written(page.banner.sentence, body)

    key = (desk.text, desk.day, desk.plan.day, desk.plan.clients)
    return _pages.get(key, (desk,), made)


@require_permission("plan.see", client="client")
@plan_page
def cell(request: HttpRequest, desk: Desk, client: str, contingency: str) -> Page:
    """A client under a contingency: the day as a chart, its programmes, who moves where."""
    found = desk.cells.get((client, contingency))
    if found is None:
        raise Http404(_("This client or contingency is not in the plan."))
    programme = request.GET.get("programme", "")
    if programme and programme not in {desk.plan.programmes[at][0] for at in desk.columns(client)}:
        raise Http404(_("This programme is not one of the client’s."))
    number = request.GET.get("page", "1")
    if not (number.isascii() and number.isdigit() and len(number) < 7):
        raise Http404(_("This page is not there."))
    return Page(
        "desk/cell.html",
        lambda: cell_page(desk, found, programme, int(number)),
        lambda: cell_twin(desk, found, programme),
    )


@allow_anonymous
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say whether there is a plan to show, for a supervisor of processes."""
    try:
        days = store_of(settings.PLAN_FOLDER).days()
    except PlanFolderError as error:
        return JsonResponse({"status": "no plan", "detail": str(error)}, status=503)
    return JsonResponse({"status": "ok", "days": [day.isoformat() for day in days]})


set_language = allow_anonymous(csrf_exempt(django_set_language))
"""Keeps the language in a cookie. Exempt from the CSRF token on purpose: all it changes is a
reader's language, and without a token in them the pages are the same for everybody and cacheable.
"""


def stranger(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with the reason the view gave, if it gave one."""
    given = exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""
    return failure(request, 404, given or _("There is no page at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without saying what went wrong; the log does. A busy database is no fault."""
    busy = when_busy(request)
    if busy is not None:
        return busy
    return failure(request, 500, _("Something went wrong. It has been logged."))
