"""The pages of campaigns, and of one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.campaign.figures import compute_figures, count_refusals, figures_to_json
from releve.campaign.person_lookup import history_to_json, show_person
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, fresh, keep_unstored
from releve.desk.outbound.campaigns import (
    PersonForm,
    PersonPage,
    build_campaign_page,
    build_history,
)
from releve.desk.outbound.request_words import FAULTS
from releve.desk.outbound.words import REGISTERS
from releve.desk.text import left, text_now
from releve.gate.campaigns import load_campaigns
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.errors import KeyFault
from releve.gate.models import CampaignRow
from releve.gate.registers import read_register_ages
from releve.outbound.legal_rows import LEGAL_ZONE, to_legal_day

_MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class CampaignsPage:
    """The list of campaigns."""

    rows: tuple[CampaignRow, ...]
    refused: Mapping[str, int]
    """Calls refused today, by campaign."""
    may_look: bool
    registers: tuple[tuple[str, str], ...] = ()
    """Each register with how long ago it was read; for those who manage outbound calls."""


@serve("outbound.see")
def campaigns(request: HttpRequest) -> HttpResponse:
    """The campaigns that the reader may see."""
    reach = scope_for(request.user, "outbound.see")
    rows = [row for _name, row in sorted(load_campaigns().items()) if reach.has_client(row.client)]
    may_look = can(request.user, "outbound.manage")
    now = read_clock()
    refused = count_refusals([row.ref for row in rows], to_legal_day(now))
    page = CampaignsPage(
        tuple(rows),
        refused,
        may_look,
        tuple(_list_registers(now)) if may_look else (),
    )
    twin = {
        "campaigns": [
            {"campaign": row.ref, "client": row.client, "refused_today": refused.get(row.ref, 0)}
            for row in rows
        ]
    }
    return fresh(request, "desk/outbound/campaigns.html", page, twin)


def _list_registers(now: datetime) -> Iterator[tuple[str, str]]:
    ages = read_register_ages(now)
    for feed, label in REGISTERS.items():
        age = ages.get(feed)
        yield (
            str(label),
            _("never read")
            if age is None
            else _("read {age} ago").format(age=left(now - age, now) or _("less than a minute")),
        )


@serve("outbound.see")
def campaign(request: HttpRequest, campaign: str) -> HttpResponse:
    """One campaign: verdicts by reason, attempts by hour, consents that end, the dialler's pace."""
    row = find_campaign(request, campaign)
    now, text, rules = read_clock(), text_now(LEGAL_ZONE), load_current_rules()
    first, last, fault = read_period(request, to_legal_day(now))
    found = compute_figures(row.ref, row.client, row.object, first, last, rules, now)
    may_look = can(request.user, "outbound.manage")
    page = build_campaign_page(row, found, rules, text, fault=fault, may_look=may_look)
    return fresh(request, "desk/outbound/campaign.html", page, figures_to_json(row, found))


def find_campaign(request: HttpRequest, name: str) -> CampaignRow:
    """Return a campaign of a client that the reader may see; Http404 otherwise."""
    row = load_campaigns().get(name)
    if row is None or not scope_for(request.user, "outbound.see").has_client(row.client):
        raise Http404(_("There is no such campaign."))
    return row


def read_period(request: HttpRequest, today: date) -> tuple[date, date, str]:
    """Return the days asked for; the last thirty where none are, and what is wrong with them."""
    usual = (today - timedelta(days=29), today)
    try:
        first = date.fromisoformat(request.GET.get("from") or usual[0].isoformat())
        last = date.fromisoformat(request.GET.get("to") or usual[1].isoformat())
    except ValueError:
        return (*usual, _("These are no days: the last thirty are shown."))
    if not 0 <= (last - first).days < _MOST_DAYS:
        return (*usual, _("The first day comes before the last, within a year."))
    return first, last, ""


@serve("outbound.manage", FORM)
def person(request: HttpRequest) -> HttpResponse:
    """One person's history and the verdict now; the look is recorded with its reason."""
    names = sorted(load_campaigns())
    if request.method != "POST":
        form = PersonForm(names, initial={"campaign": request.GET.get("campaign", "")})
        return _answer_person(request, PersonPage(form, None, ""), None)
    form = PersonForm(names, request.POST)
    if not form.is_valid():
        return _answer_person(request, PersonPage(form, None, ""), None, 422)
    given, rules = form.cleaned_data, load_current_rules()
    try:
        found = show_person(
            given["number"], given["campaign"], given["caller"], given["reason"],
            by=actor_name(request), rules=rules, now=read_clock(),
        )  # fmt: skip
    except KeyFault:
        form.add_error(None, str(FAULTS["gate.key"]))
        return _answer_person(request, PersonPage(form, None, ""), None, 503)
    page = PersonPage(form, build_history(found, rules, text_now(LEGAL_ZONE)), "")
    return _answer_person(request, page, history_to_json(found))


def _answer_person(
    request: HttpRequest, page: PersonPage, history: object, status: int = 200
) -> HttpResponse:
    faults = [str(one) for errors in page.form.errors.values() for one in errors]
    twin = {"history": history, "faults": faults}
    return keep_unstored(answer(request, "desk/outbound/person.html", page, twin, status))
