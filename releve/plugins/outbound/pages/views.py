"""The pages and forms of campaigns, of one person, of a request, of rights and of calling rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.debug import sensitive_post_parameters

from releve.accounts.scopes import can, scope_for
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import KeyedForm, build_id_field, build_radio_field, read_sent, set_choices
from releve.desk.http import FORM_BYTES, download, keep_unstored, page_response, read_day, require_found, takes
from releve.desk.navigation import Entry
from releve.desk.page import PageModel, pick_fields
from releve.desk.text import text_now
from releve.ledger.erasure import scrub_files
from releve.live import api as live
from releve.live.clock import read_clock
from releve.network import describe_faults
from releve.plugins.outbound.campaign.reports import (
    REPORT_FILES,
    compute_figures,
    count_refusals,
    find_refusal_texts,
    load_report,
)
from releve.plugins.outbound.campaign.rule_trial import SHORTEST_REASON, TooManyCalls, show_person, try_files
from releve.plugins.outbound.engine.errors import FactFaults, OutboundError
from releve.plugins.outbound.engine.fact_files import get_forms
from releve.plugins.outbound.engine.facts import EVERY_CLIENT
from releve.plugins.outbound.engine.legal_rows import cite_sources, to_legal_day
from releve.plugins.outbound.engine.phrases import list_jurisdictions, select_rows_on
from releve.plugins.outbound.engine.rule_impact import CALL_COLUMNS
from releve.plugins.outbound.gate.attempt_outcomes import REPORTED_OUTCOMES
from releve.plugins.outbound.gate.campaigns import load_campaigns, read_register_minutes
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.errors import KeyFault
from releve.plugins.outbound.gate.fact_import import FAULT_SENTENCES
from releve.plugins.outbound.gate.models import CampaignRow
from releve.plugins.outbound.gate.person_requests import (
    OUTCOME,
    PhoneRequest,
    RequestFaults,
    RequestReused,
    record_request,
)
from releve.plugins.outbound.gate.person_rights import (
    RightsRefused,
    count_stored,
    erase_stored,
    export_stored,
    identify_holder,
    preview_answers,
)
from releve.plugins.outbound.gate.request_feeds import list_aside_rows, list_feed_positions
from releve.plugins.outbound.pages.access import can_reach, list_clients_within
from releve.plugins.outbound.pages.page import (
    SAYINGS,
    CampaignLine,
    CampaignPage,
    CampaignsPage,
    FeedsPage,
    FlipsPage,
    PersonPage,
    RequestPage,
    RightsPage,
    RulesPage,
    SheetPage,
    said,
    word,
)

MOST_BYTES = 5_000_000
_EVERY = "*"
"""The value of the choice of every client: an empty one is none."""

_T = TypeVar("_T")


def ask_gate(form: forms.Form, ask: Callable[[dict[str, Any]], _T]) -> tuple[_T | None, int]:
    """Return what ``ask`` makes of the fields, and the status; None where the form shows why not.

    503 where the pseudonyms cannot be computed, 422 for any other fault.
    """
    if not form.is_valid():
        return None, 422
    try:
        return ask(form.cleaned_data), 200
    except KeyFault:
        form.add_error(None, said(FAULT_SENTENCES["gate.key"]))
        return None, 503
    except RightsRefused as error:
        _refuse(form, error.field, error.code)
    except RequestReused:
        _refuse(form, "key", "key.reused")
    except RequestFaults as error:
        for fault in error.faults:
            _refuse(form, "number" if fault.field == "call" else fault.field, fault.code)
    return None, 422


def _refuse(form: forms.Form, field: str, code: str) -> None:
    """Show a fault at its field, where people see that field."""
    shown = field in form.fields and field != "key"
    form.add_error(field if shown else None, said(FAULT_SENTENCES[code]))


class PersonForm(forms.Form):
    """A number whose history is asked for, and why."""

    number = build_id_field(lazy("Number of the person"), longest=40)
    campaign = forms.ChoiceField(label=lazy("Campaign"))
    caller = forms.CharField(label=lazy("Number shown"), max_length=32, required=False)
    reason = forms.CharField(label=lazy("Why you look (it is recorded)"), max_length=500, min_length=SHORTEST_REASON)

    def __init__(self, names: Sequence[str], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        set_choices(self, "campaign", [(name, name) for name in names])


class RightsForm(forms.Form):
    """The number that the person gives, their id where several hold it, and why it is looked at."""

    number = build_id_field(lazy("Number of the person"), longest=40)
    person = build_id_field(lazy("Id of the person, where several hold the number"), longest=255, required=False)
    reason = forms.CharField(
        label=lazy("Why (it is recorded)"),
        max_length=500,
        min_length=SHORTEST_REASON,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class RequestForm(KeyedForm):
    """A number, the client, what was said."""

    number = forms.CharField(
        label=lazy("Number of the person"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "tel", "type": "tel"}),
    )
    client = forms.ChoiceField(label=lazy("Client"))
    said = build_radio_field(lazy("What was said"), *SAYINGS.items())
    outcome = forms.ChoiceField(label=lazy("Outcome"), required=False)

    def __init__(self, clients: Sequence[str], every: bool, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        outcomes = [(name, word(name, "outcome")) for name in REPORTED_OUTCOMES]
        set_choices(self, "outcome", [("", _("Only for an outcome")), *outcomes])
        named = [(client, client) for client in clients]
        if every:
            named.append((_EVERY, _("Every client")))
        first = [] if len(named) == 1 else [("", _("Choose the client"))]
        set_choices(self, "client", [*first, *named])

    def request(self) -> PhoneRequest:
        """Return what is asked to be recorded."""
        values = self.cleaned_data
        client = EVERY_CLIENT if values["client"] == _EVERY else values["client"]
        outcome = values["outcome"] if values["said"] == OUTCOME else ""
        return PhoneRequest(self.key_text, values["number"], values["said"], client, outcome=outcome)


class FlipsForm(forms.Form):
    """The calls that wait, the rows that would change, and what is known about the people."""

    calls = forms.FileField(
        label=lazy("Calls that wait (CSV)"),
        help_text=format_lazy(lazy("Columns: {names}."), names=", ".join(CALL_COLUMNS)),
        widget=forms.FileInput({"accept": ".csv"}),
    )
    rows = forms.FileField(
        label=lazy("Rows that add, close or amend (YAML)"),
        help_text=lazy("As they would be added to the table; nothing is loaded."),
        widget=forms.FileInput({"accept": ".yaml,.yml"}),
    )
    facts = forms.FileField(
        label=lazy("What is known (zip of the tables of facts)"),
        help_text=lazy("Without it, what is recorded here is taken; that it was looked at is recorded."),
        widget=forms.FileInput({"accept": ".zip"}),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        """Refuse what is too large to be judged within a request."""
        found = super().clean() or self.cleaned_data
        for name, file in found.items():
            if isinstance(file, UploadedFile) and (file.size or 0) > MOST_BYTES:
                self.add_error(name, say_too_large())
        return found


def say_too_large() -> str:
    """Return what to do with a file that is larger than MOST_BYTES."""
    return _("This file is larger than 5 MB; use the command.")


def describe_table_faults(error: FactFaults) -> tuple[str, ...]:
    """Return what is wrong with tables of facts in the reader's language, a sentence a cause."""
    if not error.faults:
        return (str(error),)
    language = text_now("UTC").language
    return describe_faults(error.faults, _, language, get_forms(), error.sources)


