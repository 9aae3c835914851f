"""Both ends of a test: a proxy's management address, and a telephony system behind a webhook."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.local_server import serve_locally

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
    """A JSON-RPC server that loads a list as Kamailio does; ``busy``: a reload is in progress;
    ``away``: it answers that it is not ready."""

    path: Path
    loaded: str = ""
    busy: bool = False
    away: bool = False
    secret: str = SECRET
    status: int = 200
    flags: dict[str, str] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    url: str = ""
    configuration: str = ""

    def answer(self, method: str) -> dict[str, Any]:
        self.methods.append(method)
        if self.away:
            return {"error": {"code": 503, "message": "Not ready"}}
        if method == "dispatcher.reload":
            if self.busy:
                return {"error": {"code": 500, "message": "Ongoing reload"}}
            self.loaded = self.path.read_text(encoding="utf-8")
            return {"result": "Ok. Dispatcher successfully reloaded."}
        return {"result": listing(self.loaded, self.flags)}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeProxy]:
    with proxying(tmp_path / "dispatcher.list") as kept:
        yield kept


@contextmanager
def proxying(path: Path) -> Iterator[FakeProxy]:
    """Run a proxy on a free port of the loopback."""
    kept = FakeProxy(path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            good = self.headers["Authorization"] == f"Bearer {kept.secret}"
            body = kept.configuration.encode() if good and self.path == "/configuration" else b""
            self.send_response(200 if body else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            good = self.headers["Authorization"] == f"Bearer {kept.secret}"
            body = json.dumps(kept.answer(asked["method"])).encode() if good else b""
            self.send_response(kept.status if good else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serve_locally(Handler) as address:
        kept.url = f"http://{address}/rpc"
        yield kept


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

    with serve_locally(Handler) as address:
        kept.url = f"http://{address}/routes"
        yield kept
