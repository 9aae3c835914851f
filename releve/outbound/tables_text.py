"""The rule table as Markdown, in French or English: every row, its source and its doubts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from releve.outbound.legal_rows import LegalRow, LegalRules

__all__ = ["render_rules", "select_rows_on"]

_HEADS = {
    "fr": ("règle", "verrou", "du", "au", "ce qu'elle dit", "texte", "source", "sûreté", "doute"),
    "en": ("row", "gate", "from", "to", "what it says", "text", "source", "sure", "doubt"),
}


def select_rows_on(rules: LegalRules, day: date | None) -> tuple[LegalRow, ...]:
    """Return the rows in force on a legal day, or all of them."""
    return tuple(row for row in rules.rows if day is None or row.binds_on(day))


def render_rules(rules: LegalRules, language: str, day: date | None = None) -> str:
    """Return the table, a section a jurisdiction; ``language`` is fr or en."""
    parts = []
    rows = select_rows_on(rules, day)
    for jurisdiction in sorted({row.jurisdiction for row in rows}, key=lambda j: (j != "FR", j)):
        lines = [f"### {jurisdiction}", "", _render_line(_HEADS[language])]
        lines.append("|" + "---|" * len(_HEADS[language]))
        lines += [
            _render_line(_build_cells(row, language))
            for row in rows
            if row.jurisdiction == jurisdiction
        ]
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
