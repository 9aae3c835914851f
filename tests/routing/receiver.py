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
    """``status`` is what it answers; ``acted`` what it did, once per idempotency key.

    A generation below the one it holds is refused (409), as the adapter asks of the other side: a
    request of a worker that was killed may arrive after the next worker's.
    """

    url: str = ""
    status: int = 200
    delay_seconds: float = 0.0
    location: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    acted: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, key: str, document: dict[str, Any]) -> bool:
        """Act on a generation once; return whether none that is newer was acted on."""
        with self._lock:
            newest = max((one["generation"] for one in self.acted.values()), default=0)
            if key not in self.acted and document.get("generation", newest) < newest:
                return False
            self.acted.setdefault(key, document)
            return True

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
            status = kept.status
            if status == 200 and not kept.act(self.headers["Idempotency-Key"], json.loads(body)):
                status = 409
            self._answer(kept.answer or {"reference": f"r{len(kept.acted)}"}, status)

        def do_GET(self) -> None:
            kept.requests.append(({k.lower(): v for k, v in self.headers.items()}, b""))
            last = {key: kept.last.get(key) for key in ("generation", "digest")}
            self._answer(last, kept.status)

        def _answer(self, document: dict[str, Any], status: int) -> None:
            body = json.dumps(document).encode()
            try:
                self.send_response(status)
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
