"""The pages of the health officer; a look at a case's contacts is recorded before it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.grants import STREAM
from releve.accounts.scopes import scope_for
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.endpoint import FORM, serve
from releve.desk.health.cases import (
    CasePage,
    CasesPage,
    build_case_page,
    build_cases_page,
    build_page_twin,
    list_open_cases,
)
from releve.desk.health.forms import SeatingForm
from releve.desk.http import answer, keep_unstored
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.query import require_found
from releve.ledger.chain import append
from releve.network import Operator
from releve.situation import DeclaredCase

_SEATING_BYTES = 2 * 1024**2
"""A line for each agent of the largest operator; Django itself takes no larger form."""


def _say_too_large() -> str:
    return _("The seats of a case take at most {size} MB.").format(size=_SEATING_BYTES // 1024**2)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def list_cases(request: HttpRequest) -> HttpResponse:
    """Open cases and what they share."""
    now = moment(request)
    form, seating = _form(request, now.operator)
    page = build_cases_page(now, scope_for(request.user, "health.cases"), form, seating)
    return _shown(request, "desk/health/cases.html", page, now)


@takes(_SEATING_BYTES, _say_too_large)
@serve("health.cases", FORM)
def show_case(request: HttpRequest, case: str) -> HttpResponse:
    """One case; its contacts in answer to the form alone, after the look is recorded."""
    now, reach = moment(request), scope_for(request.user, "health.cases")
    known = {row.event: row for row in list_open_cases(now, reach)}
    found = require_found(known.get(case), _("There is no such open case."))
    form, seating = _form(request, now.operator)
    if seating is not None:
        _note(request, found, now.stream)
    page = build_case_page(now, reach, found, form, seating)
    return _shown(request, "desk/health/case.html", page, now)


def _form(request: HttpRequest, operator: Operator) -> tuple[SeatingForm, Mapping[str, str] | None]:
    """Return the form, and the seating that was sent with it if it is sound."""
    form = SeatingForm(operator, request.POST if request.method == "POST" else None)
    return form, form.cleaned_data["seating"] if form.is_valid() else None


def _shown(
    request: HttpRequest, template: str, page: CasesPage | CasePage, now: StreamContext
) -> HttpResponse:
    """Return a page that no browser keeps."""
    twin = {"stream": now.stream, **build_page_twin(page)}
    status = 422 if page.form.errors else 200
    return keep_unstored(answer(request, template, page, twin, status, drill=now.drill))


@transaction.atomic
def _note(request: HttpRequest, case: DeclaredCase, stream: str) -> None:
    """Record the look by the case's event, not by the agent.

    A log of looks is kept longer than what is known of a case: once that is erased, this entry
    must not name anybody either.
    """
    body = {"case": case.event, "of": stream, "actor": actor_name(request)}
    append("contacts.seen", body, stream=STREAM, recorded_at=timezone.now())
