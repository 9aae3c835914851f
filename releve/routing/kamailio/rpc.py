"""Calls to a proxy by JSON-RPC over HTTP, with the secret that both sides hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import httpx

from releve.routing.errors import Rejected, Unreachable

__all__ = ["JsonRpc"]

TIMEOUT = httpx.Timeout(3.0, connect=1.0)
_MOST_BYTES = 64 * 2**20


class JsonRpc:
    """A proxy's management address."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}"}

    def call(self, method: str, meant: Mapping[str, Any] | None = None) -> Any:
        """Return the result of a method, or what a fault's message is ``meant`` to say; the
        answer's own words are not quoted.

        :class:`Unreachable` without an answer in time, or one that asks to come back later, as
        during a reload; :class:`Rejected` where the secret or the method is refused.
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": method}
        answer = self._ask("POST", self._url, method, body)
        try:
            document = answer.json() if len(answer.content) <= _MOST_BYTES else None
        except ValueError:
            document = None
        if not isinstance(document, dict) or "result" not in document:
            fault = document.get("error") if isinstance(document, dict) else None
            code, message = (fault.get("code"), fault.get("message")) if fault else ("", "")
            if meant and message in meant:
                return meant[message]
            raise Unreachable(f"the proxy did not do {method}: {answer.status_code} {code}".strip())
        return document["result"]

    def read_text(self, name: str) -> str:
        """Return what stands beside the JSON-RPC under a name."""
        address = urljoin(self._url, name)
        return self._ask("GET", address, name, None).text.strip()

    def _ask(
        self, verb: str, url: str, what: str, body: Mapping[str, object] | None
    ) -> httpx.Response:
        try:
            answer = httpx.request(
                verb, url, json=body, headers=self._headers, timeout=TIMEOUT, trust_env=False
            )
        except httpx.HTTPError as error:
            raise Unreachable(f"the proxy: {type(error).__name__}") from error
        if answer.status_code in (401, 403, 404):
            raise Rejected(f"the proxy answered {answer.status_code} to {what}: is it ours?")
        return answer
