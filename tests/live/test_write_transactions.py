"""Write transactions of the live chain: none computes a relief or sends a message, none is begun to write nothing.

On SQLite one writer keeps all others out: what it does between begin and commit every form of the desk waits for, and
after five seconds the form says that the database is busy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from releve.files.sqlite3.base import DatabaseWrapper
from releve.live import channels, relief_handler
from releve.live.clock import real_now
from releve.live.models import Message, Relief, RoutingState
from releve.live.routes import watch_routing
from releve.registry.blocks import KEPT_FOR
from releve.registry.models import Upload
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def rows_written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each write transaction on SQLite changed, in their order."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets writers work beside each other")
    found: list[int] = []
    begin, commit = DatabaseWrapper._start_transaction_under_autocommit, DatabaseWrapper._commit

    def note_begin(self: Any) -> None:
        begin(self)
        found.append(-self.connection.total_changes)

    def note_commit(self: Any) -> None:
        if self.connection.in_transaction:
            found[-1] += self.connection.total_changes
        commit(self)

    monkeypatch.setattr(DatabaseWrapper, "_start_transaction_under_autocommit", note_begin)
    monkeypatch.setattr(DatabaseWrapper, "_commit", note_commit)
    return found


def test_no_write_transaction_of_a_closure_writes_nothing(scenario: Scenario, rows_written: list[int]) -> None:
    """The steps of each second look first: an idle one would hold the lock for as long as it waits for a processor."""
    scenario.work()  # with the jobs of the day, which come once
    rows_written.clear()
    scenario.close()
    scenario.work()
    watch_routing(scenario.stream)
    assert len(rows_written) > len(scenario.messages), "each message is claimed and settled"
    assert 0 not in rows_written
    rows_written.clear()
    scenario.work()
    assert rows_written == [], "what rests takes no lock"


def test_what_is_over_is_still_removed(scenario: Scenario) -> None:
    old = real_now() - KEPT_FOR - timedelta(seconds=1)
    Upload.objects.create(made_at=old, made_by="tests", base=0, name="old", data=b"", token="old")
    RoutingState.objects.create(stream=scenario.stream, adapter="gone", number=1, since=old, observed_at=old)
    scenario.work()
    watch_routing(scenario.stream)
    assert not Upload.objects.exists()
    assert not RoutingState.objects.filter(adapter="gone").exists()


def test_no_write_transaction_of_a_closure_computes_a_relief_or_sends(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: dict[str, set[bool]] = {}

    def watch(owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **named: Any) -> Any:
            inside.setdefault(name, set()).add(connection.in_atomic_block)
            return real(*args, **named)

        monkeypatch.setattr(owner, name, watched)

    for name in ("solve_relief", "look_up_relief", "prepare_day"):
        watch(relief_handler, name)
    watch(channels.ByFile, "send")
    scenario.close()
    scenario.work()
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    assert Relief.objects.filter(stream=scenario.stream).count() > 1
    assert Message.objects.filter(stream=scenario.stream).exists()
    assert {"solve_relief", "send"} <= inside.keys()
    assert set().union(*inside.values()) == {False}, f"inside a transaction: {inside}"
