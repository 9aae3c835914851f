"""A campaign's sheet as the desk shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from releve.campaign.client_report import ClientReport
from releve.campaign.report_files import REPORT_FILES
from releve.desk.outbound.campaigns import CampaignListRow, build_campaign_row
from releve.desk.outbound.words import VALUES
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.gate.models import CampaignRow

__all__ = ["Download", "SheetPage", "SheetPart", "build_sheet_page"]


@dataclass(frozen=True, slots=True)
class SheetPart:
    """One subject of the sheet: words and their values; ``empty`` is said where there are none."""

    id: str
    title: str
    rows: tuple[tuple[str, str], ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file to take along, and what it is."""

    name: str
    url: str
    says: str


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A campaign in a period on one sheet."""

    row: CampaignListRow
    url: str
    first: str
    last: str
    fault: str
    parts: tuple[SheetPart, ...]
    downloads: tuple[Download, ...]
    proved: str


def build_sheet_page(row: CampaignRow, found: ClientReport, text: Text, *, fault: str) -> SheetPage:
    """Return a sheet in words."""
    sheet, first, last = found.content, found.content["from"], found.content["to"]
    proved = sum(fact.proof is not None for fact in found.facts)
    return SheetPage(
        row=build_campaign_row(row, text),
        url=reverse("outbound_campaign", args=[row.ref]),
        first=first,
        last=last,
        fault=fault,
        parts=(
            _list_contract_details(sheet, text),
            _count_calls(sheet, text),
            _build_part(
                "rows",
                _("Why calls were refused"),
                _list_counts(sheet["refused_by_row"], text),
                _("No call was refused."),
            ),
            _build_part(
                "refusals",
                _("Refusals said in calls"),
                _list_counts(sheet["refusals_said"], text),
                _("None was recorded."),
            ),
            _build_part(
                "withdrawals",
                _("Withdrawals of consent"),
                _list_counts(sheet["withdrawals"], text),
                _("None was recorded."),
            ),
            _build_part(
                "abandoned",
                _("Abandoned calls"),
                _list_days(sheet, text),
                _("No day was counted: nothing is known, which is not none."),
            ),
            _build_part(
                "mandates",
                _("Numbers shown, and their mandates"),
                _list_mandates(sheet, text),
                _("No mandate is known."),
            ),
            _build_part(
                "versions",
                _("Rules that judged"),
                _list_versions(sheet, text),
                _("No call was judged."),
            ),
            _list_retention(sheet, text),
        ),
        downloads=_list_downloads(row, first, last),
        proved=ngettext(
            "Facts of this sheet: {all}, of which {proved} is proved against the ledger.",
            "Facts of this sheet: {all}, of which {proved} are proved against the ledger.",
            proved,
        ).format(proved=text.number(proved), all=text.number(len(found.facts))),
    )


def _build_part(key: str, title: str, rows: list[tuple[str, str]], empty: str) -> SheetPart:
    return SheetPart(key, title, tuple(rows), empty)


def _list_contract_details(sheet: Mapping[str, Any], text: Text) -> SheetPart:
    found, rows = sheet["papers"], list[tuple[str, str]]()
    if found is not None:
        clause = _("yes") if found["audit_clause"] else _("no")
        rows = [
            (_("Contract"), found["contract"]),
            (_("Audit clause"), clause),
            (_("Origin of the list"), found["list_origin"]),
            (_("Stated"), when(datetime.fromisoformat(found["told_at"]), text)),
        ]
    roles = sheet["roles"]
    rows += [
        (_("Controller (client)"), roles["controller"]),
        (_("Processor (provider)"), roles["processor"] or "—"),
    ]
    if found is None:
        rows.insert(0, (_("Contract and origin of the list"), _("not stated")))
    return _build_part("papers", _("Papers"), rows, "")


def _count_calls(sheet: Mapping[str, Any], text: Text) -> SheetPart:
    words = {
        "decided": _("Judged"),
        "allowed": _("Allowed"),
        "refused": pgettext("calls", "Refused"),
        "by_policy_only": _("Of these by policy only"),
        "proved": _("Put under a root of the ledger"),
    }
    rows = [(word, text.number(sheet["calls"][name])) for name, word in words.items()]
    rows.append((_("Consents known of this client"), text.number(sheet["consents_known"])))
    return _build_part("calls", _("Calls"), rows, "")


def _list_counts(counts: Mapping[str, int], text: Text) -> list[tuple[str, str]]:
    return [(str(VALUES.get(name, name)) or "—", text.number(n)) for name, n in counts.items()]


def _list_days(sheet: Mapping[str, Any], text: Text) -> list[tuple[str, str]]:
    most, rows = sheet["abandoned_most_percent"], []
    for day in sheet["abandoned"]:
        share = text.percent(day["share"], 2)
        above = most is not None and 100 * day["share"] > most
        rows.append((_format_day(day["day"], text), f"{share} ({_('above')})" if above else share))
    return rows


def _list_mandates(sheet: Mapping[str, Any], text: Text) -> list[tuple[str, str]]:
    rows = []
    for one in sheet["mandates"]:
        last = _format_day(one["last"], text) if one["last"] else "…"
        rows.append(
            (f"{one['number']} ({one['ref']})", f"{_format_day(one['first'], text)} – {last}")
        )
    return rows


def _list_versions(sheet: Mapping[str, Any], text: Text) -> list[tuple[str, str]]:
    return [(one["version"][:12], text.number(one["calls"])) for one in sheet["rules"]]


def _list_retention(sheet: Mapping[str, Any], text: Text) -> SheetPart:
    kept = sheet["retention"]
    rows = [(_("Years kept"), text.number(kept["years"]))]
    if kept["first"]:
        days = [_format_day(kept[name], text) for name in ("first", "last")]
        rows.append((_("Calls of the period are erased"), " – ".join(dict.fromkeys(days))))
    return _build_part("retention", _("Retention"), rows, "")


def _format_day(iso: str, text: Text) -> str:
    return text.day(date.fromisoformat(iso), weekday=False)


def _list_downloads(row: CampaignRow, first: str, last: str) -> tuple[Download, ...]:
    says = {
        "sheet.csv": _("this sheet as a table"),
        "sheet.json": _("this sheet as data"),
        "facts.jsonl": _("its facts as they were sealed, with their proofs"),
        "consents.csv": _("each consent to the calls of this client about this object"),
        "consents.jsonl": _("the same with their proofs"),
    }
    days = f"?from={first}&to={last}"
    return tuple(
        Download(name, reverse("outbound_sheet_file", args=[row.ref, name]) + days, says[name])
        for name in REPORT_FILES
    )
