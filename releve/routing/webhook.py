"""The routes as signed JSON, sent to one public HTTPS address and read back from it by GET.

A request carries ``Idempotency-Key``, ``X-Releve-Timestamp`` and ``X-Releve-Signature``:
``sha256=`` and the HMAC-SHA-256, in hexadecimal, of the timestamp, a full stop and the body, with
the secret that both sides hold. The other side answers 409 to a ``generation`` of a stream below
the one it holds: a killed worker's request may arrive after the next worker's. An answer's body is
used only when it is the JSON of :meth:`Webhook.observe`, and never quoted. Private addresses are
refused unless the installation allows them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.routing.adapter import (
    PublishReceipt,
    RoutingCapabilities,
    RoutingPlan,
    RoutingSnapshot,
    Tried,
    plan_changes,
)
from releve.routing.generation import COLUMNS, Generation, Rejected, Stale, Unreachable


def pin_address(url: httpx.URL, *, private: bool) -> tuple[httpx.URL, str]:
    """Return the URL with its host resolved once, and the host's name for the certificate.

    The connection goes to the address that was checked, so that a name cannot resolve to another
    one in between. :class:`Rejected` when any address of the host is not public and ``private``
    is False, :class:`Unreachable` when the name does not resolve.
    """
    try:
        rows = socket.getaddrinfo(url.host, url.port or None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{url.host} does not resolve") from error
    addresses = sorted({str(row[4][0]) for row in rows}, key=lambda text: ":" in text)
    if not private and not all(_is_public(address) for address in addresses):
        raise Rejected(f"{url.host} is a private address, which its setting …_PRIVATE does not allow")
    return url.copy_with(host=addresses[0]), url.host


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_global) and not (mapped or address).is_multicast


_LATER = (408, 425, 429)
_CANNOT_TELL = (404, 405, 501)
_LONGEST = 65_536
TIMEOUT = httpx.Timeout(2.0, connect=1.0)


def from_environment(environ: Mapping[str, str], home: Path) -> Webhook:
    """Return the adapter from ``RELEVE_WEBHOOK_URL``, ``…_SECRET`` and ``…_PRIVATE``."""
    return read_webhook(environ, "RELEVE_WEBHOOK_URL", "RELEVE_WEBHOOK")


def read_webhook(environ: Mapping[str, str], name: str, prefix: str) -> Webhook:
    """Return the webhook at the address in ``name``, with its secret and whether it is private."""
    secret = environment.read_secret(environ, f"{prefix}_SECRET")
    private = environment.read_flag(environ, f"{prefix}_PRIVATE", default=False)
    url = parse_address(environment.read_text(environ, name), private=private)
    if url is None:
        wanted = "https:// or http://" if private else "https://"
        raise ImproperlyConfigured(f"{name} must be {wanted}host/path, without a user")
    if not secret:
        raise ImproperlyConfigured(f"{prefix}_SECRET is needed: the receiver checks it")
    return Webhook(url, secret, private=private)


def parse_address(text: str, *, private: bool) -> httpx.URL | None:
    """Return the URL of a receiver; None where it is not HTTPS (or HTTP where ``private``), or names a user."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return None
    sound = url.scheme in (("https", "http") if private else ("https",)) and url.host and not url.userinfo
    return url if sound else None


@dataclass(frozen=True)
class ReceiverAnswer:
    """What a receiver answered: ``retry_after`` is its header of that name, as it came."""

    status: int
    body: bytes
    retry_after: str = ""

    def json(self) -> Mapping[str, object]:
        """Return the body when it is a JSON object, else nothing."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Webhook:
    """Sends routes to one address."""

    name = "webhook"
    tried: Tried = "stand_in"
    capabilities = RoutingCapabilities(
        scopes=frozenset({"site_weights"}),
        step=0.0001,
        atomic="all",
        settles_seconds=60.0,
        deadline_seconds=120.0,
        observes="generation",
    )

    def __init__(self, url: httpx.URL, secret: str, *, private: bool = False) -> None:
        self._url = url
        self._secret = secret.encode()
        self._private = private

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        """Check that a generation opens something; the address does not tell its routes."""
        return plan_changes(generation, snapshot)

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Send a generation; any answer but 2xx is an error, and redirects are not followed."""
        generation = plan.generation
        generation.refuse_if_empty()
        answer = self._send_request("POST", _build_body(generation), {"Idempotency-Key": key})
        if answer.status == 409:
            raise Stale(f"the webhook holds a newer generation than {generation.number}")
        self._raise_for_status(answer)
        reference = answer.json().get("reference", "")
        return PublishReceipt(generation.number, generation.digest, str(reference)[:80])

    def observe(self) -> RoutingSnapshot | None:
        """Ask for ``{"generation": 7, "digest": "…"}``; None where the address has no GET."""
        answer = self._send_request("GET", b"", {})
        if answer.status in _CANNOT_TELL:
            return None
        self._raise_for_status(answer)
        found = answer.json()
        number, digest = found.get("generation"), found.get("digest")
        if not isinstance(number, int) or not isinstance(digest, str):
            return None
        return RoutingSnapshot(number, digest[:64], None)

    def send_document(self, name: str, content: bytes) -> Mapping[str, object]:
        """Send a document by its name; return the JSON object of the answer, empty without one."""
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": name, "X-Releve-Name": name}
        answer = self._send_request("POST", content, headers)
        self._raise_for_status(answer)
        return answer.json()

    def _raise_for_status(self, answer: ReceiverAnswer) -> None:
        if 200 <= answer.status < 300:
            return
        if answer.status in _LATER or answer.status >= 500:
            raise Unreachable(f"the webhook answered {answer.status}")
        raise Rejected(f"the webhook answered {answer.status}")

    def _send_request(self, method: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        sent = {"Content-Type": "application/json", **headers, **self._sign(body)}
        return send_pinned(method, self._url, body, sent, private=self._private)

    def _sign(self, body: bytes) -> dict[str, str]:
        stamp = str(int(time.time()))
        code = hmac.new(self._secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Releve-Timestamp": stamp, "X-Releve-Signature": f"sha256={code}"}


def send_pinned(
    method: str,
    url: httpx.URL,
    body: bytes,
    headers: Mapping[str, str],
    *,
    private: bool,
    timeout: httpx.Timeout | None = None,
) -> ReceiverAnswer:
    """Send a request to the address that was checked, and return its answer, whatever its status.

    Redirects are not followed. Errors are those of :func:`pin_address`, and :class:`Unreachable` without an answer.
    """
    pinned, host = pin_address(url, private=private)
    name = host if url.port is None else f"{host}:{url.port}"
    sent = {"Host": name, "User-Agent": "releve", **headers}
    extensions = {"sni_hostname": host} if url.scheme == "https" else {}
    try:
        with (
            httpx.Client(timeout=timeout or TIMEOUT, trust_env=False, follow_redirects=False) as client,
            client.stream(method, pinned, content=body, headers=sent, extensions=extensions) as response,
        ):
            later = response.headers.get("Retry-After", "")
            return ReceiverAnswer(response.status_code, _first_bytes(response), later)
    except httpx.HTTPError as error:
        raise Unreachable(f"the webhook: {type(error).__name__}") from error


def _first_bytes(response: httpx.Response) -> bytes:
    found = b""
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) > _LONGEST:
            return found[:_LONGEST]
    return found


def _build_body(generation: Generation) -> bytes:
    document = {
        "stream": generation.stream,
        "generation": generation.number,
        "valid_from": generation.instant,
        "digest": generation.digest,
        "unserved": generation.unserved,
        "routes": [dict(zip(COLUMNS, row, strict=True)) for row in generation.rows],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
