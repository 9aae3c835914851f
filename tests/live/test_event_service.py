"""Facts first: what is recorded, what is refused, and that nothing is recorded twice or by half."""

from __future__ import annotations

import threading
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.live import api as live
from releve.live import event_service
from releve.live.models import Effect, IdempotencyKey, Stream
from releve.situation import AgentUnavailable, CaseDeclared, InspectionHeld, SiteClosed, consequences
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def size() -> int:
    return ledger.read_head().seq


def test_the_rule_answers_in_the_same_breath(scenario: Scenario) -> None:
    before = size()
    done = scenario.two_positives()
    kinds = [row.kind for row in ledger.iter_entries(scenario.stream, before)]
    assert kinds[-3:] == ["case.declared", "site.closed", "agent.unavailable"]
    assert len(done.answers) == 2
    assert Effect.objects.get(kind="relief").body["cause"] == done.seq


def test_the_time_of_record_is_the_clock_s_and_never_the_sender_s(scenario: Scenario) -> None:
    at = live.now(scenario.stream)
    done = scenario.close(recorded_at=at - timedelta(days=3))
    entry = LedgerEntry.objects.get(seq=done.seq)
    assert abs((live.now(scenario.stream) - at).total_seconds()) < 60
    assert entry.recorded_at >= at.strftime("%Y-%m-%dT%H:%M")


def test_the_same_key_again_does_nothing_and_says_so(scenario: Scenario) -> None:
    first = scenario.close(key="form-1")
    before = size()
    again = scenario.close(key="form-1")
    assert (again.seq, again.answers, again.before) == (first.seq, first.answers, True)
    assert size() == before
    assert Effect.objects.filter(kind="relief").count() == 1


def test_a_key_names_one_event_and_no_other_kind(scenario: Scenario) -> None:
    scenario.close(key="form-1")
    with pytest.raises(live.KeyReused, match=r"names a site\.closed already"):
        scenario.act("power.down", key="form-1", site=scenario.site)
    for key in ("", "x" * 129):
        with pytest.raises(ValueError, match="len\\(key\\)"):
            live.record(_case(scenario, "a00001"), key=key, stream=scenario.stream)


def test_a_key_of_one_stream_is_free_in_another(scenario: Scenario) -> None:
    other = live.start_drill("Un autre", by="tests", at=live.now(scenario.stream))
    scenario.close(key="form-1")
    second = Scenario(scenario.operator, scenario.plans, other.name)
    assert not second.close(key="form-1").before


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=12))
def test_however_often_and_in_whatever_order_keys_come_each_is_one_event(
    scenario: Scenario, sent: list[tuple[int, int]]
) -> None:
    run = uuid.uuid4().hex
    before = size()
    accepted: dict[str, int] = {}
    for key, agent in sent:
        name = f"{run}-{key}"
        try:
            done = live.record(_away(scenario, scenario.operator.agents[agent].id), key=name, stream=scenario.stream)
        except live.Refused:
            assert name not in accepted
            continue
        assert accepted.setdefault(name, done.seq) == done.seq
    assert size() - before == len(accepted)
    kept = IdempotencyKey.objects.filter(key__startswith=run)
    assert {row.key: row.seq for row in kept} == accepted


def _case(scenario: Scenario, agent: str, **fields: Any) -> CaseDeclared:
    at = live.now(scenario.stream)
    return CaseDeclared(
        **{
            "id": uuid.uuid4().hex,
            "happened_at": at,
            "recorded_at": at,
            "actor": "samira",
            "site": scenario.site,
            "status": "declared_case",
            "agent": agent,
            **fields,
        }
    )


