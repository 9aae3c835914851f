"""The page on which a user on the phone records what the person says."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from releve.accounts.request_reach import can_reach, list_clients_within
from releve.accounts.scopes import can
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, keep_unstored
from releve.desk.outbound.request_page import (
    Confirmation,
    RequestForm,
    RequestPage,
    build_confirmation,
    build_form,
)
from releve.desk.text import text_now
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.errors import KeyFault
from releve.gate.person_answers import preview_answers, recorded_to_json
from releve.gate.person_requests import RequestFault, RequestFaults, RequestReused, record_request
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.legal_rows import LEGAL_ZONE

_TEMPLATE = "desk/outbound/request.html"


@sensitive_post_parameters("number")
@serve("outbound.request", FORM)
def requests(request: HttpRequest) -> HttpResponse:
    """Record what a person says, by number; it binds before the page answers."""
    clients, every = list_clients_within(request.user), can_reach(request.user, EVERY_CLIENT)
    if request.method != "POST":
        return _answer_page(
            request, build_form(clients, every), None, {"recorded": None, "faults": []}
        )
    form = RequestForm(clients, every, request.POST)
    if not form.is_valid():
        return _answer_refused(request, form)
    asked = form.request()
    try:
        found = record_request(asked, by=actor_name(request), source="desk")
    except RequestFaults as error:
        form.refuse(error.faults)
        return _answer_refused(request, form)
    except KeyFault:
        form.refuse([RequestFault("key", "gate.key")])
        return _answer_refused(request, form, 503)
    except RequestReused:
        form.refuse([RequestFault("key", "key.reused")])
        return _answer_refused(request, form)
    answers = preview_answers(asked.number, asked.client, load_current_rules(), read_clock())
    done = build_confirmation(found, answers, asked.number, text_now(LEGAL_ZONE))
    twin = {"recorded": recorded_to_json(found, answers), "faults": []}
    return _answer_page(request, build_form(clients, every), done, twin)


def _answer_refused(request: HttpRequest, form: RequestForm, status: int = 422) -> HttpResponse:
    faults = [
        {"field": field, "message": str(one)} for field, errors in form.errors.items()
        for one in errors
    ]  # fmt: skip
    return _answer_page(request, form, None, {"recorded": None, "faults": faults}, status)


def _answer_page(
    request: HttpRequest,
    form: RequestForm,
    done: Confirmation | None,
    twin: Mapping[str, object],
    status: int = 200,
) -> HttpResponse:
    user = request.user
    page = RequestPage(form, done, can(user, "outbound.rights"), can(user, "outbound.manage"))
    return keep_unstored(answer(request, _TEMPLATE, page, dict(twin), status))
