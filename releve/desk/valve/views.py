"""The pages of contracts of relief and of the clearings that they come from."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.scopes import scope_for
from releve.association.agreements import ClientContract, decide_contract, list_client_contracts
from releve.association.contract_exchange import draft_contracts
from releve.association.contract_summaries import (
    list_contract_summaries,
    list_signed_steps,
    may_lend_agents,
    summarise_agreement,
    summarise_contract,
)
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
from releve.association.drafts import list_planned_contingencies, prepare_relief_request
from releve.association.exchange import fetch_gates, fetch_result, send_order, sync_contracts
from releve.association.gate_member import list_programmes
from releve.association.gate_summaries import (
    describe_gate,
    list_gate_summaries,
    summarise_gate,
)
from releve.association.membership import find_membership
from releve.association.models import OwnOrder, ReliefGate
from releve.association.spare_searches import (
    LEND,
    OFFER,
    ask_for_agents,
    ask_for_offer,
    describe_search,
)
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import takes
from releve.desk.endpoint import ACT, FORM, perform, serve
from releve.desk.forms import act_on, read_sent
from releve.desk.http import download, failure, page_response, part_response
from releve.desk.query import require_found
from releve.desk.valve.forms import (
    ClausesForm,
    ContractStepForm,
    ReliefOfferForm,
    ReliefRequestForm,
)
from releve.desk.valve.page import ContractPage, ContractsPage, GatePage, GatesPage, SearchPart
from releve.live import api as live
from releve.sector import list_next_steps, parse_gate

_MOST_BYTES = 2 * 1024**2
_tables = takes(_MOST_BYTES, lambda: _("These files are larger than 2 MB."))


@serve("sector.relief")
def list_all(request: HttpRequest) -> HttpResponse:
    """Every contract, real and of drills, the newest first."""
    operator = live.operator_now()
    page = ContractsPage(
        contracts=list_contract_summaries(operator), time_zone=operator.row.time_zone
    )
    return page_response(request, "desk/valve/index.html", page)


@serve("sector.relief", FORM)
def show_contract(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """One contract; the form takes the next step of this installation."""
    stored, operator = _find(stream, name), live.operator_now()
    head = _find_search(LEND, name, drill=stream == DRILL)
    if request.GET.get("part") == "search":
        return _show_search(request, head)
    party, form = find_own_party(stored), None
    if kinds := list_next_steps(stored.contract, party):
        before = {"before": stored.contract.digest}
        form = ContractStepForm(read_sent(request), kinds=kinds, initial=before)
    elif request.method == "POST":
        raise Http404
    if form is not None and form.is_bound:

        def take() -> None:
            take_step(name, party=party, now=timezone.now(), stream=stream, **form.cleaned_data)

        if act_on(form, take):
            messages.success(request, _("The step is recorded and signed."))
            return redirect("contract", stream, name)
    page = ContractPage.from_row(
        head,
        summary=summarise_contract(stored, stream, operator, list_programmes()),
        terms=stored.contract.terms,
        steps=list_signed_steps(stored),
        may_lend=may_lend_agents(stored, party),
    )
    status = 422 if form is not None and form.is_bound else 200
    return page_response(request, "desk/valve/contract.html", page, {"form": form}, status=status)


def _find_search(kind: str, name: str, *, drill: bool = False) -> SearchPart:
    zone = live.operator_now().row.time_zone
    return SearchPart(
        search=describe_search(kind, name, timezone.now(), drill=drill), time_zone=zone
    )


def _show_search(request: HttpRequest, page: SearchPart) -> HttpResponse:
    """Return the part of a page that waits for a search; the whole page once it is over."""
    if page.search is None or not page.search.active:
        return HttpResponse(status=200, headers={"HX-Refresh": "true"})
    return part_response(request, "desk/valve/_search.html", page, {})


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


@serve("sector.relief", ACT)
def lend(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """Have the worker name agents for a contract, from those that the plan in force can spare."""
    said = _("The worker looks for agents who can be lent.")
    return perform(
        request,
        lambda: ask_for_agents(name, timezone.now(), stream=stream),
        "contract", stream, name,
        said=said,
    )  # fmt: skip


@serve("sector.relief", ACT, recent=True)
def sync(request: HttpRequest) -> HttpResponse:
    """Exchange contracts with the partners, through the clerk; those of drills too."""

    def exchange() -> None:
        for drill in (False, True):
            sync_contracts(timezone.now(), drill=drill)

    return perform(request, exchange, "contracts", said=_("The contracts are exchanged."))


@serve("sector.agree")
def list_agreements(request: HttpRequest) -> HttpResponse:
    """The contracts for the work of the reader's clients, which they agree to or refuse."""
    operator = live.operator_now()
    page = ContractsPage(
        contracts=tuple(summarise_agreement(one, operator) for one in _list_own(request)),
        time_zone=operator.row.time_zone,
    )
    return page_response(request, "desk/valve/agreements.html", page)


