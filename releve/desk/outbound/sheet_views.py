"""The page of a campaign's sheet, and the files to take along."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from io import StringIO
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from releve.accounts.scopes import scope_for
from releve.campaign.client_report import ClientReport, build_report, flatten_report
from releve.campaign.consent_pack import CONSENT_COLUMNS, iter_consents
from releve.campaign.proved_facts import ProvedFact, facts_header
from releve.desk.access.guard import require_permission
from releve.desk.http import fresh
from releve.desk.outbound.campaign_views import read_period
from releve.desk.outbound.sheet_page import build_sheet_page
from releve.desk.text import text_now
from releve.gate.campaigns import load_campaigns
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.fact_proofs import FactProver
from releve.gate.models import CampaignRow
from releve.ledger.roots import load_last_root
from releve.outbound.legal_rows import LEGAL_ZONE, to_legal_day
from releve.outbound.spreadsheet_escape import escape_cell

__all__ = ["sheet", "sheet_file"]


@require_permission("outbound.see")
@require_safe
def sheet(request: HttpRequest, campaign: str) -> HttpResponse:
    """What the client is owed of a campaign, on one sheet."""
    row = _seen(request, campaign)
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    found = _sheet(row, first, last)
    page = build_sheet_page(row, found, text_now(LEGAL_ZONE), fault=fault)
    return fresh(request, "desk/outbound/sheet.html", page, dict(found.content))


@require_permission("outbound.see")
@require_safe
def sheet_file(request: HttpRequest, campaign: str, name: str) -> HttpResponse:
    """One file of the sheet; consents are sent as they are read."""
    row = _seen(request, campaign)
    made = _FILES.get(name)
    if made is None:
        raise Http404(_("There is no such file."))
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    if fault:
        return HttpResponse(fault, status=400, content_type="text/plain; charset=utf-8")
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2])
    response = StreamingHttpResponse(
        made(row, first, last), content_type=f"{kind or 'application/jsonl'}; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return cast("HttpResponse", response)


def _seen(request: HttpRequest, campaign: str) -> CampaignRow:
    row = load_campaigns().get(campaign)
    if row is None or not scope_for(request.user, "outbound.see").has_client(row.client):
        raise Http404(_("There is no such campaign."))
    return row


def _sheet(row: CampaignRow, first: date, last: date) -> ClientReport:
    return build_report(row, first, last, load_current_rules(), read_clock(), _prover())


def _prover() -> FactProver | None:
    root = load_last_root()
    return None if root is None else FactProver(root)


def _consents(row: CampaignRow) -> Iterator[ProvedFact]:
    return iter_consents(row.client, load_current_rules(), _prover(), object_=row.object)


def _sheet_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    rows = ({"what": what, "value": value} for what, value in
            flatten_report(_sheet(row, first, last).content))  # fmt: skip
    return _table(("what", "value"), rows)


def _sheet_json(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield _sheet(row, first, last).document() + "\n"


def _facts_jsonl(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.ref, read_clock()) + "\n"
    yield from (f"{fact.line()}\n" for fact in _sheet(row, first, last).facts)


def _consents_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    return _table(CONSENT_COLUMNS, (one.columns for one in _consents(row)))


def _consents_jsonl(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.client, read_clock()) + "\n"
    yield from (f"{one.line()}\n" for one in _consents(row))


def _table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table, its first line first."""
    buffer = StringIO()
    writer = csv.DictWriter(buffer, tuple(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: escape_cell(value) for name, value in row.items()})
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


_FILES: Mapping[str, Callable[[CampaignRow, date, date], Iterator[str]]] = {
    "sheet.csv": _sheet_csv,
    "sheet.json": _sheet_json,
    "facts.jsonl": _facts_jsonl,
    "consents.csv": _consents_csv,
    "consents.jsonl": _consents_jsonl,
}
