"""The deciders of a process that listens: each is given all questions that wait, at once.

A question that arrives while one of them is free is decided at once, alone; those that arrive while
all are deciding are the next group. Nobody waits for more to come. One that ends has another after
it; what it was deciding is refused, and a repeat is told what was committed. One that hangs is
ended.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence

from releve.gate.answering import asked_line, replies_of
from releve.gate.asking import Question, Reply, no_answer
from releve.gate.deciding import Asked

__all__ = ["MOST_TOGETHER", "Deciders", "Start"]

MOST_TOGETHER = 50
"""Questions in one transaction: so many are judged well within the time that one may take."""

Start = Callable[[socket.socket], Callable[[], object]]
"""Starts what answers on a socket (:func:`releve.gate.answering.answer_on`), which is its own.

Returns what ends it at once, whatever it is doing. OSError where it cannot start: the machine has
no process or no memory left.
"""

_AGAIN_SECONDS = 1.0
"""Before one is started after one that never answered."""
_HANGS_SECONDS, _BEGINS_SECONDS = 10.0, 60.0
"""Without an answer, or without having begun, after which one is ended: it may hold locks. Each
wait of its own for the database ends within five seconds."""
_LOOK_SECONDS = 1.0
"""Between two looks whether one hangs."""
_MOST_BYTES = 2**18
"""Of a group: it is sent without waiting."""
_log = logging.getLogger("releve.gate")


class _Waiting:
    """A question, and whom to tell."""

    __slots__ = ("asked", "future")

    def __init__(self, asked: Asked, future: asyncio.Future[Reply]) -> None:
        self.asked, self.future = asked, future

    def tell(self, reply: Reply) -> None:
        if not self.future.done():
            self.future.set_result(reply)


class Deciders:
    """So many of them, started before the first question or with it; for one event loop."""

    def __init__(self, start: Start, count: int) -> None:
        self._start, self._count = start, count
        self._open: set[_Line] = set()
        self._free: list[_Line] = []
        self._waiting: deque[_Waiting] = deque()
        self._running = False
        self._looking: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Start them; return when each has looked something up, or ended."""
        if not self._running:
            self._run()
            await asyncio.gather(*(line.begun for line in self._open))

    def _run(self) -> None:
        self._running = True
        for _ in range(self._count):
            self._add()
        self._look()

    def _look(self) -> None:
        """End those that hang, from time to time."""
        now = time.monotonic()
        for line in list(self._open):
            if now > line.until:
                _log.error("a decider does not answer any more; it is ended")
                line.end()
        self._looking = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _add(self) -> None:
        if not self._running:
            return
        try:
            self._open.add(_Line(self._start, self._freed, self._lost))
        except OSError:
            _log.exception("a decider cannot be started; it is tried again")
            self._add_after(_AGAIN_SECONDS)

    def _add_after(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._add)

    def ask(self, question: Question, deadline: float) -> asyncio.Future[Reply]:
        """Return the reply to come; in the event loop."""
        if not self._running:
            self._run()
        while self._waiting and self._waiting[0].future.done():  # while none decides
            self._waiting.popleft()
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(Asked(question, deadline), future))
        if self._free:
            self._freed(self._free.pop())
        return future

    def _freed(self, line: _Line) -> None:
        """Give a decider all that waits, or let it wait itself."""
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST_TOGETHER:
            one = self._waiting.popleft()
            if not one.future.done():
                group.append(one)
        if group:
            line.decide(group)
        else:
            self._free.append(line)

    def _lost(self, line: _Line) -> None:
        self._open.discard(line)
        if line in self._free:
            self._free.remove(line)
        if self._running:
            _log.warning("a decider has ended; another is started")
            self._add_after(0.0 if line.begun.result() else _AGAIN_SECONDS)

    def close(self) -> None:
        """Let them end with what they are doing."""
        self._running = False
        if self._looking is not None:
            self._looking.cancel()
        for line in list(self._open):
            line.close()


class _Line:
    """The connection to a decider, and the group that it is deciding; at first: none, not ready."""

    def __init__(
        self, start: Start, freed: Callable[[_Line], None], lost: Callable[[_Line], None]
    ) -> None:
        self._freed, self._lost = freed, lost
        self._loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[bool] = self._loop.create_future()
        self.until = time.monotonic() + _BEGINS_SECONDS
        """When it must have answered, on the clock of ``time.monotonic``."""
        self._group: Sequence[_Waiting] = ()
        self._got = b""
        self._socket, there = socket.socketpair()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
        try:
            self._end = start(there)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    def decide(self, group: Sequence[_Waiting]) -> None:
        """Ask about a group, once the one before is answered: so nothing stands in line."""
        self._group, self.until = group, time.monotonic() + _HANGS_SECONDS
        try:
            self._socket.sendall(asked_line([one.asked for one in group]))
        except OSError:
            self.close()

    def _read(self) -> None:
        try:
            found = self._socket.recv(_MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:
            found = b""
        if not found:
            self.close()
            return
        self._got += found
        if not self._got.endswith(b"\n"):
            return
        group, replies, self._got = self._group, replies_of(self._got), b""
        self._group, self.until = (), math.inf
        if not self.begun.done():
            self.begun.set_result(True)
        self._freed(self)  # it decides on the next while these are told
        for one, reply in zip(group, replies, strict=True):
            one.tell(reply)

    def end(self) -> None:
        """End it at once, so that nothing is held by it, and hang up."""
        self._end()
        self.close()

    def close(self) -> None:
        """Hang up; whatever was being decided is refused."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if not self.begun.done():
            self.begun.set_result(False)
        for one in self._group:
            one.tell(no_answer("GATE-FAULT"))
        self._group = ()
        self._lost(self)
