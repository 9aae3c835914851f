"""Gates without an event loop: coroutines run to their end, over Django's own connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from django.db import connection

from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.gate import decision
from releve.plugins.outbound.gate.campaign_cache import CampaignCache
from releve.plugins.outbound.gate.connections import GateConnection, QuestionTerms, RowsByTable, insert_sql
from releve.plugins.outbound.gate.decider import Decider
from releve.plugins.outbound.gate.decision import PendingQuestion
from releve.plugins.outbound.gate.protocol import Question, Reply
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


Result = TypeVar("Result")


class _Loop:
    """An event loop of one thread, closed when the thread has ended."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def __del__(self) -> None:
        self.runner.close()


_own = threading.local()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run something in the event loop of this thread, always the same."""
    if not hasattr(_own, "loop"):
        _own.loop = _Loop()
    result: Result = _own.loop.runner.run(work)
    return result


def run_without_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what waits for nothing; Django's connection is refused within a loop."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise AssertionError("it waits for something")


def decide_all(
    store: GateConnection, asked: Sequence[PendingQuestion], rules: LegalRules, cache: CampaignCache | None = None
) -> list[Reply]:
    """Answer questions in one transaction."""
    work = decision.decide_group(store, asked, rules, cache or CampaignCache())
    return run_without_loop(work) if isinstance(store, DjangoStore) else run(work)


def decide(
    store: GateConnection, question: Question, rules: LegalRules, deadline: float, cache: CampaignCache | None = None
) -> Reply:
    """Answer a question."""
    (reply,) = decide_all(store, [PendingQuestion(question, deadline)], rules, cache)
    return reply


def answer_group(decider: Decider, *asked: PendingQuestion) -> list[Reply]:
    """Ask a decider about a group."""
    return run(decider.answer(asked))


def build_decider(
    law: Callable[[], LegalRules],
    opened: Callable[[float], GateConnection],
    seconds: float = 5,
    check: Callable[[], None] = lambda: None,
) -> Decider:
    """A decider whose law waits for nothing."""
    return Decider(_without_waiting(law), opened, seconds, check)


def _without_waiting(law: Callable[[], LegalRules]) -> Callable[[], Awaitable[LegalRules]]:
    async def load_nothing() -> LegalRules:
        return law()

    return load_nothing
