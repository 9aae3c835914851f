"""The tables of the engine's facts: one description each, shared by import and look-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.gate import models
from releve.network.clock import UTC
from releve.outbound.fact_tables import TABLES as ENGINE_TABLES
from releve.outbound.fact_tables import list_columns

__all__ = ["TABLES", "FactColumn", "FactTable", "parse_instant"]

_MODELS: Mapping[str, type[models.FactRow]] = {
    "people": models.PersonRow,
    "consents": models.ConsentRow,
    "withdrawals": models.WithdrawalRow,
    "contracts": models.ContractRow,
    "callbacks": models.CallbackRow,
    "refusals": models.RefusalRow,
    "attempts": models.AttemptRow,
    "listings": models.ListingRow,
    "scrubs": models.ScrubRow,
    "mandates": models.MandateRow,
    "abandoned": models.AbandonedRow,
    "feeds": models.WatermarkRow,
}
_RENAMED = {"id": "ref", "objects": "objects_named"}
_PSEUDONYMS = {("people", "number"): "number", ("listings", "number"): "number"}


@dataclass(frozen=True, slots=True)
class FactColumn:
    """A field of a fact, the column it stands in, and what it holds.

    ``kind``: text, instant, day, words, flag, number (a figure); ``hides``: number, person or
    proof where a pseudonym or a hash stands for the value, empty otherwise.
    """

    field: str
    name: str
    kind: str
    hides: str = ""


@dataclass(frozen=True, slots=True)
class FactTable:
    """A table of facts: its name in the engine, its fact, its model, its columns."""

    name: str
    fact: type
    model: type[models.FactRow]
    columns: tuple[FactColumn, ...]

    @property
    def db_table(self) -> str:
        """Return the table's name in the database."""
        return self.model._meta.db_table

    @property
    def versioned(self) -> bool:
        """Return whether a fact has an id, so that a later version corrects it."""
        return any(column.name == "ref" for column in self.columns)

    def build_fact(self, cells: Mapping[str, Any], known_at: datetime | None) -> Any:
        """Return the engine's fact of a row's values by field."""
        return self.fact(**cells) if known_at is None else self.fact(known_at=known_at, **cells)


def parse_instant(text: str | datetime) -> datetime:
    """Return an instant that a database wrote: with its offset, or in UTC."""
    found = datetime.fromisoformat(text) if isinstance(text, str) else text
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def parse_day(text: str | date) -> date:
    """Return a day that a database wrote."""
    return date.fromisoformat(text) if isinstance(text, str) else text


def _build_column(table: str, field: str, kind: str) -> FactColumn:
    hides = {"person": "person", "proof": "proof"}.get(field, "")
    hides = _PSEUDONYMS.get((table, field), hides)
    return FactColumn(field, _RENAMED.get(field, field), kind, hides)


def _build_table(name: str) -> FactTable:
    kinds = {field: kind for field, (kind, _) in list_columns(name).items() if field != "known_at"}
    if name == "consents":
        kinds["unreadable"] = "text"
    columns = tuple(_build_column(name, field, kind) for field, kind in kinds.items())
    return FactTable(name, ENGINE_TABLES[name], _MODELS[name], columns)


TABLES: Mapping[str, FactTable] = {name: _build_table(name) for name in _MODELS}
