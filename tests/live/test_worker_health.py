"""A worker that does not run, or does not keep up, is seen within half a minute."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from releve.live import api as live
from releve.live.effect_queue import DECIDE, NewEffect, claim_effect, queue_effects
from releve.live.models import Effect, WorkerBeat
from releve.live.worker import Worker
from releve.live.worker_health import (
    BEAT_SECONDS,
    MOST_CLOCK_STEP,
    SILENT_AFTER,
    WorkerHealth,
    check_readiness,
    note_beat,
    note_stop,
    read_worker_health,
)
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def beat(name: str = "one", decided_at: datetime | None = None) -> None:
    now = timezone.now()
    note_beat(name, started_at=now, decided_at=decided_at or now)


def queue() -> None:
    queue_effects([NewEffect("live", DECIDE, "relief", "key", {})])


def test_where_no_worker_ever_ran_nothing_is_wrong_until_an_effect_is_overdue() -> None:
    assert read_worker_health().healthy
    queue()
    assert read_worker_health(later(25)).healthy
    found = read_worker_health(later(35))
    assert (found.alarm, found.since) == ("overdue", Effect.objects.get().next_at)


def test_an_effect_that_a_killed_worker_held_is_overdue_too() -> None:
    queue()
    assert claim_effect((DECIDE,), "killed") is not None
    assert read_worker_health(later(50)).healthy, "the lease of 30 s has just run out"
    assert read_worker_health(later(65)).alarm == "overdue"


def test_an_effect_that_waits_to_be_tried_again_is_not_overdue() -> None:
    queue()
    Effect.objects.update(next_at=later(40), attempts=4)
    assert read_worker_health(later(39)).healthy


def test_a_worker_that_says_nothing_for_half_a_minute_is_silent() -> None:
    beat()
    assert read_worker_health(later(25)).healthy
    assert read_worker_health(later(35)).alarm == "silent"
    beat("another")
    assert read_worker_health(later(25)).healthy, "one that runs is enough"


def test_a_beat_from_before_the_clock_was_set_back_proves_nothing() -> None:
    beat()
    assert read_worker_health(later(-3600)).alarm == "silent"


def test_a_worker_stopped_on_purpose_is_said_to_be_stopped_at_once() -> None:
    beat()
    note_stop("one")
    assert read_worker_health().alarm == "stopped"
    beat()
    assert read_worker_health().healthy, "it is started again"


def test_a_deciding_thread_that_hangs_is_seen_though_the_process_lives() -> None:
    beat(decided_at=later(-400))
    assert read_worker_health().alarm == "stuck"


@pytest.mark.parametrize("step", [timedelta(days=1), timedelta(days=-1)])
def test_a_clock_that_is_set_under_a_worker_is_an_alarm_until_it_is_right_again(
    monkeypatch: pytest.MonkeyPatch, step: timedelta
) -> None:
    worker, right = Worker(), timezone.now

    def report() -> WorkerHealth:
        worker._decided_at = timezone.now()
        worker._beat()
        return read_worker_health()

    assert report().alarm == ""
    monkeypatch.setattr(timezone, "now", lambda: right() + step)
    found = report()
    assert (found.alarm, found.since) == ("clock", None)
    assert abs(found.clock_moved - step) < MOST_CLOCK_STEP
    assert check_readiness().ready, "events have their effects all the same"
    monkeypatch.setattr(timezone, "now", right)
    assert report().alarm == ""
    assert timedelta(seconds=BEAT_SECONDS) < SILENT_AFTER, "it is reported within half a minute"


def test_a_worker_that_is_started_under_another_time_takes_it_for_the_right_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(days=1))
    worker = Worker()
    worker._beat()
    assert read_worker_health().healthy
    monkeypatch.setattr(timezone, "now", right)
    worker._decided_at = right()
    worker._beat()
    assert read_worker_health().alarm == "clock", "until it is started again"


def test_a_database_without_room_is_an_alarm_until_the_worker_finds_some(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    monkeypatch.setattr("releve.live.worker.has_room", lambda: False)
    worker._beat()
    assert read_worker_health().alarm == "disk"
    assert not check_readiness().ready
    monkeypatch.undo()
    worker._beat()
    assert read_worker_health().healthy


def test_rows_of_workers_of_an_earlier_day_are_dropped() -> None:
    beat("old")
    WorkerBeat.objects.update(beat_at=later(-2 * 86400))
    beat("new")
    assert [row.name for row in WorkerBeat.objects.all()] == ["new"]


def test_the_worker_reports_itself_and_its_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker()
    worker._beat()
    assert read_worker_health().healthy
    assert WorkerBeat.objects.get().name == worker.name
    worker.stop()
    assert read_worker_health().alarm == "stopped"


def test_not_ready_where_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    from releve.live import worker_health

    assert check_readiness().ready

    def fail(connection: object) -> object:
        raise OperationalError("no route to /var/lib/releve")

    monkeypatch.setattr(worker_health, "MigrationExecutor", fail)
    found = check_readiness()
    assert (found.ready, found.database, found.worker) == (False, False, None)


def test_an_hour_without_a_worker_is_seen_and_afterwards_each_effect_is_done_once(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    hour = timedelta(hours=1)
    waiting = Effect.objects.filter(state=Effect.QUEUED)
    assert waiting.exists()
    waiting.update(made_at=F("made_at") - hour, next_at=F("next_at") - hour)
    beat()
    WorkerBeat.objects.update(beat_at=later(-3600))
    assert read_worker_health().alarm == "silent"
    assert not check_readiness().ready
    scenario.work()
    beat()
    assert check_readiness().ready
    assert not Effect.objects.exclude(state=Effect.DONE).exists()
    assert len(live.list_reliefs(scenario.stream)) == 1
    letters = [letter["to"] + letter["text"] for letter in scenario.outbox]
    assert letters
    assert len(letters) == len(set(letters))
    assert scenario.work() == 0, "nothing is left, nothing is done twice"
