"""Who may ask the gate: diallers and proxies, each with a secret and the campaigns it dials for.

``RELEVE_GATE_CALLERS`` names them: ``NAME=SECRET:CAMPAIGN,CAMPAIGN;NAME=SECRET:*``. A name may
stand there twice, while its secret is replaced. Without any, the gate answers this machine alone.

uvicorn's HTTP protocol with limits: on the time and size of a request, and on connections.

uvicorn waits for a request's headers and body without end. A connection on which a request is not
complete in time is closed, as is one that never begins one.

An ASGI application under uvicorn, on a socket that sends each piece of an answer at once.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from releve.plugins.outbound.gate.errors import CallersFault
from releve.plugins.outbound.gate.wal_checkpoints import share_metrics

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


REQUEST_SECONDS = 2.0
"""From the first byte of a request, or from the connection, to its last byte."""
MAX_REQUEST_BYTES = 16_384
"""Of the line, the headers and the body; a question has some hundreds."""
MAX_CONNECTIONS = 900
"""Of one worker, below the usual limit of 1,024 open files."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection."""

    _timer: asyncio.TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the time of the first request; refuse one connection too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take some bytes of a request; close where they are too many."""
        self._start_timer()
        self._received += len(data)
        super().data_received(data)
        if self._received > MAX_REQUEST_BYTES and not self.transport.is_closing():
            self.transport.abort()

    def on_message_complete(self) -> None:
        """End the time of this request."""
        self._stop_timer()
        self._received = 0
        super().on_message_complete()

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self._end_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.abort()


def serve_gate(factory: str, host: str, port: int, workers: int) -> None:
    """Serve what a ``module:function`` makes, in so many processes, until interrupted.

    uvicorn's own socket for several processes waits with the second piece of an answer until the
    first is acknowledged, which the other side puts off by 40 ms. Connections inherit the option
    from the socket that listens.
    """
    config = uvicorn.Config(
        factory, factory=True, host=host, port=port, workers=workers, access_log=False,
        log_level="warning", server_header=False, date_header=False, http=LimitedProtocol,
        ws="none", proxy_headers=False,
    )  # fmt: skip
    listening = config.bind_socket()
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # which it passes on when it has ended
        if workers > 1:
            with share_metrics():
                Multiprocess(config, sockets=[listening]).run()
        else:
            server.run(sockets=[listening])
            if not server.started:
                sys.exit(3)  # the status that uvicorn itself would end with