@serve("sector.agree", ACT, recent=True)
def decide(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """Record the client's agreement or refusal."""
    own = {(one.stream, one.stored.contract.terms.contract): one for one in _list_own(request)}
    found = require_found(own.get((stream, name)), _("There is no such contract."))
    agrees, before = request.POST.get("decision") == "agree", request.POST.get("before", "")
    said = _("The agreement is recorded.") if agrees else _("The refusal is recorded.")
    return perform(
        request,
        lambda: decide_contract(found, agrees, before, actor_name(request), timezone.now()),
        "agreements",
        said=said,
    )


def _list_own(request: HttpRequest) -> list[ClientContract]:
    scope = scope_for(request.user, "sector.agree")
    return list_client_contracts(live.operator_now(), scope.has_client)


@serve("sector.relief")
def list_gates(request: HttpRequest) -> HttpResponse:
    """The clearings that have come from the clerk."""
    membership = find_membership()
    page = GatesPage(
        association=None if membership is None else membership.association,
        gates=list_gate_summaries(timezone.now()),
        time_zone=live.operator_now().row.time_zone,
    )
    return page_response(request, "desk/valve/gates.html", page)


@serve("sector.relief")
def show_gate(request: HttpRequest, gate: str) -> HttpResponse:
    """One clearing: what was prepared, the forms, and the result."""
    return _show_gate(request, _find_gate(gate))


@serve("sector.relief", ACT)
def fetch_clearings(request: HttpRequest) -> HttpResponse:
    """Fetch the clerk's gates."""
    said = _("The clearings have come.")
    return perform(request, lambda: fetch_gates(timezone.now()), "gates", said=said)


@_tables
@serve("sector.relief", ACT)
def ask(request: HttpRequest, gate: str) -> HttpResponse:
    """Prepare a request, to be read before it is sent."""
    row = _find_gate(gate)
    form = _build_request_form(row, request)

    def prepare() -> None:
        values = form.cleaned_data
        tables = (values["ceilings"], values["approvals"], values["exclusions"])
        prepare_relief_request(gate, values["contingency"], tables, timezone.now())

    return _act(request, row, "request_form", form, prepare)


@_tables
@serve("sector.relief", ACT)
def offer(request: HttpRequest, gate: str) -> HttpResponse:
    """Have the worker prepare a sealed offer of what the plan in force can spare, to be read."""
    form = ReliefOfferForm(request.POST, request.FILES)

    def prepare() -> None:
        ask_for_offer(gate, form.cleaned_data["packages"], timezone.now())

    return _act(request, _find_gate(gate), "offer_form", form, prepare)


@serve("sector.relief", ACT, recent=True)
def send(request: HttpRequest, gate: str) -> HttpResponse:
    """Send the order that was shown."""
    shown = OwnOrder.objects.filter(gate=gate, sent_at=None, digest=request.POST.get("digest"))
    found = shown.first()
    if found is None:
        return failure(request, 409, _("This was sent, or made again since."))
    said = _("It is sent.")
    return perform(request, lambda: send_order(found, timezone.now()), "gate", gate, said=said)


@serve("sector.relief", ACT)
def result(request: HttpRequest, gate: str) -> HttpResponse:
    """Fetch the result."""
    _find_gate(gate)
    said = _("The result has come.")
    return perform(request, lambda: fetch_result(gate, timezone.now()), "gate", gate, said=said)


@serve("sector.relief", ACT)
def draft(request: HttpRequest, gate: str) -> HttpResponse:
    """Ask for a contract per match of the own requests."""
    row, form = _find_gate(gate), ClausesForm(request.POST)

    def ask_for_contracts() -> None:
        drill = form.cleaned_data["drill"]
        draft_contracts(gate, form.clauses, timezone.now(), drill=drill)

    said = _("The contracts are drafted and asked for: exchange them now.")
    return _act(request, row, "clauses_form", form, ask_for_contracts, said)


def _act(
    request: HttpRequest,
    row: ReliefGate,
    name: str,
    form: forms.Form,
    act: Callable[[], None],
    said: str = "",
) -> HttpResponse:
    """Act on a form of the page; lead to the contracts where there is something to say."""
    if not act_on(form, act, ValueError):
        return _show_gate(request, row, {name: form, "form": form}, 422)
    if not said:
        return redirect("gate", row.name)
    messages.success(request, said)
    return redirect("contracts")


def _find_gate(gate: str) -> ReliefGate:
    return require_found(
        ReliefGate.objects.filter(name=gate).first(), _("There is no such clearing.")
    )


def _build_request_form(row: ReliefGate, request: HttpRequest | None = None) -> ReliefRequestForm:
    losses = list_planned_contingencies(parse_gate(row.text).day)
    choices = [(one.id, one.name) for one in losses]
    sent = () if request is None else (request.POST, request.FILES)
    return ReliefRequestForm(*sent, contingencies=choices)


def _show_gate(
    request: HttpRequest,
    row: ReliefGate,
    sent: dict[str, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    head = _find_search(OFFER, row.name)
    if request.GET.get("part") == "search":
        return _show_search(request, head)
    context = {
        "request_form": _build_request_form(row),
        "offer_form": ReliefOfferForm(),
        "clauses_form": ClausesForm(),
        **(sent or {}),
    }
    page = GatePage.from_row(
        head,
        gate=summarise_gate(row, timezone.now()),
        details=describe_gate(row.name, live.operator_now()),
    )
    return page_response(request, "desk/valve/gate.html", page, context, status=status)
