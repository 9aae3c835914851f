"""The pages of campaigns, of one person, of a request and of rights, and of the calling rules."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from releve.accounts.request_reach import can_reach, list_clients_within
from releve.accounts.scopes import can, scope_for
from releve.campaign.figures import compute_figures, count_refusals, find_refusal_texts
from releve.campaign.person_lookup import show_person
from releve.campaign.report_files import REPORT_FILES, load_report
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import FORM, serve
from releve.desk.forms import read_sent
from releve.desk.http import download, keep_unstored, page_response
from releve.desk.outbound.forms import (
    MOST_BYTES,
    FlipsForm,
    PersonForm,
    RequestForm,
    RightsForm,
    ask_gate,
    run_flips,
    say_too_large,
)
from releve.desk.outbound.page import (
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
)
from releve.desk.page import PageModel, pick_fields
from releve.desk.query import read_day, require_found
from releve.gate.campaigns import load_campaigns
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.models import CampaignRow
from releve.gate.person_answers import preview_answers
from releve.gate.person_requests import record_request
from releve.gate.person_rights import count_stored, erase_stored, export_stored, identify_holder
from releve.gate.registers import read_register_minutes
from releve.gate.request_feeds import list_aside_rows, list_feed_positions
from releve.ledger.erasure import scrub_files
from releve.live import api as live
from releve.outbound.facts import EVERY_CLIENT
from releve.outbound.legal_rows import to_legal_day
from releve.outbound.sources import cite_sources
from releve.outbound.tables_text import list_jurisdictions, select_rows_on

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
            CampaignLine.from_row(row, campaign=row.ref, refused_today=refused.get(row.ref, 0))
            for row in rows
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
        found, status = ask_gate(
            form, lambda given: show_person(**given, by=by, rules=rules, now=read_clock())
        )
        page = PersonPage(history=found)
    return _show(request, "person", page, {"form": form}, status)


@sensitive_post_parameters("number")
@serve("outbound.request", FORM)
def requests(request: HttpRequest) -> HttpResponse:
    """Record what a person says, by number; it binds before the page answers."""
    user, status = request.user, 200
    whose = list_clients_within(user), can_reach(user, EVERY_CLIENT)
    form = RequestForm(*whose, read_sent(request))
    page = RequestPage(
        may_see_rights=can(user, "outbound.rights"), may_see_feeds=can(user, "outbound.manage")
    )
    context: dict[str, Any] = {"form": form}
    if form.is_bound:
        recorded, status = ask_gate(
            form, lambda _: record_request(form.request(), by=actor_name(request), source="desk")
        )
        if recorded is not None:
            asked = form.request()
            answers = preview_answers(
                asked.number, asked.client, load_current_rules(), read_clock()
            )
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


def _show(
    request: HttpRequest, name: str, page: PageModel, context: dict[str, Any], status: int
) -> HttpResponse:
    """Return a page of a person, which neither a browser nor a cache keeps."""
    template = f"desk/outbound/{name}.html"
    return keep_unstored(page_response(request, template, page, context, status=status))