def run_flips(form: FlipsForm, *, by: str) -> FlipsPage:
    """Return what the change would do, or what is wrong with the files; nothing is loaded."""
    files = {name: file.read() for name, file in form.cleaned_data.items() if file}
    name = form.cleaned_data["rows"].name
    try:
        count, found = try_files(files["calls"], files["rows"], files.get("facts"), name=name, by=by)
    except TooManyCalls as error:
        limit = text_now("UTC").number(error.most)
        fault = _("One call at least and {limit} at most are judged here.").format(limit=limit)
        return FlipsPage(faults=(fault,))
    except FactFaults as error:
        return FlipsPage(faults=describe_table_faults(error))
    except OutboundError as error:
        return FlipsPage(faults=tuple(str(error).split("\n")))
    return FlipsPage(calls=count, flips=found)


_MOST_DAYS = 366
_MOST_SHOWN = 200


@serve("outbound.see")
def campaigns(request: HttpRequest) -> HttpResponse:
    """The campaigns that the reader may see."""
    reach = scope_for(request.user, "outbound.see")
    rows = [row for _name, row in sorted(load_campaigns().items()) if reach.has_client(row.client)]
    may_look, now = can(request.user, "outbound.manage"), read_clock()
    refused = count_refusals([row.ref for row in rows], to_legal_day(now))
    page = CampaignsPage(
        campaigns=tuple(
            CampaignLine.from_row(row, campaign=row.ref, refused_today=refused.get(row.ref, 0)) for row in rows
        ),
        registers=read_register_minutes(now) if may_look else {},
        may_look=may_look,
    )
    return page_response(request, "desk/outbound/campaigns.html", page)


