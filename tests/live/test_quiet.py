"""A live chain that rests wakes by a change, by the full minute and by what the situation calls for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from releve.files.change_signal import ChangeWatch, announce_change
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live import worker
from releve.live.effect_queue import DECIDE, OUTSIDE, NewEffect, claim_effect, find_next_due, queue_effects
from releve.live.models import Effect, Message, Routes
from releve.live.quiet import Rest, find_minute, find_rest
from releve.live.routes import watch_routing
from releve.live.worker import Worker
from releve.routing.file_csv import FileCsv
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def rest(changes: int = 0) -> Rest | None:
    return find_rest(changes, live.now())


def test_with_nothing_recorded_the_chain_rests_with_data_and_without(living: Scenario) -> None:
    living.work()
    found = rest()
    assert found is not None
    assert not found.is_over(0, live.now())


def test_an_installation_without_data_rests() -> None:
    found = rest()
    assert found is not None
    assert not found.is_over(0, live.now())


def test_a_change_and_the_next_full_minute_end_the_rest(living: Scenario) -> None:
    living.work()
    found, at = rest(7), live.now()
    assert found is not None
    assert found.is_over(8, at)
    assert found.is_over(7, at + timedelta(minutes=1))
    assert found.is_over(7, at - timedelta(minutes=1)), "the clock was set back"


def test_a_drill_a_loss_and_messages_without_an_answer_keep_the_chain_awake(living: Scenario) -> None:
    living.work()
    drill = live.start_drill("Exercice", by="tests")
    assert rest() is None
    live.stop_drill(drill.name, by="tests")
    assert rest() is not None
    living.close()
    assert rest() is None
    living.work()
    assert Message.objects.filter(stream=live.LIVE, acknowledged_at=None).exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "agent", "kind": "agent"},
        {"role": "manager", "kind": "unanswered", "due_at": timezone.now()},
        {"role": "client", "kind": "client", "held": Message.DRAFT, "release_at": timezone.now()},
        {"role": "client", "kind": "client", "acknowledged_at": timezone.now(), "about": {"next": "2026-11-30T12:00"}},
    ],
    ids=["unanswered", "escalated", "draft", "promised news"],
)
def test_a_message_that_the_clock_moves_keeps_the_chain_awake(scenario: Scenario, fields: dict[str, Any]) -> None:
    scenario.close()
    scenario.work()
    relief = live.list_reliefs(scenario.stream)[0]
    live.stop_drill(scenario.stream, by="tests")
    assert rest() is not None
    given = {"about": {}, **fields}
    Message.objects.create(relief=relief, stream=live.LIVE, who="a", token="t", rank=1, **given)
    assert rest() is None
    Message.objects.update(replaced=True, due_at=None)
    assert rest() is not None


def test_a_switch_that_is_held_keeps_the_chain_awake(living: Scenario) -> None:
    living.work()
    Routes.objects.update(held_until=max(live.now(), timezone.now()) + timedelta(days=1))
    assert rest() is None


def test_an_absence_that_ends_between_two_minutes_ends_the_rest_in_its_second(living: Scenario) -> None:
    agent, at = living.agents_at(living.site)[0], live.now()
    until = at + timedelta(seconds=20)
    living.act("agent.unavailable", agent=agent, reason="other", until=until)
    living.work()
    found = rest()
    assert found is not None
    within = [at + timedelta(seconds=second) for second in (19, 21)]
    same = [replace(found, minute=find_minute(moment)) for moment in within]
    assert [one.is_over(0, moment) for one, moment in zip(same, within, strict=True)] == [False, True]


def test_a_tick_at_rest_asks_the_database_nothing_and_each_change_is_followed(
    living: Scenario, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = live.now().replace(second=1)
    monkeypatch.setattr(worker, "real_now", lambda: at)
    living.work()
    under_test = Worker(1)

    def tick() -> None:
        under_test._next_tick = 0.0
        under_test._tick()

    tick()
    with django_assert_num_queries(0):
        tick()
        tick()
    ticks: list[object] = []
    monkeypatch.setattr(worker, "run_tick", lambda do: ticks.append(do))
    under_test._changes.note_change()
    tick()
    assert len(ticks) == 1


def test_a_step_that_failed_is_run_again_though_nothing_changes(
    living: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    living.work()
    under_test, ran = Worker(1), list[str]()

    def fail(stream: str) -> None:
        ran.append(stream)
        raise live.LiveError("the folder is away")

    monkeypatch.setattr(worker, "escalate_messages", fail)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(worker, "close_old_connections", lambda: None)
    for _ in range(2):
        under_test._next_tick = 0.0
        under_test._tick()
    assert ran == [live.LIVE] * 2


def test_the_next_effect_is_known_by_its_time_and_a_lease_by_its_end() -> None:
    assert find_next_due((DECIDE,)) is None
    queue_effects([NewEffect("live", DECIDE, "relief", "one", {}), NewEffect("live", OUTSIDE, "send", "two", {})])
    later = live.real_now() + timedelta(seconds=40)
    Effect.objects.filter(key="one").update(next_at=later)
    assert find_next_due((DECIDE,)) == later
    taken = claim_effect((OUTSIDE,), "one")
    assert taken is not None
    assert find_next_due((OUTSIDE,)) == taken.claimed_until


def test_a_system_that_was_changed_by_hand_is_seen_without_a_query(
    living: Scenario, django_assert_num_queries: Any
) -> None:
    from releve.live.routes import list_adapters, read_held_routes

    living.work()
    assert not watch_routing()
    with django_assert_num_queries(0):
        before = read_held_routes()
        assert read_held_routes() == before
    (file,) = list_adapters(live.LIVE)
    assert isinstance(file, FileCsv)
    file.path.write_text(file.path.read_text("utf-8").replace(",1,", ",0,", 1), "utf-8")
    assert read_held_routes() != before
    assert watch_routing(), "and it gets the newest routes again"


def awaited(held: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20
    while time.monotonic() < until and not held():
        time.sleep(0.01)
    return held()


@pytest.fixture
def watch() -> Any:
    stopping, found = threading.Event(), ChangeWatch()

    def run() -> None:
        try:
            found.run(stopping.is_set)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield found
    stopping.set()
    thread.join()


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_what_a_transaction_announces_is_counted_when_it_is_stored(watch: ChangeWatch) -> None:
    announce_change()
    assert awaited(lambda: watch.count > 0)
    time.sleep(0.3)
    before = watch.count
    with transaction.atomic():
        announce_change()
        time.sleep(0.3)
        assert watch.count == before, "not stored yet"
    assert awaited(lambda: watch.count == before + 1)
    for change in (
        lambda: queue_effects([NewEffect("live", DECIDE, "relief", "key", {})]),
        lambda: ledger.append("note", {}, recorded_at=live.real_now()),
    ):
        before = watch.count
        with transaction.atomic():
            change()
        assert awaited(lambda before=before: watch.count > before)  # type: ignore[misc]


def test_who_waits_is_woken_by_a_change_and_else_returns_in_time() -> None:
    found = ChangeWatch()
    woken = threading.Thread(target=found.wait, args=(0, 60.0))
    woken.start()
    found.note_change()
    woken.join(20)
    assert not woken.is_alive()
    began = time.monotonic()
    found.wait(1, 0.05)
    assert 0.04 < time.monotonic() - began < 20


def test_a_home_that_cannot_be_written_loses_the_signal_and_not_the_change(settings: Any) -> None:
    settings.HOME = settings.HOME / "gone"
    announce_change()
