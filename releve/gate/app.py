"""The gate over HTTP: an ASGI application that answers within its budget or refuses.

``/gate`` takes ``to, cli, camp, ci, cs`` by GET or as a form by POST, and explains its answer as
JSON where the request accepts that; ``/health`` reports whether it can decide. Decisions are made
in the event loop: handing them to another process made every answer slower.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from typing import Any

from releve.gate.decider import PROBE, Decider
from releve.gate.decider_pool import DeciderPool
from releve.gate.explanation import explain_refusal
from releve.gate.protocol import Question, Reply, parse_question, refuse_unjudged
from releve.outbound import LegalRules

__all__ = ["BUDGET_SECONDS", "Gate"]

BUDGET_SECONDS = 0.8
_MOST_WAITING = 500
_MOST_BODY = 4096

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Gate:
    """The application: those who decide, and a limit on who waits for them.

    ``law`` tells the rules, whose version is part of the gate's health. ``ready`` is called before
    the first question, once all who decide have tried to look something up.
    """

    def __init__(
        self,
        law: Callable[[], LegalRules],
        deciders: Sequence[Decider],
        *,
        budget: float = BUDGET_SECONDS,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._law, self._budget, self._ready = law, budget, ready
        self._deciders = DeciderPool(deciders)
        self._waiting = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of uvicorn."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await _send_reply(send, await self._route(scope, receive))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            if message["type"] == "lifespan.startup":
                await self._deciders.start()
                self._ready()
                await send({"type": "lifespan.startup.complete"})
        self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _route(self, scope: Message, receive: Receive) -> Reply:
        if scope["path"] == "/health":
            return await self.health()
        if scope["path"] != "/gate" or scope["method"] not in ("GET", "POST"):
            return Reply(404, "refuse GATE-CALL\n", "GATE-CALL")
        query = scope["query_string"].decode("ascii", "replace")
        if scope["method"] == "POST":
            query = await _read_body(receive) or query
        if not _accepts_json(scope):
            question = parse_question(query)
            return refuse_unjudged("GATE-CALL") if question is None else await self.answer(question)
        question = parse_question(query, explain=True)
        reply = refuse_unjudged("GATE-CALL") if question is None else await self.answer(question)
        if reply.document is not None:
            return reply
        return replace(reply, document=explain_refusal(reply))

    async def answer(self, question: Question) -> Reply:
        """Answer a question, or refuse it when the budget is spent.

        A decider checks the deadline before it commits.
        """
        if self._waiting >= _MOST_WAITING:
            return refuse_unjudged("GATE-BUSY")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future = self._deciders.ask(question, time.monotonic() + self._budget)
        timer = loop.call_later(self._budget, _refuse_late, future)
        try:
            return await future
        finally:
            timer.cancel()
            self._waiting -= 1

    async def health(self) -> Reply:
        """Say whether a question could be decided, apart from its own facts."""
        found = await self.answer(PROBE)
        if found.reasons == "GATE-CAMPAIGN":  # all that is missing is a campaign
            return Reply(200, f"ok {self._law().version[:12]}\n")
        return Reply(503, f"refuse {found.reasons}\n", found.reasons)

    def close(self) -> None:
        """Decide on nothing more."""
        self._deciders.close()


def _refuse_late(future: asyncio.Future[Reply]) -> None:
    if not future.done():
        future.set_result(refuse_unjudged("GATE-LATE"))


def _accepts_json(scope: Message) -> bool:
    headers = scope.get("headers", ())
    return any(name == b"accept" and b"application/json" in value for name, value in headers)


async def _read_body(receive: Receive) -> str:
    parts, more = b"", True
    while more and len(parts) <= _MOST_BODY:
        message = await receive()
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    return "=" if len(parts) > _MOST_BODY else parts.decode("ascii", "replace")


async def _send_reply(send: Send, reply: Reply) -> None:
    if reply.document is None:
        body, kind = reply.text.encode("ascii"), b"text/plain"
    else:
        body, kind = json.dumps(reply.document, ensure_ascii=False).encode(), b"application/json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if reply.reasons:
        headers.append((b"x-gate-reason", reply.reasons.encode("ascii")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
