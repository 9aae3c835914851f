"""What the first look would wait for is read beforehand, and no more than it takes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releve.live import plans, worker
from releve.live.coverage import compute_coverage
from releve.live.models import Activation
from releve.network.sample import FIRST_DAY
from tests.live.scenario import Scenario


@pytest.mark.database
@pytest.mark.django_db
def test_the_first_look_reads_no_plan_any_more(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    morning = datetime.combine(FIRST_DAY, time(9), UTC)
    monkeypatch.setattr(timezone, "now", lambda: morning)
    plans.clear_plan_cache()
    worker.warm()
    with CaptureQueriesContext(connection) as queries:
        found = compute_coverage()
    assert found is not None
    assert len(found.starts) > 48, "three days are needed"
    assert not [row for row in queries if "plantext" in row["sql"]]


@pytest.mark.django_db
def test_an_empty_installation_is_nothing_to_complain_of(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PLAN_FOLDER = None
    worker.warm()
    assert caplog.records == []


def test_what_cannot_be_read_is_logged_and_the_rest_is_read(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = []

    def locked() -> Any:
        raise OperationalError("database is locked")

    monkeypatch.setattr(worker, "compute_coverage", locked)
    monkeypatch.setattr(worker, "find_displayed_plan", lambda: read.append("plan"))
    worker.warm()
    assert read == ["plan"]
    assert "could not be read beforehand" in caplog.text


def test_plans_of_days_far_from_the_hours_ahead_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    days = [FIRST_DAY + timedelta(days=number) for number in range(14)]

    def day_plan(digest: str, version: int) -> Any:
        read.append(digest)
        start = datetime.combine(days[int(digest)], time(0), UTC)
        steps = tuple(start + timedelta(minutes=30 * number) for number in range(48))
        return SimpleNamespace(plan=SimpleNamespace(starts=steps))

    monkeypatch.setattr(plans, "load_day_plan", day_plan)
    found = Activation(days={day.isoformat(): str(at) for at, day in enumerate(days)}, version=1)
    at = datetime.combine(days[5], time(10), UTC)
    assert plans.list_days_ahead(found, at, at + timedelta(hours=48)) == tuple(days[5:8])
    assert read == ["4", "5", "6", "7", "8"]
    read.clear()
    assert plans.find_first_start(found, at) == datetime.combine(days[6], time(0), UTC)
    assert read == ["4", "5", "6"]
