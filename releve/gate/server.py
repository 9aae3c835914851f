"""An ASGI application under uvicorn, on a socket that sends each piece of an answer at once."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

import uvicorn
from uvicorn.supervisors import Multiprocess

from releve.gate.gate_metrics import share_metrics
from releve.gate.http_limits import LimitedProtocol

__all__ = ["serve_gate"]


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
