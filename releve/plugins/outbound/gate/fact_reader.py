"""Read what was known about a call at an instant from the database, as facts of the engine.

``read_facts`` is for pages, proofs and replays, by Django's connection; the gate itself sends the
same look-ups over connections of its own and parses the rows with ``FactSet``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.db import connection

from releve.plugins.outbound.engine.facts import EVERY_CLIENT, SAID, Facts
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym, person_pseudonym, resolve_client
from releve.plugins.outbound.gate.sql import (
    CAMPAIGN,
    COMMON,
    OWN,
    TABLES,
    FactColumn,
    all_sql,
    bind_questions,
    parse_day,
    parse_instant,
)

_COUNTED = 2**62
"""Ids from here on stand for those that attempts will get when they are written."""
_ARGUMENTS = {"people": "persons", "feeds": "watermarks"}
_EVIDENCE_TAG = b"releve gate facts 1\n"

DatedFact = tuple[datetime | None, Mapping[str, Any]]
"""When a fact became known, and its values by field."""


@dataclass(frozen=True, slots=True)
class CampaignTerms:
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
    sector: str = ""

    @classmethod
    def from_row(cls, row: Any) -> CampaignTerms:
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})


class CampaignFacts:
    """The facts that bear on every call of a campaign, parsed once.

    ``newest`` is the last instant at which any of it became known; ``later`` the first at which
    something that is there already will; ``load`` the newest load that was seen.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.campaign: CampaignTerms | None = None
        self.tables: dict[str, list[DatedFact]] = {name: [] for name in COMMON}
        self.load: datetime | None = None
        seen, later = list[datetime](), list[datetime]()
        found: dict[str, list[tuple[datetime, int, list[Any]]]] = {name: [] for name in COMMON}
        for what, _, _, text in rows:
            cells = json.loads(text)
            if what in found:
                found[what].append(_parse_row(what, cells))
            elif what == "campaign":
                self.campaign = _parse_campaign(cells)
                seen.append(parse_instant(cells[-1]))
            elif what == "later" and cells[0] is not None:
                later.append(parse_instant(cells[0]))
            elif what == "head" and cells[0] is not None:
                self.load = parse_instant(cells[0])
        for name, facts in found.items():
            self.tables[name] = _order_facts(name, facts, ("", ""), seen)
        self.newest, self.later = max(seen, default=None), min(later, default=None)

    @cached_property
    def text(self) -> str:
        return _rows_text(self.tables, COMMON)

    @cached_property
    def facts(self) -> Mapping[str, list[Any]]:
        return _build_facts(self.tables, COMMON)

    @cached_property
    def call(self) -> str:
        """Return what a decision holds of the campaign, as JSON."""
        assert self.campaign is not None
        return json.dumps({**asdict(self.campaign), "first": None, "last": None})


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known about a call.

    ``own`` holds each table's rows about the number and its holders as (known_at, values by field),
    in the order in which they became known; ``number`` is what stands in for the number. Another
    number stands there by its pseudonym, where something said by it binds a holder.
    ``newest`` is the last instant at which any of it became known.
    """

    common: CampaignFacts
    own: Mapping[str, Sequence[DatedFact]]
    newest: datetime | None
    number: str

    @property
    def tables(self) -> Mapping[str, Sequence[DatedFact]]:
        return {**self.own, **self.common.tables}

    def persons(self) -> tuple[str, ...]:
        """Return the holders of the number, by pseudonym, each once."""
        held = (cells for _, cells in self.own["people"] if cells["number"] == self.number)
        return tuple(dict.fromkeys(cells["person"] for cells in held))

    def facts(self) -> Facts:
        return Facts(**_build_facts(self.own, OWN), **self.common.facts)

    def serialize(self) -> str:
        """Return the facts as canonical text, which ``hash_facts`` is made of."""
        return f"[{','.join(filter(None, (_rows_text(self.own, OWN), self.common.text)))}]"


class FactSet:
    """All that was read about the numbers of a group and their holders.

    ``load`` is the newest load, ``last`` that or the last decision, ``clock`` the database's.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._facts: dict[tuple[str, str, str], list[tuple[datetime, int, list[Any]]]] = {}
        self._holders: dict[str, list[str]] = {}
        self._held: dict[str, dict[str, list[tuple[datetime, int, list[Any]]]]] = {}
        self._last_id = _COUNTED
        self.decided: dict[tuple[str, int], Sequence[Any]] = {}
        self.load = self.last = self.clock = None
        found = tuple(rows)
        read = json.loads(f"[{','.join([row[3] for row in found])}]")  # at once: it is few cells
        for (what, a, b, _), cells in zip(found, read, strict=True):
            if what == "holder":
                self._holders.setdefault(a, []).append(b)
            elif what == "held":
                self._held.setdefault(a, {}).setdefault(b, []).append(_parse_row("people", cells))
            elif what == "decided":
                self.decided[a, int(b)] = cells
            elif what == "head":
                self.load, decision, self.clock = (c and parse_instant(c) for c in cells)
                self.last = max(filter(None, (self.load, decision)), default=None)
            elif what in TABLES:
                self._facts.setdefault((what, a, b), []).append(_parse_row(what, cells))

    def known_facts(self, number: str, named: str, like: str, common: CampaignFacts, client: str) -> KnownFacts:
        """Return what is known about a number; ``like`` stands for it where a fact is about it."""
        newest = [] if common.newest is None else [common.newest]
        about = [(client, person) for person in self._holders.get(number, ())]
        if named and (client, named) not in about:
            about.append((client, named))
        said = [*about, *((EVERY_CLIENT, person) for _, person in about)]
        said += [(client, number), (EVERY_CLIENT, number)]
        heard = self._find_heard(number, about)
        said += [(to, other) for other in heard for to in (client, EVERY_CLIENT)]
        own = {}
        for name in OWN:
            keys = [(number, "")] if name in ("people", "listings") else about
            found = [fact for key in (said if name in SAID else keys) for fact in self._facts.get((name, *key), ())]
            if name == "people":
                found += [row for rows in heard.values() for row in rows]
            own[name] = _order_facts(name, found, (number, like), newest) if found else ()
        return KnownFacts(common, own, max(newest, default=None), like)

    def _find_heard(
        self, number: str, about: Sequence[tuple[str, str]]
    ) -> dict[str, list[tuple[datetime, int, list[Any]]]]:
        """Return the other numbers of persons by which something was said to a client or to all.

        Each with the rows of people by which they hold it.
        """
        found: dict[str, list[tuple[datetime, int, list[Any]]]] = {}
        for client, person in about:
            for other, rows in self._held.get(person, {}).items():
                to = (client, EVERY_CLIENT)
                if other != number and any((n, c, other) in self._facts for n in SAID for c in to):
                    found.setdefault(other, []).extend(rows)
        return found

    def add_attempt(self, attempt: Mapping[str, Any], known: datetime) -> None:
        """Let an attempt count for what is asked next, as if it had been read."""
        values = [attempt[column.field] for column in TABLES["attempts"].columns]
        key = ("attempts", attempt["client"], attempt["person"])
        self._last_id += 1
        self._facts.setdefault(key, []).append((known, self._last_id, values))


