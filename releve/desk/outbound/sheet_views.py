"""The page of a campaign's sheet, and the files to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.campaign.report_files import REPORT_FILES, load_report
from releve.desk.endpoint import serve
from releve.desk.http import download, fresh
from releve.desk.outbound.campaign_views import find_campaign, read_period
from releve.desk.query import require_found
from releve.gate.db_clock import read_clock
from releve.gate.models import CampaignRow
from releve.outbound.legal_rows import LEGAL_ZONE, to_legal_day


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A campaign in a period on one sheet, with how many of its facts there are and are proved."""

    row: CampaignRow
    first: str
    last: str
    fault: str
    sheet: Mapping[str, Any]
    facts: int
    proved: int
    files: tuple[str, ...]
    time_zone: str = LEGAL_ZONE


@serve("outbound.see")
def sheet(request: HttpRequest, campaign: str) -> HttpResponse:
    """What the client is owed of a campaign, on one sheet."""
    row = find_campaign(request, campaign)
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    found = load_report(row, first, last)
    page = SheetPage(
        row,
        first.isoformat(),
        last.isoformat(),
        fault,
        found.content,
        len(found.facts),
        sum(fact.proof is not None for fact in found.facts),
        tuple(REPORT_FILES),
    )
    return fresh(request, "desk/outbound/sheet.html", page, dict(found.content))


@serve("outbound.see")
def sheet_file(request: HttpRequest, campaign: str, name: str) -> HttpResponse:
    """One file of the sheet; consents are sent as they are read."""
    row = find_campaign(request, campaign)
    made = require_found(REPORT_FILES.get(name), _("There is no such file."))
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    if fault:
        return HttpResponse(fault, status=400, content_type="text/plain; charset=utf-8")
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2])
    return download(made(row, first, last), name, f"{kind or 'application/jsonl'}; charset=utf-8")
