"""The gate over the connection of the test itself, inside its transaction: nothing to clean up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from releve.gate.sql import facts_sql
from releve.gate.stores import _insert


class DjangoStore:
    """A store whose locks are those of nobody else."""

    vendor = connection.vendor

    def read(self, asked: Mapping[str, Any]) -> tuple[frozenset[str] | None, Sequence[Any]]:
        with connection.cursor() as cursor:
            cursor.execute(facts_sql(self.vendor, by_campaign=True), asked)
            return None, cursor.fetchone()

    def write(self, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        with connection.cursor() as cursor:
            for table, row in rows:
                cursor.execute(_insert(table, list(row), "%({})s"), row)

    def abandon(self) -> None:
        """Leave everything as it is."""

    def close(self) -> None:
        """Keep the connection."""
