"""Build the row of a fact, with pseudonyms, a digest of its content and its day of erasure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.gate.personal_values import NewPersonalValue
from releve.gate.pseudonyms import (
    commit_proof,
    hash_value,
    is_number,
    number_pseudonym,
    number_text,
    person_pseudonym,
)
from releve.gate.retention import erase_on, value_day
from releve.gate.schema import FactColumn, FactTable

__all__ = ["FactRowDraft", "build_row"]


@dataclass(frozen=True, slots=True)
class FactRowDraft:
    """A row to be written: its columns, the digest of its content, its day, the values aside."""

    columns: Mapping[str, Any]
    digest: str
    erase_on: date | None
    values: list[NewPersonalValue]


def build_row(
    table: FactTable, fact: Mapping[str, Any], loaded: datetime, *, pseudonym: bool = False
) -> FactRowDraft:
    """Return the row of a fact given by field.

    ``pseudonym``: its person is one already, whose value is kept elsewhere or erased.
    """
    day = value_day(table.name, fact, loaded)
    columns: dict[str, Any] = {}
    content: list[Any] = []
    values: list[NewPersonalValue] = []
    for column in table.columns:
        given = fact.get(column.field)
        if pseudonym and column.hides == "person":
            cell, shown, value = given, given, list[NewPersonalValue]()
        else:
            cell, shown, value = _build_cell(table, column, given, day)
        columns[column.name] = cell
        content.append(shown)
        values += value
    text = json.dumps(content, ensure_ascii=False, default=_iso)
    return FactRowDraft(columns, hashlib.sha256(text.encode()).hexdigest()[:32],
                erase_on(table.name, fact, loaded), values)  # fmt: skip


def _build_cell(
    table: FactTable, column: FactColumn, value: Any, day: date | None
) -> tuple[Any, Any, list[NewPersonalValue]]:
    """Return what stands in the column, what its content is, and the value kept aside, if any."""
    if column.hides in ("number", "person") and value:
        number = column.hides == "number" or is_number(value)
        name = number_pseudonym(value) if number else person_pseudonym(value)
        shown = number_text(value) if number else value
        what = "number" if number else "person"
        return name, name, [NewPersonalValue(what, name, shown, "", day)]
    if column.hides == "proof":
        name, salt = commit_proof(value or "")
        kept = [NewPersonalValue("proof", name, value, salt, day)] if salt else []
        return name, hash_value(value or ""), kept
    if column.kind == "words":
        text = "|".join(sorted(value or ()))
        return text, text, []
    if table.name == "mandates" and column.field == "number":
        return number_text(value), number_text(value), []
    return value, value, []


def _iso(value: date | datetime) -> str:
    return value.isoformat()