def hash_facts(evidence: str) -> str:
    """Return the SHA-256 of facts as canonical text: what a decision holds of them."""
    return hashlib.sha256(_EVIDENCE_TAG + evidence.encode()).hexdigest()


def read_facts(client: str, number: str, known_at: datetime, *, person: str = "", campaign: str = "") -> KnownFacts:
    """Return what was known about a number, and a person if one is named, for a client.

    ``number`` and ``person`` are the real ones; the facts hold pseudonyms for persons and the
    number as it was asked for.
    """
    pseudonyms = (number_pseudonym(number), person_pseudonym(person))
    return read_facts_by_pseudonym(resolve_client(client), pseudonyms, campaign, known_at, number)


def read_facts_by_pseudonym(
    client: str, pseudonyms: tuple[str, str], campaign: str, known_at: datetime, like: str
) -> KnownFacts:
    """Return the answer to the pseudonyms of a number and a person; ``like`` stands for the number.

    The campaign itself is not looked up.
    """
    number, named = pseudonyms
    asked = {"client": client, "number": number, "named": named, "call_id": "", "cseq": -1}
    known = to_db_instant(connection.vendor, known_at)
    with connection.cursor() as cursor:
        terms = {**bind_questions([asked], known), "campaign": campaign}
        cursor.execute(all_sql(connection.vendor), terms)
        rows = cursor.fetchall()
    return FactSet(rows).known_facts(number, named, like, CampaignFacts(rows), client)


