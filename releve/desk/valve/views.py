"""The pages of contracts of relief: the list, one contract and its next step, text and message."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.association.contract_text import typeset_contract
from releve.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    export_contract,
    find_own_party,
    list_contracts,
    take_step,
)
from releve.association.gate_member import list_programmes
from releve.association.spare_searches import LEND, find_search
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, download
from releve.desk.query import require_found
from releve.desk.text import text_now, translate_error
from releve.desk.valve.forms import ContractStepForm
from releve.desk.valve.page import (
    build_contract_line,
    build_contract_page,
    build_contract_twin,
)
from releve.desk.valve.search_page import answer_search, build_search, build_search_twin
from releve.errors import ReleveError
from releve.live import api as live
from releve.sector import list_next_steps


@serve("sector.relief")
def list_all(request: HttpRequest) -> HttpResponse:
    """Every contract, real and of drills, the newest first."""
    text = text_now(live.operator_now().row.time_zone)
    found = [
        (stored, stream)
        for stream in (RELIEF, DRILL)
        for stored in reversed(list_contracts(stream).values())
    ]
    programmes = list_programmes()
    lines = [build_contract_line(*one, text, programmes) for one in found]
    twin = {"contracts": [build_contract_twin(*one) for one in found]}
    return answer(request, "desk/valve/index.html", {"lines": lines}, twin)


@serve("sector.relief", FORM)
def show_contract(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """One contract; the form takes the next step of this installation."""
    stored = _find(stream, name)
    party, status = find_own_party(stored), 200
    kinds = list_next_steps(stored.contract, party)
    form = None
    if kinds:
        form = ContractStepForm(
            request.POST if request.method == "POST" else None,
            kinds=kinds,
            initial={"before": stored.contract.digest},
        )
    if request.method == "POST":
        if form is None:
            raise Http404
        if form.is_valid():
            values = form.cleaned_data
            try:
                take_step(
                    name,
                    values["kind"],
                    party,
                    timezone.now(),
                    reason=values.get("reason", ""),
                    reference=values.get("reference", ""),
                    cents=values.get("cents"),
                    before=values["before"],
                    stream=stream,
                )
            except ReleveError as error:
                form.add_error(None, translate_error(error))
            else:
                messages.success(request, _("The step is recorded and signed."))
                return redirect("contract", stream, name)
        status = 422
    text = text_now(live.operator_now().row.time_zone)
    search = find_search(LEND, name, drill=stream == DRILL)
    shown = build_search(search, reverse("contract", args=[stream, name]), timezone.now(), text)
    part = answer_search(request, shown)
    if part is not None:
        return part
    page = build_contract_page(stored, stream, text, form, party, shown)
    twin = {**build_contract_twin(stored, stream), "search": build_search_twin(search)}
    return answer(request, "desk/valve/contract.html", page, twin, status)


@serve("sector.relief")
def download_text(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """The drafted French text of a contract."""
    stored = _find(stream, name)
    content = typeset_contract(stored.contract, stored.contract.terms.time_zone)
    return download(content, f"{name}.pdf", "application/pdf")


@serve("sector.relief")
def download_message(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """The message for the partner: terms, steps and signatures."""
    _find(stream, name)
    content = export_contract(name, stream=stream).encode()
    return download(content, f"{name}.json")


def _find(stream: str, name: str) -> StoredContract:
    stored = list_contracts(stream).get(name) if stream in (RELIEF, DRILL) else None
    return require_found(stored, _("There is no such contract."))
