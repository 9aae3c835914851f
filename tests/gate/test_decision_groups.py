"""Questions decided together get the same answers as one after the other."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from releve.files.atomic import try_lock
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import (
    Attempt,
    Contract,
    Listing,
    Mandate,
    Person,
    SpokenRefusal,
    Watermark,
    Withdrawal,
)
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.gate import decision, wal_checkpoints
from releve.plugins.outbound.gate.campaign_cache import CampaignCache
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.connections import RowsByTable, SQLiteConnection
from releve.plugins.outbound.gate.current_rules import load_current_rules
from releve.plugins.outbound.gate.decision import PendingQuestion
from releve.plugins.outbound.gate.errors import DecisionConflict
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.fact_reader import CampaignTerms
from releve.plugins.outbound.gate.models import Decision
from releve.plugins.outbound.gate.proofs import replay_decision
from releve.plugins.outbound.gate.protocol import Question, Reply
from releve.plugins.outbound.gate.wal_checkpoints import checkpoint, start_checkpoints
from tests.gate.sample_campaign import (
    AT_ANY_HOUR,
    CALLER,
    CAMPAIGN,
    CLIENT,
    GateDatabase,
    brief,
    build_consent,
    campaign_terms,
    open_rules,
    phone,
    question,
    read_feeds,
)
from tests.gate.sync_decisions import DjangoStore, answer_group, build_decider, decide, decide_all
from tests.homes import make_test_home

pytestmark = [pytest.mark.database]

TWINS = {CAMPAIGN: CLIENT, "autumn": "CLIENT-B"}
"""Two campaigns of two clients of whom the same is known."""
PEOPLE = 40


def pending(*questions: Question, seconds: float = 30.0) -> list[PendingQuestion]:
    """Questions with time enough."""
    return [PendingQuestion(one, time.monotonic() + seconds) for one in questions]


def people(dice: random.Random, now: datetime) -> list[Any]:
    """What is known of people at random, for each of the twins alike."""
    facts: list[Any] = []
    first = now.date() - timedelta(900)
    facts += [Mandate("M1", client, CALLER, first, None, now) for client in TWINS.values()]
    for n in range(PEOPLE):
        facts.append(Person(f"P{n}", phone(n), now))
        if dice.random() < 0.2:  # another person answers there as well
            facts.append(Person(f"P{dice.randrange(PEOPLE)}", phone(n), now))
        days = dice.choice((1, 20, 200, 364, 400))
        items = dice.choice((None, frozenset({"identity", "choice"})))
        more: dict[str, Any] = {} if items is None or dice.random() < 0.7 else {"items": items}
        ago = [now - timedelta(days=dice.randrange(1, 45)) for _ in range(4)]
        luck = [dice.random() for _ in range(5)]
        for client in TWINS.values():
            name = f"P{n}"
            facts.append(replace(build_consent(n, now - timedelta(days=days), **more), client=client))
            if luck[0] < 0.2:
                facts.append(Withdrawal(client, name, ago[0], now))
            if luck[1] < 0.2:
                facts.append(SpokenRefusal(client, name, ago[1], now, "not-now"))
            if luck[2] < 0.2:
                first = now.date() - timedelta(days=100)
                facts.append(Contract(f"K{n}", client, name, first, None, now, frozenset({"electricity"})))
            for number, at in enumerate(ago[: int(5 * luck[3])]):
                facts.append(Attempt(f"{n}-{number}", client, name, at, now, provider="them"))
        if luck[4] < 0.1:
            facts.append(Listing("BLOCTEL", phone(n), now - timedelta(days=300), now))
    return facts


def questions(dice: random.Random, count: int) -> list[dict[str, Any]]:
    """Questions at random: repeats, names used twice, unknown numbers, wrong campaigns."""
    found: list[dict[str, Any]] = []
    for n in range(count):
        if found and dice.random() < 0.1:
            found.append({**dice.choice(found)})
            continue
        person = dice.randrange(PEOPLE + 2) if dice.random() < 0.5 else dice.randrange(3)
        more: dict[str, Any] = {"person": person, "call": f"c{n}"}
        if dice.random() < 0.1:
            more["call"] = f"c{dice.randrange(count)}"
        if dice.random() < 0.15:
            more["who"] = f"P{dice.choice((person, dice.randrange(PEOPLE)))}"
        if dice.random() < 0.05:
            more["camp"] = "winter"
        if dice.random() < 0.1:
            more["cli"] = dice.choice(("", "+33162000009", "0612345678"))
        if dice.random() < 0.05:
            more["to"] = dice.choice(("12", "+34600000000", "0899000000"))
        found.append(more)
    return found


def of_twin(twin: str, fields: dict[str, Any]) -> Question:
    """The question about one of the twins' campaigns."""
    return question(**{"camp": twin, **fields, "call": f"{twin}-{fields['call']}"})


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1] if connection.vendor == "postgresql" else [1, 2, 3])
def test_the_answers_are_those_of_one_after_the_other(seed: int) -> None:
    dice, now, rules = random.Random(seed), read_clock(), open_rules()
    for name, client in TWINS.items():
        record_campaign(name, campaign_terms(client), by="tests")
    load_facts(people(dice, now), source="tests", by="tests")
    read_feeds()
    calls, store = questions(dice, 150), DjangoStore()
    alone = [decide(store, of_twin(CAMPAIGN, one), rules, time.monotonic() + 30) for one in calls]
    together, cache, rest = list[Reply](), CampaignCache(), calls
    while rest:
        size = dice.choice((1, 2, 5, 30))
        group, rest = rest[:size], rest[size:]
        together += decide_all(store, pending(*(of_twin("autumn", one) for one in group)), rules, cache)
    assert [brief(reply) for reply in together] == [brief(reply) for reply in alone]
    assert len({brief(reply) for reply in alone}) >= 8
    again = list(Decision.objects.all())
    assert len(again) > 150
    assert all(replay_decision(decision, rules).agrees(decision) for decision in again)
    assert len({decision.at for decision in again}) == len(again)


