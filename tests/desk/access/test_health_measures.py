"""No answer shows that an agent has a health measure: two situations that differ in one, compared.

A contact is declared at a site; or another person notes the same agent absent for the same days.
Every address answers a role without health data alike, read or sent to: status, headers, bytes and
queries. Queries stand for the time an answer takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.permissions import Role, list_permissions
from releve.desk.access import forms
from releve.ledger import rollback
from releve.ledger.chain import read_head
from releve.live import api as live
from releve.live import relief_handler, relief_solver, situation_cache
from releve.situation import KINDS, AgentUnavailable, CaseDeclared, list_fields
from tests.desk.access.test_reach import Reach, browser, house, paths, select_addresses
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = ["_nothing_in_memory", "_own_home", "house", "known_times", "planned", "scenario"]

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

Answers = Mapping[tuple[Role, str, str], tuple[int, str, bytes, int]]
"""What an address answers a role: status, headers, masked bytes, queries of facts."""
Sent = tuple[str, Mapping[str, Any] | None]
"""An address and what is sent to it, JSON to the API and else a form; None: it is only read."""
REFUSED = (403, 404)
"""Where a reader may not read, the same guard refuses what they send, before it is looked at."""
STARTS = ("/planning/start", "/crashtest/start")
"""Start a process over the plan, whatever has happened; they answer with its address."""
SEE = list_permissions()["health.see"].roles
"""Roles that may see how many cases a site has."""
RANDOM = re.compile(
    rb"\b(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}|1-[0-9a-z]{6}-[0-9a-f]{32}|[0-9a-f]{64}|[0-9a-f]{32})"
    rb"(?:\b|(?=[rt]\d+\b))"  # keys of several forms of a page differ at their end
    # a token may begin or end with a hyphen, where no word does
    rb"|(?:(?<![\w-])|(?<=nonce-))(?:[\w-]{64}|[\w-]{43}|[\w-]{22})(?![\w-])"
)
"""Instants, hashes, ids and tokens, which differ between two situations that are the same."""

FIGURES = re.compile(rb"(?m)^releve_(?!desk_)\S+")
"""Names of the metrics; their figures, and those of the process and its requests, move anyway."""
MOVING = ("Content-Length", "ETag", "Set-Cookie")
"""Headers that follow from the bytes, which are compared, or hold a random token."""
FACTS = re.compile(r'FROM "(?:ledger|live|registry)_')
"""Queries of what is recorded; others count requests and sessions."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Stop the clock, that of recent authentication too: both walks take as long as they take."""
    at = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: at)
    monkeypatch.setattr(forms, "time", SimpleNamespace(time=at.timestamp))
    return at


@pytest.fixture
def readers(house: Scenario) -> Mapping[Reach, Client]:
    """A browser of each role without health data, and of an inspector of one site."""
    site, client = house.operator.sites[0].id, house.operator.clients[0].id
    limits = {Role.CLIENT: ((), (client,))}
    found: list[Reach] = [(role, *limits.get(role, ((), ()))) for role in Role if role not in SEE]
    return {reach: browser(reach) for reach in [*found, (Role.INSPECTOR, (site,), ())]}


def list_walk(house: Scenario) -> list[str]:
    """Return every address for the first site and client, and those of the entries to come."""
    operator, last = house.operator, read_head().seq
    others = {row.id for row in (*operator.sites[1:], *operator.clients[1:])}
    ledger = [f"ledger/{last + n}{end}" for n in (1, 2) for end in ("", "?format=json")]
    proofs = [f"ledger/{last + n}/proof" for n in (1, 2)]
    walked = [path for path in paths(house) if not others & set(re.split(r"[/?.]|campaign-", path))]
    walked = [path for path in walked if not re.search(r"ledger/\d|^/api/.*\?format=json", path)]
    return [*walked, *(f"/{path}" for path in ledger), *(f"/{path}.json" for path in proofs),
            *(f"/api/v1/{path}" for path in (*ledger[::2], *proofs))]  # fmt: skip


def list_sent(walked: list[str], about: Mapping[str, Any]) -> Iterator[Sent]:
    """Yield each address with what is sent to it about an agent; the API gets each event twice.

    Once with the fields that name the agent and the site alone, once with those that date it too.
    """
    for path in walked:
        if "format=json" in path or path in STARTS:
            continue
        known = KINDS.get(path.rpartition("/")[2])
        if known is None:
            yield path, about
            continue
        names = {field.name for field in list_fields(known)} - {"id", "actor", "recorded_at"}
        fields = {key: value for key, value in about.items() if key in names}
        yield path, {key: value for key, value in fields.items() if key not in ("start", "until")}
        yield path, fields


