"""Contracts of relief between operators, and the clearings that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import Field

from releve.accounts.scopes import scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, FORM, perform, serve
from releve.desk.filters import add_words, moment_at, phrase
from releve.desk.forms import PlainForm, act_on, build_count_field, build_text_field, read_sent, set_choices
from releve.desk.http import download, failure, page_response, part_response, require_found, takes
from releve.desk.navigation import Entry
from releve.desk.page import PageModel
from releve.desk.text import text_now, translate_error
from releve.errors import decode_phrase
from releve.live import api as live
from releve.plugins.sector.association.agents import ClientContract, decide_contract, list_client_contracts
from releve.plugins.sector.association.bulletin import list_planned_contingencies, prepare_relief_request
from releve.plugins.sector.association.contract_exchange import (
    ContractSummary,
    SignedStep,
    TermsBeside,
    draft_contracts,
    list_contract_summaries,
    list_signed_steps,
    may_lend_agents,
    summarise_agreement,
    summarise_contract,
)
from releve.plugins.sector.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    export_contract,
    find_own_party,
    list_contracts,
    take_step,
    typeset_contract,
)
from releve.plugins.sector.association.exchange import fetch_gates, fetch_result, send_order, sync_contracts
from releve.plugins.sector.association.gate_member import list_programmes
from releve.plugins.sector.association.gates import (
    GateDetails,
    GateSummary,
    describe_gate,
    list_gate_summaries,
    summarise_gate,
)
from releve.plugins.sector.association.membership import find_membership
from releve.plugins.sector.association.models import OwnOrder, ReliefGate
from releve.plugins.sector.association.spare_searches import (
    LEND,
    OFFER,
    SearchState,
    ask_for_agents,
    ask_for_offer,
    describe_search,
)
from releve.plugins.sector.engine.contract import ContractTerms, list_next_steps
from releve.plugins.sector.engine.gate_orders import parse_gate
from releve.plugins.sector.engine.needs import Row, SectorError, parse_rows

register = Library()

STATES: Mapping[str, Promise] = {
    "asked": lazy("Asked: the partner’s offer is awaited"),
    "offered": lazy("Offered: the clerk’s match is awaited"),
    "matched": lazy("Matched: the client’s agreement is awaited"),
    "client agreed": lazy("Client agreed: signatures are awaited"),
    "both signed": lazy("Signed by both"),
    "started": lazy("Started"),
    "ended": lazy("Ended: payment is awaited"),
    "settled": lazy("Settled"),
    "recalled": lazy("Recalled"),
    "declined": lazy("Declined by the client"),
}
STEPS: Mapping[str, Promise] = {
    "ask": lazy("Ask"),
    "offer": lazy("Offer"),
    "match": lazy("Match"),
    "agree": lazy("Record the client’s agreement"),
    "decline": lazy("Record the client’s refusal"),
    "sign": lazy("Sign"),
    "start": lazy("Start"),
    "end": lazy("End"),
    "settle": lazy("Record the payment"),
    "recall": lazy("Recall the agents"),
}
GATE_STATES: Mapping[str, Promise] = {
    "open": lazy("Open: requests and sealed offers"),
    "closed": lazy("Closed: offers are being opened"),
    "awaited": lazy("The result is awaited"),
    "cleared": lazy("Result received"),
}
REASONS: Mapping[str, Promise] = {"loss": lazy("The giver has lost a place"), "notice": lazy("With the notice agreed")}
OUTCOMES: Mapping[str, Promise] = {
    "full": lazy("In full"),
    "price": lazy("Price: every client that approves it has a lower ceiling"),
    "approval": lazy("Approval: no client approves it for work that fits"),
    "skill": lazy("Work: nothing fits in these half hours"),
    "others": lazy("What fits is used up, by the rules of the clearing"),
}
"""Why an own request or offer got no more, by the code of the result."""
REFUSALS: Mapping[str, Promise] = {
    "gate": lazy("{offer}: sealed for the clearing {0}, this one is {1}."),
    "late": lazy("{offer}: received on {0}; the clearing had closed on {1}."),
    "not_opened": lazy("{offer}: not opened after the closing. Keep the worker running."),
    "other": lazy("{offer}: it opens as the offer {0} of {1}."),
    "changed": lazy("{offer}: what was opened is not what was sealed."),
    "twice": lazy("{offer}: sealed twice. The first seal counts."),
    "not_committed": lazy("{offer}: opened without having been sealed before the closing."),
}
"""Why an own offer was left out of a clearing, by the code of the result."""
KINDS_OF_WORK: Mapping[str, Promise] = {
    "inbound": lazy("Inbound calls"),
    "outbound": lazy("Outbound calls"),
    "back_office": lazy("Back office"),
    "fr": lazy("French"),
    "en": lazy("English"),
    "ar": lazy("Arabic"),
    "es": lazy("Spanish"),
    "home": lazy("at home"),
    "site": lazy("on site"),
}
add_words(register, "contract_state", STATES, else_code=True)
add_words(register, "contract_step", STEPS)
add_words(register, "gate_state", GATE_STATES)
add_words(register, "gate_outcome", OUTCOMES)


@register.filter
def work(skill: str) -> str:
    return ", ".join(str(KINDS_OF_WORK.get(one, one)) for one in skill.split(":"))


@register.filter
def period(row: ContractSummary, time_zone: str) -> str:
    """Return from when to when agents are lent."""
    start, end = moment_at(row.starts_at, time_zone), moment_at(row.ends_at, time_zone)
    return _("{start} to {end}").format(start=start, end=end)


@register.filter
def offer_refusal(row: Mapping[str, Any], time_zone: str) -> str:
    """Return why an own offer was left out of a clearing."""
    params = row["params"]
    if row["code"] == "late":
        params = [moment_at(datetime.fromisoformat(at), time_zone) for at in params]
    return str(REFUSALS[row["code"]]).format(*params, offer=row["offer"])


@register.filter
def search_words(search: SearchState, time_zone: str) -> str:
    """Return how far a search is, or what it came to."""
    text = text_now(time_zone)
    if search.state == "failed":
        return phrase(search.error, tuple(map(decode_phrase, search.error_values)))
    if search.state == "waiting":
        return _("Asked for on {at}: the worker begins in a moment.").format(at=moment_at(search.asked_at, time_zone))
    if search.state == "running":
        return _("The plan in force is searched for agents who can be lent: {seconds} s.").format(
            seconds=text.number(search.seconds)
        )
    if search.kind != LEND:
        return _("The offer is prepared: read it, then send it.")
    return ngettext(
        "{count} agent is named and counts as absent while the contract lasts.",
        "{count} agents are named and count as absent while the contract lasts.",
        search.lent,
    ).format(count=text.number(search.lent))


_LONGEST = 200
_MOST_CENTS = 10**12


class _TableField(forms.FileField):
    """A table as CSV, whose value are its rows; none where it was left out."""

    def clean(self, data: Any, initial: Any = None) -> list[Row]:
        """Return the rows; ValidationError where the file is not UTF-8 text."""
        file = super().clean(data, initial)
        try:
            return parse_rows(file.read()) if file else []
        except SectorError as error:
            raise forms.ValidationError(translate_error(error)) from error


class ReliefRequestForm(PlainForm):
    """What is lost, and the clients' terms as files (docs/sector.md)."""

    contingency = forms.ChoiceField(label=lazy("What is lost"))
    ceilings = _TableField(label=lazy("Highest prices, CSV"), help_text=lazy("Columns: client, ceiling_cents."))
    approvals = _TableField(
        label=lazy("Receivers that clients approved, CSV"),
        help_text=lazy("Columns: client, operator, destination, valid_from, valid_to."),
    )
    exclusions = _TableField(
        label=lazy("Operators that clients exclude, CSV"), help_text=lazy("Columns: client, operator."), required=False
    )

    def __init__(self, *args: Any, contingencies: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "contingency", contingencies)
        if not contingencies:
            self.fields["contingency"].help_text = _("No plan in force has this day: put one in force first.")


