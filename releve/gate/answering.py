"""Who decides: threads with a connection each, which take all questions that wait at once.

A question that arrives while nobody decides is decided at once, alone; those that arrive while a
group is being decided are the next group. Nobody waits for more to come.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue

from releve.gate.asking import Question, Reply, no_answer
from releve.gate.commons import Commons
from releve.gate.deciding import Asked, decide_all
from releve.gate.stores import Away, Store
from releve.outbound import Rules

__all__ = ["MOST_TOGETHER", "NO_CALL", "Decider", "Deciders"]

MOST_TOGETHER = 50
"""Questions in one transaction: so many are judged well within the time that one may take."""

NO_CALL = Question("+33100000000", "-", "no-call", 0)
"""A question without a campaign: all is looked up that could be, and nothing decided."""

_log = logging.getLogger("releve.gate")


class Decider:
    """One connection, and what is kept of campaigns; for one thread at a time."""

    def __init__(
        self, law: Callable[[], Rules], opened: Callable[[float], Store], seconds: float
    ) -> None:
        self._law, self._opened, self._seconds = law, opened, seconds
        self._store: Store | None = None
        self._commons = Commons()

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Answer questions; whatever goes wrong refuses.

        Where one of them sinks the group, each is answered alone.
        """
        try:
            if self._store is None:
                self._store = self._opened(self._seconds)
            return decide_all(self._store, asked, self._law(), self._commons)
        except Away as error:
            _log.warning("the database does not answer: %s", error)
            self.close()
            return [no_answer("GATE-DATABASE")] * len(asked)
        except Exception:
            if len(asked) > 1:
                return [reply for one in asked for reply in self.answer([one])]
            _log.exception("a question could not be answered")
            self.close()
            return [no_answer("GATE-FAULT")]

    def warm_up(self) -> None:
        """Connect, read the law and look something up, so that the first call does not wait."""
        until = time.monotonic() + self._seconds
        self.answer([Asked(NO_CALL, until)])

    def close(self) -> None:
        """Give the connection up: the next question opens a new one."""
        store, self._store = self._store, None
        if store is not None:
            store.close()


class _Waiting:
    """A question, and whom to tell."""

    __slots__ = ("asked", "future", "loop")

    def __init__(self, asked: Asked, future: asyncio.Future[Reply]) -> None:
        self.asked, self.future, self.loop = asked, future, future.get_loop()


class Deciders:
    """Threads that decide, started before the first question or with it."""

    def __init__(self, made: Callable[[], Decider], threads: int) -> None:
        self._made, self._threads = made, threads
        self._asked: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._running = False
        self._warm = threading.Semaphore(0)

    def start(self) -> None:
        """Start the threads; return when each has looked something up, or failed to."""
        if not self._running:
            self._run(self._warmed_up)
            for _ in range(self._threads):
                self._warm.acquire()

    def _run(self, work: Callable[[], None]) -> None:
        self._running = True
        for number in range(self._threads):
            threading.Thread(target=work, name=f"gate-{number}", daemon=True).start()

    def ask(self, question: Question, deadline: float) -> asyncio.Future[Reply]:
        """Return the reply to come; in the event loop."""
        if not self._running:
            self._run(lambda: self._work(self._made()))
        waiting = _Waiting(Asked(question, deadline), asyncio.get_running_loop().create_future())
        self._asked.put(waiting)
        return waiting.future

    def close(self) -> None:
        """Let the threads end with what they are doing."""
        if self._running:
            self._running = False
            for _ in range(self._threads):
                self._asked.put(None)

    def _warmed_up(self) -> None:
        try:
            decider = self._made()
            decider.warm_up()
        finally:
            self._warm.release()
        self._work(decider)

    def _work(self, decider: Decider) -> None:
        goes_on = True
        while goes_on:
            group, goes_on = self._next()
            if group:
                replies = decider.answer([one.asked for one in group])
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    group[0].loop.call_soon_threadsafe(_tell, group, replies)
        decider.close()

    def _next(self) -> tuple[list[_Waiting], bool]:
        """Wait for a question; return it and all that wait behind it, and whether to go on."""
        group: list[_Waiting] = []
        one = self._asked.get()
        with suppress(Empty):
            while one is not None:
                group.append(one)
                if len(group) == MOST_TOGETHER:
                    break
                one = self._asked.get_nowait()
        return group, one is not None


def _tell(group: Sequence[_Waiting], replies: Sequence[Reply]) -> None:
    for one, reply in zip(group, replies, strict=True):
        if not one.future.done():
            one.future.set_result(reply)
