"""The desk's production server: waitress, with limits on what a client may take and how slowly.

Waitress reads each request whole, in one thread and without waiting, before one of its worker
threads answers it, and sends the answer on its own: a slow client holds a connection, never a
thread. Added here are the least rate at which a request has to arrive and an answer to be taken,
and a stop that answers what has begun.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from releve.desk.http import LARGEST_BODY_BYTES, STOPPING

MOST_CONNECTIONS = 700
"""Below the 1,024 files that a process may open by default."""
MOST_HEADER_BYTES = 16 * 1024
IDLE_SECONDS = 15
"""A connection without a request is closed after so long."""
GRACE_SECONDS, LEAST_BYTES_PER_SECOND = 20, 2000
"""A request that has not arrived whole, or an answer that is not taken, is given up after the
grace, and a second more for each so many bytes that moved."""
STOP_SECONDS = 25
_BACKLOG = 1024
_NEVER_HOLD_A_THREAD = 2**40
"""An answer that its client does not take waits in a file, never in the thread that made it."""


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Waitress's log without the addresses of requests, which hold tokens and ids of people."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Cut a message before the address."""
        said, serving, _address = msg.partition(" while serving ")
        return f"{said}{serving}a request" if serving else said, kwargs


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when a request has been arriving, and an answer leaving."""

    logger = _Log(logging.getLogger("waitress"))
    arriving_since: float | None = None
    arrived = 0
    leaving_since: float | None = None
    to_leave = 0

    def received(self, data: bytes) -> bool:
        """Take bytes of a request."""
        if self.request is None:
            self.arriving_since, self.arrived = time.time(), 0
        self.arrived += len(data)
        found: bool = super().received(data)
        if self.request is None:
            self.arriving_since = None
        return found

    def is_too_slow(self, now: float) -> bool:
        """Return whether the client sends its request, or takes its answer, too slowly."""
        if self.requests:  # the delay is the desk's own
            return False
        if self.arriving_since is not None:
            return _is_late(now, self.arriving_since, self.arrived)
        if not self.total_outbufs_len:
            self.leaving_since = None
            return False
        if self.leaving_since is None:
            self.leaving_since, self.to_leave = now, self.total_outbufs_len
        return _is_late(now, self.leaving_since, self.to_leave - self.total_outbufs_len)

    @property
    def is_busy(self) -> bool:
        """Whether a request arrives, is answered, or its answer leaves."""
        return bool(self.arriving_since or self.requests or self.total_outbufs_len)


def _is_late(now: float, since: float, moved_bytes: int) -> bool:
    return now - since > GRACE_SECONDS + moved_bytes / LEAST_BYTES_PER_SECOND


class _Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel

    def maintenance(self, now: float) -> None:
        """Close the connections that are idle or too slow."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.is_too_slow(now):
                channel.handle_close()  # will_close waits for a client that takes more


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens; OSError or OverflowError when it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


class DeskServer:
    """Serves a WSGI application on a listening socket until it is asked to stop."""

    def __init__(self, application: Callable[..., Any], listener: socket.socket, *, threads: int) -> None:
        self._map: dict[int, Any] = {}
        self._stopping = False
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(threads)
        address = (listener.family, listener.type, listener.proto, listener.getsockname())
        self._server = _Server(
            application, self._map, True, listener, dispatcher=dispatcher, sockinfo=address,
            adj=_adjust_waitress(listener, threads), bind_socket=False,
        )  # fmt: skip

    def run(self) -> None:
        """Serve; once asked to stop, answer what has begun, for at most STOP_SECONDS."""
        while not self._stopping:
            self._turn()
        self._server.del_channel()
        self._server.socket.close()
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until and any(channel.is_busy for channel in self._server.active_channels.values()):
            self._turn()
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def ask_to_stop(self) -> None:
        """Take no further connection; safe in a signal handler and from another thread."""
        if not self._stopping:
            self._stopping = True
            STOPPING.set()
            self._server.pull_trigger()

    def _turn(self) -> None:
        wasyncore.loop(timeout=1, use_poll=True, map=self._map, count=1)


def _adjust_waitress(listener: socket.socket, threads: int) -> Adjustments:
    return Adjustments(
        sockets=[listener],
        threads=threads,
        backlog=_BACKLOG,
        connection_limit=MOST_CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=1,
        max_request_header_size=MOST_HEADER_BYTES,
        max_request_body_size=LARGEST_BODY_BYTES,
        outbuf_high_watermark=_NEVER_HOLD_A_THREAD,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # Django's settings say which are believed
        log_socket_errors=False,
        ident=None,
    )
