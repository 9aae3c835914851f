"""The files of a campaign's report: the sheet, its sealed facts, the consents with their proofs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from io import StringIO
from typing import Any

from releve.campaign.client_report import ClientReport, build_report, flatten_report
from releve.campaign.consent_pack import CONSENT_COLUMNS, iter_consents
from releve.campaign.proved_facts import ProvedFact, facts_header
from releve.gate.current_rules import load_current_rules
from releve.gate.db_clock import read_clock
from releve.gate.fact_proofs import FactProver
from releve.gate.models import CampaignRow
from releve.ledger.roots import load_last_root
from releve.outbound.spreadsheet_escape import escape_cell

__all__ = ["REPORT_FILES", "load_report"]


def load_report(row: CampaignRow, first: date, last: date) -> ClientReport:
    """Return what a campaign did in a period, with proofs under the last signed root."""
    return build_report(row, first, last, load_current_rules(), read_clock(), _load_prover())


def _load_prover() -> FactProver | None:
    root = load_last_root()
    return None if root is None else FactProver(root)


def _iter_consents(row: CampaignRow) -> Iterator[ProvedFact]:
    return iter_consents(row.client, load_current_rules(), _load_prover(), object_=row.object)


def _write_sheet_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    rows = ({"what": what, "value": value} for what, value in
            flatten_report(load_report(row, first, last).content))  # fmt: skip
    return _write_table(("what", "value"), rows)


def _write_sheet_json(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield load_report(row, first, last).document() + "\n"


def _write_facts(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.ref, read_clock()) + "\n"
    yield from (f"{fact.line()}\n" for fact in load_report(row, first, last).facts)


def _write_consents_csv(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    return _write_table(CONSENT_COLUMNS, (one.columns for one in _iter_consents(row)))


def _write_consents(row: CampaignRow, first: date, last: date) -> Iterator[str]:
    yield facts_header(row.client, read_clock()) + "\n"
    yield from (f"{one.line()}\n" for one in _iter_consents(row))


def _write_table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
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


REPORT_FILES: Mapping[str, Callable[[CampaignRow, date, date], Iterator[str]]] = {
    "sheet.csv": _write_sheet_csv,
    "sheet.json": _write_sheet_json,
    "facts.jsonl": _write_facts,
    "consents.csv": _write_consents_csv,
    "consents.jsonl": _write_consents,
}
"""Writers of the lines of each file, by name; large files are written as they are read."""