class ReliefOfferForm(PlainForm):
    """Packages, prepared and priced, as a file."""

    packages = _TableField(
        label=lazy("Packages, CSV"),
        help_text=lazy(
            "Columns: package, giver, destination, skill, tools, hours_to_start, block,"
            " price_cents, currency, valid_from, valid_to."
        ),
    )


class ClausesForm(PlainForm):
    """The clauses of the contracts that are drafted from the matches."""

    annex = build_text_field(
        lazy("Annex on data protection"),
        help_text=lazy("Its reference, as the two operators agreed it."),
        longest=_LONGEST,
        required=True,
    )
    law = build_text_field(lazy("Law that applies"), longest=_LONGEST, initial="Droit français", required=True)
    notice_hours = build_count_field(
        lazy("Notice of a recall, hours"), 1000, help_text=lazy("Empty: firm, only a loss recalls the agents.")
    )
    quality_percent = build_count_field(lazy("Calls answered, of 100"), 100, initial=80, required=True)
    liability_cap_cents = build_count_field(
        lazy("Cap of the liability, cents"),
        _MOST_CENTS,
        help_text=lazy("As the two operators agreed it; 0: none is paid."),
        required=True,
    )
    sip_address = build_text_field(
        lazy("Where the giver takes the calls (SIP)"),
        help_text=lazy("Such as 203.0.113.7:5060. Empty: no call is routed to the giver."),
        longest=_LONGEST,
    )
    outbound_mandate = build_text_field(lazy("Mandate of the client, for outbound calls"), longest=_LONGEST)
    drill = forms.BooleanField(label=lazy("A drill: no real call moves"), required=False)

    @property
    def clauses(self) -> TermsBeside:
        """The clauses as the drafted contract takes them."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "drill"}
        return TermsBeside(**values)


class ContractStepForm(PlainForm):
    """A step that this installation may take now, with what the step asks for.

    ``before`` is the digest that the page showed: a step on an older state is refused.
    """

    before = forms.CharField(widget=forms.HiddenInput, max_length=64)
    kind = forms.ChoiceField(label=lazy("Step"))
    reference = build_text_field(
        lazy("Reference"),
        help_text=lazy("Of the client’s agreement, or of the payment: letter, date."),
        longest=_LONGEST,
    )
    reason = forms.ChoiceField(label=lazy("Reason of a recall"), choices=[("", "—"), *REASONS.items()], required=False)
    cents = build_count_field(lazy("Paid, in cents"), _MOST_CENTS)

    def __init__(self, *args: Any, kinds: Sequence[str], **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "kind", [(kind, STEPS[kind]) for kind in kinds])
        if "agree" not in kinds and "settle" not in kinds:
            del self.fields["reference"]
        if "recall" not in kinds:
            del self.fields["reason"]
        if "settle" not in kinds:
            del self.fields["cents"]


class SearchPart(PageModel):
    """How far the search is that a page waits for; null where there was none."""

    search: SearchState | None
    time_zone: str


class ContractsPage(PageModel):
    """Contracts, the newest first: every one, or those for the work of the reader's clients."""

    contracts: tuple[ContractSummary, ...]
    time_zone: str


