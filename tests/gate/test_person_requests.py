"""Requests by number: recorded before the answer, and counted by the next question."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from releve.ledger.models import LedgerEntry
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import Contract, Person
from releve.plugins.outbound.engine.facts import SpokenRefusal as RefusalFact
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.vocabulary import get_vocabulary
from releve.plugins.outbound.gate import models, pseudonyms
from releve.plugins.outbound.gate.attempt_outcomes import REPORTED_OUTCOMES, UNKNOWN, is_more_precise
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.decision import decide
from releve.plugins.outbound.gate.erasure import erase_due, erase_person, read_value
from releve.plugins.outbound.gate.errors import KeyFault
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.person_requests import (
    KIND,
    LONGEST_CHANNEL,
    LONGEST_KEY,
    PhoneRequest,
    RecordedRequest,
    RequestFaults,
    RequestReused,
    record_request,
    record_requests,
)
from releve.plugins.outbound.gate.person_rights import preview_answers
from releve.plugins.outbound.gate.proofs import close_batches, replay_decision, seal_facts
from releve.plugins.outbound.gate.protocol import Question
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from tests.gate.sample_campaign import (
    CAMPAIGN,
    CLIENT,
    build_consent,
    campaign_terms,
    open_rules,
    phone,
    question,
    record_people,
)
from tests.gate.sync_decisions import DjangoStore, run_without_loop

pytestmark = [pytest.mark.database]
SPELLINGS = ("+33 1 44 50 00 01", "01 44 50 00 01", "0033144500001", "+33 (0)1.44.50.00.01", "01-44-50-00-01")


@dataclass(frozen=True)
class Open:
    """A gate without hours over the test's own connection, and ten people who consented."""

    rules: LegalRules


@pytest.fixture
def ground(db: None) -> Open:
    record_people(range(10))
    return Open(open_rules())


def ask(ground: Open, one: Question) -> str:
    """Ask the gate; return its status and the rows that refuse."""
    reply = run_without_loop(decide(DjangoStore(), one, ground.rules, time.monotonic() + 5))
    return f"{reply.status} {reply.reasons}".strip()


def stop(number: str, key: str = "k1", **more: object) -> PhoneRequest:
    return PhoneRequest(**{"key": key, "number": number, "said": "stop", "client": CLIENT, **more})


@pytest.mark.parametrize("written", SPELLINGS)
def test_stop_calling_me_refuses_the_next_question_however_the_number_is_written(ground: Open, written: str) -> None:
    assert ask(ground, question(1, "before")) == "200"
    found = record_request(stop(written), by="ines")
    assert (found.persons, found.consents, found.before) == (1, 1, False)
    refused = {"403", "FR-OPTIN-6", "FR-OBJECTION", "FR-REFUS-60"}
    assert set(ask(ground, question(1, "after")).split()) == refused
    assert ask(ground, question(2, "another")) == "200"


def test_a_running_contract_does_not_lift_it_and_a_later_consent_leaves_the_60_days(ground: Open) -> None:
    now = read_clock()
    contract = Contract("K1", CLIENT, "P1", now.date() - timedelta(90), None, now, frozenset({"electricity"}))
    load_facts([contract], source="tests", by="tests")
    assert ask(ground, question(1, "before")) == "200"
    record_request(stop(phone(1)), by="ines")
    assert ask(ground, question(1, "after")) == "403 FR-REFUS-60 FR-OBJECTION"
    later = build_consent(1, read_clock(), id="C1-again")
    load_facts([later], source="tests", by="tests")
    assert ask(ground, question(1, "again")) == "403 FR-REFUS-60"