def _away(scenario: Scenario, agent: str) -> AgentUnavailable:
    at = live.now(scenario.stream)
    return AgentUnavailable(id=uuid.uuid4().hex, happened_at=at, recorded_at=at, actor="samira", agent=agent)


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("case.declared", {"agent": "a99999", "status": "declared_case"}, "agent.unknown"),
        ("case.declared", {"site": "mars-1", "status": "declared_case"}, "site.unknown"),
        ("site.closed", {"cause": "authority"}, "closure.cause"),
        ("site.closed", {"cause": "rule", "rule": "x"}, "closure.rule"),
        ("site.reopened", {}, "closure.open"),
        ("inspection.held", {"site": "mars-1", "authority": "ONSSA"}, "site.unknown"),
        ("power.up", {}, "outage.not_down"),
        ("link.down", {"site": "", "carrier": "Unknown Telecom"}, "carrier.unknown"),
        ("link.down", {"carrier": "Inwi"}, "outage.place"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_nothing_is_written(
    scenario: Scenario, kind: str, fields: dict[str, Any], code: str
) -> None:
    before = size()
    with pytest.raises(live.Refused) as caught:
        scenario.act(kind, **{"site": scenario.site, **fields})
    assert code in {reason.code for reason in caught.value.reasons}
    assert all(reason.sentence() for reason in caught.value.reasons)
    assert size() == before
    assert not IdempotencyKey.objects.filter(stream=scenario.stream).exists()


def test_a_test_dated_tomorrow_is_refused(scenario: Scenario) -> None:
    tomorrow = live.now(scenario.stream) + timedelta(days=1)
    with pytest.raises(live.Refused, match="ahead of the clock"):
        scenario.positive(scenario.agents_at(scenario.site)[0], happened_at=tomorrow)


def test_a_clock_a_little_ahead_is_accepted(scenario: Scenario) -> None:
    soon = live.now(scenario.stream) + timedelta(minutes=3)
    assert scenario.positive(scenario.agents_at(scenario.site)[0], happened_at=soon).seq


def test_a_second_identical_report_is_refused_under_another_key(scenario: Scenario) -> None:
    event = _case(scenario, scenario.agents_at(scenario.site)[0])
    live.record(event, key="one", stream=scenario.stream)
    with pytest.raises(live.Refused, match="already on record"):
        live.record(event, key="two", stream=scenario.stream)


def test_a_closure_of_a_closed_site_is_refused(scenario: Scenario) -> None:
    scenario.close()
    with pytest.raises(live.Refused, match="has been closed since"):
        scenario.close()


def test_a_script_in_a_name_is_kept_as_text(scenario: Scenario) -> None:
    done = scenario.act(
        InspectionHeld.kind, site=scenario.site, authority="<script>alert(1)</script>",
        inspectors=("Robert'); DROP TABLE ledger_entry;--",),
    )  # fmt: skip
    (entry,) = [row for row in ledger.iter_entries(scenario.stream) if row.seq == done.seq]
    assert entry.body["authority"] == "<script>alert(1)</script>"
    assert entry.body["inspectors"] == ["Robert'); DROP TABLE ledger_entry;--"]


def test_an_agent_stands_in_no_entry_only_beside_it(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    assert not LedgerEntry.objects.filter(body__contains=agent).exists()
    rows = PersonalValue.objects.filter(subject=agent)
    assert {row.path for row in rows} >= {"agent"}
    assert all(row.erase_on is not None for row in rows)


def test_after_an_erasure_the_situation_does_not_know_the_person_either(scenario: Scenario) -> None:
    from releve.ledger.erasure import erase_subject

    agent = scenario.agents_at(scenario.site)[0]
    scenario.positive(agent)
    assert agent in repr(live.situation_now(scenario.stream).families)
    erase_subject(agent, now=live.real_now())
    from releve.live import situation_cache

    situation_cache.clear_cache()
    assert agent not in repr(live.situation_now(scenario.stream).families)


def test_what_fails_after_the_event_takes_the_event_with_it(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = size()

    def broken(todos: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(event_service, "queue_effects", broken)
    with pytest.raises(RuntimeError):
        scenario.close(key="form-1")
    monkeypatch.undo()
    assert size() == before
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    assert not scenario.close(key="form-1").before, "it can be sent again as it was"


def test_a_locked_database_is_said_and_nothing_is_lost(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked() -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(ledger, "lock_head", locked)
    with pytest.raises(live.Busy, match="try again"):
        scenario.close(key="form-1")
    monkeypatch.undo()
    assert not scenario.close(key="form-1").before


def test_an_unavailable_agent_alone_asks_for_no_relief(scenario: Scenario) -> None:
    scenario.act(AgentUnavailable.kind, agent=scenario.agents_at(scenario.site)[0])
    assert not Effect.objects.filter(kind="relief").exists()


def test_a_stopped_drill_takes_no_event(scenario: Scenario) -> None:
    live.stop_drill(scenario.stream, by="tests")
    with pytest.raises(live.NoSuch, match="no drill"):
        scenario.close()
    with pytest.raises(live.NoSuch):
        Scenario(scenario.operator, scenario.plans, "drill:999").close()


def test_the_cache_of_the_situation_does_not_outlive_a_transaction_rolled_back(scenario: Scenario) -> None:
    undone = transaction.savepoint()
    scenario.close()
    assert live.situation_now(scenario.stream).site(scenario.site).closed
    transaction.savepoint_rollback(undone)
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    scenario.power(scenario.site)
    assert not live.situation_now(scenario.stream).site(scenario.site).closed


def test_the_situation_is_the_same_value_until_something_happens(scenario: Scenario) -> None:
    scenario.close()
    first = live.situation_now(scenario.stream)
    scenario.work()
    assert live.situation_now(scenario.stream) is first
    scenario.power(scenario.operator.sites[1].id)
    assert live.situation_now(scenario.stream) is not first


def _leave_database() -> None:
    """Close this thread's connection; Django leaves one to a database in memory open."""
    raw = connection.connection
    connection.close()
    if raw is not None and connection.vendor == "sqlite":
        raw.close()


@pytest.mark.django_db(transaction=True)
def test_declared_from_many_places_at_once_the_site_closes_once(known_times: None, planned: Any) -> None:
    scenario = Scenario.begin(*planned)
    agents = scenario.agents_at(scenario.site)[:6]
    events = [_case(scenario, agent) for agent in agents]
    done: list[live.RecordResult] = []

    def declare(event: CaseDeclared) -> None:
        try:
            while True:
                with suppress(live.Busy):  # as people do: the same form sent again
                    done.append(live.record(event, key=f"form-{event.id}", stream=scenario.stream))
                    return
        finally:
            _leave_database()

    threads = [threading.Thread(target=declare, args=(event,)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 6
    kinds = [row.kind for row in ledger.iter_entries(scenario.stream)]
    assert kinds.count("site.closed") == 1
    assert kinds.count("case.declared") == 6
    assert [row.seq for row in ledger.iter_entries(None)] == list(range(1, size() + 1))


def test_a_drill_starts_from_the_live_situation_and_leaves_it_alone(scenario: Scenario) -> None:
    other = scenario.operator.sites[1].id
    at = live.now()
    event = SiteClosed(id="live-closure", happened_at=at, recorded_at=at, actor="samira", site=other, cause="operator")
    live.record(event, key="live-1")
    drill = live.start_drill("Après", by="tests", at=live.now(scenario.stream))
    assert live.situation_now(drill.name).site(other).closed
    assert not live.situation_now(scenario.stream).site(other).closed, "it had begun before"
    Scenario(scenario.operator, scenario.plans, drill.name).power(scenario.site)
    assert live.situation_now().outages == {}
    assert Stream.objects.get(name=drill.name).seed < size()


def test_what_the_rules_answer_is_dated_after_what_was_recorded_while_it_waited(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def calls_for(situation: Any, operator: Any, rules: Any, at: datetime) -> tuple[SiteClosed, ...]:
        asked.append(at)
        event = SiteClosed(id="late", happened_at=at, recorded_at=at, actor="rule:X", site=scenario.site, cause="rule")
        return () if situation.site(scenario.site).closed else (event,)

    lock = ledger.lock_head

    def slow_lock() -> ledger.ChainPosition:
        Stream.objects.filter(name=scenario.stream).update(offset=F("offset") + timedelta(hours=1))
        return lock()

    for module in (event_service, consequences):
        monkeypatch.setattr(module, "derive_events", calls_for)
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "lock_head", slow_lock)
        (seq,) = event_service.record_due_events(scenario.stream)
    found = next(row for row in ledger.iter_entries(scenario.stream) if row.seq == seq)
    assert found.recorded_at >= asked[0] + timedelta(hours=1)
