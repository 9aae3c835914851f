"""The desk's server: limits on what a client may take, and a stop that answers what has begun."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.desk import server as module
from releve.desk.http import LARGEST_BODY_BYTES
from releve.desk.server import MOST_HEADER_BYTES, DeskServer, open_listener

GET = b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n"
Application = Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """Answer with what was sent."""
    body = environ["wsgi.input"].read()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A server in a thread, and sockets to it."""

    def __init__(self, application: Application, threads: int) -> None:
        listener = open_listener("127.0.0.1", 0)
        self.address = listener.getsockname()
        self.server = DeskServer(application, listener, threads=threads)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def connect(self, sent: bytes = b"") -> socket.socket:
        found = socket.create_connection(self.address, timeout=20)
        found.sendall(sent)
        return found


@contextmanager
def running(application: Application = echo, threads: int = 2) -> Iterator[Running]:
    found = Running(application, threads)
    try:
        yield found
    finally:
        found.server.ask_to_stop()
        found.thread.join(60)
        assert not found.thread.is_alive()


def read_all(connection: socket.socket) -> bytes:
    """Return everything until the other side closes."""
    found = b""
    with connection, suppress(ConnectionResetError):
        while part := connection.recv(65536):
            found += part
    return found


def read_status(connection: socket.socket) -> bytes:
    return connection.recv(65536).split(b" ", 2)[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give clients a second's grace."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nX-Slow: ", b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n"])
def test_a_request_that_arrives_too_slowly_is_given_up(begun: bytes) -> None:
    with running() as found, found.connect(begun) as slow:
        slow.settimeout(0.2)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                slow.sendall(b"a")  # which keeps it from being idle
                if not slow.recv(100):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
        pytest.fail("it is still connected")


@pytest.mark.usefixtures("impatient")
def test_a_large_upload_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_BYTES_PER_SECOND", 100)
    with running() as found, found.connect() as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(4):
            sender.sendall(b"a" * 1000)
            time.sleep(0.6)
        assert read_status(sender) == b"200"


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_is_not_taken_holds_no_thread_and_is_given_up() -> None:
    def large(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Length", str(40_000_000))])
        return [b"a" * 1_000_000] * 40

    with running(large, threads=1) as found, found.connect(GET):
        with found.connect(b"HEAD / HTTP/1.1\r\nHost: desk\r\n\r\n") as other:
            assert read_status(other) == b"200", "the one thread is free again"
        channels = found.server._server.active_channels
        until = time.monotonic() + 30
        while channels and time.monotonic() < until:
            time.sleep(0.05)
        assert not channels


def test_a_body_or_a_header_beyond_the_limits_is_refused_before_it_is_read() -> None:
    with running() as found:
        length = b"%d" % (LARGEST_BODY_BYTES + 1)
        large = found.connect(b"POST / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n")
        assert read_status(large) == b"413"
        large.close()
        long = found.connect(b"GET / HTTP/1.1\r\nX: " + b"a" * (MOST_HEADER_BYTES + 1))
        assert read_status(long) == b"431"
        long.close()


def test_no_answer_says_which_server_it_is() -> None:
    with running() as found, found.connect(GET) as reader:
        assert b"server:" not in reader.recv(65536).lower()


def test_asked_to_stop_it_answers_what_has_begun_and_takes_nothing_more() -> None:
    entered, may_end = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        entered.set()
        may_end.wait(30)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]

    with running(slow) as found:
        reader = found.connect(GET)
        assert entered.wait(30)
        found.server.ask_to_stop()
        until = time.monotonic() + 30
        while found.server._server.socket.fileno() >= 0 and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(OSError):  # noqa: PT011
            found.connect(GET)
        found.thread.join(1.5)
        assert found.thread.is_alive(), "it waits for the answer"
        may_end.set()
        assert read_all(reader).endswith(b"done")
        found.thread.join(30)
        assert not found.thread.is_alive()


def test_one_connection_too_many_waits_for_another_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONNECTIONS", 4)  # the two of the server itself included
    with running() as found:
        rest = [found.connect(GET) for _ in range(8)]
        first, rest = rest[0], rest[1:]
        assert read_status(first) == b"200"
        assert select.select(rest[-1:], [], [], 1.0)[0] == []
        first.close()
        for one in rest:
            assert read_status(one) == b"200"
            one.close()


@pytest.mark.database
@pytest.mark.django_db
def test_the_command_serves_by_this_server(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[DeskServer] = []
    monkeypatch.setattr(DeskServer, "run", lambda server: served.append(server))
    monkeypatch.setattr("releve.live.api.warm_in_background", lambda: None)
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    done = CliRunner().invoke(main, ["desk", "serve", "--port", "0"])
    assert (done.exit_code, len(served)) == (0, 1), done.output
    served[0]._server.close()