def test_a_request_by_an_unknown_number_binds_a_person_recorded_later(ground: Open) -> None:
    found = record_request(stop(phone(40)), by="ines")
    assert (found.persons, found.consents) == (0, 0)
    assert read_value("number", number_pseudonym(phone(40))) == phone(40)
    assert models.PersonRequestRow.objects.get().channel == "oral"
    now = read_clock()
    contract = Contract("K40", CLIENT, "P40", now.date() - timedelta(90), None, now, frozenset({"electricity"}))
    people = [Person("P40", phone(40), now), contract, build_consent(40, now - timedelta(days=1))]
    load_facts(people, source="tests", by="tests")
    assert "FR-OBJECTION" in ask(ground, question(40, "later"))


def test_every_client_binds_one_that_has_its_first_campaign_later(ground: Open) -> None:
    record_request(stop(phone(1), client=""), by="ines")
    now = read_clock()
    record_campaign("new", campaign_terms("CLIENT-N"), by="tests")
    contract = Contract("KN", "CLIENT-N", "P1", now.date() - timedelta(90), None, now, frozenset({"electricity"}))
    load_facts([contract], source="tests", by="tests")
    assert "FR-OBJECTION" in ask(ground, question(1, "new", camp="new"))
    assert "FR-OBJECTION" in ask(ground, question(1, "old"))


def test_every_client_is_bound_by_the_number_alone_and_by_the_person_alone(ground: Open) -> None:
    record_request(stop(phone(40), client=""), by="ines")
    record_request(stop(phone(1), "k2", client=""), by="ines")
    now = read_clock()
    people = [Person("P40", phone(40), now), build_consent(40, now - timedelta(days=1)), Person("P1", phone(50), now)]
    load_facts(people, source="tests", by="tests")
    assert "FR-OBJECTION" in ask(ground, question(40, "recorded later"))
    assert "FR-OBJECTION" in ask(ground, question(50, "moved"))


def test_it_follows_a_person_to_another_number(ground: Open) -> None:
    record_request(stop(phone(1)), by="ines")
    load_facts([Person("P1", phone(50), read_clock())], source="tests", by="tests")
    assert "FR-OBJECTION" in ask(ground, question(50, "moved"))


def test_it_binds_for_another_client_no_more_than_it_says(ground: Open) -> None:
    record_campaign("other", campaign_terms("CLIENT-B"), by="tests")
    record_request(stop(phone(1), client="CLIENT-B"), by="ines")
    assert ask(ground, question(1, "mine")) == "200"


@pytest.mark.parametrize("kind", ["refusal", "not-interested", "not-now"])
def test_a_refusal_is_recorded_by_its_kind(ground: Open, kind: str) -> None:
    record_request(PhoneRequest("k", phone(1), kind, CLIENT), by="ines")
    assert set(models.RefusalRow.objects.values_list("kind", flat=True)) == {kind}
    assert not models.WithdrawalRow.objects.exists()
    refused = ask(ground, question(1, "after"))
    assert refused == "200" if kind == "not-now" else "FR-REFUS-60" in refused


def test_a_key_records_once_and_never_something_else(ground: Open) -> None:
    first = record_request(stop(phone(1)), by="ines")
    again = record_request(stop("01 44 50 00 01"), by="ines")
    assert again.before
    assert again.known_at == first.known_at
    assert again.facts == first.facts
    assert models.WithdrawalRow.objects.count() == 2  # the person and the number
    assert models.PersonRequestRow.objects.count() == LedgerEntry.objects.filter(kind=KIND).count() == 1
    with pytest.raises(RequestReused, match=r"^the key named another request$"):
        record_request(stop(phone(2)), by="ines")
    assert set(models.Load.objects.filter(by="ines").values_list("source")) == {("person request",)}
    assert record_request(stop(phone(2)), by="another").before is False


def test_every_faulty_field_is_named_and_nothing_is_recorded(ground: Open) -> None:
    bad = PhoneRequest("", "12", "go away", "CLIENT-Z", read_clock() + timedelta(hours=1), outcome="busy")
    with pytest.raises(RequestFaults) as caught:
        record_request(bad, by="ines")
    assert [(one.field, one.code) for one in caught.value.faults] == [
        ("key", "key.missing"), ("number", "number.unreadable"), ("said", "said.unknown"),
        ("client", "client.unknown"), ("outcome", "outcome.unknown"), ("at", "at.future"),
    ]  # fmt: skip
    assert not models.PersonRequestRow.objects.exists()
    assert not LedgerEntry.objects.filter(kind=KIND).exists()