def test_the_cap_holds_within_a_group(ground: GateDatabase) -> None:
    store = ground.store()
    group = pending(*(question(1, f"c{n}") for n in range(6)), question(2, "other"))
    found = decide_all(store, group, ground.rules, CampaignCache())
    assert [reply.status for reply in found] == [200] * 4 + [403] * 2 + [200]
    repeats = decide_all(store, pending(*(question(1, f"c{n}") for n in range(6))), ground.rules, CampaignCache())
    assert repeats == found[:6]
    store.close()
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(5,)]


def test_a_call_that_comes_twice_in_a_group_counts_once(ground: GateDatabase) -> None:
    store = ground.store()
    group = pending(question(1, "c"), question(1, "c"), question(2, "c"))
    found = decide_all(store, group, ground.rules, CampaignCache())
    store.close()
    assert [brief(reply) for reply in found] == ["200 allow", "200 allow", "400 refuse GATE-CALL"]
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(1,)]


def test_a_question_that_comes_too_late_leaves_the_others_be(ground: GateDatabase) -> None:
    store = ground.store()
    group = [*pending(question(1, "late"), seconds=-1), *pending(question(1, "c"))]
    found = decide_all(store, group, ground.rules, CampaignCache())
    store.close()
    assert [brief(reply) for reply in found] == ["503 refuse GATE-LATE", "200 allow"]
    assert ground.rows("SELECT COUNT(*) FROM gate_decision") == [(1,)]


def test_one_that_cannot_be_judged_does_not_sink_its_group(
    ground: GateDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judged = decision.judge_for_holders

    def faulty(call: Any, *rest: Any) -> Any:
        if call.id == "c2/1":
            raise ZeroDivisionError
        return judged(call, *rest)

    monkeypatch.setattr(decision, "judge_for_holders", faulty)
    decider = build_decider(lambda: ground.rules, ground.store)
    found = answer_group(decider, *pending(*(question(n, f"c{n}") for n in range(5))))
    decider.close()
    assert [reply.status for reply in found] == [200, 200, 503, 200, 200]
    assert found[2].reasons == "GATE-FAULT"
    assert "ZeroDivisionError" in caplog.text
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(4,)]


def test_one_that_cannot_be_written_does_not_sink_its_group(
    ground: GateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ground.store()
    write = store.write

    async def faulty(rows: RowsByTable) -> None:
        if any(row["call_id"] == "c2" for row in rows["gate_decision"]):
            raise DecisionConflict("a row that no column can hold")
        await write(rows)

    monkeypatch.setattr(store, "write", faulty)
    decider = build_decider(lambda: ground.rules, lambda _: store)
    found = answer_group(decider, *pending(*(question(n, f"c{n}") for n in range(5))))
    decider.close()
    assert [reply.status for reply in found] == [200, 200, 503, 200, 200]
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(4,)]


def test_one_that_no_column_can_hold_does_not_sink_its_group(ground: GateDatabase) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("columns of SQLite hold anything")
    decider = build_decider(lambda: ground.rules, ground.store)
    group = [question(n, f"c{n}", agent="x" * 99 if n == 1 else "") for n in range(3)]
    found = answer_group(decider, *pending(*group))
    decider.close()
    assert [brief(reply) for reply in found] == ["200 allow", "503 refuse GATE-FAULT", "200 allow"]
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(2,)]