def to_db_instant(vendor: str, when: datetime) -> Any:
    utc = parse_instant(when)
    return utc if vendor == "postgresql" else str(utc.replace(tzinfo=None))


def _parse_row(name: str, cells: list[Any]) -> tuple[datetime, int, list[Any]]:
    values = cells[2:]
    for place, convert in _CONVERSIONS[name]:
        values[place] = convert(values[place])
    return parse_instant(cells[1]), cells[0], values


def _order_facts(
    name: str, found: list[tuple[datetime, int, list[Any]]], called: tuple[str, str], newest: list[datetime]
) -> list[DatedFact]:
    """Return rows in the order in which they became known; add those instants to ``newest``.

    ``called`` is the pseudonym of the number, and what stands in for it.
    """
    if len(found) > 1:
        found.sort(key=lambda row: row[:2])
    dated: list[DatedFact] = []
    for known, _, values in found:
        cells = dict(zip(_FIELDS[name], values, strict=True))
        newest.append(known)
        if name in ("people", "listings"):
            cells["number"] = called[1] if cells["number"] == called[0] else cells["number"]
        elif name in SAID and cells["person"] == called[0]:
            cells["person"] = called[1]
        elif name == "feeds":
            newest.append(cells["read_at"])
        dated.append((None if name == "feeds" else known, cells))
    return dated


def _build_facts(tables: Mapping[str, Sequence[DatedFact]], names: Iterable[str]) -> dict[str, list[Any]]:
    return {
        _ARGUMENTS.get(name, name): [TABLES[name].build_fact(cells, known) for known, cells in rows]
        for name in names
        if (rows := tables[name])
    }


def _rows_text(tables: Mapping[str, Sequence[DatedFact]], names: Iterable[str]) -> str:
    rows = [[name, known, *cells.values()] for name in names for known, cells in tables[name]]
    return _CANONICAL.encode(rows)[1:-1]


def _to_json(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value.isoformat()


_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_to_json)


def _get_conversion(column: FactColumn) -> Callable[[Any], Any] | None:
    return {
        "words": lambda cell: frozenset(cell.split("|")) if cell else frozenset(),
        "instant": lambda cell: cell if cell is None else parse_instant(cell),
        "day": lambda cell: cell if cell is None else parse_day(cell),
        "flag": lambda cell: cell if cell is None else bool(cell),
    }.get(column.kind)


_FIELDS = {name: [column.field for column in table.columns] for name, table in TABLES.items()}
_CONVERSIONS = {
    name: [
        (place, convert)
        for place, column in enumerate(table.columns)
        if (convert := _get_conversion(column)) is not None
    ]
    for name, table in TABLES.items()
}


def _parse_campaign(cells: Sequence[Any]) -> CampaignTerms:
    named = dict(zip(CAMPAIGN, cells, strict=False))
    return CampaignTerms(
        **{name: named[name] for name in ("client", "object", "mode", "purpose", "origin")},
        authenticated=None if named["authenticated"] is None else bool(named["authenticated"]),
        mobile_terminal=bool(named["mobile_terminal"]),
        first=None if named["first"] is None else parse_day(named["first"]),
        last=None if named["last"] is None else parse_day(named["last"]),
        provider=named["provider"],
        site=named["site"],
        sector=named["sector"],
    )
