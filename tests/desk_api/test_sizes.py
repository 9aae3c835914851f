"""What a page asks of the database does not grow with the sites; it is counted once for all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.desk import OPERATIONS, PAGES, fill
from releve.accounts.permissions import Role
from releve.live import api as live
from releve.live import situation_cache
from releve.live.plans import IdentityCache
from releve.registry import storage
from tests.accounts.people import signed_in
from tests.desk_api.conftest import Program, program

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def counted(web: Client, asks: Program) -> dict[str, int]:
    """Return the queries of each page and operation, asked for a second time."""
    found = {}
    for path in (*PAGES, *OPERATIONS):
        headers = asks.headers if path.startswith("/api") else {}
        assert web.get(path, headers=headers).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            web.get(path, headers=headers)
        found[path] = len(queries)
    return found


def sizes(sites: int) -> tuple[int, int]:
    storage.clear_cache()
    fill(40 * sites, sites)
    operator = live.operator_now()
    return len(operator.sites), len(operator.clients)


def test_eight_sites_take_as_many_queries_as_two(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    held = timezone.now()  # a minute that begins meanwhile is computed again
    monkeypatch.setattr(timezone, "now", lambda: held)
    situation_cache.clear_cache()
    assert sizes(2)[0] == 2
    web, asks = signed_in(Role.CONTINUITY), program(Role.CONTINUITY)
    few = counted(web, asks)
    situation_cache.clear_cache()
    assert sizes(8)[0] == 8
    many = counted(web, asks)
    assert many == few
    assert max(many.values()) < 26
    assert len(asks.get("/sites").json()["sites"]) == 8
    assert all(row["worst"] is not None for row in asks.get("/clients").json()["clients"])


def test_what_is_kept_stands_for_the_same_objects_and_no_equal_ones() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    one, same = [1], [1]
    first = kept.get("a", (one,), lambda: ["first"])
    assert kept.get("a", (one,), lambda: ["again"]) is first
    assert kept.get("a", (same,), lambda: ["equal"]) == ["equal"]
    for key in "bc":
        kept.get(key, (one,), lambda: ["more"])
    assert kept.get("a", (same,), lambda: ["forgotten"]) == ["forgotten"]


def test_who_asks_for_what_is_being_computed_waits_for_it() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    source, begun, go_on, made = object(), Event(), Event(), []

    def make() -> list[Any]:
        begun.set()
        assert go_on.wait(10)
        made.append(len(made))
        return made

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(kept.get, "a", (source,), make)
        assert begun.wait(10)
        others = [pool.submit(kept.get, "a", (source,), make) for _ in range(2)]
        # a reader of another key does not wait
        assert kept.get("b", (source,), lambda: ["b"]) == ["b"]
        go_on.set()
        found = [row.result() for row in (first, *others)]
    assert made == [0]
    assert all(row is made for row in found)


def test_what_fails_is_computed_by_the_next_who_asks() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    source = object()

    def fail() -> list[Any]:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        kept.get("a", (source,), fail)
    assert kept.get("a", (source,), lambda: ["a"]) == ["a"]