@pytest.mark.parametrize(("field", "longest"), [("key", LONGEST_KEY), ("channel", LONGEST_CHANNEL), ("call", 300)])
def test_the_longest_text_is_taken_and_one_character_more_is_a_fault(ground: Open, field: str, longest: int) -> None:
    text = "c" * longest
    ask(ground, question(1, "of the call"))
    models.AttemptRow.objects.update(ref=text)
    put = PhoneRequest("k", phone(1), "outcome", CLIENT, outcome="busy")
    with pytest.raises(RequestFaults) as caught:
        record_request(replace(put, **{field: text + "c"}), by="ines")
    assert [one.field for one in caught.value.faults] == [field]
    assert not models.PersonRequestRow.objects.exists()
    record_request(replace(put, **{field: text}), by="ines")
    assert models.AttemptRow.objects.latest("pk").outcome == "busy"


def test_words_and_client_may_be_spelt_in_any_way(ground: Open) -> None:
    put = PhoneRequest("k", phone(1), "Ne m'appelez plus", "client a")
    assert record_request(put, by="ines").client == CLIENT
    assert set(models.RefusalRow.objects.values_list("kind", "client")) == {("objection", CLIENT)}
    now = read_clock()
    spelt = preview_answers(phone(1), "Client_A", ground.rules, now)
    assert spelt
    assert spelt == preview_answers(phone(1), CLIENT, ground.rules, now)
    assert record_request(PhoneRequest("k", phone(1), "stop", CLIENT), by="ines").before
    ask(ground, question(2, "c"))
    request = PhoneRequest("o", phone(2), "Issue de l'appel", "CLIENT A", outcome="Ligne occupée")
    record_request(request, by="ines")
    assert models.AttemptRow.objects.latest("pk").outcome == "busy"


def test_under_another_key_nothing_is_recorded(ground: Open, settings: Settings) -> None:
    settings.GATE_KEY = "6" * 64
    pseudonyms.forget_key()
    with pytest.raises(KeyFault, match="is not the one"):
        record_request(stop(phone(1)), by="ines")
    assert not models.PersonRequestRow.objects.exists()


def test_an_outcome_is_a_further_version_of_the_attempt_and_counts_once(ground: Open) -> None:
    assert ask(ground, question(1, "call")) == "200"
    request = PhoneRequest("o", phone(1), "outcome", CLIENT, outcome="conversation")
    assert record_request(request, by="ines").facts == 1
    rows = list(models.AttemptRow.objects.order_by("pk").values_list("ref", "outcome"))
    assert rows == [("call/1", ""), ("call/1", "conversation")]
    unknown = PhoneRequest("p", phone(2), "outcome", CLIENT, outcome="busy")
    with pytest.raises(RequestFaults, match=r"call: call\.unknown"):
        record_request(unknown, by="ines")


def test_many_at_once_leave_the_faulty_ones_out(ground: Open) -> None:
    requests = [stop(phone(1), "a"), stop("12", "b"), stop(phone(2), "c"), stop(phone(1), "a")]
    found = record_requests(requests, by="feed", source="feed")
    kinds = [RecordedRequest, RequestFaults, RecordedRequest, RecordedRequest]
    assert [type(one) for one in found] == kinds
    assert [getattr(one, "before", None) for one in found] == [False, None, False, True]
    assert models.Load.objects.filter(source="feed").count() == 1
    assert models.PersonRequestRow.objects.count() == 2


