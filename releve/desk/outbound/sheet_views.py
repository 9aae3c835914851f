"""The page of a campaign's sheet, and the files to take along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from releve.accounts.scopes import scope_for
from releve.campaign.report_files import REPORT_FILES, load_report
from releve.desk.endpoint import serve
from releve.desk.http import download, fresh
from releve.desk.outbound.campaign_views import read_period
from releve.desk.outbound.campaigns import CampaignListRow, build_campaign_row
from releve.desk.text import text_now
from releve.gate.campaigns import load_campaigns
from releve.gate.db_clock import read_clock
from releve.gate.models import CampaignRow
from releve.outbound.legal_rows import LEGAL_ZONE, to_legal_day

__all__ = ["sheet", "sheet_file"]


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A campaign in a period on one sheet, with how many of its facts there are and are proved."""

    row: CampaignListRow
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
    row = _seen(request, campaign)
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    found = load_report(row, first, last)
    page = SheetPage(
        build_campaign_row(row, text_now(LEGAL_ZONE)),
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
    row = _seen(request, campaign)
    made = REPORT_FILES.get(name)
    if made is None:
        raise Http404(_("There is no such file."))
    first, last, fault = read_period(request, to_legal_day(read_clock()))
    if fault:
        return HttpResponse(fault, status=400, content_type="text/plain; charset=utf-8")
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2])
    return download(made(row, first, last), name, f"{kind or 'application/jsonl'}; charset=utf-8")


def _seen(request: HttpRequest, campaign: str) -> CampaignRow:
    row = load_campaigns().get(campaign)
    if row is None or not scope_for(request.user, "outbound.see").has_client(row.client):
        raise Http404(_("There is no such campaign."))
    return row
