"""The queue of effects, each done once; who is notified, and what is said of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, transaction

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live import effect_queue
from releve.live.effect_queue import (
    OUTSIDE,
    EffectOutcome,
    LostLease,
    NewEffect,
    PermanentFailure,
    RetryLater,
    register_aside_hook,
    register_handler,
    run_effect,
    run_effects_now,
)
from releve.live.message_texts import write_message
from releve.live.models import Effect, Message
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


class Outside:
    """An external system that acts once per key, when it answers."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.did: set[str] = set()

    def ask(self, effect: Effect) -> EffectOutcome:
        self.asked.append(effect.key)
        if self.error is not None:
            raise self.error
        self.did.add(effect.key)
        return EffectOutcome({"answer": 42}, (("trial.done", {"key": effect.key}),))


@pytest.fixture
def outside() -> Outside:
    found = Outside()
    register_handler("trial")(found.ask)
    register_aside_hook("trial")(lambda effect: None)
    return found


def queued(key: str = "t1") -> Effect:
    with transaction.atomic():
        effect_queue.queue_effects([NewEffect("live", OUTSIDE, "trial", key, {})])
    return Effect.objects.get(key=key)


def claimed(worker: str = "w") -> Effect:
    found = effect_queue.claim_effect([OUTSIDE], worker)
    assert found is not None
    return found


def entries_of(kind: str) -> int:
    return sum(row.kind == kind for row in ledger.iter_entries("live"))


def test_a_key_is_queued_once(outside: Outside) -> None:
    queued()
    queued()
    assert Effect.objects.count() == 1


def test_only_one_worker_gets_it(outside: Outside) -> None:
    queued()
    assert claimed().attempts == 1
    assert effect_queue.claim_effect([OUTSIDE], "other") is None
    assert effect_queue.claim_effect(["decide"], "other") is None


def test_done_is_done_with_its_entry(outside: Outside) -> None:
    queued()
    run_effect(claimed())
    found = Effect.objects.get()
    assert (found.state, found.result) == (Effect.DONE, {"answer": 42})
    assert entries_of("trial.done") == 1
    assert effect_queue.claim_effect([OUTSIDE], "w") is None