@serve("outbound.see")
def campaign(request: HttpRequest, campaign: str) -> HttpResponse:
    """One campaign: verdicts by reason, attempts by hour, consents that end, the dialler's pace."""
    row, now, rules = _find_campaign(request, campaign), read_clock(), load_current_rules()
    first, last, fault = _read_period(request, to_legal_day(now))
    found = compute_figures(row.ref, row.client, row.object, first, last, rules, now)
    page = CampaignPage.from_row(
        found,
        campaign=row.ref,
        **pick_fields(row, "client", "object", "mode"),
        texts=find_refusal_texts(found, rules),
        may_look=can(request.user, "outbound.manage"),
    )
    template = "desk/outbound/campaign.html"
    return page_response(request, template, page, {"fault": fault})


@serve("outbound.see")
def sheet(request: HttpRequest, campaign: str) -> HttpResponse:
    """What the client is owed of a campaign, on one sheet."""
    row = _find_campaign(request, campaign)
    first, last, fault = _read_period(request, to_legal_day(read_clock()))
    found = load_report(row, first, last)
    page = SheetPage.from_row(
        row,
        campaign=row.ref,
        first=first,
        last=last,
        report=found.content,
        facts=len(found.facts),
        proved=sum(fact.proof is not None for fact in found.facts),
        files=tuple(REPORT_FILES),
    )
    template = "desk/outbound/sheet.html"
    return page_response(request, template, page, {"fault": fault})


@serve("outbound.see")
def sheet_file(request: HttpRequest, campaign: str, name: str) -> HttpResponse:
    """One file of the sheet; consents are sent as they are read."""
    row = _find_campaign(request, campaign)
    made = require_found(REPORT_FILES.get(name), _("There is no such file."))
    first, last, fault = _read_period(request, to_legal_day(read_clock()))
    if fault:
        return HttpResponse(fault, status=400, content_type="text/plain; charset=utf-8")
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2])
    return download(made(row, first, last), name, f"{kind or 'application/jsonl'}; charset=utf-8")


def _find_campaign(request: HttpRequest, name: str) -> CampaignRow:
    """Return a campaign of a client that the reader may see; Http404 otherwise."""
    row = load_campaigns().get(name)
    if row is None or not scope_for(request.user, "outbound.see").has_client(row.client):
        raise Http404(_("There is no such campaign."))
    return row


def _read_period(request: HttpRequest, today: date) -> tuple[date, date, str]:
    """Return the days asked for; the last thirty where none are, and what is wrong with them."""
    usual = (today - timedelta(days=29), today)
    first = read_day(request.GET.get("from") or usual[0].isoformat())
    last = read_day(request.GET.get("to") or usual[1].isoformat())
    if first is None or last is None:
        return (*usual, _("These are no days: the last thirty are shown."))
    if not 0 <= (last - first).days < _MOST_DAYS:
        return (*usual, _("The first day comes before the last, within a year."))
    return first, last, ""


@serve("outbound.manage", FORM)
def person(request: HttpRequest) -> HttpResponse:
    """One person's history and the verdict now; the look is recorded with its reason."""
    asked = {"campaign": request.GET.get("campaign", "")}
    form = PersonForm(sorted(load_campaigns()), read_sent(request), initial=asked)
    page, status = PersonPage(), 200
    if form.is_bound:
        by, rules = actor_name(request), load_current_rules()
        found, status = ask_gate(form, lambda given: show_person(**given, by=by, rules=rules, now=read_clock()))
        page = PersonPage(history=found)
    return _show(request, "person", page, {"form": form}, status)


@sensitive_post_parameters("number")
@serve("outbound.request", FORM)
def requests(request: HttpRequest) -> HttpResponse:
    """Record what a person says, by number; it binds before the page answers."""
    user, status = request.user, 200
    whose = list_clients_within(user), can_reach(user, EVERY_CLIENT)
    form = RequestForm(*whose, read_sent(request))
    page = RequestPage(may_see_rights=can(user, "outbound.rights"), may_see_feeds=can(user, "outbound.manage"))
    context: dict[str, Any] = {"form": form}
    if form.is_bound:
        recorded, status = ask_gate(
            form, lambda _: record_request(form.request(), by=actor_name(request), source="desk")
        )
        if recorded is not None:
            asked = form.request()
            answers = preview_answers(asked.number, asked.client, load_current_rules(), read_clock())
            page = page.model_copy(update={"recorded": recorded, "answers": answers})
            context = {"form": RequestForm(*whose), "number": asked.number}
    return _show(request, "request", page, context, status)


