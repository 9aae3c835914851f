"""The pages of clearings: gates, a request or an offer prepared, read and sent, the result."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.association.contract_exchange import draft_contracts
from releve.association.drafts import draft_requests, load_planned_day
from releve.association.exchange import fetch_gates, fetch_result, send_order, sync_contracts
from releve.association.gate_member import load_gate, prepare_request
from releve.association.membership import find_membership
from releve.association.models import OwnOrder, ReliefGate
from releve.association.spare_searches import OFFER, ask_for_agents, ask_for_offer, find_search
from releve.desk.body_limits import takes
from releve.desk.endpoint import ACT, serve
from releve.desk.http import answer, failure
from releve.desk.query import require_found
from releve.desk.text import text_now, translate_error
from releve.desk.valve.forms import ClausesForm, ReliefOfferForm, ReliefRequestForm, read_table
from releve.desk.valve.gate_page import (
    GatesPage,
    build_gate_line,
    build_gate_page,
    build_gate_twin,
)
from releve.desk.valve.search_page import answer_search, build_search, build_search_twin
from releve.errors import ReleveError
from releve.live import api as live
from releve.sector import SectorError, parse_gate, read_terms

_MOST_BYTES = 2 * 1024**2
_tables = takes(_MOST_BYTES, lambda: _("These files are larger than 2 MB."))


@serve("sector.relief")
def list_gates(request: HttpRequest) -> HttpResponse:
    """The clearings that have come from the clerk."""
    text, now = text_now(live.operator_now().row.time_zone), timezone.now()
    membership = find_membership()
    rows = list(ReliefGate.objects.order_by("-closes_at"))
    page = GatesPage(
        None if membership is None else membership.association,
        tuple(build_gate_line(row, now, text) for row in rows),
    )
    return answer(request, "desk/valve/gates.html", page,
                  {"gates": [build_gate_twin(row) for row in rows]})  # fmt: skip


@serve("sector.relief")
def show(request: HttpRequest, gate: str) -> HttpResponse:
    """One clearing: what was prepared, the forms, and the result."""
    return _show(request, _find(gate))


@serve("sector.relief", ACT)
def fetch(request: HttpRequest) -> HttpResponse:
    """Fetch the clerk's gates."""
    return _act(
        request, lambda: fetch_gates(timezone.now()), _("The clearings have come."), "gates"
    )


@_tables
@serve("sector.relief", ACT)
def ask(request: HttpRequest, gate: str) -> HttpResponse:
    """Prepare a request, to be read before it is sent."""
    row = _find(gate)
    form = _build_request_form(row, request)
    if not form.is_valid():
        return _show(request, row, request_form=form, status=422)
    notice, values = load_gate(gate), form.cleaned_data
    try:
        ceilings, approvals, exclusions = (
            read_table(values[name]) for name in ("ceilings", "approvals", "exclusions")
        )
        terms = read_terms(ceilings, approvals, exclusions, notice.day)
        found = draft_requests(notice, values["contingency"], terms, timezone.now())
        prepare_request(gate, *found, timezone.now())
    except (ReleveError, ValueError) as error:
        form.add_error(None, _say(error))
        return _show(request, row, request_form=form, status=422)
    return redirect("gate", gate)


@_tables
@serve("sector.relief", ACT)
def offer(request: HttpRequest, gate: str) -> HttpResponse:
    """Have the worker prepare a sealed offer of what the plan in force can spare, to be read."""
    row = _find(gate)
    form = ReliefOfferForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show(request, row, offer_form=form, status=422)
    try:
        ask_for_offer(gate, read_table(form.cleaned_data["packages"]), timezone.now())
    except (ReleveError, ValueError) as error:
        form.add_error(None, _say(error))
        return _show(request, row, offer_form=form, status=422)
    return redirect("gate", gate)


