"""Stand-ins of two clouds' data tables, made from their published descriptions: the Platform API of Genesys Cloud
(SDK 269.0.0) and the API of Amazon Connect (service model 2017-08-08)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from releve.network import UTC
from releve.routing.aws_signature import Signer
from tests.local_server import serve_locally
from tests.routing.receivers import SECRET

CLIENT, TABLE, INSTANCE = "a-client", "a-table", "an-instance"
SIGNER = Signer("AKIDEXAMPLE", SECRET, "eu-west-3", "connect")


@dataclass
class CloudTable:
    """``rows`` are key -> text; ``status`` is answered to each call but 200, ``broken_after``: to all after so many
    writes. ``meddle`` changes each row after it was listed, as another hand would."""

    url: str = ""
    rows: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    status: int = 200
    retry_after: str = ""
    broken_after: int | None = None
    meddle: bool = False
    page: int = 2
    tokens: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    writes: int = 0

    def put(self, key: str, text: str) -> None:
        self.rows[key] = text
        self.versions[key] = self.versions.get(key, 0) + 1
        self.writes += 1

    @property
    def fails(self) -> int:
        if self.broken_after is not None and self.writes >= self.broken_after:
            return 503
        return 0 if self.status == 200 else self.status


class _Handler(BaseHTTPRequestHandler):
    table: CloudTable

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.table.calls.append((self.command, self.path))
        status, document = self.table.fails, {}
        if not status:
            status, document = self.answer(parts.path, dict(parse_qsl(parts.query)), body)
        data = json.dumps(document).encode()
        self.send_response(status)
        if self.table.retry_after:
            self.send_header("Retry-After", self.table.retry_after)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self.handle_any()

    def do_PUT(self) -> None:
        self.handle_any()

    def do_POST(self) -> None:
        self.handle_any()

    def answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError


class _Genesys(_Handler):
    def answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        table = self.table
        if path == "/oauth/token":
            basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if self.headers["Authorization"] != f"Basic {basic}" or body != b"grant_type=client_credentials":
                return 400, {"error": "invalid_client"}
            table.tokens.append(f"token-{len(table.tokens)}")
            return 200, {"access_token": table.tokens[-1], "token_type": "bearer", "expires_in": 86400}
        if not table.tokens or self.headers["Authorization"] != f"Bearer {table.tokens[-1]}":
            return 401, {}
        start = f"/api/v2/flows/datatables/{TABLE}/rows"
        if self.command == "GET" and path == start and query.get("showbrief") == "false":
            page = int(query["pageNumber"])
            rows = [{"key": key, "routes": text} for key, text in sorted(table.rows.items())]
            pages = -(-len(rows) // table.page)
            return 200, {"entities": rows[(page - 1) * table.page : page * table.page], "pageCount": pages}
        row = json.loads(body or b"{}")
        if self.command == "POST" and path == start and row["key"] not in table.rows:
            table.put(row["key"], row["routes"])
            return 200, row
        if self.command == "PUT" and unquote(path) == f"{start}/{row['key']}" and row["key"] in table.rows:
            table.put(row["key"], row["routes"])
            return 200, row
        return 404 if self.command == "PUT" else 400, {}


class _Connect(_Handler):
    def answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        table, asked = self.table, json.loads(body)
        at = datetime.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        signed = {name: self.headers[name] for name in ("Host", "Content-Type")}
        proof = SIGNER.sign("POST", path, query, signed, body, at)["Authorization"]
        if self.headers["Authorization"] != proof:
            return 403, {"message": "signature"}
        act = path.removeprefix(f"/data-tables/{INSTANCE}/{TABLE}/values/")
        if act == "list":
            start = int(query.get("nextToken", "0"))
            keys = sorted(table.rows)[start : start + table.page]
            more = {"NextToken": str(start + table.page)} if start + table.page < len(table.rows) else {}
            found = {"Values": [self._show(key) for key in keys], **more}
            for key in keys if table.meddle else ():
                table.versions[key] += 1
            return 200, found
        good, failed = [], []
        for value in asked["Values"]:
            (primary,) = value["PrimaryValues"]
            key = primary["Value"]
            held = {"Value": str(table.versions[key])} if key in table.rows else None
            fits = value.get("LockVersion") == held
            if fits and (act == "update") == (held is not None):
                table.put(key, value["Value"])
                good.append({**value, "LockVersion": {"Value": str(table.versions[key])}})
            else:
                failed.append({"PrimaryValues": [primary], "AttributeName": "routes", "Message": "stale"})
        return 200, {"Successful": good, "Failed": failed}

    def _show(self, key: str) -> dict[str, Any]:
        return {
            "PrimaryValues": [{"AttributeName": "programme", "Value": key}],
            "AttributeName": "routes",
            "ValueType": "TEXT",
            "Value": self.table.rows[key],
            "LockVersion": {"Value": str(self.table.versions[key])},
        }


@contextmanager
def running_genesys() -> Iterator[CloudTable]:
    with _run(_Genesys) as table:
        yield table


@contextmanager
def running_connect() -> Iterator[CloudTable]:
    with _run(_Connect) as table:
        yield table


@contextmanager
def _run(kind: type[_Handler]) -> Iterator[CloudTable]:
    table = CloudTable()
    with serve_locally(type("Handler", (kind,), {"table": table})) as address:
        table.url = f"http://{address}"
        yield table
