"""The routes as rows of an Architect data table of Genesys Cloud.

Calls of its Platform API: a token by client credentials (``/oauth/token``), then ``flows/datatables/{id}/rows``: GET
with ``showbrief=false`` in pages, PUT of a row that is there, POST of a new one. It has no compare-and-set: our own
queue publishes one generation at a time, and a table that is not whole is seen and written again.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import httpx
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.routing.data_table import DataTable
from releve.routing.generation import Unreachable
from releve.routing.webhook import ReceiverAnswer

_REGION = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_FIXES = {
    400: "give the table a text column `routes`",
    401: "mend RELEVE_GENESYS_CLIENT_ID and _SECRET",
    403: "give the OAuth client a role with Architect > Datatable > View and Datatable Row > View, Add, Edit",
    404: "mend RELEVE_GENESYS_TABLE, the id of the data table",
}
_TOKENS: dict[tuple[str, str, str], tuple[str, float]] = {}
"""Login, client and secret -> token and until when it is used; of the process, as adapters are built for each call."""


def from_environment(environ: Mapping[str, str], home: Path) -> GenesysCloud:
    """Return the adapter from ``RELEVE_GENESYS_REGION``, ``…_TABLE``, ``…_CLIENT_ID`` and ``…_SECRET``."""
    region = environment.read_text(environ, "RELEVE_GENESYS_REGION")
    if not _REGION.fullmatch(region):
        raise ImproperlyConfigured(f"RELEVE_GENESYS_REGION must be a domain such as mypurecloud.ie, got {region!r}")
    table = environment.read_text(environ, "RELEVE_GENESYS_TABLE")
    client = environment.read_text(environ, "RELEVE_GENESYS_CLIENT_ID")
    for name, value in (("TABLE", table), ("CLIENT_ID", client)):
        if not _ID.fullmatch(value):
            raise ImproperlyConfigured(f"RELEVE_GENESYS_{name} must be an id of letters, digits and -, got {value!r}")
    secret = environment.read_secret(environ, "RELEVE_GENESYS_SECRET")
    if not secret:
        raise ImproperlyConfigured("RELEVE_GENESYS_SECRET is needed: the secret of the OAuth client")
    return GenesysCloud(httpx.URL(f"https://login.{region}"), httpx.URL(f"https://api.{region}"), table, client, secret)


class GenesysCloud(DataTable):
    name = "genesys-cloud"

    def __init__(
        self, login: httpx.URL, api: httpx.URL, table: str, client: str, secret: str, *, private: bool = False
    ) -> None:
        self._login = login.copy_with(path="/oauth/token")
        self._rows = api.copy_with(path=f"/api/v2/flows/datatables/{table}/rows")
        self._client, self._secret, self._private = client, secret, private
        self._held: frozenset[str] = frozenset()

    def read_texts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        page, pages = 1, 1
        while page <= pages:
            url = self._rows.copy_with(params={"pageNumber": page, "pageSize": 50, "showbrief": "false"})
            document = self._ask("GET", url, None, "reading the rows").json()
            rows, count = document.get("entities"), document.get("pageCount", 1)
            if not isinstance(rows, list) or not isinstance(count, int):
                raise Unreachable(f"{self.name}: the answer is no list of rows")
            pages = count
            found |= {str(row.get("key")): str(row.get("routes") or "") for row in rows if isinstance(row, dict)}
            page += 1
        self._held = frozenset(found)
        return found

    def write_texts(self, texts: Mapping[str, str]) -> None:
        for key, text in texts.items():
            row = {"key": key, "routes": text}
            if key in self._held:
                url = httpx.URL(f"{self._rows}/{quote(key, safe='')}")
                self._ask("PUT", url, row, f"row {key}")
            else:
                self._ask("POST", self._rows, row, f"new row {key}")

    def _ask(self, method: str, url: httpx.URL, row: Mapping[str, str] | None, what: str) -> ReceiverAnswer:
        """Send a request with a token, once more with a new one where it is refused."""
        body = b"" if row is None else json.dumps(row, ensure_ascii=False).encode()
        for last in (False, True):
            headers = {"Authorization": f"Bearer {self._get_token(new=last)}", "Content-Type": "application/json"}
            answer = self.send(method, url, body, headers, private=self._private)
            if answer.status != 401:
                break
        if not 200 <= answer.status < 300:
            raise self.refuse(answer, what, _FIXES)
        return answer

    def _get_token(self, *, new: bool) -> str:
        name = (str(self._login), self._client, self._secret)
        token, until = _TOKENS.get(name, ("", 0.0))
        if token and not new and time.monotonic() < until:
            return token
        basic = base64.b64encode(f"{self._client}:{self._secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = self.send("POST", self._login, b"grant_type=client_credentials", headers, private=self._private)
        if not 200 <= answer.status < 300:
            raise self.refuse(answer, "asking for a token", {**_FIXES, 400: _FIXES[401]})
        document = answer.json()
        given, seconds = document.get("access_token"), document.get("expires_in")
        if not isinstance(given, str) or not isinstance(seconds, int):
            raise Unreachable(f"{self.name}: the answer is no token")
        _TOKENS[name] = (given, time.monotonic() + seconds - 60)
        return given
