"""A telephony system at the other end of a webhook; it keeps what it is sent, and can misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """``status`` is what it answers; ``acted`` what it did, once per idempotency key."""

    url: str = ""
    status: int = 200
    delay_seconds: float = 0.0
    location: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    acted: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def last(self) -> dict[str, Any]:
        return list(self.acted.values())[-1] if self.acted else {}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port of the loopback."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append(({k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(kept.delay_seconds)
            if kept.status == 200:
                kept.acted.setdefault(self.headers["Idempotency-Key"], json.loads(body))
            self._answer({"reference": f"r{len(kept.acted)}"})

        def do_GET(self) -> None:
            kept.requests.append(({k.lower(): v for k, v in self.headers.items()}, b""))
            self._answer({key: kept.last.get(key) for key in ("generation", "digest")})

        def _answer(self, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            try:
                self.send_response(kept.status)
                if kept.location:
                    self.send_header("Location", kept.location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}/routes"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