@serve("sector.relief", ACT, recent=True)
def send(request: HttpRequest, gate: str) -> HttpResponse:
    """Send the order that was shown."""
    found = OwnOrder.objects.filter(
        gate=gate, sent_at=None, digest=request.POST.get("digest")
    ).first()
    if found is None:
        return failure(request, 409, _("This was sent, or made again since."))
    return _act(request, lambda: send_order(found, timezone.now()), _("It is sent."), "gate", gate)


@serve("sector.relief", ACT)
def result(request: HttpRequest, gate: str) -> HttpResponse:
    """Fetch the result."""
    _find(gate)
    return _act(request, lambda: fetch_result(gate, timezone.now()),
                _("The result has come."), "gate", gate)  # fmt: skip


@serve("sector.relief", ACT)
def draft(request: HttpRequest, gate: str) -> HttpResponse:
    """Ask for a contract per match of the own requests."""
    row = _find(gate)
    form = ClausesForm(request.POST)
    if not form.is_valid():
        return _show(request, row, clauses_form=form, status=422)
    try:
        draft_contracts(gate, form.clauses, timezone.now(), drill=form.cleaned_data["drill"])
    except ReleveError as error:
        form.add_error(None, translate_error(error))
        return _show(request, row, clauses_form=form, status=422)
    messages.success(request, _("The contracts are drafted and asked for: exchange them now."))
    return redirect("contracts")


@serve("sector.relief", ACT, recent=True)
def sync(request: HttpRequest) -> HttpResponse:
    """Exchange contracts with the partners, through the clerk; those of drills too."""

    def exchange() -> None:
        for drill in (False, True):
            sync_contracts(timezone.now(), drill=drill)

    return _act(request, exchange, _("The contracts are exchanged."), "contracts")


@serve("sector.relief", ACT)
def lend(request: HttpRequest, stream: str, name: str) -> HttpResponse:
    """Have the worker name agents for a contract, from those that the plan in force can spare."""
    return _act(request, lambda: ask_for_agents(name, timezone.now(), stream=stream),
                _("The worker looks for agents who can be lent."),
                "contract", stream, name)  # fmt: skip


def _act(
    request: HttpRequest, work: Callable[[], object], done: str, view: str, *args: str
) -> HttpResponse:
    try:
        work()
    except ReleveError as error:
        return failure(request, 409, _("Nothing was changed."), translate_error(error))
    messages.success(request, done)
    return redirect(view, *args)


def _find(gate: str) -> ReliefGate:
    return require_found(
        ReliefGate.objects.filter(name=gate).first(), _("There is no such clearing.")
    )


def _build_request_form(row: ReliefGate, request: HttpRequest | None) -> ReliefRequestForm:
    try:
        plan = load_planned_day(parse_gate(row.text).day).plan
        choices = [(one.id, one.name) for one in plan.contingencies]
    except SectorError:
        choices = []
    if request is None:
        return ReliefRequestForm(contingencies=choices)
    return ReliefRequestForm(request.POST, request.FILES, contingencies=choices)


def _show(
    request: HttpRequest,
    row: ReliefGate,
    *,
    request_form: ReliefRequestForm | None = None,
    offer_form: ReliefOfferForm | None = None,
    clauses_form: ClausesForm | None = None,
    status: int = 200,
) -> HttpResponse:
    text, now = text_now(live.operator_now().row.time_zone), timezone.now()
    search = find_search(OFFER, row.name)
    found = build_search(search, reverse("gate", args=[row.name]), now, text)
    part = answer_search(request, found)
    if part is not None:
        return part
    shown = {
        "page": build_gate_page(row, now, text),
        "search": found,
        "request_form": request_form or _build_request_form(row, None),
        "offer_form": offer_form or ReliefOfferForm(),
        "clauses_form": clauses_form or ClausesForm(),
    }
    twin = {**build_gate_twin(row), "search": build_search_twin(search)}
    return answer(request, "desk/valve/gate.html", shown, twin, status)


def _say(error: Exception) -> str:
    return translate_error(error) if isinstance(error, ReleveError) else str(error)