@sensitive_post_parameters("number", "person", "reason")
@serve("outbound.rights", FORM, recent=True)
def rights(request: HttpRequest) -> HttpResponse:
    """Show what is stored about a person in numbers, export it or erase it."""
    form, page, status = RightsForm(read_sent(request)), RightsPage(), 200
    if form.is_bound:
        holder, status = ask_gate(form, lambda given: identify_holder(**given))
        act, reason = request.POST.get("act", "see"), form.cleaned_data.get("reason", "")
        by, now = actor_name(request), read_clock()
        if holder is not None and act == "export":
            document = export_stored(holder, reason, by=by, now=now)
            text = json.dumps(document, ensure_ascii=False, indent=2, default=str)
            return download(f"{text}\n", "person.json", "application/json; charset=utf-8")
        if holder is not None and act == "erase":
            page = RightsPage(erased=erase_stored(holder, reason, by=by, now=now))
            scrub_files(("gate_personal",))
            form = RightsForm()
        elif holder is not None:
            page = RightsPage(stored=count_stored(holder, reason, by=by, now=now))
    return _show(request, "rights", page, {"form": form}, status)


@serve("outbound.manage")
def feeds(request: HttpRequest) -> HttpResponse:
    """How far feeds from diallers were read, and the rows that could not be taken."""
    page = FeedsPage(read=list_feed_positions(_MOST_SHOWN), set_aside=list_aside_rows(_MOST_SHOWN))
    return page_response(request, "desk/outbound/feeds.html", page)


@serve("outbound.rules")
def rules(request: HttpRequest) -> HttpResponse:
    """The rule table in force on a day, with texts, sources and doubts."""
    table = load_current_rules().limit_to(scope_for(request.user, "outbound.rules").clients)
    asked, fault = request.GET.get("on", ""), ""
    day = read_day(asked)
    if asked and day is None:
        fault = _("“{text}” is no day: today’s rules are shown.").format(text=asked[:40])
    day = day or to_legal_day(live.now(live.LIVE))
    codes, wanted = list_jurisdictions(table.rows), request.GET.get("jurisdiction", "")
    rows = select_rows_on(table, day, wanted if wanted in codes else "")
    page = RulesPage(
        on=day,
        jurisdiction=wanted if wanted in codes else "",
        jurisdictions=codes,
        version=table.version,
        rows=rows,
        unsure=sum(row.unsure for row in rows),
        sources=cite_sources(rows),
        may_change=can(request.user, "outbound.manage"),
    )
    template = "desk/outbound/rules.html"
    return page_response(request, template, page, {"fault": fault})


@takes(3 * MOST_BYTES + FORM_BYTES, say_too_large)
@serve("outbound.manage", FORM)
def flips(request: HttpRequest) -> HttpResponse:
    """Which calls that wait a change of the rules would flip; nothing is loaded."""
    form, page, status = FlipsForm(read_sent(request), request.FILES or None), FlipsPage(), 200
    if form.is_bound:
        if form.is_valid():
            page = run_flips(form, by=actor_name(request))
        status = 422 if page.flips is None else 200
    template = "desk/outbound/flips.html"
    return page_response(request, template, page, {"form": form}, status=status)


def _show(request: HttpRequest, name: str, page: PageModel, context: dict[str, Any], status: int) -> HttpResponse:
    """Return a page of a person, which neither a browser nor a cache keeps."""
    template = f"desk/outbound/{name}.html"
    return keep_unstored(page_response(request, template, page, context, status=status))


_MENU = lazy("Outbound calls")
_ON_THE_PHONE = frozenset({"outbound_rights", "outbound_feeds"})
MENU = (
    Entry(_MENU, lazy("Campaigns"), "outbound", before="rules"),
    Entry(_MENU, lazy("On the phone"), "outbound_requests", _ON_THE_PHONE, before="rules"),
    Entry(_MENU, lazy("Calling rules"), "outbound_rules", before="rules"),
)

urlpatterns = [
    path("", campaigns, name="outbound"),
    path("campaigns/<ref:campaign>", campaign, name="outbound_campaign"),
    path("campaigns/<ref:campaign>/sheet", sheet, name="outbound_sheet"),
    path("campaigns/<ref:campaign>/sheet/<str:name>", sheet_file, name="outbound_sheet_file"),
    path("person", person, name="outbound_person"),
    path("requests", requests, name="outbound_requests"),
    path("rights", rights, name="outbound_rights"),
    path("feeds", feeds, name="outbound_feeds"),
    path("rules", rules, name="outbound_rules"),
    path("rules/flips", flips, name="outbound_flips"),
]
