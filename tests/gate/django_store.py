"""A gate connection over Django's own, inside the transaction of the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from releve.plugins.outbound.gate.connections import QuestionTerms, RowsByTable, insert_sql
from releve.plugins.outbound.gate.sql import KEY_CHECK, UNREAD_SINCE_RESTORE, bind_questions, common_sql, own_sql


class DjangoStore:
    """A store that shares its locks with no other store."""

    vendor = connection.vendor

    async def read(self, asked: QuestionTerms, known: Any) -> tuple[frozenset[str] | None, Sequence[Any]]:
        return None, await self.read_again(asked, known)

    async def read_again(self, asked: QuestionTerms, known: Any) -> Sequence[Any]:
        return self._rows(own_sql(self.vendor, len(asked) == 1), bind_questions(asked, known))

    async def read_campaign(self, asked: Mapping[str, Any]) -> Sequence[Any]:
        return self._rows(common_sql(self.vendor), asked)

    def _rows(self, statement: str, asked: Mapping[str, Any]) -> Sequence[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, asked)
            return cursor.fetchall()

    async def key_check(self) -> str | None:
        rows = self._rows(KEY_CHECK, {})
        return str(rows[0][0]) if rows else None

    async def is_unread_since_restore(self) -> bool:
        rows = self._rows(UNREAD_SINCE_RESTORE, {})
        return bool(rows) and rows[0][0] == "unread"

    async def write(self, rows: RowsByTable) -> None:
        with connection.cursor() as cursor:
            for table, found in rows.items():
                for row in found:
                    cursor.execute(insert_sql(table, tuple(row), "%({})s"), row)

    async def roll_back(self) -> None:
        """Leave everything as it is."""

    def close(self) -> None:
        """Keep the connection."""
