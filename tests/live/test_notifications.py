"""Who is notified, of which days, and what is said to have been sent and answered."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.message_texts import write_message
from releve.live.models import Effect, Message
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]

HEAD = "role,who,channel,address,language\n"


def count_kinds(scenario: Scenario, kind: str) -> int:
    return sum(row.kind == kind for row in ledger.iter_entries(scenario.stream))


def test_without_an_address_a_message_is_written_and_not_sent(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},file,x,fr\n".encode(), by="tests")
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
