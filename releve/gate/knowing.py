"""What was known about a call at an instant, from the database, as facts of the engine.

``facts_at`` is for pages, proofs and replays, by Django's connection; the gate itself sends the
same statement over connections of its own and reads the answer with :func:`read_answer`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from releve.gate.keys import number_pseudonym, person_pseudonym
from releve.gate.sql import CAMPAIGN, facts_sql
from releve.gate.tables import TABLES, Column, Table, day, instant
from releve.outbound import Facts

__all__ = ["Answer", "Campaign", "bound", "facts_at", "facts_digest", "facts_for", "read_answer"]

_ARGUMENTS = {"people": "persons", "feeds": "watermarks"}
_EVIDENCE_TAG = b"releve gate facts 1\n"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as known: whose, about what, dialled how."""

    client: str
    object: str
    mode: str
    purpose: str
    origin: str
    authenticated: bool | None
    mobile_terminal: bool
    first: date | None
    last: date | None
    provider: str
    site: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the statement answered.

    ``tables`` holds each table's rows as (known_at, values by field), in the order in which they
    became known; ``number`` is what stands in for the number. ``decided``: what the call was told
    already, as ``releve.gate.sql.DECISION`` names it. ``newest`` is the last instant at
    which any of it became known; ``last`` that of the whole database.
    """

    campaign: Campaign | None
    tables: Mapping[str, Sequence[tuple[datetime | None, Mapping[str, Any]]]]
    decided: Sequence[Any] | None
    newest: datetime | None
    last: datetime | None
    clock: datetime | None

    def persons(self) -> tuple[str, ...]:
        """Return who holds the number, by pseudonym, each once."""
        return tuple(dict.fromkeys(cells["person"] for _, cells in self.tables["people"]))

    def facts(self) -> Facts:
        """Return the engine's facts."""
        told = {
            _ARGUMENTS.get(name, name): [
                TABLES[name].fact_of(cells, known) for known, cells in self.tables[name]
            ]
            for name in TABLES
        }
        return Facts(**told)

    def evidence(self) -> str:
        """Return the facts as canonical text, which ``facts_digest`` is made of."""
        rows = [
            [name, known, *cells.values()] for name in TABLES for known, cells in self.tables[name]
        ]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":"), default=_told)


def facts_digest(evidence: str) -> str:
    """Return the SHA-256 of facts as canonical text: what a decision holds of them."""
    return hashlib.sha256(_EVIDENCE_TAG + evidence.encode()).hexdigest()


def facts_at(
    client: str, number: str, known_at: datetime, *, person: str = "", campaign: str = ""
) -> Answer:
    """Return what was known about a number, and a person if one is named, for a client.

    ``number`` and ``person`` are the real ones; the facts hold pseudonyms for persons and the
    number as it was asked for.
    """
    asked = {
        "number": number_pseudonym(number),
        "named": person_pseudonym(person),
        "campaign": campaign,
        "client": client,
        "known": known_at,
        "call_id": "",
        "cseq": -1,
    }
    return facts_for(asked, number)


def facts_for(asked: Mapping[str, Any], number: str) -> Answer:
    """Return the answer to pseudonyms; ``number`` is written into it where it is about one."""
    with connection.cursor() as cursor:
        known = bound(connection.vendor, asked["known"])
        cursor.execute(facts_sql(connection.vendor, by_campaign=False), {**asked, "known": known})
        row = cursor.fetchone()
    return read_answer(row, number)


def bound(vendor: str, when: datetime) -> Any:
    """Return an instant as a vendor's column holds it."""
    utc = instant(when)
    return utc if vendor == "postgresql" else str(utc.replace(tzinfo=None))


def read_answer(row: Sequence[Any], number: str) -> Answer:
    """Return a row of the statement understood; ``number`` stands where facts are about one."""
    decided: Any = _loaded(row[0])
    campaign: Any = _loaded(row[1])
    arrays = [_loaded(cell) for cell in row[2 : 2 + len(TABLES)]]
    tables, newest = {}, list[datetime]()
    for table, rows in zip(TABLES.values(), arrays, strict=True):
        tables[table.name] = [_row(table, cells, number, newest) for cells in rows or ()]
    found = None
    if campaign is not None:
        found = _campaign(campaign)
        known: str = campaign[-1]
        newest.append(instant(known))
    loaded, last, clock = (None if cell is None else instant(cell) for cell in row[-3:])
    ends = [moment for moment in (loaded, last) if moment is not None]
    return Answer(found, tables, decided, max(newest, default=None), max(ends, default=None), clock)


def _loaded(cell: Any) -> Any:
    return json.loads(cell) if isinstance(cell, str) else cell


def _row(
    table: Table, cells: Sequence[Any], number: str, newest: list[datetime]
) -> tuple[datetime | None, Mapping[str, Any]]:
    known = instant(cells[1])
    newest.append(known)
    found = {
        column.field: number if column.hides == "number" else _value(column, cell)
        for column, cell in zip(table.columns, cells[2:], strict=True)
    }
    if table.name != "feeds":
        return known, found
    newest.append(instant(found["read_at"]))
    return None, found


def _value(column: Column, cell: Any) -> Any:
    if column.kind == "words":
        return frozenset(cell.split("|")) if cell else frozenset()
    if cell is None or column.kind in ("text", "number"):
        return cell
    if column.kind == "instant":
        return instant(cell)
    return day(cell) if column.kind == "day" else bool(cell)


def _told(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value.isoformat()


def _campaign(cells: Sequence[Any]) -> Campaign:
    told = dict(zip(CAMPAIGN, cells, strict=False))
    return Campaign(
        **{name: told[name] for name in ("client", "object", "mode", "purpose", "origin")},
        authenticated=None if told["authenticated"] is None else bool(told["authenticated"]),
        mobile_terminal=bool(told["mobile_terminal"]),
        first=None if told["first"] is None else day(told["first"]),
        last=None if told["last"] is None else day(told["last"]),
        provider=told["provider"],
        site=told["site"],
    )
