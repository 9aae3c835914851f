"""The worker's threads and its command; one that does not run or keep up is seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.conf import settings as django_settings
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from releve.cli import live as commands
from releve.cli import main
from releve.ledger.chain import append
from releve.ledger.rollback import forget, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.live import api as live
from releve.live import routes, worker
from releve.live.clock import real_now
from releve.live.effect_queue import DECIDE, NewEffect, claim_effect, queue_effects
from releve.live.house_faults import MOST_CLOCK_STEP
from releve.live.models import Effect, Relief, Routes, WorkerBeat
from releve.live.worker import Worker
from releve.live.worker_health import (
    BEAT_SECONDS,
    SILENT_AFTER,
    WorkerHealth,
    check_readiness,
    note_beat,
    note_stop,
    read_worker_health,
)
from releve.network import Operator
from releve.plan import Plan
from releve.routing import build_adapters
from tests.live.scenario import Scenario
from tests.routing.generations import publish
from tests.routing.receivers import receiving

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SECRET = "correct horse battery staple 2026"


def waited(held: Callable[[], bool], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OperationalError, live.Busy):  # a database in memory locks whole tables
            if held():
                return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_threads_do_the_whole_chain_and_stop_when_asked(known_times: None, planned: Any) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite in memory locks whole tables; test_killed has it in a file")
    scenario = Scenario.begin(*planned)
    worker = Worker(1)
    worker.start()
    try:
        assert waited(lambda: bool(scenario.power(scenario.site).seq))
        assert waited(lambda: Relief.objects.filter(source="optimum", notified=True).exists())
        assert waited(lambda: not Effect.objects.exclude(state=Effect.DONE).exists())
    finally:
        worker.ask_to_stop()
        worker.wait()
    assert live.list_effects_aside() == []
    assert live.count_messages(scenario.stream).unaddressed > 0


def route_by_both(url: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Publish to a file and to a webhook."""
    environ = {
        "RELEVE_ROUTING": "file_csv,webhook",
        "RELEVE_WEBHOOK_URL": url,
        "RELEVE_WEBHOOK_SECRET": SECRET,
        "RELEVE_WEBHOOK_PRIVATE": "yes",
    }
    both = build_adapters(environ, django_settings.HOME)
    monkeypatch.setattr(routes, "list_adapters", lambda stream: both)
    return both


