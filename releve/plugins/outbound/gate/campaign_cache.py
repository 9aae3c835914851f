"""Facts shared by all calls of a campaign, cached per database connection; rows of facts, proved.

Facts become visible when a load is closed, so an entry is valid while the newest load is unchanged;
attempts are the exception and are not cached. An entry is also dropped when one of its facts takes
effect, when the clock goes backwards, and after ``MAX_AGE_SECONDS``, because erasure deletes rows
without a load.

Versions of the rules are stored before the first decision by them, so that a past call is judged by
the rules of its day; a gate that cannot store one refuses every call. The row of a fact has
pseudonyms, a digest of its content and its day of erasure; rows are the leaves of a Merkle tree
whose root an entry of the ledger holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property, lru_cache
from typing import Any

from django.db import connection

from releve.ledger.merkle import fold_hashes, inclusion_path, leaf_hash, tree_hash
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import load_rules
from releve.plugins.outbound.gate.connections import GateConnection
from releve.plugins.outbound.gate.current_rules import load_current_table
from releve.plugins.outbound.gate.erasure import NewPersonalValue, erase_on, value_day
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, NotAvailable
from releve.plugins.outbound.gate.fact_reader import CampaignFacts, to_db_instant
from releve.plugins.outbound.gate.models import RuleTable
from releve.plugins.outbound.gate.pseudonyms import (
    commit_proof,
    hash_value,
    is_number,
    number_pseudonym,
    number_text,
    person_pseudonym,
)
from releve.plugins.outbound.gate.sql import FactColumn, FactTable

MAX_AGE_SECONDS = 10.0
MAX_CAMPAIGNS = 500
"""Campaigns cached at most; a question may name any, known or not."""


class CampaignCache:
    """The campaigns that one connection has read."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[CampaignFacts, float]] = {}

    def cached_client(self, campaign: str) -> str:
        """Return the client of a campaign as last read, empty where it is not known."""
        kept = self._kept.get(campaign)
        return "" if kept is None or kept[0].campaign is None else kept[0].campaign.client

    async def read_campaign(
        self, store: GateConnection, campaign: str, load: datetime | None, known: datetime
    ) -> CampaignFacts:
        """Return the facts known by ``known``, from the cache if valid for the newest ``load``."""
        kept = self._kept.get(campaign)
        if kept is not None and time.monotonic() < kept[1] and _is_valid(kept[0], load, known):
            return kept[0]
        if len(self._kept) >= MAX_CAMPAIGNS:
            self._kept.clear()
        asked = {"campaign": campaign, "known": to_db_instant(store.vendor, known)}
        found = CampaignFacts(await store.read_campaign(asked))
        self._kept[campaign] = (found, time.monotonic() + MAX_AGE_SECONDS)
        return found


def _is_valid(common: CampaignFacts, load: datetime | None, known: datetime) -> bool:
    reached = common.later is not None and common.later <= known
    back = common.newest is not None and common.newest > known
    return common.load == load and not reached and not back


_SECONDS = 2.0
"""Seconds that a decision may wait for the database to store them."""


class _StoredVersions:
    """Which versions this process knows to be kept, so that it asks once."""

    versions: frozenset[str] = frozenset()


async def load_stored_rules() -> LegalRules:
    """Return the current rules, once their text is stored."""
    rules, texts = load_current_table()
    if rules.version not in _StoredVersions.versions:
        keeping = asyncio.to_thread(_keep_apart, rules.version, texts)
        try:
            await asyncio.wait_for(keeping, _SECONDS)
        except TimeoutError as error:
            raise DatabaseUnavailable("the rules cannot be kept") from error
        _StoredVersions.versions |= {rules.version}
    return rules


def store_current_rules() -> str:
    """Keep the rules of now; return their version."""
    rules, texts = load_current_table()
    _keep_texts(rules.version, texts)
    return rules.version


def _keep_texts(version: str, texts: Mapping[str, str]) -> None:
    RuleTable.objects.get_or_create(version=version, defaults={"texts": dict(texts), "used_at": read_clock()})


def _keep_apart(version: str, texts: Mapping[str, str]) -> None:
    """Keep them, in a thread of its own, over a connection that ends with it."""
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = %s", [round(1000 * _SECONDS)])
        _keep_texts(version, texts)
    finally:
        connection.close()


def load_rules_version(version: str) -> LegalRules:
    """Return the rules of a version; NoSuch where they were never kept here."""
    rules, _ = load_current_table()
    return rules if rules.version == version else _load_version(version)


def load_texts(versions: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return the files of several versions, by version and name; NoSuch as for one."""
    return {version: _read_texts(version) for version in versions}


@lru_cache(maxsize=8)
def _load_version(version: str) -> LegalRules:
    return load_rules(_read_texts(version))


def _read_texts(version: str) -> Mapping[str, str]:
    rules, texts = load_current_table()
    if rules.version == version:
        return dict(texts)
    kept = RuleTable.objects.filter(version=version).values_list("texts", flat=True).first()
    if kept is None:
        raise NotAvailable(
            f"the rules {version[:12]} that judged this are not kept here, nor are they those of "
            f"now ({rules.version[:12]}): put back the files of law/ and the release of that day"
        )
    found: Mapping[str, str] = kept
    return found


@dataclass(frozen=True, slots=True)
class FactRowDraft:
    """A row to be written: its columns, the digest of its content, its day, the values aside."""

    columns: Mapping[str, Any]
    digest: str
    erase_on: date | None
    values: list[NewPersonalValue]


def build_row(table: FactTable, fact: Mapping[str, Any], loaded: datetime, *, pseudonym: bool = False) -> FactRowDraft:
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


MAX_BATCH_ROWS = 5000
"""Rows of one tree at most."""

_TAG = b"releve gate row 1\n"
_HASH_BYTES = 32


def hash_row_text(text: str) -> bytes:
    """Return the leaf of a row's text; a verifier computes the same."""
    return leaf_hash(hashlib.sha256(_TAG + text.encode()).digest())


class RowTree:
    """The tree over the rows of a batch; ``leaves`` holds their hashes, 32 bytes each."""

    def __init__(self, leaves: bytes) -> None:
        self.leaves = leaves
        self.size = len(leaves) // _HASH_BYTES
        self._subtree = cache(self._hash_subtree)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> RowTree:
        """Return the tree over rows given by their text."""
        return cls(b"".join(map(hash_row_text, texts)))

    @property
    def root(self) -> str:
        """Return the root hash in hex."""
        return tree_hash(self.size, self._subtree).hex()

    @cached_property
    def places(self) -> Mapping[bytes, int]:
        starts = range(0, len(self.leaves), _HASH_BYTES)
        return {self.leaves[at : at + _HASH_BYTES]: n for n, at in enumerate(starts)}

    def prove(self, place: int, text: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the proof of the row at a place, showing no other row.

        ``text`` is the row, ``path`` the audit path (RFC 9162) from its leaf to the root that the
        ledger's ``entry`` holds, given as the ledger's own proof of that entry.
        """
        return {
            "format": "releve outbound row 1",
            "text": text,
            "place": place,
            "size": self.size,
            "path": [node.hex() for node in inclusion_path(place, self.size, self._subtree)],
            "entry": entry,
        }

    def _hash_subtree(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree over ``2**level`` leaves."""
        width = _HASH_BYTES << level
        part = self.leaves[index * width : (index + 1) * width]
        return fold_hashes([part[at : at + _HASH_BYTES] for at in range(0, width, _HASH_BYTES)])
