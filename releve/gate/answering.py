"""Who decides: one connection to the database, and the groups that it is asked about.

A decider runs beside the process that listens (``releve.gate.beside``) and is asked over a pair of
sockets, a line a group: that process would else wait for each line of Python here, and this one for
it. The lines are JSON.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter

from releve.gate.asking import Question, Reply, no_answer
from releve.gate.commons import Commons
from releve.gate.deciding import Asked, decide_all
from releve.gate.stores import Away, Store
from releve.outbound import Rules

__all__ = [
    "NO_CALL", "Decider", "answer_on", "asked_line", "asked_of", "replies_line", "replies_of",
]  # fmt: skip

NO_CALL = Question("+33100000000", "-", "no-call", 0)
"""A question without a campaign: all is looked up that could be, and nothing decided."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ASKED = attrgetter("to", "camp", "ci", "cs", "cli", "who", "agent")
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


def answer_on(asking: socket.socket, decider: Decider) -> None:
    """Answer the groups that come over a connection, until its other end is closed.

    The first line, which answers nothing, says that it begins.
    """
    try:
        with asking, asking.makefile("rb") as groups, suppress(ConnectionError):
            asking.sendall(replies_line([]))
            for line in groups:
                asking.sendall(replies_line(decider.answer(asked_of(line))))
    finally:
        decider.close()


def asked_line(asked: Sequence[Asked]) -> bytes:
    """Return a group as a decider is asked about it."""
    return _line([[one.deadline, *_ASKED(one.question)] for one in asked])


def asked_of(line: bytes) -> list[Asked]:
    """Return the group of a line."""
    return [Asked(Question(*fields), deadline) for deadline, *fields in json.loads(line)]


def replies_line(replies: Sequence[Reply]) -> bytes:
    """Return replies as a decider tells them."""
    return _line([[one.status, one.text, one.reasons] for one in replies])


def replies_of(line: bytes) -> list[Reply]:
    """Return the replies of a line."""
    return [Reply(*fields) for fields in json.loads(line)]


def _line(rows: list[list[object]]) -> bytes:
    return f"{_ENCODER.encode(rows)}\n".encode()
