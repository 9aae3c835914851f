"""An installation of before the calendar: its last record alone is in force, the others are history."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from releve.live import api as live

pytestmark = [pytest.mark.database, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

BEFORE = ("live", "0009_room_on_the_disk")


def migrate_to(target: tuple[str, str]) -> Any:
    """Migrate the database; return the models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate([target])
    return executor.loader.project_state([target]).apps


def migrate_to_the_last() -> None:
    """Migrate the database to what it is for the other tests."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_the_last_record_alone_is_in_force_and_the_others_stay_readable() -> None:
    old = migrate_to(BEFORE)
    try:
        days = [date(2026, 12, day) for day in (1, 2, 7, 8)]
        plan, record = old.get_model("live", "PlanText"), old.get_model("live", "Activation")
        for number, day in enumerate(days):
            plan.objects.create(digest=f"{number}" * 64, day=day, text="{}", aht_s=[])
        at = datetime(2026, 11, 30, 9, tzinfo=UTC)
        for hours, named in ((0, (0, 1)), (1, (1, 2)), (2, (2, 3))):
            record.objects.create(
                at=at + timedelta(hours=hours),
                by="planner",
                version=1 + hours,
                days={days[n].isoformat(): f"{n}" * 64 for n in named},
            )
    finally:
        migrate_to_the_last()
    found = live.list_days_in_force()
    assert {day: (row.digest[0], row.version) for day, row in found.items()} == {days[2]: ("2", 3), days[3]: ("3", 3)}
    history = live.list_records(days[0], days[-1])
    said = {day: [(row.digest[:1], row.version) for row in rows] for day, rows in history.items()}
    assert said == {
        days[0]: [("", 2), ("0", 1)],
        days[1]: [("", 3), ("1", 2), ("1", 1)],
        days[2]: [("2", 3), ("2", 2)],
        days[3]: [("3", 3)],
    }
