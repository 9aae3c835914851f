"""The last entries of the ledger that a reader may see, the newest first."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry

__all__ = ["LogEntry", "list_last_entries", "read_last_entries"]

_MOST, _MOST_READ = 20, 200


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the ledger in a log."""

    kind: str
    at: datetime
    body: Mapping[str, Any]


def list_last_entries(
    stream: str, kinds: Collection[str], sees: Callable[[Mapping[str, Any]], bool]
) -> tuple[LogEntry, ...]:
    """Return the last entries of some kinds that a reader ``sees``: 20 of the last 200 at most."""
    rows = LedgerEntry.objects.filter(stream=stream, kind__in=kinds).order_by("-seq")
    return read_last_entries(rows[:_MOST_READ], lambda _kind, body: sees(body), _MOST)


def read_last_entries(
    rows: QuerySet[LedgerEntry], shows: Callable[[str, Mapping[str, Any]], bool], most: int
) -> tuple[LogEntry, ...]:
    """Return the first entries of a query for whose kind and body ``shows`` holds."""
    kept: list[tuple[str, str, dict[str, Any]]] = []
    for kind, at, written in rows.values_list("kind", "recorded_at", "body"):
        body = json.loads(written)
        if shows(kind, body):
            kept.append((kind, at, body))
        if len(kept) == most:
            break
    restore_names([body for _, _, body in kept])
    return tuple(LogEntry(kind, datetime.fromisoformat(at), body) for kind, at, body in kept)