def ask(web: Client, path: str, sent: Mapping[str, Any] | None) -> Any:
    """Return the answer of an address that is read, or sent to; what it recorded is undone."""
    if sent is None:
        return web.get(path)
    kept = web.cookies.output(header="")
    with transaction.atomic():
        if path.startswith("/api/"):
            key = {"Idempotency-Key": f"{path}:{len(sent)}"}
            found = web.post(path, sent, content_type="application/json", headers=key)
        else:
            found = web.post(path, sent)
        transaction.set_rollback(True)
    web.cookies.clear()
    web.cookies.load(kept)
    return found


def answers(
    readers: Mapping[Reach, Client], happen: Callable[[], object], asked: Callable[[], Iterator[Sent]]
) -> Answers:
    """Return what every address answers each reader after something happened, which is undone."""
    found: dict[tuple[Role, str, str], tuple[int, str, bytes, int]] = {}
    versions = relief_handler._find_version.cache_clear
    for clear in (situation_cache.clear_cache, relief_solver.clear_cache, versions, cache.clear, tokens.forget):
        clear()
    with transaction.atomic():
        happen()
        live.situation_now()  # built by each situation alike
        for (role, sites, _clients), web in readers.items():
            walked = {*select_addresses(web, (path for path, sent in asked() if sent is None))}
            for path, sent in asked():
                if path not in walked:
                    continue
                key = (role, f"{path} {sites}", "" if sent is None else repr(sorted(sent)))
                if sent is not None and found[*key[:2], ""][0] in REFUSED:
                    continue
                connection.queries_log.clear()
                with CaptureQueriesContext(connection) as queries:
                    answer = ask(web, path, sent)
                    body = b"".join(answer.streaming_content if answer.streaming else [answer.content])
                headers = {name: text for name, text in answer.items() if name not in MOVING}
                reads = sum(FACTS.search(row["sql"]) is not None for row in queries)
                body = b" ".join(FIGURES.findall(body)) if "/metrics" in path else body
                masked = RANDOM.sub(b"#", repr(sorted(headers.items())).encode()).decode()
                found[key] = (answer.status_code, masked, RANDOM.sub(b"#", body), reads)
        transaction.set_rollback(True)
    return found


def list_differences(one: Answers, other: Answers) -> list[str]:
    """Return which answers differ, and where."""
    found = []
    for key, first in one.items():
        second = other[key]
        if first != second:
            pairs = enumerate(zip(first[2], second[2], strict=False))
            at = next((i for i, (a, b) in pairs if a != b), 0)
            parts = [body[max(0, at - 80) : at + 120] for body in (first[2], second[2])]
            found.append(f"{key}: {first[::3]}, {second[::3]}: {parts[0]!r} / {parts[1]!r}")
    return found


def test_no_answer_tells_who_has_a_health_measure(
    house: Scenario, clock: datetime, readers: Mapping[Reach, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The ledger is compared with its roots every few seconds; here once, before both walks.
    monkeypatch.setattr(rollback, "TRUSTED_SECONDS", float("inf"))
    rollback.forget()  # a verdict of the set-up would run out in the first walk
    rollback.require_complete()
    agent, walked = house.agents_at(house.site)[1], list_walk(house)
    lasts: list[tuple[datetime, datetime]] = []

    def declare_contact() -> None:
        house.act(CaseDeclared.kind, site=house.site, agent=agent, status="contact")
        (absence,) = live.situation_now().absences[agent]
        assert absence.until is not None
        lasts.append((absence.start, absence.until))

    def note_absences() -> None:
        """As many entries by another person, the same days away, and no measure at any site."""
        ((start, until),) = lasts
        for end in (until, until - timedelta(hours=1)):
            house.act(AgentUnavailable.kind, agent=agent, start=start, until=end, actor="lina")

    def asked() -> Iterator[Sent]:
        ((start, until),) = lasts
        about = {
            "agent": agent, "site": house.site, "start": start.isoformat(),
            "until": until.isoformat(), "agents": [agent], "day": clock.date().isoformat(),
            "count": 1, "pseudonym": agent, "reason": "A reason of some length", "absence": "",
        }  # fmt: skip
        yield from ((path, None) for path in walked)
        yield from list_sent(walked, about)

    measured = answers(readers, declare_contact, asked)
    assert len(measured) > 1500
    assert {200, 201, 422} <= {found[0] for key, found in measured.items() if key[2]}
    assert list_differences(measured, answers(readers, note_absences, asked)) == []
