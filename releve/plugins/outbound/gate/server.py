"""Serve the gate by uvicorn, with bounds on what a connection may hold.

A worker loads Django first, then all that needs its models: this module imports none of it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from releve.files.home import require_home
from releve.plugins.outbound.gate.wal_checkpoints import share_metrics

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


if TYPE_CHECKING:
    from releve.plugins.outbound.gate.app import Gate

_CONNECTIONS = 2
"""Groups that are decided at a time on a database that has more than one writer."""


def application() -> Gate:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings

    django.setup()
    require_home(Path(settings.HOME))
    from releve.plugins.outbound.gate.app import BUDGET_SECONDS, Gate, parse_callers
    from releve.plugins.outbound.gate.campaign_cache import load_stored_rules
    from releve.plugins.outbound.gate.connections import open_connection
    from releve.plugins.outbound.gate.current_rules import load_current_rules
    from releve.plugins.outbound.gate.decider import Decider
    from releve.plugins.outbound.gate.journal import check_ledger
    from releve.plugins.outbound.gate.wal_checkpoints import start_checkpoints

    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    load_current_rules()  # read before the first question
    if sqlite:
        start_checkpoints(settings.DATABASES["default"]["NAME"])
    count = 1 if sqlite else _CONNECTIONS

    deciders = [Decider(load_stored_rules, open_connection, BUDGET_SECONDS, check_ledger) for _ in range(count)]
    callers = parse_callers(settings.GATE_CALLERS)
    return Gate(load_current_rules, deciders, callers=callers, ready=_freeze_loaded)


def _freeze_loaded() -> None:
    """Let what is loaded by now stay: no later collection walks through it."""
    gc.collect()
    gc.freeze()
