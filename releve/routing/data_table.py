"""The routes as rows of a data table that the flows of a cloud telephony look up by programme.

A table of our own has a key and a text ``routes``. The row of a programme says ``casa-1=0.6000;rabat-1=0.4000``, of
its closed places ``casa-1=closed``; ``-`` where the programme is no longer routed. The row :data:`HEAD` says which
generation that is, and its digest. It is written first: a publication that is cut off leaves a table that is not
whole, which the next one mends, and an older publication is refused from then on. Each row changes at one instant.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import groupby

import httpx

from releve.routing.adapter import (
    ObservedRoute,
    PublishReceipt,
    RoutingCapabilities,
    RoutingPlan,
    RoutingSnapshot,
    Tried,
    plan_changes,
)
from releve.routing.generation import DECIMALS, Generation, Rejected, RoutingError, Stale, Unreachable, compute_digest
from releve.routing.webhook import ReceiverAnswer, send_pinned

HEAD = "_releve"
RETIRED = "-"
LONGEST_TEXT = 1000
_LONGEST_PAUSE_SECONDS = 600
_PAUSED: dict[str, float] = {}
"""Host -> until when it asked not to be called; of the process, as adapters are built for each call."""


def build_texts(generation: Generation) -> dict[str, str]:
    """Return programme -> the text of its row; Rejected where it is too long for the services."""
    found = {}
    for programme, rows in groupby(generation.rows, key=lambda row: row[0]):
        text = ";".join(f"{place}={weight if state == 'open' else state}" for _, place, state, _, weight in rows)
        if len(text) > LONGEST_TEXT:
            raise Rejected(f"row {programme}: {len(text)} characters, at most {LONGEST_TEXT} fit: give it fewer places")
        found[programme] = text
    return found


def compute_table_digest(number: int, texts: Mapping[str, str]) -> str:
    """Return the digest of the rows that route, without those of programmes that are gone."""
    rows = sorted((key, text) for key, text in texts.items() if key != HEAD and text not in ("", RETIRED))
    return compute_digest("", number, "", rows)


def parse_texts(texts: Mapping[str, str]) -> RoutingSnapshot | None:
    """Return what a table holds; None where nothing was ever published to it."""
    if HEAD not in texts:
        return None
    number, _, digest = texts[HEAD].partition(" ")
    if not number.isdecimal() or digest != compute_table_digest(int(number), texts):
        return RoutingSnapshot(int(number) if number.isdecimal() else 0, digest[:64], None, whole=False)
    routes = {}
    for programme, text in texts.items():
        if programme == HEAD or text in ("", RETIRED):
            continue
        for part in text.split(";"):
            place, _, said = part.partition("=")
            weight = 0.0 if said == "closed" else float(said)
            routes[programme, place] = ObservedRoute(said != "closed", round(weight, DECIMALS))
    return RoutingSnapshot(int(number), digest, None, routes=routes)


class DataTable(ABC):
    """Publishes to a table; a service reads its rows and writes some of them."""

    name: str
    capabilities = RoutingCapabilities(
        scopes=frozenset({"site_weights"}),
        step=10**-DECIMALS,
        atomic="per_programme",
        settles_seconds=20.0,
        deadline_seconds=120.0,
        observes="routes",
    )
    tried: Tried = "description"

    @abstractmethod
    def read_texts(self) -> dict[str, str]:
        """Return the key of each row -> its text."""

    @abstractmethod
    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Write rows in their order; those that the last :meth:`read_texts` did not return are made."""

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        generation.refuse_if_empty()
        build_texts(generation)
        return plan_changes(generation, snapshot)

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Write the rows that differ, the head first; none where the table holds all of them."""
        generation = plan.generation
        generation.refuse_if_empty()
        wished, held = build_texts(generation), self.read_texts()
        seen = parse_texts(held)
        if seen is not None and seen.number > generation.number:
            raise Stale(f"{self.name} holds generation {seen.number} already")
        gone = {row: RETIRED for row, text in held.items() if text and row not in wished and row != HEAD}
        digest = compute_table_digest(generation.number, wished)
        texts = {HEAD: f"{generation.number} {digest}", **wished, **gone}
        changed = {row: text for row, text in texts.items() if held.get(row) != text}
        if changed:
            self.write_texts(changed)
        return PublishReceipt(generation.number, digest)

    def observe(self) -> RoutingSnapshot | None:
        """Return what the flows look up."""
        return parse_texts(self.read_texts())

    def send(
        self, method: str, url: httpx.URL, body: bytes, headers: Mapping[str, str], *, private: bool
    ) -> ReceiverAnswer:
        """Return an answer, unless its host has asked to be left alone for a while (429 and ``Retry-After``)."""
        wait = _PAUSED.get(url.netloc.decode(), 0.0) - time.monotonic()
        if wait > 0:
            raise Unreachable(f"{self.name} asked to wait: {wait:.0f} s are left")
        try:
            answer = send_pinned(method, url, body, headers, private=private)
        except Unreachable as error:
            raise Unreachable(f"{self.name}: {url.host} does not answer") from error
        if answer.status == 429:
            seconds = int(answer.retry_after) if answer.retry_after.isdecimal() else 1
            _PAUSED[url.netloc.decode()] = time.monotonic() + min(seconds, _LONGEST_PAUSE_SECONDS)
            raise Unreachable(f"{self.name} answered 429: too many requests, to be asked again in {seconds} s")
        return answer

    def refuse(self, answer: ReceiverAnswer, what: str, fixes: Mapping[int, str]) -> RoutingError:
        """Return the error of an answer that is not 2xx: what was asked, and what mends it."""
        text = f"{self.name}: {what}: answered {answer.status}"
        if answer.status in (408, 425) or answer.status >= 500:
            return Unreachable(text)
        return Rejected(f"{text}: {fixes.get(answer.status, 'see the columns of the table in docs/telephony.md')}")
