"""The socket that the gate listens on."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import uvicorn

from releve.plugins.outbound.gate import server
from releve.plugins.outbound.gate.server import LimitedProtocol, serve_gate


@pytest.mark.parametrize("workers", [1, 2])
def test_an_answer_leaves_at_once_and_each_request_has_its_limits(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening: list[socket.socket] = []

    class Supervisor:
        def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
            assert config.workers == workers
            assert config.http is LimitedProtocol
            listening.extend(sockets)

        def run(self) -> None:
            """Serve nothing."""

    def run(self: Any, sockets: list[socket.socket]) -> None:
        assert self.config.workers == workers
        assert self.config.http is LimitedProtocol, "each request has its time and size"
        self.started = True
        listening.extend(sockets)

    monkeypatch.setattr(server, "Multiprocess", Supervisor)
    monkeypatch.setattr(uvicorn.Server, "run", run)
    serve_gate("releve.plugins.outbound.gate.asgi:application", "127.0.0.1", 0, workers)
    (one,) = listening
    with one:
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        one.listen()
        with socket.create_connection(one.getsockname()), one.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_gate_that_does_not_start_ends_with_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: sockets[0].close())
    with pytest.raises(SystemExit) as ended:
        serve_gate("releve.plugins.outbound.gate.asgi:application", "127.0.0.1", 0, 1)
    assert ended.value.code == 3
