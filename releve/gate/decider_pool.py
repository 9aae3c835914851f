"""The deciders of a process: each is given all questions that wait, at once.

A question that arrives while one of them is free is decided at once, with those that arrive in the
same moment; those that arrive while all are deciding are the next group. No question waits for a
group to fill.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any

from releve.gate.decider import Decider
from releve.gate.decision import PendingQuestion
from releve.gate.protocol import Question, Reply, refuse_unjudged

__all__ = ["MAX_GROUP_SIZE", "DeciderPool"]

MAX_GROUP_SIZE = 50
"""Questions in one transaction: so many are judged well within the time that one may take."""

_AT_ONCE: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
"""A task is begun when it is made, not in the next turn of the event loop."""


class _QueuedQuestion:
    """A question, and the future that takes its reply."""

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
        """Give the connections up."""
        for one in self._all:
            one.close()