def test_nothing_is_opened_for_those_that_are_too_late() -> None:
    def opened(seconds: float) -> SQLiteConnection:
        raise AssertionError("a connection is opened")

    decider = build_decider(open_rules, opened)
    found = answer_group(decider, *pending(question(1, "a"), question(2, "b"), seconds=-1))
    assert [brief(reply) for reply in found] == ["503 refuse GATE-LATE"] * 2


def test_a_group_whose_gate_is_gone_before_the_commit_has_counted_nothing(
    ground: GateDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = [question(1, f"c{n}") for n in range(3)]
    store = ground.store()

    async def not_sent() -> None:
        """Wait for nothing."""

    commit = not_sent if store.vendor == "postgresql" else lambda: None
    monkeypatch.setattr(store, "_commit", commit)
    assert len(decide_all(store, pending(*group), ground.rules, CampaignCache())) == 3
    store.close()  # as the database sees a kill: the connection ends
    assert ground.rows("SELECT COUNT(*) FROM gate_decision") == [(0,)]
    store = ground.store()
    found = decide_all(store, pending(*group, question(1, "c3"), question(1, "c4")), ground.rules, CampaignCache())
    store.close()
    assert [reply.status for reply in found] == [200] * 4 + [403]
    assert ground.rows("SELECT COUNT(*) FROM gate_attempt") == [(4,)]


def test_groups_that_ask_for_the_same_people_in_another_order_do_not_block(ground: GateDatabase) -> None:
    replies: list[Reply] = []
    start = threading.Barrier(4, timeout=30)

    def dial(dialler: int) -> None:
        dice, store, cache = random.Random(dialler), ground.store(30), CampaignCache()
        start.wait()
        for call in range(5):
            order = dice.sample(range(10), 8)
            group = [question(n, f"{'same' if n < 3 else dialler}-{call}-{n}") for n in order]
            group.append(question(99, f"unknown-{call}"))
            replies.extend(decide_all(store, pending(*group), ground.rules, cache))
        store.close()

    threads = [threading.Thread(target=dial, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 4 * 5 * 9
    assert {reply.status for reply in replies} == {200, 403}
    counted = ground.rows("SELECT person, COUNT(*) FROM gate_attempt GROUP BY person")
    assert len(counted) == 10
    assert all(count == 4 for person, count in counted)
    twice = "SELECT call_id FROM gate_decision GROUP BY call_id, cseq HAVING COUNT(*) > 1"
    assert ground.rows(twice) == []


def test_connections_that_are_opened_and_closed_at_once_are_all_opened(tmp_path: Path) -> None:
    path, opened = tmp_path / "gate.sqlite3", list[int]()
    with closing(sqlite3.connect(path)) as first:
        first.execute("PRAGMA journal_mode = wal")
        first.execute("CREATE TABLE some (cell)")

    def open_some() -> None:
        for number in range(200):  # no other connection is open: each close ends the log
            SQLiteConnection(path, 5).close()
            opened.append(number)

    threads = [threading.Thread(target=open_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 800


def test_a_campaign_is_read_once_until_something_is_learnt(ground: GateDatabase) -> None:
    store, cache = ground.store(), CampaignCache()
    reads, common = Counter[str](), store.read_campaign

    async def counted(terms: Any) -> Any:
        reads[terms["campaign"]] += 1
        return await common(terms)

    def ask(call: str, **more: Any) -> str:
        one = question(int(call), call, **more)
        return brief(decide(store, one, ground.rules, time.monotonic() + 5, cache))

    store.read_campaign = counted  # type: ignore[assignment, method-assign]
    assert [ask("1"), ask("2"), ask("3", camp="none")] == ["200 allow", "200 allow", "403 refuse GATE-CAMPAIGN"]
    assert reads == {CAMPAIGN: 1, "none": 1}
    if connection.vendor == "postgresql":
        over = CampaignTerms(
            CLIENT, "gas", "manual", "prospecting", "", None, False, None, None, "", "", "energy-supply"
        )
        record_campaign(CAMPAIGN, over, by="tests")
        assert ask("4").startswith("403 refuse FR-OPTIN")
        assert reads[CAMPAIGN] == 2
    cache._kept.update({name: (kept, 0.0) for name, (kept, _) in cache._kept.items()})
    ask("5")
    assert reads[CAMPAIGN] == (3 if connection.vendor == "postgresql" else 2)
    store.close()


@pytest.mark.django_db
def test_what_was_kept_gives_way_when_something_else_becomes_known() -> None:
    now, rules = read_clock(), open_rules()
    record_campaign(CAMPAIGN, campaign_terms(), by="tests")
    load_facts([Person("P1", phone(1), now), build_consent(1, now - timedelta(days=1))], source="tests", by="tests")
    store, cache = DjangoStore(), CampaignCache()

    def ask(call: str) -> str:
        return brief(decide(store, question(1, call), rules, time.monotonic() + 5, cache))

    assert "FR-DATA-STALE" in ask("c1")
    read_feeds()
    assert "FR-CLI" in ask("c2")
    load_facts([Mandate("M1", CLIENT, CALLER, now.date() - timedelta(9), None, now)], source="tests", by="tests")
    assert ask("c3") == "200 allow"
    last = (Watermark("consents", now - timedelta(days=1)),)
    load_facts(last, source="tests", by="tests")
    assert ask("c4") == "200 allow", "an older reading takes nothing back"


def test_the_log_is_carried_over_apart(ground: GateDatabase) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite's log")
    store = ground.store()
    group = pending(*(question(n, f"c{n}") for n in range(10)))
    assert len(decide_all(store, group, ground.rules, CampaignCache())) == 10
    log = ground.file.with_name("gate.sqlite3-wal")
    assert log.stat().st_size > 0
    before = log.stat().st_size
    assert not checkpoint(ground.file), "ten calls are no long log"
    assert checkpoint(ground.file, most_pages=0)
    group = pending(*(question(n, f"d{n}") for n in range(10)))
    assert len(decide_all(store, group, ground.rules, CampaignCache())) == 10
    assert log.stat().st_size == before, "it is written over from its beginning"
    with sqlite3.connect(ground.file) as reader:
        assert reader.execute("SELECT COUNT(*) FROM gate_decision").fetchone() == (20,)
    reader.close()
    store.close()
    assert not checkpoint(ground.folder / "none")


def test_one_process_of_several_carries_the_log_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = threading.Event()
    monkeypatch.setattr(wal_checkpoints, "_SECONDS", 0.01)
    monkeypatch.setattr(wal_checkpoints, "_carry_over", lambda _: carried.set())
    other = try_lock(tmp_path / "gate.sqlite3-checkpoints")
    assert other is not None
    with other:
        start_checkpoints(tmp_path / "gate.sqlite3")
        assert not carried.wait(0.3), "while another is at work"
    assert carried.wait(20), "once the other has ended"


def test_a_law_that_cannot_be_read_refuses_all(ground: GateDatabase) -> None:
    def unreadable() -> LegalRules:
        raise OSError("gone")

    decider = build_decider(unreadable, ground.store)
    found = answer_group(decider, *pending(question(1, "a"), question(2, "b")))
    decider.close()
    assert [brief(reply) for reply in found] == ["503 refuse GATE-FAULT"] * 2


def test_a_file_of_the_law_that_is_gone_when_it_is_read_refuses(ground: GateDatabase) -> None:
    """Else the call would be judged without the installation's own rows."""
    law = ground.folder / "law"
    assert load_current_rules().version == built_in_rules().version, "no folder, no rows of one's own"
    law.mkdir(exist_ok=True)
    (law / "own.yaml").symlink_to(law / "taken-away")
    decider = build_decider(load_current_rules, ground.store)
    (reply,) = answer_group(decider, *pending(question(1, "a")))
    assert brief(reply) == "503 refuse GATE-FAULT"
    decider.close()


def test_a_file_of_the_law_that_is_added_or_taken_away_binds_the_next_call(tmp_path: Path, settings: Settings) -> None:
    """Also where the folder's clock has not ticked since it was last looked at."""
    settings.HOME, law = make_test_home(tmp_path), tmp_path / "law"
    law.mkdir(exist_ok=True)

    def version(changed: int) -> str:
        os.utime(law, ns=(changed, changed))
        return load_current_rules().version

    now, long_ago = time.time_ns(), time.time_ns() - 10**12
    versions = [version(now)]
    (law / "a.yaml").write_text(AT_ANY_HOUR, encoding="utf-8")
    versions += [version(now), version(long_ago), version(long_ago)]
    (law / "b.yaml").write_text(AT_ANY_HOUR.replace("HOURS", "CLI"), encoding="utf-8")
    versions += [version(now), version(long_ago + 1)]
    (law / "b.yaml").unlink()
    versions += [version(now)]
    with_none, with_one, with_two = built_in_rules().version, versions[1], versions[4]
    assert len({with_none, with_one, with_two}) == 3
    assert versions == [with_none, with_one, with_one, with_one, with_two, with_two, with_one]


def test_a_database_in_memory_has_no_log_to_carry_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "current"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = {thread.ident for thread in threading.enumerate()}
    start_checkpoints("file:memorydb_default?mode=memory&cache=shared")
    started = [one for one in threading.enumerate() if one.ident not in before]
    assert not [one for one in started if one.name == "checkpoints"]
    assert list(folder.iterdir()) == []