def test_a_webhook_away_for_long_gets_the_newest_routes_when_it_is_back(
    before_the_plan: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as telephony:
        route_by_both(telephony.url, monkeypatch)
        telephony.status = 503
        scenario.work()
        scenario.two_positives()
        for _ in range(12):
            Effect.objects.filter(state=Effect.QUEUED).update(next_at=live.real_now())
            scenario.work()
        assert telephony.acted == {}
        assert {effect.body["adapter"] for effect in live.list_late_effects()} == {"webhook"}
        assert live.list_effects_aside() == [], "it is waited for"
        (relief,) = live.list_reliefs(scenario.stream)
        assert relief.published_at is None, "one that does not answer is not said to be routed"
        telephony.status = 200
        Effect.objects.filter(state=Effect.QUEUED).update(next_at=live.real_now())
        scenario.work()
        newest = Routes.objects.filter(stream=scenario.stream)[0].number
        assert [row["generation"] for row in telephony.acted.values()] == [newest]
    assert live.list_late_effects() == []
    relief.refresh_from_db()
    assert relief.published_at is not None


def test_a_webhook_that_says_no_is_shown_and_the_file_is_there_all_the_same(
    before_the_plan: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as telephony:
        file = route_by_both(telephony.url, monkeypatch)[0]
        telephony.status = 403
        scenario.work()
        (effect,) = live.list_effects_aside()
        assert effect.error == "Rejected: the webhook answered 403"
    assert file.observe() is not None


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command on the test's own database."""
    monkeypatch.setattr(commands, "open_database", lambda **_how: None)

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(main, ["live", *words])
        assert done.exit_code == status, done.output
        return done.output

    return run


def test_the_commands_do_what_they_say(scenario: Scenario, command: Callable[..., str]) -> None:
    name = command("drill", "start", "Mars", "--at", "2026-11-30T10:40").split()[0]
    assert "Mars" in command("drill", "list")
    assert "2026-11-30T" in command("drill", "move", name, "30")
    scenario.two_positives()
    assert "effects done" in command("work", "--once")
    assert f'"{scenario.site}"' in command("status", "--stream", scenario.stream)
    Effect.objects.update(state=Effect.ASIDE)
    assert '"aside": []' not in command("status", "--stream", scenario.stream, status=1)
    Effect.objects.update(state=Effect.DONE)
    note_beat("one", started_at=live.real_now(), decided_at=live.real_now())
    note_stop("one")
    assert '"alarm": "stopped"' in command("status", "--stream", scenario.stream, status=1)
    assert "stopped" in command("drill", "stop", name)
    assert "no effect 99 is set aside" in command("retry", "99", status=1)
    assert "no drill" in command("status", "--stream", "drill:99", status=1)


def test_settings_that_make_no_sense_stop_the_worker_before_it_begins(
    scenario: Scenario, command: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_ROUTING", "pigeon")
    assert "RELEVE_ROUTING must name" in command("work", "--once", status=1)


def test_a_plan_of_another_operator_or_with_a_violation_is_not_put_in_force(scenario: Scenario) -> None:
    plan = scenario.plans[0]
    with pytest.raises(live.PlanRefused, match="broke a rule"):
        live.put_in_force([replace(plan, violations=("Too many people.",))], by="tests")
    stranger = replace(plan.placements[0], agent="a99999")
    with pytest.raises(live.PlanRefused, match="not of the operator"):
        live.put_in_force([replace(plan, placements=(stranger,))], by="tests")


def test_an_empty_registry_is_said(db: None) -> None:
    with pytest.raises(live.NoOperator, match="import an operator"):
        live.situation_now()


def test_a_new_plan_in_force_is_relieved_anew(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    (before,) = live.list_reliefs(scenario.stream)
    live.put_in_force(list(scenario.plans), by="tests")
    scenario.work()
    assert live.list_reliefs(scenario.stream) == [before], "every day is in force as it was"
    live.put_in_force([replace(plan, required=plan.required * 1.01) for plan in scenario.plans], by="tests")
    scenario.work()
    newest, _before = live.list_reliefs(scenario.stream)
    assert newest.activation != before.activation
    assert newest.lost == before.lost


def test_a_fault_in_one_step_leaves_the_thread_and_the_other_steps_their_turn(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from releve.live import worker

    done: list[str] = []

    def faulty(stream: str) -> tuple[int, ...]:
        if stream == live.LIVE:
            raise RuntimeError("rules/own.yaml has faults")
        done.append(stream)
        return ()

    monkeypatch.setattr(worker, "record_due_events", faulty)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(worker, "close_old_connections", lambda: None)  # this test's own
    worker.run_tick(worker._run_guarded)
    assert done == [scenario.stream]
    assert Routes.objects.filter(stream=scenario.stream).exists(), "the routes followed"
    with pytest.raises(RuntimeError):
        worker.run_tick()


def test_the_daily_jobs_have_a_thread_of_their_own_and_hold_up_no_decision(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    from releve.live import worker

    monkeypatch.setattr(worker, "run_daily_jobs", lambda now: 1 / 0)
    worker.run_tick()
    assert Routes.objects.filter(stream=scenario.stream).exists()


def test_no_thread_but_their_own_runs_the_daily_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    from releve.live import worker

    ran, slow, decided = set[str](), set[str](), threading.Semaphore(0)

    def note_thread(now: datetime) -> None:
        ran.add(threading.current_thread().name)

    def note_slow(now: datetime) -> None:
        slow.add(threading.current_thread().name)

    monkeypatch.setattr(worker, "TICK_SECONDS", 0.0)
    monkeypatch.setattr(worker, "run_tick", lambda do: decided.release())
    monkeypatch.setattr(worker, "run_daily_jobs", note_thread)
    monkeypatch.setattr(worker, "run_due_jobs", note_thread)
    monkeypatch.setattr(worker, "run_slow_jobs", note_slow)
    monkeypatch.setattr(worker, "_run_one_effect", lambda lanes, name: False)
    for name in ("_prepare_switches", "_warm_up_streams", "follow_calls", "note_beat", "note_stop", "watch_routing",
                 "find_next_due", "find_rest", "follow_path_faults", "deliver_events"):  # fmt: skip
        monkeypatch.setattr(worker, name, lambda *given, **named: None)
    under_test = Worker(1)
    under_test.start()
    try:
        for _ in range(3):
            assert decided.acquire(timeout=60)
        assert waited(lambda: bool(ran and slow))
    finally:
        under_test.stop()
    assert ran == {"releve-daily"}
    assert slow == {"releve-slow"}, "a search of a solver holds up no recall"


def test_a_plan_whose_days_are_over_or_far_off_is_not_relieved_and_nothing_fails(scenario: Scenario) -> None:
    scenario.close()
    scenario.work()
    before = live.list_reliefs(scenario.stream)
    scenario.later(days=30)
    live.put_in_force(list(scenario.plans), by="tests")
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    effect = Effect.objects.filter(kind="relief").latest("pk")
    assert effect.result == {"skipped": "no plan in force"}
    assert live.list_late_effects() == live.list_effects_aside() == []
    assert live.list_reliefs(scenario.stream) == before


def test_after_the_last_shift_of_the_plan_the_routes_stay_and_nothing_fails(
    known_times: None, planned: tuple[Operator, tuple[Plan, ...]]
) -> None:
    """To open no place is refused by every telephony system; it would be an alarm each evening a plan ends."""
    operator, (first, *_) = planned
    evening = Scenario.begin(operator, [first], clock="17:00")
    evening.close()
    evening.work()
    held = Routes.objects.filter(stream=evening.stream).first()
    assert held is not None
    evening.later(hours=6)
    evening.power(operator.sites[1].id)
    evening.work()
    assert live.list_effects_aside() == live.list_late_effects() == []
    assert Routes.objects.filter(stream=evening.stream).first() == held


def test_a_system_observed_by_a_clock_ahead_is_observed_again_once_that_is_right(scenario: Scenario) -> None:
    from releve.live.models import RoutingState

    (file,) = routes.list_adapters(scenario.stream)
    wanted = Routes(number=7)
    seen = RoutingState(state="confirmed", number=7, observed_at=live.real_now())
    assert routes._is_due(seen, file, wanted) == (not file.capabilities.settles_seconds)
    seen.observed_at += timedelta(days=1)
    assert routes._is_due(seen, file, wanted)


def test_routes_of_another_database_in_the_way_are_said_and_not_taken_for_ours(scenario: Scenario) -> None:
    from releve.routing import Generation, Route
    from releve.routing.file_csv import FileCsv

    (file,) = routes.list_adapters(scenario.stream)
    assert isinstance(file, FileCsv)
    ours = {"hotline": (Route(scenario.site, open=True, people=1.0, weight=1.0),)}
    publish(file, Generation(scenario.stream, 99, live.real_now(), ours), key="from before")
    scenario.work()
    (effect,) = [row for row in live.list_effects_aside() if row.stream == scenario.stream]
    assert "generation 99 already, which is not known here" in effect.error
    file.path.unlink()
    live.retry_effect(effect.pk, by="tests")
    scenario.work()
    seen = file.observe()
    assert seen is not None
    assert seen.number == 1


def test_behind_its_ledger_the_worker_runs_no_effect_and_says_so(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic():
        append("note", {}, recorded_at=real_now())
        publish_root(sign_root(real_now()), roots_folder())
        transaction.set_rollback(True)
    forget()
    done: list[str] = []
    monkeypatch.setattr(worker, "_BEHIND_SECONDS", 0)
    assert not worker._run_guarded(lambda: done.append("effect"))
    assert done == []
    assert "the worker does nothing: the database is behind its ledger" in caplog.text


def test_while_the_database_is_away_one_cause_is_logged_once_a_minute_by_all_threads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(worker, "_warned_at", {})
    monkeypatch.setattr(worker, "POLL_SECONDS", 0)
    for _ in range(20):
        assert worker._run_guarded(fail) is None
    assert [row.message for row in caplog.records] == ["the worker waits: connection refused"]
    monkeypatch.setattr(worker, "SAME_CAUSE_SECONDS", 0)
    worker._run_guarded(fail)
    assert len(caplog.records) == 2


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
