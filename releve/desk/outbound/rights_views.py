"""A person's rights, answered by the outbound manager: each act with a reason that is recorded."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters

from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, download, keep_unstored
from releve.desk.outbound.request_words import FAULTS
from releve.desk.outbound.rights_page import (
    RightsForm,
    RightsPage,
    build_stored_view,
    describe_erasure,
)
from releve.gate.db_clock import read_clock
from releve.gate.errors import KeyFault
from releve.gate.person_rights import (
    RightsRefused,
    count_stored,
    erase_stored,
    export_stored,
    identify_holder,
)
from releve.ledger.erasure import scrub_files


@sensitive_post_parameters("number", "person", "reason")
@serve("outbound.rights", FORM, recent=True)
def rights(request: HttpRequest) -> HttpResponse:
    """Show what is stored about a person in numbers, export it or erase it."""
    if request.method != "POST":
        return _answer_page(request, RightsPage(RightsForm(), None, ""), {})
    form = RightsForm(request.POST)
    if not form.is_valid():
        return _answer_refused(request, form)
    reason, by, now = form.cleaned_data["reason"], actor_name(request), read_clock()
    try:
        holder = identify_holder(form.cleaned_data["number"], form.cleaned_data["person"], reason)
    except RightsRefused as error:
        form.refuse(error)
        return _answer_refused(request, form)
    except KeyFault:
        form.add_error(None, str(FAULTS["gate.key"]))
        return _answer_refused(request, form, 503)
    act = request.POST.get("act", "see")
    if act == "export":
        return _answer_file(export_stored(holder, reason, by=by, now=now))
    if act == "erase":
        count = erase_stored(holder, reason, by=by, now=now)
        scrub_files(("gate_personal",))
        return _answer_page(
            request, RightsPage(RightsForm(), None, describe_erasure(count)), {"erased": count}
        )
    found = count_stored(holder, reason, by=by, now=now)
    page = RightsPage(form, build_stored_view(found), "")
    return _answer_page(request, page, {"stored": found})


def _answer_refused(request: HttpRequest, form: RightsForm, status: int = 422) -> HttpResponse:
    faults = [str(one) for errors in form.errors.values() for one in errors]
    return _answer_page(request, RightsPage(form, None, ""), {"faults": faults}, status)


def _answer_file(document: object) -> HttpResponse:
    text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
    return download(f"{text}\n", "person.json", "application/json; charset=utf-8")


def _answer_page(
    request: HttpRequest, page: RightsPage, twin: dict[str, object], status: int = 200
) -> HttpResponse:
    whole = {"stored": None, "erased": None, "faults": [], **twin}
    return keep_unstored(answer(request, "desk/outbound/rights.html", page, whole, status))
