"""A row of the law as data: its parameters as they are written in the table."""

from __future__ import annotations

from typing import Any

from releve.outbound.holidays import HolidayRules
from releve.outbound.legal_rows import LegalRow
from releve.outbound.sources import list_source_numbers

__all__ = ["format_minutes", "row_to_json"]

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def row_to_json(row: LegalRow) -> dict[str, Any]:
    """Return a row as data, its parameters as they are written in the table."""
    words = {"rule": row.rule, "refuses": row.refuses, "remedy": row.remedy, "doubt": row.doubt}
    applies = row.applies
    binds = {
        "callees": applies.callees, "purposes": applies.purposes, "modes": applies.modes,
        "objects": applies.objects, "channels": applies.channels, "places": applies.places,
        "except_places": applies.except_places or None, "clients": applies.clients,
        "except_clients": applies.except_clients or None,
    }  # fmt: skip
    return {
        "id": row.id,
        "version": row.version,
        "jurisdiction": row.jurisdiction,
        "gate": row.gate,
        "kind": row.kind,
        "from": row.first and row.first.isoformat(),
        "to": row.last and row.last.isoformat(),
        "parameters": {name: _plain_value(value) for name, value in row.parameters.items()},
        "applies": {name: sorted(value) for name, value in binds.items() if value is not None},
        "regulated_calls_only": applies.regulated,
        "exceptions": list(row.exceptions),
        "sanction": list(row.sanction),
        "text": row.reference,
        "sources": list(list_source_numbers(row.source)),
        "sure": list(row.sure),
        "unsure": row.unsure,
        **{name: said and {"fr": said.fr, "en": said.en} for name, said in words.items()},
    }


def format_minutes(minutes: int) -> str:
    """Return a minute of the day as ``08:30``."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _plain_value(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain_value(one) for key, one in value.items()}
    if isinstance(value, HolidayRules):
        fixed = [f"{month:02d}-{day:02d}" for month, day in value.fixed]
        return fixed + [f"easter{days:+d}" if days else "easter" for days in value.from_easter]
    if isinstance(value, tuple):
        spans = [
            [f"{format_minutes(start)}-{format_minutes(end)}" for start, end in day]
            for day in value
        ]
        return dict(zip(_DAYS, spans, strict=True))
    return value