def test_the_ledger_holds_no_number_and_the_facts_are_sealed(ground: Open) -> None:
    record_request(stop(phone(1)), by="ines")
    entry = LedgerEntry.objects.get(kind=KIND)
    digits = phone(1)[3:]
    assert digits not in str(entry.body)
    assert number_pseudonym(phone(1)) not in str(entry.body)
    assert "ines" in str(entry.body)
    assert CLIENT in str(entry.body)
    kept = entry.personal.get()
    like = number_pseudonym(phone(1))
    assert (kept.path, kept.value, kept.subject) == ("number", f'"{like}"', like)
    assert kept.erase_on == date.fromisoformat(entry.recorded_at[:10]) + timedelta(days=365)
    assert seal_facts(read_clock()) >= 4
    for model in (models.WithdrawalRow, models.RefusalRow, models.PersonRequestRow):
        for row in model.objects.values():
            assert digits not in str(row)


def test_the_answer_says_which_campaigns_refuse_for_it(ground: Open) -> None:
    before = preview_answers(phone(1), CLIENT, ground.rules, read_clock())
    record_request(stop(phone(1)), by="ines")
    after = preview_answers(phone(1), CLIENT, ground.rules, read_clock())
    assert [(one.campaign, one.allowed, one.for_request) for one in (*before, *after)] == [
        (CAMPAIGN, True, False), (CAMPAIGN, False, True)
    ]  # fmt: skip
    assert "FR-OBJECTION" in after[0].rules
    assert after[0].next_allowed is None
    assert not models.Decision.objects.exists()


def test_a_decision_on_what_was_said_by_number_replays_and_erases_no_protection(ground: Open) -> None:
    record_request(stop(phone(40)), by="ines")
    now = read_clock()
    load_facts([Person("P40", phone(40), now), build_consent(40, now - timedelta(1))], source="tests", by="tests")
    assert "FR-OPTIN-6" in ask(ground, question(40, "call"))
    decision = models.Decision.objects.get(call_id="call")
    again = replay_decision(decision, ground.rules)
    assert again.agrees(decision)
    assert phone(40) not in again.evidence
    erase_person("P40", read_clock())
    assert not models.PseudonymValue.objects.filter(what="number", pseudonym=number_pseudonym(phone(40)))
    assert "FR-OBJECTION" in ask(ground, question(40, "erased"))
    close_batches(read_clock())
    later = read_clock() + timedelta(days=3 * 366 + 2)
    erase_due(later.date(), later)
    assert not models.PersonRequestRow.objects.exists()
    assert not models.WithdrawalRow.objects.exists()
    assert models.RefusalRow.objects.filter(kind="objection").exists()


def test_the_answer_of_the_network_does_not_hide_what_the_agent_said() -> None:
    kinds = ("conversation", "abandoned", "voicemail")
    words = ("", *get_vocabulary("outcome").ids)
    assert {*REPORTED_OUTCOMES, UNKNOWN, ""} == set(words)
    for known in words:
        for reported in words:
            hides = reported == known or (reported == "answered" and known in kinds)
            assert is_more_precise(known, reported) is not hides


@pytest.mark.django_db(transaction=True)
def test_it_waits_for_the_disk_before_it_answers() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL waits at each commit")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"


@pytest.mark.django_db(transaction=True)
def test_a_key_sent_by_several_at_once_records_once() -> None:
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time, and the database of the tests is in memory")
    record_people(range(2))
    start, found = threading.Barrier(4), []

    def send() -> None:
        try:
            start.wait(10)
            found.append(record_request(stop(phone(1)), by="ines"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(one.before for one in found) == [False, True, True, True]
    assert models.PersonRequestRow.objects.count() == LedgerEntry.objects.filter(kind=KIND).count() == 1
    assert models.WithdrawalRow.objects.count() == 2


def test_an_objection_of_an_import_by_number_binds(ground: Open) -> None:
    now = read_clock()
    said = RefusalFact(CLIENT, "+33 1 44 50 00 01", now, now, "objection")
    load_facts([said], source="import", by="tests")
    assert "FR-OBJECTION" in ask(ground, question(1, "call"))
