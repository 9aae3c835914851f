"""Deciders: connections with their caches of campaign facts, which share the waiting questions.

A question that arrives while a decider is free is decided at once, with those of the same moment;
those that arrive while all are deciding are the next group. No question waits for a group to fill.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from releve.ledger.guards import LedgerBehind
from releve.ledger.rollback import TRUSTED_SECONDS
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.gate.campaign_cache import CampaignCache
from releve.plugins.outbound.gate.connections import GateConnection, check_key
from releve.plugins.outbound.gate.decision import PendingQuestion, decide_group
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, KeyFault, Restored
from releve.plugins.outbound.gate.protocol import Question, Reply, refuse_unjudged

PROBE = Question("+33100000000", "-", "no-call", 0)
"""A question without a campaign: all is looked up that could be, and nothing decided."""

_log = logging.getLogger("releve.plugins.outbound.gate")
_REFUSING = {KeyFault: "GATE-KEY", Restored: "GATE-RESTORED", LedgerBehind: "GATE-BEHIND"}
"""States of the installation in which every call is refused."""


class Decider:
    """One connection, and what is kept of campaigns; for one group of questions at a time.

    ``check`` raises where the database is behind its ledger; it runs in a thread, after each
    opening and once every TRUSTED_SECONDS from then on.
    """

    def __init__(
        self,
        law: Callable[[], Awaitable[LegalRules]],
        opened: Callable[[float], GateConnection],
        seconds: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._law, self._opened, self._seconds = law, opened, seconds
        self._check, self._checked = check, 0.0
        self._store: GateConnection | None = None
        self._commons = CampaignCache()

    async def answer(self, asked: Sequence[PendingQuestion]) -> list[Reply]:
        """Answer questions; whatever goes wrong refuses.

        Where one of them sinks the group, each is answered alone.
        """
        if time.monotonic() > max(one.deadline for one in asked):
            return [refuse_unjudged("GATE-LATE")] * len(asked)
        try:
            if self._store is None:  # the server may be waited for
                self._store = await self._open()
            elif time.monotonic() >= self._checked + TRUSTED_SECONDS:
                await self._check_ledger()
            return await decide_group(self._store, asked, await self._law(), self._commons)
        except DatabaseUnavailable as error:
            _log.warning("the database does not answer: %s", error)
            self.close()
            return [refuse_unjudged("GATE-DATABASE")] * len(asked)
        except (KeyFault, Restored, LedgerBehind) as error:
            _log.error("every call is refused: %s", error)
            self.close()
            code = next(code for kind, code in _REFUSING.items() if isinstance(error, kind))
            return [refuse_unjudged(code)] * len(asked)
        except Exception:
            if len(asked) > 1:
                return [reply for one in asked for reply in await self.answer([one])]
            _log.exception("a question could not be answered")
            self.close()
            return [refuse_unjudged("GATE-FAULT")]
        except BaseException:  # broken off: answers may be on their way
            self.close()
            raise

    async def _open(self) -> GateConnection:
        """Return a connection to rows of this process's key, read since any restore."""
        store = await asyncio.to_thread(self._opened, self._seconds)
        try:
            await self._check_ledger()
            await check_key(store)
            if await store.is_unread_since_restore():
                raise Restored("a backup was put back; read the registers again: docs/backup.md")
        except BaseException:
            store.close()
            raise
        return store

    async def _check_ledger(self) -> None:
        """Refuse a database that is behind its ledger; one that does not say so in time too."""
        limit = 2 * self._seconds
        try:
            await asyncio.wait_for(asyncio.to_thread(self._check), limit)
        except TimeoutError as error:
            raise DatabaseUnavailable(f"its ledger could not be read within {limit} s") from error
        self._checked = time.monotonic()

    async def warm_up(self) -> None:
        """Connect, read the law and look something up, so that the first call does not wait."""
        until = time.monotonic() + self._seconds
        await self.answer([PendingQuestion(PROBE, until)])

    def close(self) -> None:
        """Give the connection up: the next question opens a new one."""
        store, self._store = self._store, None
        if store is not None:
            store.close()


MAX_GROUP_SIZE = 50
"""Questions in one transaction: so many are judged well within the time that one may take."""

_AT_ONCE: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""A task is begun when it is made, not in the next turn of the event loop."""


class _QueuedQuestion:
    __slots__ = ("asked", "future")

    def __init__(self, asked: PendingQuestion, future: asyncio.Future[Reply]) -> None:
        self.asked, self.future = asked, future

    def resolve(self, reply: Reply) -> None:
        if not self.future.done():
            self.future.set_result(reply)


class DeciderPool:
    """So many of them; for one event loop."""

    def __init__(self, deciders: Sequence[Decider]) -> None:
        self._all, self._free = list(deciders), list(deciders)
        self._waiting: deque[_QueuedQuestion] = deque()
        self._given = False
        """Whether waiting questions are about to go to free deciders."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Return when each has looked something up, or has tried."""
        await asyncio.gather(*(one.warm_up() for one in self._all))

    def ask(self, question: Question, deadline: float) -> asyncio.Future[Reply]:
        """Return the reply to come; in the event loop."""
        while self._waiting and self._waiting[0].future.done():  # while none is free
            self._waiting.popleft()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_QueuedQuestion(PendingQuestion(question, deadline), future))
        self._give_soon()
        return future

    def _give_soon(self) -> None:
        """Give what waits to those who are free, after what else has arrived by now."""
        if self._free and self._waiting and not self._given:
            self._given = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        """Give one group: a decider that need not wait has decided on it by the end of this."""
        self._given = False
        if not self._free or not (group := self._next_group()):
            return
        work = self._decide_group(self._free.pop(), group)
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), **_AT_ONCE)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._give_soon()

    def _next_group(self) -> list[_QueuedQuestion]:
        group: list[_QueuedQuestion] = []
        while self._waiting and len(group) < MAX_GROUP_SIZE:
            one = self._waiting.popleft()
            if not one.future.done():
                group.append(one)
        return group

    async def _decide_group(self, decider: Decider, group: Sequence[_QueuedQuestion]) -> None:
        replies = [refuse_unjudged("GATE-FAULT")] * len(group)
        try:
            replies = await decider.answer([one.asked for one in group])
        finally:  # also where the loop ends meanwhile
            self._free.append(decider)
            for one, reply in zip(group, replies, strict=True):
                one.resolve(reply)
            self._give_soon()

    def close(self) -> None:
        for one in self._all:
            one.close()
