"""The gate's answer: decided and counted at once, the same to a repeat, refused when in doubt."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.live.clock import read_clock
from releve.network.moments import zone
from releve.plugins.outbound.engine.facts import Attempt, Contract, Person, Withdrawal
from releve.plugins.outbound.gate import campaign_cache
from releve.plugins.outbound.gate.app import Gate
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.connections import PostgreSQLConnection, SQLiteConnection
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.decider import Decider
from releve.plugins.outbound.gate.decision import PendingQuestion, explain_repeat
from releve.plugins.outbound.gate.errors import DatabaseUnavailable, LoadRefused
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, to_db_instant
from releve.plugins.outbound.gate.models import RuleTable
from releve.plugins.outbound.gate.protocol import Question, Reply, allow_call, refuse_call
from releve.plugins.outbound.gate.pseudonyms import text_pseudonym
from releve.plugins.outbound.gate.sql import parse_instant
from tests.gate.sample_campaign import AT_ANY_HOUR, CAMPAIGN, CLIENT, PROVIDER, GateDatabase, brief, phone, question
from tests.gate.sync_decisions import answer_group, build_decider, decide, run

pytestmark = [pytest.mark.database]

ATTEMPTS = "SELECT COUNT(*) FROM gate_attempt"
DECISIONS = "SELECT COUNT(*) FROM gate_decision"


def ask(ground: GateDatabase, one: Question) -> Reply:
    """Ask one question over a connection of its own."""
    store = ground.store()
    try:
        return decide(store, one, ground.rules, time.monotonic() + 5)
    finally:
        store.close()


def ask_decider(decider: Decider, one: Question) -> Reply:
    """Ask a decider one question."""
    (reply,) = answer_group(decider, PendingQuestion(one, time.monotonic() + 5))
    return reply


def health(ground: GateDatabase) -> Reply:
    """Ask a gate how it is."""
    gate = Gate(load_current_rules, [build_decider(load_current_rules, ground.store)])
    try:
        return run(gate.health())
    finally:
        gate.close()


def test_four_attempts_in_thirty_days_and_no_fifth(ground: GateDatabase) -> None:
    replies = [ask(ground, question(1, f"call-{n}")) for n in range(6)]
    assert [reply.status for reply in replies] == [200, 200, 200, 200, 403, 403]
    assert replies[0].text == "allow call-0/1\n"
    assert "FR-FREQ-1" in replies[4].reasons
    assert ground.rows(ATTEMPTS) == [(4,)]
    assert ground.rows(DECISIONS) == [(6,)]


def explain(ground: GateDatabase, one: Question) -> tuple[str, Any]:
    """Return the short and the full answer to a question."""
    found = ask(ground, replace(one, explain=True))
    assert found.document is not None
    return brief(found), found.document


def test_a_refusal_explains_itself_where_it_is_asked_to(ground: GateDatabase) -> None:
    for n in range(4):
        assert brief(ask(ground, question(1, f"call{n}"))) == "200 allow"
    answer, found = explain(ground, question(1, "fifth"))
    assert answer == "403 refuse FR-FREQ-1"
    assert (found["answer"], found["legal"]) == ("refuse", False)
    assert [(r["id"], r["gate"]) for r in found["reasons"]] == [("FR-FREQ-1", "H"), ("FR-FREQ-1", "P")]
    today = read_clock().astimezone(zone("Europe/Paris"))
    assert f"{today:%d/%m/%Y} (4 fois)" in found["reasons"][0]["says"]["fr"]
    assert "The call would be lawful from " in found["reasons"][0]["remedy"]["en"]
    assert found["basis"] == {"id": "consent:C1", "says": {"fr": "consentement C1", "en": "consent C1"}}
    first = ground.rows("SELECT MIN(at) FROM gate_attempt")[0][0]
    again = datetime.fromisoformat(found["next_allowed"])
    assert again == parse_instant(first) + timedelta(days=30)
    assert explain(ground, question(1, "fifth")) == (answer, found), "a repeat gets the same"


def test_an_allowed_call_says_which_exception_it_rests_on(ground: GateDatabase) -> None:
    now = read_clock()
    running = Contract("K1", CLIENT, "P5", now.date() - timedelta(9), None, now, frozenset({"electricity"}))
    load_facts([Person("P5", phone(5), now), running], source="more", by="tests")
    ground.ready()
    answer, found = explain(ground, question(5, "call"))
    assert (answer, found["answer"], found["reasons"]) == ("200 allow", "allow", [])
    assert [(e["row"], e["lifts"], e["basis"]) for e in found["exceptions"]] == [
        ("FR-EXC-CONTRACT-2@2026-08-11", "FR-OPTIN-1@2026-08-11", "contract:K1")
    ]
    assert found["exceptions"][0]["says"]["fr"].startswith("Un contrat en cours")
    decided = parse_instant(ground.rows("SELECT at FROM gate_decision")[0][0])
    assert datetime.fromisoformat(found["next_allowed"]) == decided


def test_a_repeat_that_would_be_judged_otherwise_today_tells_its_rows_alone() -> None:
    withdrawn = {"answer": "refuse", "reasons": [{"id": "FR-OPTIN-6", "says": {}}]}
    for found in (withdrawn, None):
        assert explain_repeat(allow_call("call/1"), found) == Reply(
            200, "allow call/1\n", "", {"answer": "allow", "reasons": []}
        )
    assert explain_repeat(refuse_call("FR-OPTIN-6"), withdrawn).document == withdrawn


def test_of_several_persons_the_next_instant_is_one_for_all(ground: GateDatabase) -> None:
    now = read_clock()
    load_facts([Person("P77", phone(1), now)], source="more", by="tests")
    ground.ready()
    answer, found = explain(ground, question(1, "call", who="P1"))
    assert answer.startswith("403 refuse FR-OPTIN-1")
    assert found["next_allowed"] is None


def test_a_repeat_gets_the_same_answer_and_counts_once(ground: GateDatabase) -> None:
    first = ask(ground, question(2, "call"))
    assert [ask(ground, question(2, "call")) for _ in range(6)] == [first] * 6
    assert ask(ground, question(2, "call", 2)).status == 200
    assert ground.rows(ATTEMPTS) == [(2,)]
    other = ask(ground, question(3, "call"))
    assert brief(other) == "400 refuse GATE-CALL"
    refused = ask(ground, question(99, "unknown"))
    assert ask(ground, question(99, "unknown")) == refused
    assert refused.reasons == "FR-DATA-PERSON FR-OPTIN-1"


def test_a_name_lets_no_other_call_out(ground: GateDatabase) -> None:
    assert ask(ground, question(2, "call")).status == 200
    others = [question(2, "call", cli="+33162000009"), question(2, "call", who="P2"),
              question(2, "call", camp="autumn")]  # fmt: skip
    assert {brief(ask(ground, other)) for other in others} == {"400 refuse GATE-CALL"}


def test_an_old_answer_allows_no_call_today(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(ground, question(2, "call")).status == 200
    monkeypatch.setattr("releve.plugins.outbound.gate.decision.MAX_REPEAT_AGE", timedelta(0))
    assert brief(ask(ground, question(2, "call"))) == "400 refuse GATE-CALL"
    assert ground.rows(ATTEMPTS) == [(1,)]


def test_a_consent_does_not_hold_for_another_persons_number(ground: GateDatabase) -> None:
    for stranger in (99, 3):  # a number without a holder, and another person's
        assert brief(ask(ground, question(stranger, "call", who="P2"))) == "403 refuse GATE-WHO"
    assert ground.rows(DECISIONS) == [(0,)]


def test_an_attempt_counted_outside_the_gate_gives_no_call_its_name(ground: GateDatabase) -> None:
    now = read_clock()
    ours = Attempt("call/1", CLIENT, "P2", now - timedelta(days=1), now, provider=PROVIDER)
    load_facts([ours], source="us", by="tests")
    ground.ready()
    assert brief(ask(ground, question(2, "call"))) == "400 refuse GATE-CALL"


def test_the_name_of_a_call_is_free_where_another_provider_used_it_and_theirs_counts(ground: GateDatabase) -> None:
    now = read_clock()
    theirs = [Attempt(f"call/{n}", CLIENT, "P2", now - timedelta(days=1), now, provider="them") for n in (1, 2, 3)]
    load_facts(theirs, source="them", by="tests")
    ground.ready()
    assert brief(ask(ground, question(2, "call"))) == "200 allow"
    assert "FR-FREQ-1" in ask(ground, question(2, "call", 2)).reasons


def test_attempts_of_two_providers_under_the_same_ids_fill_one_cap(ground: GateDatabase) -> None:
    now = read_clock()
    for provider in ("one", "two"):
        theirs = [Attempt(str(n), CLIENT, "P2", now - timedelta(days=n), now, provider=provider) for n in (1, 2)]
        load_facts(theirs, source=provider, by="tests")
    ground.ready()
    assert "FR-FREQ-1" in ask(ground, question(2, "call")).reasons


def test_eight_diallers_that_race_for_one_person_get_four_calls(ground: GateDatabase) -> None:
    replies: list[Reply] = []
    start = threading.Barrier(8)

    def dial(dialler: int) -> None:
        store = ground.store(30)
        start.wait()
        for call in range(4):
            one = question(4, f"dialler-{dialler}-{call}")
            replies.append(decide(store, one, ground.rules, time.monotonic() + 30))
        store.close()

    threads = [threading.Thread(target=dial, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [200] * 4 + [403] * 28
    assert ground.rows(ATTEMPTS) == [(4,)]


def test_the_same_call_asked_by_eight_at_once_counts_once(ground: GateDatabase) -> None:
    replies: list[Reply] = []
    start = threading.Barrier(8)

    def dial() -> None:
        store = ground.store(30)
        start.wait()
        for person in (5, 99):  # a locked person, and an unknown one
            one = question(person, f"call-{person}")
            replies.append(decide(store, one, ground.rules, time.monotonic() + 30))
        store.close()

    threads = [threading.Thread(target=dial) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status for reply in replies) == [200] * 8 + [403] * 8
    assert ground.rows(DECISIONS) == [(2,)]
    assert ground.rows(ATTEMPTS) == [(1,)]


def test_one_person_under_two_numbers_has_one_cap(ground: GateDatabase) -> None:
    load_facts([Person("P1", "+33199000001", read_clock())], source="tests", by="tests")
    ground.ready()
    numbers = [phone(1), "+33199000001"] * 3
    replies = [ask(ground, question(1, f"c{n}", to=to)) for n, to in enumerate(numbers)]
    assert [reply.status for reply in replies] == [200] * 4 + [403] * 2


def test_of_two_persons_under_one_number_the_stricter_answer_counts(ground: GateDatabase) -> None:
    shared = "0144500001"  # that of P1, as people write it
    load_facts([Person("P2", shared, read_clock())], source="tests", by="tests")
    ground.ready()
    assert "FR-DATA-PERSON" in ask(ground, question(1, "unnamed")).reasons
    assert ask(ground, question(1, "named", who="P1")).status == 200
    for n in range(3):
        assert ask(ground, question(2, f"own-{n}", to="+33144500002")).status == 200
    # P2 has four attempts now, one of them meant for P1: their common number rings no more.
    assert "FR-FREQ-1" in ask(ground, question(1, "again", who="P1")).reasons


def test_an_oral_withdrawal_counts_from_the_next_call_on(ground: GateDatabase) -> None:
    assert ask(ground, question(6, "before")).status == 200
    now = read_clock()
    spoken = Withdrawal(CLIENT, "P6", now, now, channel="oral")
    load_facts([spoken], source="call", by="agent")
    ground.ready()
    assert "FR-OPTIN-6" in ask(ground, question(6, "after")).reasons


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"camp": "autumn"}, "403 refuse GATE-CAMPAIGN"),
        ({"camp": "over"}, "403 refuse GATE-CAMPAIGN"),
        ({"cli": ""}, "403 refuse FR-CLI-1"),
        ({"to": "12"}, "403 refuse FR-DATA-NUMBER"),
    ],
)
def test_what_is_unknown_is_refused(ground: GateDatabase, more: dict[str, str], expected: str) -> None:
    over = timezone.now().date() - timedelta(days=2)
    ended = CampaignTerms(CLIENT, "gas", "manual", "prospecting", "", None, False, None, over, "", "", "energy-supply")
    record_campaign("over", ended, by="tests")
    ground.ready()
    assert brief(ask(ground, question(1, "c", **more))) == expected
    assert ground.rows(ATTEMPTS) == [(0,)]


def test_clocks_that_differ_refuse(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now
    for seconds in (-30, 30):
        monkeypatch.setattr(timezone, "now", lambda s=seconds: now() + timedelta(seconds=s))
        found = brief(ask(ground, question(1, f"c{seconds}")))
        if seconds < 0 or connection.vendor == "postgresql":  # SQLite has no clock of its own
            assert found == "503 refuse GATE-CLOCK"
    assert ground.rows(ATTEMPTS) == [(int(connection.vendor == "sqlite"),)]


def test_a_register_that_was_not_read_refuses(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    from releve.plugins.outbound.gate import decision

    later = decision.later_than
    monkeypatch.setattr(decision, "later_than", lambda now, last: later(now, last) + timedelta(minutes=16))
    assert ask(ground, question(1, "c")).reasons == "FR-DATA-STALE"


def test_what_comes_too_late_is_refused_and_not_counted(ground: GateDatabase) -> None:
    store = ground.store()
    found = decide(store, question(1, "c"), ground.rules, time.monotonic() - 1)
    store.close()
    assert brief(found) == "503 refuse GATE-LATE"
    assert ground.rows(DECISIONS) == [(0,)]
    assert ask(ground, question(1, "c")).status == 200


def test_a_database_that_is_held_elsewhere_does_not_answer(ground: GateDatabase) -> None:
    holder, store = ground.store(), ground.store(0.2)
    one = {"client": "", "number": "", "named": "P", "call_id": "", "cseq": 0}
    asked = ([one], to_db_instant(holder.vendor, read_clock()))
    run(holder.read(*asked))
    try:
        with pytest.raises(DatabaseUnavailable):
            run(store.read(*asked))
    finally:
        run(holder.roll_back())
        holder.close()
        store.close()


def test_who_waits_for_another_who_writes_leaves_the_others_be(ground: GateDatabase) -> None:
    """The holder is done only once the event loop has gone on."""
    holder, store = ground.store(), ground.store()
    one = {"client": "", "number": "", "named": "P", "call_id": "", "cseq": 0}
    asked = ([one], to_db_instant(holder.vendor, read_clock()))

    async def meet() -> None:
        await holder.read(*asked)
        waiting = asyncio.create_task(store.read(*asked))
        for _ in range(3):
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await holder.roll_back()
        await asyncio.wait_for(waiting, 4)
        await store.roll_back()

    run(meet())
    for each in (holder, store):
        each.close()


def test_a_delayed_call_is_refused_in_time_and_delays_no_other(ground: GateDatabase) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is held as a whole")
    deciders = [build_decider(lambda: ground.rules, ground.store) for _ in range(2)]
    gate, holder = Gate(lambda: ground.rules, deciders, budget=0.5), ground.store()
    now = to_db_instant(holder.vendor, read_clock())
    held = {"client": CLIENT, "number": text_pseudonym(phone(4)), "named": "", "call_id": "", "cseq": 0}

    async def meet() -> list[str]:
        await asyncio.gather(*(gate.answer(question(6, f"first-{n}")) for n in range(2)))
        await holder.read([held], now)
        waiting = asyncio.create_task(gate.answer(question(4, "held")))
        await asyncio.sleep(0.05)
        answers = [brief(await gate.answer(question(5, f"c{n}"))) for n in range(3)]
        assert not waiting.done()
        answers.append(brief(await waiting))
        await holder.roll_back()
        return [*answers, brief(await gate.answer(question(4, "after")))]

    assert run(meet()) == ["200 allow"] * 3 + ["503 refuse GATE-LATE", "200 allow"]
    gate.close()
    holder.close()
    assert ground.rows("SELECT COUNT(*) FROM gate_decision WHERE call_id = 'held'") == [(0,)]


def test_a_decision_that_is_broken_off_gives_its_connection_up(
    ground: GateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    decider = build_decider(lambda: ground.rules, ground.store)
    assert ask_decider(decider, question(1, "before")).status == 200
    store = decider._store

    async def hangs(*_: object) -> None:
        await asyncio.sleep(60)

    async def break_off() -> None:
        task = asyncio.create_task(decider.answer([PendingQuestion(question(1, "c"), time.monotonic() + 5)]))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", hangs)
        run(break_off())
    assert decider._store is None
    assert ask_decider(decider, question(1, "after")).status == 200
    assert ground.rows(ATTEMPTS) == [(2,)]
    decider.close()


def test_a_campaign_recorded_again_changes_nothing(ground: GateDatabase) -> None:
    over = CampaignTerms(CLIENT, "gas", "manual", "prospecting", "", None, False, None, None, "", "", "energy-supply")
    assert record_campaign(CAMPAIGN, over, by="tests")
    assert not record_campaign(CAMPAIGN, over, by="tests")


def test_a_rule_that_changes_binds_the_next_call_and_a_broken_one_stops_all(
    ground: GateDatabase, settings: Settings
) -> None:
    law = settings.HOME / "law" / "open.yaml"
    law.parent.mkdir(exist_ok=True)
    decider = build_decider(load_current_rules, ground.store)

    def answer(text: str, call: str) -> str:
        law.write_text(text, encoding="utf-8")
        os.utime(law, ns=(len(text), len(text)))  # another instant, however coarse the clock
        return brief(ask_decider(decider, question(1, call)))

    banned = AT_ANY_HOUR + "- {closes: FR-CLI-1, from: 2024-01-01}\n"
    versions = []
    for call, text in (("c1", AT_ANY_HOUR), ("c2", banned)):
        assert answer(text, call) == "200 allow"
        versions.append(health(ground).text)
    assert versions[0] != versions[1]
    assert answer("rows: [", "c3") == "503 refuse GATE-FAULT"
    assert health(ground).status == 503
    decider.close()


def test_the_rules_that_decide_are_kept_first(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_cache._StoredVersions, "versions", frozenset())
    decider, kept = (Decider(campaign_cache.load_stored_rules, ground.store, 5), RuleTable.objects.all())
    assert ask_decider(decider, question(1, "c")).status in (200, 403)
    assert [one.version for one in kept] == [load_current_rules().version]
    kept.delete()
    assert ask_decider(decider, question(1, "d")).status in (200, 403)
    assert not kept, "they are kept once"
    decider.close()


def test_rules_that_are_not_kept_in_time_decide_nothing(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_cache._StoredVersions, "versions", frozenset())
    monkeypatch.setattr(campaign_cache, "_SECONDS", 0.1)
    monkeypatch.setattr(campaign_cache, "_keep_apart", lambda *_: time.sleep(0.5))
    decider = Decider(campaign_cache.load_stored_rules, ground.store, 5)
    assert brief(ask_decider(decider, question(1, "c"))) == "503 refuse GATE-DATABASE"
    decider.close()
    assert ground.rows(DECISIONS) == [(0,)]


def test_rules_that_cannot_be_kept_decide_nothing(ground: GateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_cache._StoredVersions, "versions", frozenset())
    monkeypatch.setattr(campaign_cache, "RuleTable", None)
    decider = Decider(campaign_cache.load_stored_rules, ground.store, 5)
    assert brief(ask_decider(decider, question(1, "c"))) == "503 refuse GATE-FAULT"
    decider.close()
    assert ground.rows(DECISIONS) == [(0,)]


def test_no_client_gets_the_campaign_of_another(ground: GateDatabase) -> None:
    theirs = CampaignTerms("CLIENT-B", "gas", "manual", "prospecting", "", None, False, None, None,
                      "", "", "energy-supply")  # fmt: skip
    with pytest.raises(LoadRefused, match="campaign of another client"):
        record_campaign(CAMPAIGN, theirs, by="tests")


def test_a_database_that_is_gone_refuses_and_is_found_again_when_it_is_back(ground: GateDatabase) -> None:
    decider = build_decider(lambda: ground.rules, ground.store)
    assert ask_decider(decider, question(1, "before")).status == 200
    store = decider._store
    if isinstance(store, PostgreSQLConnection):
        pid = store._pipeline.process
        ground.rows(f"SELECT pg_terminate_backend({pid})")
        assert brief(ask_decider(decider, question(1, "gone"))) == "503 refuse GATE-DATABASE"
    else:
        nowhere = ground.folder / "none"
        lost = build_decider(lambda: ground.rules, lambda seconds: SQLiteConnection(nowhere, seconds))
        assert brief(ask_decider(lost, question(1, "gone"))) == "503 refuse GATE-DATABASE"
        assert not nowhere.exists()
    assert ask_decider(decider, question(1, "back")).status == 200
    assert ground.rows(ATTEMPTS) == [(2,)]
    decider.close()
