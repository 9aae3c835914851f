"""The stored versions of the rules, so that a past call is judged by the rules of its day.

A gate stores a version before its first decision by it; where it cannot, it refuses every call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import lru_cache

from django.db import connection

from releve.gate.current_rules import load_current_table
from releve.gate.db_clock import read_clock
from releve.gate.errors import DatabaseUnavailable, NotAvailable
from releve.gate.models import RuleTable
from releve.outbound import LegalRules, load_rules

__all__ = ["load_rules_version", "load_stored_rules", "load_texts", "store_current_rules"]


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
    RuleTable.objects.get_or_create(
        version=version, defaults={"texts": dict(texts), "used_at": read_clock()}
    )


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
