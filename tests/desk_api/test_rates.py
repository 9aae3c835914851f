"""The limit of requests per minute, counted by several processes together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from releve.accounts import tokens
from releve.accounts.models import RequestCount

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


def asked(times: int, most: int, at: datetime = AT, who: str = "amina") -> int:
    """Ask several times at an instant; return how often that was allowed."""
    return sum(tokens.seconds_to_wait(who, most, at) == 0 for _ in range(times))


def another_process() -> None:
    """Go on as a process that has counted nothing itself."""
    tokens.forget()


def test_another_process_knows_what_the_first_has_let_in(db: None) -> None:
    assert asked(10, 10) == 10
    another_process()
    assert asked(5, 10) == 0
    assert tokens.seconds_to_wait("amina", 10, AT + timedelta(seconds=20)) == 40
    assert asked(5, 10, who="zoe") == 5


def test_several_processes_pass_the_limit_by_a_twentieth_each_at_most(db: None) -> None:
    allowed = 0
    for _ in range(8):
        allowed += asked(100, 400)
        another_process()
    assert 400 <= allowed <= 400 + 8 * 20


def test_a_new_minute_begins_with_the_next_request_and_old_rows_go(db: None) -> None:
    assert asked(3, 2) == 2
    assert asked(1, 2, who="zoe") == 1
    later = AT + timedelta(seconds=61)
    assert asked(3, 2, later) == 2
    assert [row.count for row in RequestCount.objects.all()] == [2]


def test_a_minute_that_a_clock_ahead_began_is_over_once_it_is_set_right(db: None) -> None:
    ahead = AT + timedelta(days=1)
    assert asked(3, 2, ahead) == 2
    assert asked(3, 2) == 2
    another_process()
    assert asked(1, 2) == 0
    assert asked(1, 2, who="zoe") == 1
    assert RequestCount.objects.filter(began_at=AT).count() == 2


def test_most_requests_write_nothing(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        asked(300, 600)
    assert len(queries) < 60


def test_nobody_is_named_in_the_table(db: None) -> None:
    asked(1, 10, who="ip:192.0.2.7")
    (row,) = RequestCount.objects.values()
    assert "192.0.2.7" not in str(row)


def test_a_database_that_is_away_turns_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> Any:
        raise DatabaseError("away")

    monkeypatch.setattr(tokens, "_added", away)
    assert asked(15, 10) == 10
