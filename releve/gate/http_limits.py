"""uvicorn's HTTP protocol with limits: on the time and size of a request, and on connections.

uvicorn waits for a request's headers and body without end. A connection on which a request is not
complete in time is closed, as is one that never begins one.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MAX_CONNECTIONS", "MAX_REQUEST_BYTES", "REQUEST_SECONDS", "LimitedProtocol"]

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
