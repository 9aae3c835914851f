"""The pages of the health officer; a look at a case's contacts is recorded before it is shown."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.grants import STREAM
from releve.accounts.scopes import Scope, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import read_sent
from releve.desk.health.forms import SeatingForm
from releve.desk.health.page import CasePage, CasesPage, case_page, cases_page
from releve.desk.http import keep_unstored, page_response
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.query import require_found
from releve.ledger.chain import append
from releve.live import api as live
from releve.situation import OpenCase, list_open_cases

_SEATING_BYTES = 2 * 1024**2
"""A line for each agent of the largest operator; Django itself takes no larger form."""


def _say_too_large() -> str:
    return _("The seats of a case take at most {size} MB.").format(size=_SEATING_BYTES // 1024**2)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def list_cases(request: HttpRequest) -> HttpResponse:
    """Open cases and what they share."""
    now, reach = moment(request), scope_for(request.user, "health.cases")
    form = SeatingForm(now.operator, read_sent(request))
    page = cases_page(now, reach, _list_cases(now, reach), form.seats)
    return _show(request, "desk/health/cases.html", page, form)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def show_case(request: HttpRequest, case: str) -> HttpResponse:
    """One case; its contacts in answer to the form alone, after the look is recorded."""
    now, reach = moment(request), scope_for(request.user, "health.cases")
    known = {row.event: row for row in _list_cases(now, reach)}
    found = require_found(known.get(case), _("There is no such open case."))
    form = SeatingForm(now.operator, read_sent(request))
    if form.is_valid():
        _note(request, found, now.stream)
    return _show(request, "desk/health/case.html", case_page(now, reach, found, form.seats), form)


def _list_cases(now: StreamContext, reach: Scope) -> tuple[OpenCase, ...]:
    rules = live.select_rules(now.situation)
    return list_open_cases(now.situation, now.operator, rules, now.at, reach.has_site)


def _show(
    request: HttpRequest, template: str, page: CasesPage | CasePage, form: SeatingForm
) -> HttpResponse:
    """Return a page that no browser keeps."""
    status = 422 if form.errors else 200
    return keep_unstored(page_response(request, template, page, {"form": form}, status=status))


@transaction.atomic
def _note(request: HttpRequest, case: OpenCase, stream: str) -> None:
    """Record the look by the case's event, not by the agent.

    A log of looks is kept longer than what is known of a case: once that is erased, this entry
    must not name anybody either.
    """
    body = {"case": case.event, "of": stream, "actor": actor_name(request)}
    append("contacts.seen", body, stream=STREAM, recorded_at=timezone.now())
