"""The routes as values of a data table of Amazon Connect.

Calls of its API, signed by Signature Version 4: ListDataTableValues in pages, BatchUpdateDataTableValue with the lock
version of each value as it was listed, BatchCreateDataTableValue for new ones. A value that another hand changed
meanwhile is refused there, so that of two publications at once one is tried again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.network import UTC
from releve.routing.aws_signature import Signer
from releve.routing.data_table import HEAD, DataTable
from releve.routing.generation import Unreachable

_REGION = re.compile(r"[a-z]{2}(-[a-z]+){1,2}-[0-9]")
_ID = re.compile(r"[A-Za-z0-9-]{1,100}")
_KEY, _TEXT = "programme", "routes"
_BATCH = 25
_FIXES = {
    400: "give the table a primary attribute `programme` and an attribute `routes`, both TEXT",
    403: "mend RELEVE_CONNECT_KEY_ID and _SECRET, or allow connect:ListDataTableValues, BatchCreateDataTableValue and"
    " BatchUpdateDataTableValue to that key",
    404: "mend RELEVE_CONNECT_INSTANCE and _TABLE, the ids of the instance and of the data table",
}


def from_environment(environ: Mapping[str, str], home: Path) -> AmazonConnect:
    """Return the adapter from ``RELEVE_CONNECT_REGION``, ``…_INSTANCE``, ``…_TABLE``, ``…_KEY_ID`` and ``…_SECRET``."""
    region = environment.read_text(environ, "RELEVE_CONNECT_REGION")
    if not _REGION.fullmatch(region):
        raise ImproperlyConfigured(f"RELEVE_CONNECT_REGION must be a region such as eu-west-3, got {region!r}")
    names = ("RELEVE_CONNECT_INSTANCE", "RELEVE_CONNECT_TABLE", "RELEVE_CONNECT_KEY_ID")
    ids = [environment.read_text(environ, name) for name in names]
    for name, value in zip(names, ids, strict=True):
        if not _ID.fullmatch(value):
            raise ImproperlyConfigured(f"{name} must be an id of letters, digits and -, got {value!r}")
    secret = environment.read_secret(environ, "RELEVE_CONNECT_SECRET")
    if not secret:
        raise ImproperlyConfigured("RELEVE_CONNECT_SECRET is needed: the secret of the access key")
    url = httpx.URL(f"https://connect.{region}.amazonaws.com")
    return AmazonConnect(url, ids[0], ids[1], Signer(ids[2], secret, region, "connect"))


class AmazonConnect(DataTable):
    name = "amazon-connect"

    def __init__(self, url: httpx.URL, instance: str, table: str, signer: Signer, *, private: bool = False) -> None:
        self._url = url.copy_with(path=f"/data-tables/{instance}/{table}/values")
        self._signer, self._private = signer, private
        self._locks: dict[str, Mapping[str, str]] = {}

    def read_texts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        locks: dict[str, Mapping[str, str]] = {}
        query = {"maxResults": "50"}
        while True:
            document = self._ask("list", {}, query, "reading the values")
            for row in _read_rows(document, "Values"):
                keys = {one.get("AttributeName"): one.get("Value") for one in row.get("PrimaryValues") or ()}
                if row.get("AttributeName") == _TEXT and _KEY in keys:
                    found[str(keys[_KEY])] = str(row.get("Value") or "")
                    locks[str(keys[_KEY])] = row.get("LockVersion") or {}
            if not document.get("NextToken"):
                self._locks = locks
                return found
            query["nextToken"] = str(document["NextToken"])

    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Write the head in a request of its own, the claim on the number, then the others in batches."""
        others = [key for key in texts if key != HEAD]
        head = [key for key in texts if key == HEAD]
        known, new = [key for key in others if key in self._locks], [key for key in others if key not in self._locks]
        for act, keys in (("update" if HEAD in self._locks else "create", head), ("update", known), ("create", new)):
            for some in (keys[at : at + _BATCH] for at in range(0, len(keys), _BATCH)):
                values = [self._build_value(key, texts[key]) for key in some]
                document = self._ask(act, {"Values": values}, {}, f"rows {', '.join(some)}")
                failed = [one for row in _read_rows(document, "Failed") for one in row.get("PrimaryValues") or ()]
                if failed:
                    names = ", ".join(sorted(str(one.get("Value")) for one in failed))
                    raise Unreachable(
                        f"{self.name}: rows {names} were not written: changed meanwhile, or the attribute"
                        f" `{_TEXT}` refuses them: let it take any text of 1000 characters"
                    )

    def _build_value(self, key: str, text: str) -> dict[str, Any]:
        value = {"PrimaryValues": [{"AttributeName": _KEY, "Value": key}], "AttributeName": _TEXT, "Value": text}
        return value | ({"LockVersion": self._locks[key]} if key in self._locks else {})

    def _ask(self, act: str, document: Mapping[str, Any], query: Mapping[str, str], what: str) -> Mapping[str, Any]:
        body = json.dumps(document, ensure_ascii=False).encode()
        url = self._url.copy_with(path=f"{self._url.path}/{act}")
        host = url.host if url.port is None else f"{url.host}:{url.port}"
        headers = {"Host": host, "Content-Type": "application/json"}
        sent = self._signer.sign("POST", url.path, query, headers, body, datetime.now(UTC))
        if query:
            url = url.copy_with(params=query)
        answer = self.send("POST", url, body, sent, private=self._private)
        if answer.status == 409:
            raise Unreachable(f"{self.name}: {what}: changed meanwhile by another hand, to be read again")
        if not 200 <= answer.status < 300:
            raise self.refuse(answer, what, _FIXES)
        return answer.json()


def _read_rows(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = document.get(name)
    if not isinstance(rows, list):
        raise Unreachable(f"amazon-connect: the answer has no {name}")
    return [row for row in rows if isinstance(row, dict)]
