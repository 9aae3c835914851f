"""The pages of the rules of outbound calls."""

from __future__ import annotations

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import can, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.body_limits import FORM_BYTES, takes
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, fresh
from releve.desk.outbound.flips_page import (
    MOST_BYTES,
    FlipsForm,
    FlipsOutcome,
    FlipsPage,
    run_flips,
    say_too_large,
)
from releve.desk.outbound.rules_page import build_rules_page
from releve.desk.text import text_now
from releve.gate.current_rules import load_current_rules
from releve.live import api as live
from releve.outbound.legal_rows import LEGAL_ZONE, to_legal_day
from releve.outbound.row_json import row_to_json
from releve.outbound.rule_impact import flip_to_json


@serve("outbound.rules")
def rules(request: HttpRequest) -> HttpResponse:
    """The rule table in force on a day, with texts, sources and doubts."""
    text = text_now(LEGAL_ZONE)
    table = load_current_rules().limit_to(scope_for(request.user, "outbound.rules").clients)
    day, fault = _read_day(request)
    wanted = request.GET.get("jurisdiction", "")
    wanted = wanted if wanted in {row.jurisdiction for row in table.rows} else ""
    may_change = can(request.user, "outbound.manage")
    page = build_rules_page(table, day, wanted, text, fault=fault, may_change=may_change)
    shown = [r for r in table.rows if r.binds_on(day) and wanted in ("", r.jurisdiction)]
    twin = {
        "on": day.isoformat(),
        "jurisdiction": wanted or None,
        "version": table.version,
        "rows": [row_to_json(row) for row in shown],
        "sources": {source.number: source.text for source in page.sources},
    }
    return fresh(request, "desk/outbound/rules.html", page, twin)


def _read_day(request: HttpRequest) -> tuple[date, str]:
    """Return the legal day asked for, today when there is none, and what is wrong with it."""
    today, asked = to_legal_day(live.now(live.LIVE)), request.GET.get("on", "")
    if not asked:
        return today, ""
    try:
        return date.fromisoformat(asked), ""
    except ValueError:
        return today, _("“{text}” is no day: today’s rules are shown.").format(text=asked[:40])


@takes(3 * MOST_BYTES + FORM_BYTES, say_too_large)
@serve("outbound.manage", FORM)
def flips(request: HttpRequest) -> HttpResponse:
    """Which calls that wait a change of the rules would flip; nothing is loaded."""
    if request.method != "POST":
        return _answer_flips(request, FlipsPage(FlipsForm(), None, ()))
    form = FlipsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _answer_flips(request, FlipsPage(form, None, ()), 422)
    found = run_flips(form, text_now(LEGAL_ZONE), by=actor_name(request))
    if isinstance(found, FlipsOutcome):
        return _answer_flips(request, FlipsPage(form, found, ()))
    return _answer_flips(request, FlipsPage(form, None, found), 422)


def _answer_flips(request: HttpRequest, page: FlipsPage, status: int = 200) -> HttpResponse:
    outcome = page.outcome
    twin = {
        "flips": None if outcome is None else [flip_to_json(flip) for flip in outcome.found],
        "faults": [*page.faults, *(str(e) for es in page.form.errors.values() for e in es)],
    }
    return answer(request, "desk/outbound/flips.html", page, twin, status)
