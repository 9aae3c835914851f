"""An SMS gateway that takes what apprise sends: it sends each key once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_server import serve_locally

__all__ = ["SmsGateway", "sms_gateway"]


@dataclass
class SmsGateway:
    """``url`` is the setting RELEVE_APPRISE_URL, ``sent`` what went out, by key, ``asked`` how often it was asked.

    While ``broken`` it takes a message and breaks off before it says so.
    """

    url: str = ""
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0
    broken: bool = False


@contextmanager
def sms_gateway() -> Iterator[SmsGateway]:
    """Run a gateway on a free port of the loopback."""
    kept = SmsGateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            kept.asked += 1
            kept.sent.setdefault(self.headers["Idempotency-Key"], {**body, "to": self.path.rpartition("/")[2]})
            if kept.broken:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with serve_locally(Handler) as address:
        kept.url = f"json://{address}/send/{{address}}?+Idempotency-Key={{key}}"
        yield kept
