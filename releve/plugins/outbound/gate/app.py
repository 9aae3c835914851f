"""The gate over HTTP: an ASGI application that answers within its budget or refuses.

``/gate`` takes ``to, cli, camp, ci, cs`` by GET or as a form by POST, and explains its answer as
JSON where the request accepts that; ``/health`` reports whether it can decide. Who asks is checked
first; the body is read within the budget. Decisions are made in the event loop: handing them to
another process made every answer slower.

``RELEVE_GATE_CALLERS`` names who may ask, diallers and proxies, each with a secret and the
campaigns it dials for: ``NAME=SECRET:CAMPAIGN,CAMPAIGN;NAME=SECRET:*``. A name may stand there
twice, while its secret is replaced. Without any, the gate answers this machine alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from releve.environment import is_loopback
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.gate.decider import PROBE, Decider, DeciderPool
from releve.plugins.outbound.gate.decision import explain_refusal
from releve.plugins.outbound.gate.errors import CallersFault
from releve.plugins.outbound.gate.protocol import Question, Reply, parse_question, refuse_unjudged
from releve.plugins.outbound.gate.wal_checkpoints import note_answer, render_gate_metrics

SETTING = "RELEVE_GATE_CALLERS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET = re.compile(r"[A-Za-z0-9._~+/-]{32,256}")
_SCHEME = b"bearer "


@dataclass(frozen=True, slots=True)
class GateCaller:
    """A caller of the gate; ``campaigns`` None: it may ask for every campaign."""

    name: str
    digest: bytes
    campaigns: frozenset[str] | None


def parse_callers(text: str) -> tuple[GateCaller, ...]:
    """Return the callers of a setting; CallersFault names the place, and shows no secret."""
    parts = [part for part in map(str.strip, text.split(";")) if part]
    return tuple(_parse_caller(place, part) for place, part in enumerate(parts, 1))


def _parse_caller(place: int, text: str) -> GateCaller:
    name, _, rest = text.partition("=")
    secret, _, listed = rest.partition(":")
    campaigns = frozenset(part for part in map(str.strip, listed.split(",")) if part)
    name, secret = name.strip(), secret.strip()
    if not _NAME.fullmatch(name):
        raise _fault(place, "has no name: write NAME=SECRET:CAMPAIGN,CAMPAIGN")
    if not _SECRET.fullmatch(secret):
        wanted = "32 to 256 letters, digits and ._~+/-, such as `openssl rand -hex 32` gives"
        raise _fault(place, f"({name}) needs a secret of {wanted}")
    if not campaigns or ("*" in campaigns and len(campaigns) > 1):
        raise _fault(place, f"({name}) needs its campaigns after a colon, or * for every one")
    return GateCaller(name, _hash(secret.encode()), None if "*" in campaigns else campaigns)


def _fault(place: int, what: str) -> CallersFault:
    return CallersFault(f"{SETTING}: caller {place} {what}")


def find_caller(callers: Sequence[GateCaller], header: bytes) -> GateCaller | None:
    """Return the caller whose secret an Authorization header carries (``Bearer SECRET``).

    Every caller is compared, each in constant time, so that the time tells nothing.
    """
    if header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    given, found = _hash(header[len(_SCHEME) :].strip()), None
    for caller in callers:
        if hmac.compare_digest(given, caller.digest):
            found = caller
    return found


def _hash(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


BUDGET_SECONDS = 0.8
_MOST_WAITING = 500
_MOST_BODY = 4096
_SOCKET_FILE = ("localhost", 0)
"""The address of a caller that has none: it came by a file of this machine."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Gate:
    """The application: those who decide, and a limit on who waits for them.

    ``callers`` may ask, each for its campaigns; without any, only programs of this machine.
    ``law`` tells the rules, whose version is part of the gate's health. ``ready`` is called before
    the first question, once all who decide have tried to look something up.
    """

    def __init__(
        self,
        law: Callable[[], LegalRules],
        deciders: Sequence[Decider],
        *,
        callers: Sequence[GateCaller] = (),
        budget: float = BUDGET_SECONDS,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._law, self._budget, self._ready = law, budget, ready
        self._callers = callers
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
        if scope["path"] == "/metrics" and self._may_watch(scope):
            return Reply(200, render_gate_metrics())
        if scope["path"] != "/gate" or scope["method"] not in ("GET", "POST"):
            return Reply(404, "refuse GATE-CALL\n", "GATE-CALL")
        began = time.perf_counter()
        reply = await self._explain(scope, receive)
        note_answer(reply, time.perf_counter() - began)
        return reply

    def _may_watch(self, scope: Message) -> bool:
        """Return whether the metrics are for this client: of this machine, or one that may ask."""
        if is_loopback((scope.get("client") or _SOCKET_FILE)[0]):
            return True
        return find_caller(self._callers, _find_header(scope, b"authorization")) is not None

    async def _explain(self, scope: Message, receive: Receive) -> Reply:
        """Answer a question; with its reasons as JSON where the request accepts that."""
        explain = _find_header(scope, b"accept").find(b"application/json") >= 0
        reply = await self._ask(scope, receive, explain)
        if not explain or reply.document is not None:
            return reply
        return replace(reply, document=explain_refusal(reply))

    async def _ask(self, scope: Message, receive: Receive, explain: bool) -> Reply:
        """Answer a request by a caller that may ask; another one's body is not read."""
        deadline, campaigns = time.monotonic() + self._budget, None
        if self._callers:
            caller = find_caller(self._callers, _find_header(scope, b"authorization"))
            if caller is None:
                return refuse_unjudged("GATE-CALLER")
            campaigns = caller.campaigns
        elif not is_loopback((scope.get("client") or _SOCKET_FILE)[0]):
            return refuse_unjudged("GATE-CALLER")
        query = scope["query_string"].decode("ascii", "replace")
        if scope["method"] == "POST":
            if isinstance(sent := await self._read_form(scope, receive, deadline), Reply):
                return sent
            query = sent or query
        question = parse_question(query, explain=explain)
        if question is None:
            return refuse_unjudged("GATE-CALL")
        if campaigns is not None and question.camp not in campaigns:
            return replace(refuse_unjudged("GATE-CALLER"), status=403)
        return await self.answer(question, deadline)

    async def _read_form(self, scope: Message, receive: Receive, deadline: float) -> str | Reply:
        """Return the body of a request as text, or a refusal where it is too long or too slow."""
        length = _find_header(scope, b"content-length")
        if length.isdigit() and int(length) > _MOST_BODY:
            return refuse_unjudged("GATE-CALL")
        if self._waiting >= _MOST_WAITING:
            return refuse_unjudged("GATE-BUSY")
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                body = await _read_body(receive)
        except TimeoutError:
            return refuse_unjudged("GATE-LATE")
        finally:
            self._waiting -= 1
        return refuse_unjudged("GATE-CALL") if body is None else body

    async def answer(self, question: Question, deadline: float | None = None) -> Reply:
        """Answer a question, or refuse it when the budget is spent.

        A decider checks the deadline before it commits.
        """
        if self._waiting >= _MOST_WAITING:
            return refuse_unjudged("GATE-BUSY")
        self._waiting += 1
        loop, now = asyncio.get_running_loop(), time.monotonic()
        deadline = now + self._budget if deadline is None else deadline
        future = self._deciders.ask(question, deadline)
        timer = loop.call_later(deadline - now, _refuse_late, future)
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


def _find_header(scope: Message, name: bytes) -> bytes:
    """Return the values of a header, joined by commas; empty where there is none."""
    return b",".join(value for named, value in scope.get("headers", ()) if named == name)


async def _read_body(receive: Receive) -> str | None:
    """Return the body of a request; None where it is too long or breaks off."""
    parts, more = b"", True
    while more:
        message = await receive()
        parts += message.get("body", b"")
        if message["type"] != "http.request" or len(parts) > _MOST_BODY:
            return None
        more = message.get("more_body", False)
    return parts.decode("ascii", "replace")


async def _send_reply(send: Send, reply: Reply) -> None:
    if reply.document is None:
        body, kind = reply.text.encode("ascii"), b"text/plain"
    else:
        body, kind = json.dumps(reply.document, ensure_ascii=False).encode(), b"application/json"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    if reply.reasons:
        headers.append((b"x-gate-reason", reply.reasons.encode("ascii")))
    if reply.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
