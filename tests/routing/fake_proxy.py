"""A management address that answers as a proxy does, without SIP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

__all__ = ["SECRET", "FakeProxy", "fake", "listing"]

SECRET = "a-secret-of-the-tests-of-routing-32"


def listing(text: str, flags: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what a proxy answers to dispatcher.list after loading a list."""
    sets: dict[int, list[Any]] = {}
    for line in text.splitlines():
        number, uri, flag, priority, body = line.split(" ")
        shown = (flags or {}).get(uri, {"0": "AP", "32": "AX", "4": "DX", "9": "IP"}[flag])
        row = {"URI": uri, "FLAGS": shown, "PRIORITY": int(priority), "ATTRS": {"BODY": body}}
        sets.setdefault(int(number), []).append({"DEST": row})
    records = [{"SET": {"ID": number, "TARGETS": rows}} for number, rows in sets.items()]
    return {"NRSETS": len(records), "RECORDS": records}


@dataclass
class FakeProxy:
    """A JSON-RPC server that loads a list as Kamailio does; ``busy``: a reload is in progress."""

    path: Path
    loaded: str = ""
    busy: bool = False
    status: int = 200
    flags: dict[str, str] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    url: str = ""
    configuration: str = ""

    def answer(self, method: str) -> dict[str, Any]:
        self.methods.append(method)
        if method == "dispatcher.reload":
            if self.busy:
                return {"error": {"code": 500, "message": "Ongoing reload"}}
            self.loaded = self.path.read_text(encoding="utf-8")
            return {"result": "Ok. Dispatcher successfully reloaded."}
        return {"result": listing(self.loaded, self.flags)}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeProxy]:
    kept = FakeProxy(tmp_path / "dispatcher.list")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            good = self.headers["Authorization"] == f"Bearer {SECRET}"
            body = kept.configuration.encode() if good and self.path == "/configuration" else b""
            self.send_response(200 if body else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            good = self.headers["Authorization"] == f"Bearer {SECRET}"
            body = json.dumps(kept.answer(asked["method"])).encode() if good else b""
            self.send_response(kept.status if good else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_port}/rpc"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
