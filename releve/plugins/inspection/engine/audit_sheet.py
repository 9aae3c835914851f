"""The sheet of an audit as CSV: printed or filled in offline, and read back as observations.

One row for each measure of each site of the sample; a row without a verdict was not examined.
Verdicts and methods are read in English or French, times in the time zone of the site.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releve.errors import Phrase, ReleveError
from releve.network import Operator, zone
from releve.situation.audits import CharterAudit
from releve.situation.charter import Charter
from releve.situation.events_audit import AuditObserved
from releve.situation.refusal import EventRefusal

SHEET_COLUMNS = ("audit", "site", "measure", "text", "verdict", "method", "seen_at", "note")
VERDICT_WORDS: Mapping[str, str] = {
    "kept": "kept", "respectée": "kept",
    "partly": "partly", "en partie": "partly",
    "not_kept": "not_kept", "not kept": "not_kept", "non respectée": "not_kept",
    "not_applicable": "not_applicable", "not applicable": "not_applicable",
    "sans objet": "not_applicable",
}  # fmt: skip
METHOD_WORDS: Mapping[str, str] = {
    "examine": "examine", "examen": "examine",
    "interview": "interview", "entretien": "interview",
    "test": "test", "essai": "test",
}  # fmt: skip
NOT_YOURS = Phrase("your role does not cover this site")
_TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M")
_NAMESPACE = uuid.UUID("3c0f3a1e-8a07-5f5e-9c1d-0b6a2b7a6f10")


@dataclass(frozen=True, slots=True)
class SheetFault:
    """One fault of a sheet: its line (the head is line 1), column and what to correct."""

    line: int
    column: str
    reason: str | EventRefusal

    def __str__(self) -> str:
        reason = self.reason
        said = reason.sentence() if isinstance(reason, EventRefusal) else reason
        return f"line {self.line}, {self.column}: {said}"


class AuditSheetFaults(ReleveError):  # noqa: N818 (the word of the desk)
    """A sheet that cannot be read: every fault at once; nothing of it is recorded."""

    def __init__(self, faults: Sequence[SheetFault]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def write_sheet(audit: CharterAudit, charter: Charter, sites: Sequence[str], *, french: bool) -> str:
    """Return the empty sheet as CSV with semicolons, for ``sites`` of the sample."""
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(SHEET_COLUMNS)
    for site in sites:
        for measure in charter.measures:
            words = measure.text_fr if french else measure.text
            rows.writerow([audit.opened.audit, site, measure.id, words, "", "", "", ""])
    return text.getvalue()


def read_sheet(
    content: bytes, audit: CharterAudit, operator: Operator, now: datetime, actor: str
) -> tuple[tuple[int, AuditObserved], ...]:
    """Return the observations of a sheet, each with its line; AuditSheetFaults names every fault.

    The id of an observation follows from what it says, so that a sheet read twice gives the same.
    """
    text = _decode(content)
    semicolons = text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",")
    rows = csv.reader(io.StringIO(text), delimiter=";" if semicolons else ",")
    head = [name.strip().lower() for name in next(rows, [])]
    missing = [name for name in SHEET_COLUMNS if name not in {*head, "text"}]
    if missing:
        reason = Phrase("the column is missing; download the sheet again and fill that one in")
        raise AuditSheetFaults([SheetFault(1, name, reason) for name in missing])
    faults: list[SheetFault] = []
    found: list[tuple[int, AuditObserved]] = []
    for line, cells in enumerate(rows, 2):
        row = {name: cell.strip() for name, cell in zip(head, cells, strict=False)}
        if row.get("verdict"):
            wrong = list(_find_faults(row, line, audit, operator))
            faults += wrong
            found += [] if wrong else [(line, _read_row(row, operator, now, actor))]
    if faults:
        raise AuditSheetFaults(faults)
    return tuple(found)


def _decode(content: bytes) -> str:
    """Return the text of a file: UTF-8, or as a French spreadsheet saves it."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _find_faults(row: Mapping[str, str], line: int, audit: CharterAudit, operator: Operator) -> Iterator[SheetFault]:
    """Yield what is wrong in a row of itself; whether it is accepted the events' own rules say."""
    if row["audit"] != audit.opened.audit:
        reason = Phrase("is of the audit “{0}”; import it there", row["audit"])
        yield SheetFault(line, "audit", reason)
    if row["site"] not in operator.site or row["site"] not in audit.opened.sites:
        yield SheetFault(line, "site", Phrase("“{0}” is not in the sample", row["site"]))
    if row["verdict"].lower() not in VERDICT_WORDS:
        words = ", ".join(VERDICT_WORDS)
        reason = Phrase("“{0}” is not a verdict; write one of: {1}", row["verdict"], words)
        yield SheetFault(line, "verdict", reason)
    if row["method"].lower() not in METHOD_WORDS:
        reason = Phrase("“{0}” is not a method; write one of: {1}", row["method"], ", ".join(METHOD_WORDS))
        yield SheetFault(line, "method", reason)
    if _read_time(row["seen_at"]) is None:
        reason = Phrase("“{0}” is not a time; write it as 2026-12-01 10:30", row["seen_at"])
        yield SheetFault(line, "seen_at", reason)


def _read_row(row: Mapping[str, str], operator: Operator, now: datetime, actor: str) -> AuditObserved:
    local = _read_time(row["seen_at"])
    assert local is not None
    seen_at = local.replace(tzinfo=zone(operator.site[row["site"]].time_zone))
    said = (row["audit"], row["site"], row["measure"], row["verdict"].lower(),
            row["method"].lower(), seen_at.isoformat(), row["note"])  # fmt: skip
    return AuditObserved(
        id=uuid.uuid5(_NAMESPACE, "\n".join(said)).hex,
        happened_at=now,
        recorded_at=now,
        actor=actor,
        audit=row["audit"],
        site=row["site"],
        measure=row["measure"],
        method=METHOD_WORDS[row["method"].lower()],
        seen_at=seen_at,
        verdict=VERDICT_WORDS[row["verdict"].lower()],
        note=row["note"],
    )


def _read_time(text: str) -> datetime | None:
    for pattern in _TIMES:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 (on the clocks of the site)
        except ValueError:
            continue
    return None