def test_a_worker_that_vanished_loses_it_when_its_lease_ends(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVE_LEASE_SECONDS", "0")
    queued()
    vanished = claimed("vanished")
    second = claimed("second")
    assert second.attempts == 2
    run_effect(second)
    with pytest.raises(LostLease):
        effect_queue.settle_effect(vanished, EffectOutcome({}, (("trial.done", {"key": "late"}),)))
    assert entries_of("trial.done") == 1
    run_effect(vanished)
    assert Effect.objects.get().state == Effect.DONE


def test_the_outside_gets_the_same_key_on_every_try(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVE_LEASE_SECONDS", "0")
    queued()
    claimed("killed after it had asked")
    outside.ask(Effect.objects.get())
    run_effect(claimed("next"))
    assert outside.asked == ["t1", "t1"]
    assert outside.did == {"t1"}


def test_it_waits_longer_after_each_failure(outside: Outside) -> None:
    outside.error = ValueError("odd")
    queued()
    waits = []
    for _ in range(4):
        run_effect(claimed())
        found = Effect.objects.get()
        waits.append((found.next_at - live.real_now()).total_seconds())
        Effect.objects.update(next_at=live.real_now())
    for number, wait in enumerate(waits):
        longest = 0.5 * 2**number
        assert longest / 2 - 0.5 < wait <= longest


@pytest.mark.parametrize("state", [Effect.QUEUED, Effect.CLAIMED])
def test_an_effect_dated_by_a_clock_that_was_a_day_ahead_is_not_waited_for(outside: Outside, state: str) -> None:
    queued()
    ahead = live.real_now() + timedelta(days=1)
    Effect.objects.update(state=state, next_at=ahead, claimed_until=ahead)
    run_effect(claimed())
    assert Effect.objects.get().state == Effect.DONE


def test_what_fails_too_often_is_set_aside_and_shown(outside: Outside) -> None:
    outside.error = ValueError("odd")
    queued()
    for _ in range(effect_queue.MOST_ATTEMPTS):
        Effect.objects.update(next_at=live.real_now())
        run_effect(claimed())
    (found,) = live.list_effects_aside()
    assert found.error == "ValueError: odd"
    assert effect_queue.claim_effect([OUTSIDE], "w") is None
    assert entries_of("effect.aside") == 1


def test_what_cannot_succeed_is_set_aside_at_once(outside: Outside) -> None:
    outside.error = PermanentFailure("no")
    queued()
    run_effect(claimed())
    assert [effect.key for effect in live.list_effects_aside("live")] == ["t1"]
    assert live.list_effects_aside("drill:1") == []


@pytest.mark.parametrize("error", [RetryLater("away"), OperationalError("locked")])
def test_who_does_not_answer_is_tried_for_a_day(outside: Outside, error: Exception) -> None:
    outside.error = error
    queued()
    for _ in range(3 * effect_queue.MOST_ATTEMPTS):
        Effect.objects.update(next_at=live.real_now())
        run_effect(claimed())
    assert live.list_effects_aside() == []
    assert [effect.key for effect in live.list_late_effects()] == ["t1"]
    long_ago = live.real_now() - effect_queue.PATIENCE - timedelta(minutes=1)
    Effect.objects.update(next_at=live.real_now(), made_at=long_ago)
    run_effect(claimed())
    assert len(live.list_effects_aside()) == 1


def test_what_was_set_aside_can_be_tried_again_by_somebody_named(outside: Outside) -> None:
    outside.error = PermanentFailure("no")
    found = queued()
    run_effect(claimed())
    outside.error = None
    live.retry_effect(found.pk, by="samira")
    run_effect(claimed())
    assert Effect.objects.get().state == Effect.DONE
    assert [row.body["by"] for row in ledger.iter_entries("live") if row.kind == "effect.retried"] == ["samira"]
    with pytest.raises(live.NoSuch):
        live.retry_effect(found.pk, by="samira")


def test_an_error_of_one_does_not_keep_the_next_from_its_turn(outside: Outside) -> None:
    outside.error = RuntimeError("bad")
    queued("bad")
    run_effect(claimed())
    outside.error = None
    queued("good")
    run_effect(claimed())
    assert outside.did == {"good"}


def test_what_nobody_knows_how_to_do_is_set_aside_in_the_end() -> None:
    with transaction.atomic():
        effect_queue.queue_effects([NewEffect("live", OUTSIDE, "unheard-of", "u", {})])
    for _ in range(effect_queue.MOST_ATTEMPTS):
        Effect.objects.update(next_at=live.real_now())
        run_effect(claimed())
    assert [effect.error for effect in live.list_effects_aside()] == ["KeyError: 'unheard-of'"]


def test_what_is_done_at_once_is_not_done_by_two(outside: Outside) -> None:
    queued()
    claimed("another")
    run_effects_now(["t1"], "me")
    assert outside.asked == []


def test_the_results_of_a_lost_lease_are_not_stored(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    queued()
    found = claimed()
    Effect.objects.update(attempts=2, claimed_by="another")
    run_effect(found)
    assert Effect.objects.get().state == Effect.CLAIMED
    assert entries_of("trial.done") == 0


def test_what_follows_from_setting_aside_is_there_with_it_or_the_effect_is_not_aside(outside: Outside) -> None:
    outside.error = PermanentFailure("no such address")

    def killed(effect: Effect) -> None:
        raise OperationalError("killed before it was stored")

    register_aside_hook("trial")(killed)
    queued()
    run_effect(claimed())
    assert live.list_effects_aside() == [], "it comes back with its lease"
    followed: list[str] = []
    register_aside_hook("trial")(lambda effect: followed.append(effect.key))
    Effect.objects.update(claimed_until=live.real_now() - timedelta(seconds=1))
    run_effect(claimed())
    assert [effect.key for effect in live.list_effects_aside()] == followed == ["t1"]


HEAD = "role,who,channel,address,language\n"


def count_kinds(scenario: Scenario, kind: str) -> int:
    return sum(row.kind == kind for row in ledger.iter_entries(scenario.stream))


def test_without_an_address_a_message_is_written_and_not_sent(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},file,x,fr\n".encode(), by="tests")
    for client in scenario.operator.clients:
        live.store_setting(client.id, "at_once", 10, by="tests")
    scenario.two_positives()
    scenario.work()
    counts = live.count_messages(scenario.stream)
    assert (counts.sent, counts.unaddressed) == (1, counts.notified - 1)
    assert count_kinds(scenario, "message.sent") == 1
    written = count_kinds(scenario, "message.written")
    assert written == Message.objects.filter(stream=scenario.stream).count() - 1
    (said,) = [r for r in ledger.iter_entries(scenario.stream) if r.kind == "people.notified"]
    assert said.body["unaddressed"] == written
    states = {row.agent: row.state for row in live.list_notified_agents(scenario.stream)}
    assert {name for name, state in states.items() if state != "unaddressed"} == {agent}


def test_what_a_relief_gives_each_client_is_recorded(scenario: Scenario) -> None:
    cause = scenario.two_positives()
    scenario.work()
    rows = [row for row in ledger.iter_entries(scenario.stream) if row.kind == "relief.covered"]
    assert [row.body["client"] for row in rows] == [one.id for one in scenario.operator.clients]
    (newest, *_) = live.list_reliefs(scenario.stream)
    assert {row.body["generation"] for row in rows} == {newest.generation}
    assert {row.body["cause"] for row in rows} == {newest.cause}
    assert newest.cause >= cause.seq
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    assert [row.body["missing"] for row in rows] == [one.missing for one in coverage.clients]


def test_a_further_relief_keeps_those_who_have_not_answered_the_first(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    first = {row.agent for row in live.list_notified_agents(scenario.stream)}
    scenario.carrier("Inwi")
    scenario.work()
    rows = live.list_notified_agents(scenario.stream)
    assert {row.generation for row in rows} > {max(row.generation for row in rows)}
    assert first <= {row.agent for row in rows}
    newest = [row for row in rows if row.generation == max(row.generation for row in rows)]
    assert live.count_messages(scenario.stream).waiting == len(rows) > len(newest) > 0
    (answering, *others) = rows
    live.record_spoken_answer(scenario.stream, answering.message, by="samira")
    left = live.list_notified_agents(scenario.stream)
    assert left[-1].answered_to == "samira"
    assert [row.state for row in left].count("acknowledged") == 1
    assert live.count_messages(scenario.stream).waiting == len(others)


def last_end(scenario: Scenario, day: int) -> datetime:
    return max(row.end for row in scenario.plans[day].placements)


def test_people_leave_the_list_when_the_last_day_of_their_message_is_over(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    assert live.count_messages(scenario.stream).waiting > 0
    over = last_end(scenario, 2) - live.now(scenario.stream) + timedelta(minutes=1)
    scenario.later(seconds=over.total_seconds())
    assert live.count_messages(scenario.stream).notified == 0
    assert live.list_notified_agents(scenario.stream) == []
    entries = count_kinds(scenario, "message.unanswered")
    scenario.work()
    assert count_kinds(scenario, "message.unanswered") == entries, "no one is written to about it"


def test_no_message_is_about_a_day_whose_shifts_are_over(scenario: Scenario) -> None:
    today = scenario.plans[0]
    assert today.reserve, "agents in reserve may be warned to stay away"
    wait = last_end(scenario, 0) - live.now(scenario.stream) + timedelta(minutes=1)
    scenario.later(seconds=wait.total_seconds())
    assert live.now(scenario.stream) < today.starts[-1], "the planned day itself goes on"
    scenario.close(scenario.operator.agent[today.reserve[0]].home_site)
    scenario.work()
    days = {shift["day"] for row in scenario.messages for shift in row.about["shifts"]}
    assert days, "the days ahead are in messages"
    assert today.day.isoformat() not in days


def test_a_message_that_comes_too_late_is_not_sent(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    message = scenario.messages[0]
    Message.objects.filter(pk=message.pk).update(over_at=live.now(scenario.stream))
    send = Effect.objects.filter(key=f"send:{message.pk}:1")
    send.update(state=Effect.QUEUED, attempts=0, done_at=None)
    before = len(scenario.outbox)
    scenario.work()
    assert send.get().result == {"skipped": "over"}
    assert len(scenario.outbox) == before


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_client_is_assured_of_its_service_only_when_nothing_is_missing(language: str) -> None:
    about = {
        "known": True,
        "worst_at": "2026-12-01T09:00:00+00:00",
        "until": "2026-12-02T09:00:00+00:00",
        "zone": "Africa/Casablanca",
    }
    texts = {
        state: write_message("client", {**about, "state": state, **figures}, language, "http://x", drill=False)[1]
        for state, figures in {
            "held": {"worst": 1.0, "missing": 0.0},
            "thin": {"worst": 0.93, "missing": 0.01},
            "missed": {"worst": 0.639, "missing": 0.2},
            "unknown": {"worst": None, "worst_at": None, "missing": 0.0},
        }.items()
    }
    word = {"fr": "assuré", "en": "assured"}[language]
    assert {state for state, text in texts.items() if word in text} == {"held"}
    assert "64" in texts["missed"]
    assert "Casablanca" in texts["missed"]