class ContractPage(SearchPart):
    """One contract: terms, steps, and the search for the agents whom its giver lends."""

    summary: ContractSummary
    terms: ContractTerms
    steps: tuple[SignedStep, ...]
    may_lend: bool


class GatesPage(PageModel):
    """The clearings of the association, the next first; null: a member of none."""

    association: str | None
    gates: tuple[GateSummary, ...]
    time_zone: str


class GatePage(SearchPart):
    """One clearing: what was prepared and sent, and the own part of the result."""

    gate: GateSummary
    details: GateDetails = Field(description="Programmes are named to this operator alone")


_MOST_BYTES = 2 * 1024**2
_tables = takes(_MOST_BYTES, lambda: _("These files are larger than 2 MB."))


@serve("sector.relief")
def list_all(request: HttpRequest) -> HttpResponse:
    """Every contract, real and of drills, the newest first."""
    operator = live.operator_now()
    page = ContractsPage(contracts=list_contract_summaries(operator), time_zone=operator.row.time_zone)
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
    return SearchPart(search=describe_search(kind, name, timezone.now(), drill=drill), time_zone=zone)


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
        request, lambda: ask_for_agents(name, timezone.now(), stream=stream), "contract", stream, name, said=said
    )


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
    request: HttpRequest, row: ReliefGate, name: str, form: forms.Form, act: Callable[[], None], said: str = ""
) -> HttpResponse:
    """Act on a form of the page; lead to the contracts where there is something to say."""
    if not act_on(form, act, ValueError):
        return _show_gate(request, row, {name: form, "form": form}, 422)
    if not said:
        return redirect("gate", row.name)
    messages.success(request, said)
    return redirect("contracts")


def _find_gate(gate: str) -> ReliefGate:
    return require_found(ReliefGate.objects.filter(name=gate).first(), _("There is no such clearing."))


def _build_request_form(row: ReliefGate, request: HttpRequest | None = None) -> ReliefRequestForm:
    losses = list_planned_contingencies(parse_gate(row.text).day)
    choices = [(one.id, one.name) for one in losses]
    sent = () if request is None else (request.POST, request.FILES)
    return ReliefRequestForm(*sent, contingencies=choices)


def _show_gate(
    request: HttpRequest, row: ReliefGate, sent: dict[str, forms.Form] | None = None, status: int = 200
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
        head, gate=summarise_gate(row, timezone.now()), details=describe_gate(row.name, live.operator_now())
    )
    return page_response(request, "desk/valve/gate.html", page, context, status=status)


_MENU = lazy("Proof and settings")
MENU = (
    Entry(_MENU, lazy("Relief between operators"), "gates", frozenset({"contracts", "contract"}), before="identity"),
    Entry(_MENU, lazy("Relief by other operators"), "agreements", before="identity"),
)

urlpatterns = [
    path("", list_all, name="contracts"),
    path("sync", sync, name="contracts_sync"),
    path("agreements/", list_agreements, name="agreements"),
    path("agreements/<slug:stream>/<str:name>/decide", decide, name="agreement_decide"),
    path("gates/", list_gates, name="gates"),
    path("gates/fetch", fetch_clearings, name="gates_fetch"),
    path("gates/<slug:gate>/", show_gate, name="gate"),
    path("gates/<slug:gate>/ask", ask, name="gate_ask"),
    path("gates/<slug:gate>/offer", offer, name="gate_offer"),
    path("gates/<slug:gate>/send", send, name="gate_send"),
    path("gates/<slug:gate>/result", result, name="gate_result"),
    path("gates/<slug:gate>/draft", draft, name="gate_draft"),
    path("<slug:stream>/<str:name>/lend", lend, name="contract_lend"),
    path("<slug:stream>/<str:name>/", show_contract, name="contract"),
    path("<slug:stream>/<str:name>/text.pdf", download_text, name="contract_text"),
    path("<slug:stream>/<str:name>/message.json", download_message, name="contract_message"),
]
