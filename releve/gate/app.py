"""The gate over HTTP: a raw ASGI application, answering within its budget or refusing.

``/gate`` takes ``to, cli, camp, ci, cs`` by GET or as a form by POST; ``/health`` says whether it
could decide. Decisions are made in threads that own one connection each; SQLite has one, since it
has one writer.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from releve.gate.asking import Question, Reply, no_answer, question_of
from releve.gate.deciding import decide
from releve.gate.stores import Away, Store, open_store
from releve.outbound import Rules

__all__ = ["BUDGET_SECONDS", "THREADS", "Gate"]

BUDGET_SECONDS = 0.8
THREADS = 4
"""Connections a process, where the database has more than one writer."""
_MOST_WAITING = 500
_MOST_BODY = 4096

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_log = logging.getLogger("releve.gate")


class Gate:
    """The application: threads with a connection each, a limit on who waits.

    ``law`` is asked for the rules at each question, so that a row that is closed or added binds the
    next call; where they cannot be read, every call is refused.
    """

    def __init__(
        self,
        law: Callable[[], Rules],
        opened: Callable[[float], Store] = open_store,
        *,
        threads: int = THREADS,
        budget: float = BUDGET_SECONDS,
    ) -> None:
        self._law, self._opened, self._budget = law, opened, budget
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(threads, "gate")
        self._waiting = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of uvicorn."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._reply(scope, receive))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
        self._pool.shutdown(wait=False, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: Message, receive: Receive) -> Reply:
        if scope["path"] == "/health":
            return await self._in_time(self.health)
        if scope["path"] != "/gate" or scope["method"] not in ("GET", "POST"):
            return Reply(404, "refuse GATE-CALL\n", "GATE-CALL")
        query = scope["query_string"].decode("ascii", "replace")
        if scope["method"] == "POST":
            query = await _body(receive) or query
        question = question_of(query)
        if question is None:
            return no_answer("GATE-CALL")
        deadline = time.monotonic() + self._budget
        return await self._in_time(lambda: self.answer(question, deadline))

    async def _in_time(self, work: Callable[[], Reply]) -> Reply:
        """Do something in a thread; refuse when it takes longer than the budget.

        The thread goes on, and finds the deadline past before it would commit.
        """
        if self._waiting >= _MOST_WAITING:
            return no_answer("GATE-BUSY")
        self._waiting += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, work)
            return await asyncio.wait_for(future, self._budget)
        except TimeoutError:
            return no_answer("GATE-LATE")
        finally:
            self._waiting -= 1

    def answer(self, question: Question, deadline: float) -> Reply:
        """Answer a question in this thread; whatever goes wrong refuses."""
        if time.monotonic() > deadline:
            return no_answer("GATE-LATE")
        try:
            return decide(self._store(), question, self._law(), deadline)
        except Away as error:
            _log.warning("the database does not answer: %s", error)
            self._drop()
            return no_answer("GATE-DATABASE")
        except Exception:
            _log.exception("a question could not be answered")
            self._drop()
            return no_answer("GATE-FAULT")

    def health(self) -> Reply:
        """Say whether a question could be decided, apart from its own facts."""
        question = Question("+33100000000", "-", "health", 0)
        found = self.answer(question, time.monotonic() + self._budget)
        if found.reasons == "GATE-CAMPAIGN":  # all that is missing is a campaign
            return Reply(200, f"ok {self._law().version[:12]}\n")
        return Reply(503, f"refuse {found.reasons}\n", found.reasons)

    def _store(self) -> Store:
        if getattr(self._own, "store", None) is None:
            self._own.store = self._opened(self._budget)
        store: Store = self._own.store
        return store

    def _drop(self) -> None:
        """Give this thread's connection up: the next question opens a new one."""
        store, self._own.store = getattr(self._own, "store", None), None
        if store is not None:
            store.close()


async def _body(receive: Receive) -> str:
    parts, more = b"", True
    while more and len(parts) <= _MOST_BODY:
        message = await receive()
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    return "=" if len(parts) > _MOST_BODY else parts.decode("ascii", "replace")


async def _send(send: Send, reply: Reply) -> None:
    body = reply.text.encode("ascii")
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    if reply.reasons:
        headers.append((b"x-gate-reason", reply.reasons.encode("ascii")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
