"""The routes as the dispatcher list of one Kamailio proxy, reloaded by JSON-RPC over HTTP.

The proxy reads the list at its start and at ``dispatcher.reload``: the death of this program or of
the proxy changes nothing in it. It is replaced as a whole by renaming, also while the proxy is
away. After the answer to the reload no call goes to a closed place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.files.atomic import lock, write_file
from releve.routing.adapter import (
    ObservedRoute,
    PublishReceipt,
    RoutingCapabilities,
    RoutingPlan,
    RoutingSnapshot,
    Tried,
    plan_changes,
)
from releve.routing.generation import Generation, Rejected, Stale, Unreachable
from releve.routing.kamailio.dispatcher_list import (
    UNITS,
    build_targets,
    compute_list_digest,
    parse_listing,
    read_number,
    write_list,
)

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

    def _ask(self, verb: str, url: str, what: str, body: Mapping[str, object] | None) -> httpx.Response:
        try:
            answer = httpx.request(verb, url, json=body, headers=self._headers, timeout=TIMEOUT, trust_env=False)
        except httpx.HTTPError as error:
            raise Unreachable(f"the proxy: {type(error).__name__}") from error
        if answer.status_code in (401, 403, 404):
            raise Rejected(f"the proxy answered {answer.status_code} to {what}: is it ours?")
        return answer


SETTING = "RELEVE_KAMAILIO_PROXIES"
_EMPTY: Mapping[str, Any] = {"No Destination Sets": {"RECORDS": []}}
"""What a proxy answers whose list is empty."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def from_environment(environ: Mapping[str, str], home: Path) -> tuple[KamailioProxy, ...]:
    """Return the proxies of ``RELEVE_KAMAILIO_PROXIES``: ``NAME=URL,FILE;NAME=URL,FILE``.

    The URL is that of its JSON-RPC, the file its dispatcher list as this machine sees it;
    ``RELEVE_KAMAILIO_SECRET`` is the RPC_SECRET of all of them.
    """
    secret = environment.read_secret(environ, "RELEVE_KAMAILIO_SECRET")
    if not secret:
        raise ImproperlyConfigured("RELEVE_KAMAILIO_SECRET is needed: the proxies check it")
    parts = [part.strip() for part in environment.read_text(environ, SETTING).split(";")]
    found = [_parse_proxy(part, secret) for part in parts if part]
    if not found or len({one.name for one in found}) != len(found):
        raise ImproperlyConfigured(f"{SETTING} must name at least one proxy, each name once")
    return tuple(found)


def _parse_proxy(text: str, secret: str) -> KamailioProxy:
    name, _, rest = text.partition("=")
    url, _, file = rest.partition(",")
    parts = urlsplit(url.strip())
    good = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    if not _NAME.fullmatch(name) or not good or not file.strip().startswith("/"):
        raise ImproperlyConfigured(
            f"{SETTING} must hold NAME=http://ADDRESS:PORT/rpc,/path/of/dispatcher.list, with a"
            f" name in small letters, got {name!r}"
        )
    return KamailioProxy(name, url.strip(), secret, Path(file.strip()))


class KamailioProxy:
    """Publishes routes to one proxy, and reads back what it holds and what it found out."""

    tried: Tried = "program"
    capabilities = RoutingCapabilities(
        scopes=frozenset({"site_weights", "dead_sites"}),
        step=1 / UNITS,
        atomic="all",
        settles_seconds=0.0,
        deadline_seconds=15.0,
        observes="routes",
    )

    def __init__(self, name: str, url: str, secret: str, path: Path) -> None:
        self.name = f"kamailio:{name}"
        self.path = path
        self._rpc = JsonRpc(url, secret)

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        """Compare what the proxy holds with a generation, in hundredths; refuse an empty set."""
        generation.refuse_if_empty()
        wished = {
            (one.programme, one.place): ObservedRoute(one.open, one.weight / UNITS) for one in build_targets(generation)
        }
        return plan_changes(generation, snapshot, wished)

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Write the list and have it loaded; places that the proxy found dead stay so."""
        generation = plan.generation
        generation.refuse_if_empty()
        targets = build_targets(generation)
        try:
            with lock(self.path.with_name(f".{self.path.name}.lock")):
                held, dead = self._read_held()
                if held > generation.number:
                    raise Stale(f"{self.name} holds generation {held} already")
                write_file(self.path, write_list(targets, generation.number, dead), mode=0o644)
                self._rpc.call("dispatcher.reload")
        except OSError as error:
            raise Unreachable(f"{self.path}: {error.strerror or error}") from error
        return PublishReceipt(generation.number, compute_list_digest(targets), reference=self.path.name)

    def observe(self) -> RoutingSnapshot | None:
        """Return what the proxy routes by, with its own findings."""
        return self._observe()[0]

    def read_configuration(self) -> str:
        """Return the digest of what the proxy's configuration was made from."""
        return self._rpc.read_text("configuration")

    def _observe(self) -> tuple[RoutingSnapshot, frozenset[str]]:
        try:
            return parse_listing(self._rpc.call("dispatcher.list", _EMPTY))
        except ValueError as error:
            raise Unreachable(f"{self.name}: {error}") from error

    def _read_held(self) -> tuple[int, frozenset[str]]:
        """Return the generation that the proxy holds, by its file while it is away, and what it
        found dead."""
        try:
            snapshot, dead = self._observe()
            return snapshot.number, dead
        except Unreachable:
            try:
                return read_number(self.path.read_text(encoding="utf-8")), frozenset()
            except (FileNotFoundError, UnicodeDecodeError):
                return 0, frozenset()
