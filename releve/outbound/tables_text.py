"""The rule table as Markdown, in French or English: every row, its source and its doubts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from releve.outbound.legal_rows import ANY, LegalRow, LegalRules

__all__ = ["list_jurisdictions", "render_rules", "select_rows_on"]

_HEADS = {
    "fr": ("règle", "verrou", "du", "au", "ce qu'elle dit", "texte", "source", "sûreté", "doute"),
    "en": ("row", "gate", "from", "to", "what it says", "text", "source", "sure", "doubt"),
}


def list_jurisdictions(rows: Iterable[LegalRow]) -> tuple[str, ...]:
    """Return the jurisdictions of rows: France first, then by code, those of any country last."""
    return tuple(sorted({row.jurisdiction for row in rows}, key=_rank_jurisdiction))


def _rank_jurisdiction(code: str) -> tuple[bool, bool, str]:
    return (code == ANY, code != "FR", code)


def select_rows_on(
    rules: LegalRules, day: date | None, jurisdiction: str = ""
) -> tuple[LegalRow, ...]:
    """Return the rows in force on a legal day, or all of them; of one jurisdiction, or of all.

    Those of a jurisdiction stand together, in the order of :func:`list_jurisdictions`.
    """
    found = (
        row
        for row in rules.rows
        if (day is None or row.binds_on(day)) and jurisdiction in ("", row.jurisdiction)
    )
    return tuple(sorted(found, key=lambda row: _rank_jurisdiction(row.jurisdiction)))


def render_rules(rules: LegalRules, language: str, day: date | None = None) -> str:
    """Return the table, a section a jurisdiction; ``language`` is fr or en."""
    parts = []
    rows = select_rows_on(rules, day)
    for jurisdiction, own in groupby(rows, key=lambda row: row.jurisdiction):
        lines = [f"### {jurisdiction}", "", _render_line(_HEADS[language])]
        lines.append("|" + "---|" * len(_HEADS[language]))
        lines += [_render_line(_build_cells(row, language)) for row in own]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _render_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _build_cells(row: LegalRow, language: str) -> tuple[str, ...]:
    first = row.first.isoformat() if row.first else "—"
    last = row.last.isoformat() if row.last else "—"
    doubt = row.doubt.of(language) if row.doubt else ""
    sure = ", ".join(row.sure)
    said = row.rule.of(language)
    return row.id, row.gate, first, last, said, row.reference, row.source, sure, doubt
