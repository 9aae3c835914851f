"""What is said by number: kept, bound to the person who holds it, withdrawn."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from releve.ledger.models import LedgerEntry
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import build_empty_frames
from releve.plugins.outbound.engine.facts import Attempt, Callback, Contract, Person, SpokenRefusal
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LegalRules
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.verdict import judge_call
from releve.plugins.outbound.gate import models
from releve.plugins.outbound.gate.attempt_outcomes import preview_numbers, record_withdrawal
from releve.plugins.outbound.gate.campaigns import load_campaigns, record_campaign
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW
from releve.plugins.outbound.gate.decision import build_call, judge_for_holders
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.errors import KeyFault, NoMatch
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, read_facts
from releve.plugins.outbound.gate.person_requests import (
    PhoneRequest,
    RecordedRequest,
    RequestFaults,
    RequestReused,
    load_clients,
    record_request,
)
from releve.plugins.outbound.gate.proofs import replay_decision
from releve.plugins.outbound.gate.pseudonyms import forget_key, number_pseudonym, person_pseudonym
from tests.gate.sample_campaign import (
    CALLER,
    CAMPAIGN,
    CLIENT,
    brief,
    build_consent,
    campaign_terms,
    open_rules,
    phone,
    question,
    record_people,
)
from tests.gate.sync_decisions import DjangoStore, decide

pytestmark = [pytest.mark.django_db, pytest.mark.database]

STOP = PhoneRequest("k", phone(1), "stop", CLIENT)
EARLIER, LATER = map(datetime.fromisoformat, ("2026-03-20T10:00+01:00", "2099-03-20T10:00+01:00"))


def record(request: PhoneRequest = STOP, **change: Any) -> RecordedRequest:
    return record_request(replace(request, **change), by="ines", source="desk")


def find_faults(request: PhoneRequest = STOP, **change: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(RequestFaults) as caught:
        record(request, **change)
    assert not models.PersonRequestRow.objects.exists()
    return [(one.field, one.code, one.given) for one in caught.value.faults]


def test_what_is_kept_of_a_request_is_what_was_answered() -> None:
    record_people(range(2))
    load_facts([Person("P9", phone(1), read_clock())], source="tests", by="tests")
    at = read_clock() - timedelta(days=40)
    found = record(at=at, channel="letter")
    assert (found.persons, found.facts, found.at) == (2, 6, at)  # two of each, and the number
    row, entry = models.PersonRequestRow.objects.get(), LedgerEntry.objects.get(kind="outbound.requested")
    kept = (row.said, row.client, row.at, row.known_at, row.persons, row.consents, row.facts)
    assert kept == astuple(found)[:-1]
    assert (row.by, row.channel, row.number) == ("ines", "letter", number_pseudonym(phone(1)))
    assert (row.seq, row.erase_on) == (entry.seq, years_later(at.date()))
    said = {"actor": "ines", "client": CLIENT, "said": "stop", "outcome": "", "channel": "letter"}
    assert json.loads(entry.body).items() >= {**said, "persons": 2, "facts": 6}.items()
    assert record(at=at, channel="letter") == replace(found, before=True)
    load = models.Load.objects.get(source="desk")
    assert (load.by, load.rows, load.known_at) == ("ines", 6, found.known_at)
    withdrawn, refused = models.WithdrawalRow.objects.all(), models.RefusalRow.objects.all()
    assert set(withdrawn.values_list("at", "channel", "consent")) == {(at, "letter", "")}
    assert set(refused.values_list("at", "kind", "basis")) == {(at, "objection", "")}


@pytest.mark.parametrize(
    "change",
    [{"said": "refusal"}, {"client": ""}, {"channel": "letter"}, {"at": EARLIER},
     {"said": "outcome", "outcome": "busy"}],
)  # fmt: skip
def test_a_key_with_another_content_is_another_request(change: dict[str, Any]) -> None:
    record_people(range(2))
    record()
    with pytest.raises(RequestReused):
        record(**change)
    assert models.PersonRequestRow.objects.count() == 1


def test_the_consents_counted_are_those_in_force_then_of_whom_it_binds() -> None:
    record_people(range(2))
    now = read_clock()
    given, today = now - timedelta(days=5), now.date()
    consents = [build_consent(1, given, id="ended", until=today - timedelta(1)),
                build_consent(1, given, id="last day", until=today),
                build_consent(1, given, id="elsewhere", client="CLIENT-B"),
                build_consent(1, given, wording="a later version of C1")]  # fmt: skip
    load_facts(consents, source="tests", by="tests")
    assert record().consents == 2
    assert record(key="every", client="").consents == 3
    assert record(key="before", at=given - timedelta(1)).consents == 0
    assert record(key="that instant", at=given).consents == 4 - 1  # of its client; none had ended
    assert record(key="no withdrawal", said="refusal").consents == 0


def test_an_outcome_is_that_of_the_last_call_of_a_day_or_of_the_one_that_it_names() -> None:
    record_people(range(2))
    now = read_clock()
    load_facts([Person("P9", phone(1), now)], source="tests", by="tests")
    hours = {"old/1": 24, "call/1": 23, "call-b/1": 2, "last/1": 1}
    calls = [Attempt(ref, CLIENT, person, now - timedelta(hours=h), now, provider="us")
             for ref, h in hours.items() for person in ("P1", "P9")]  # fmt: skip
    load_facts(calls, source="tests", by="tests")
    busy = PhoneRequest("o", phone(1), "outcome", CLIENT, outcome="busy")

    def filed(**change: Any) -> set[tuple[str, str]]:
        """The attempts that have the outcome of one more request."""
        before = models.AttemptRow.objects.latest("pk").pk
        assert record(busy, **change).facts == 2
        rows = models.AttemptRow.objects.filter(pk__gt=before, outcome=change.get("outcome", "busy"))
        return set(rows.values_list("ref", "provider"))

    assert filed() == {("last/1", "us")}
    assert filed(key="p", call="call") == {("call/1", "us")}
    assert filed(key="q", call="call-b/1", outcome="declined") == {("call-b/1", "us")}
    assert filed(key="r", at=now - timedelta(hours=2, minutes=30)) == {("call/1", "us")}
    assert filed(key="s", at=now - timedelta(hours=2)) == {("call-b/1", "us")}
    assert filed(key="t", client="") == {("last/1", "us")}
    requests = models.PersonRequestRow.objects.count()
    for change in ({"call": "old", "at": now}, {"call": "cal"}, {"call": "call/2"},
                   {"number": phone(0)}, {"at": now - timedelta(days=2)}):  # fmt: skip
        with pytest.raises(RequestFaults, match=r"^call: call\.unknown$"):
            record(busy, key="u", **change)
    assert models.PersonRequestRow.objects.count() == requests


def test_an_outcome_of_a_client_is_that_of_its_own_call() -> None:
    record_people(range(2))
    now = read_clock()
    load_facts([build_consent(1, now - timedelta(1), client="CLIENT-B"),
                *(Attempt("same/1", client, "P1", now - timedelta(hours=h), now)
                  for h, client in enumerate((CLIENT, "CLIENT-B"), 1))],
               source="tests", by="tests")  # fmt: skip
    busy = PhoneRequest("o", phone(1), "outcome", "CLIENT-B", outcome="busy")
    assert record(busy).facts == 1
    assert record(busy, key="p", client="", outcome="declined").facts == 1
    rows = models.AttemptRow.objects.exclude(outcome="").values_list("client", "outcome")
    assert set(rows) == {("CLIENT-B", "busy"), (CLIENT, "declined")}


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"client": "CLIENT-Z\0"}, [("client", "client.unknown", "CLIENT-Z\0")]),
        ({"client": "z" * 50}, [("client", "client.unknown", "z" * 40)]),
        ({"channel": "by\nletter"}, [("channel", "channel.unfit", "")]),
        ({"call": "c/1"}, [("call", "call.unfit", "")]),
        ({"said": "outcome", "outcome": "busy", "call": "c\t1"}, [("call", "call.unfit", "")]),
        ({"said": "outcome"}, [("outcome", "outcome.unknown", "")]),
        ({"outcome": "busy"}, [("outcome", "outcome.unknown", "busy")]),
        ({"at": EARLIER.replace(tzinfo=None)}, [("at", "at.no-offset", "")]),
        ({"at": LATER}, [("at", "at.future", "")]),
        ({"number": "3631"}, [("number", "number.unreadable", "")]),
    ],
)
def test_an_unfit_field_is_named(change: dict[str, Any], faults: list[tuple[str, str, str]]) -> None:
    record_people(range(2))
    assert find_faults(**change) == faults


def test_a_clock_that_is_ahead_a_little_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people(range(2))
    now = read_clock()
    monkeypatch.setattr("releve.plugins.outbound.gate.person_requests.read_clock", lambda: now)
    late = now + MAX_CLOCK_SKEW + timedelta(microseconds=1)
    assert find_faults(at=late) == [("at", "at.future", "")]
    assert record(at=now + MAX_CLOCK_SKEW).persons == 1


@pytest.mark.parametrize("known_by", ["a consent", "a contract"])
def test_a_client_without_a_campaign_is_known_by_what_it_has(known_by: str) -> None:
    record_people(range(2))
    now = read_clock()
    assert find_faults(client="CLIENT-B") == [("client", "client.unknown", "CLIENT-B")]
    contract = Contract("K", "CLIENT-B", "P1", now.date(), None, now)
    consent = build_consent(1, now, client="CLIENT-B")
    load_facts([consent if known_by == "a consent" else contract], source="tests", by="tests")
    assert record(client="client_b").client == "CLIENT-B"
    assert load_clients() == (CLIENT,)


RULES = open_rules()
SOON = 1e9


def answers(rules: LegalRules = RULES) -> dict[tuple[str, str], str]:
    """Return the rows that refuse each person under each of their numbers, as known now."""
    now, terms = read_clock(), CampaignTerms.from_row(load_campaigns()[CAMPAIGN])
    found = {}
    for number in map(phone, range(4)):
        known = read_facts(CLIENT, number, now, campaign=CAMPAIGN)
        for person in known.persons():
            call = build_call(CAMPAIGN, terms, number, CALLER, person, now, "")
            one = judge_for_holders(call, known, rules)[0]
            found[number, person] = "|".join(one.rules)
    return found


def hold(person: str, number: int) -> None:
    load_facts([Person(person, phone(number), read_clock())], source="tests", by="tests")


def say(table: str, number: int, *, client: str = CLIENT, kind: str = "objection") -> None:
    """Load one row of a table that names a number."""
    now = read_clock()
    row: dict[str, object] = {"client": client, "person": phone(number), "at": now, "known_at": now}
    row |= {"kind": kind, "basis": ""} if table == "refusals" else {"consent": "", "channel": ""}
    frame = pl.DataFrame([row], schema=build_empty_frames()[table].schema)
    load_frames({table: frame}, source="tests", by="tests")


@pytest.mark.parametrize("client", ["", CLIENT])
@pytest.mark.parametrize(
    ("table", "kind", "rows"),
    [("withdrawals", "", "FR-OPTIN-6"), ("refusals", "objection", "FR-OBJECTION"),
     ("refusals", "refusal", "FR-REFUS-60")],
)  # fmt: skip
def test_a_row_by_one_number_refuses_the_holder_s_other_number(table: str, kind: str, rows: str, client: str) -> None:
    record_people([0, 2])
    hold("P0", 1)
    say(table, 0, client=client, kind=kind)
    store = DjangoStore()
    other, stranger = (decide(store, question(n, f"call-{n}"), RULES, SOON) for n in (1, 2))
    assert rows in other.reasons
    assert brief(stranger) == "200 allow"


def test_a_contract_does_not_carry_a_call_to_the_other_number() -> None:
    record_people([0])
    hold("P0", 1)
    now = read_clock()
    contract = Contract("K1", CLIENT, "P0", now.date() - timedelta(9), None, now, frozenset({"electricity"}))
    load_facts([contract], source="tests", by="tests")
    say("refusals", 0)
    assert "FR-OBJECTION" in decide(DjangoStore(), question(1, "call"), RULES, SOON).reasons


def test_a_row_binds_a_person_to_whom_the_number_is_given_later() -> None:
    record_people([1])
    say("withdrawals", 0)
    assert brief(decide(DjangoStore(), question(1, "before"), RULES, SOON)) == "200 allow"
    hold("P1", 0)
    assert "FR-OPTIN-6" in decide(DjangoStore(), question(1, "after"), RULES, SOON).reasons


def test_a_call_is_judged_again_as_the_numbers_were_known_at_its_instant() -> None:
    record_people([1])
    say("withdrawals", 0)
    decide(DjangoStore(), question(1, "before"), RULES, SOON)
    hold("P1", 0)
    decide(DjangoStore(), question(1, "after"), RULES, SOON)
    for call, allowed in (("before", True), ("after", False)):
        decision = models.Decision.objects.get(call_id=call)
        again = replay_decision(decision, RULES)
        assert (decision.allowed, again.agrees(decision)) == (allowed, True)


def test_another_holder_of_the_second_number_is_not_bound() -> None:
    record_people([0, 2])
    hold("P0", 1)
    hold("P2", 1)
    say("withdrawals", 0)
    found = {number: {bool(v) for (n, _), v in answers().items() if n == number} for number in map(phone, (0, 1, 2))}
    assert found == {phone(0): {True}, phone(1): {True, False}, phone(2): {False}}


@dataclass(frozen=True)
class Step:
    """Something that happens: a person takes a number, or something is said by a number."""

    what: str
    person: int
    number: int
    to_all: bool


STEPS = st.builds(
    Step, st.sampled_from(["hold", "stop", "refusal", "not-now"]), st.integers(0, 2), st.integers(0, 3), st.booleans()
)


def _replay(steps: list[Step], *, as_tables: bool) -> list[dict[tuple[str, str], str]]:
    """Return the answers after each step; all of it is undone."""
    found = []
    with transaction.atomic():
        record_people(range(3))
        for place, step in enumerate(steps):
            client = "" if step.to_all else CLIENT
            if step.what == "hold":
                hold(f"P{step.person}", step.number)
            elif not as_tables:
                said = PhoneRequest(f"K{place}", phone(step.number), step.what, client)
                record_request(said, by="dialler")
            elif step.what == "stop":
                say("withdrawals", step.number, client=client)
                say("refusals", step.number, client=client)
            else:
                say("refusals", step.number, client=client, kind=step.what)
            found.append(answers())
        transaction.set_rollback(True)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(steps=st.lists(STEPS, min_size=2, max_size=6))
def test_a_table_and_a_request_give_the_same_verdicts(steps: list[Step]) -> None:
    assert _replay(steps, as_tables=True) == _replay(steps, as_tables=False)


def test_a_person_is_meant_by_id_in_any_spelling_of_the_client() -> None:
    record_people(range(2))
    found = record_withdrawal("Client A", "P1", read_clock(), channel="oral", by="tests")
    assert (found.client, found.persons, found.consents) == (CLIENT, ("P1",), ("C1",))
    row = models.WithdrawalRow.objects.get()
    assert (row.client, row.person, row.channel) == (CLIENT, found.pseudonyms[0], "oral")


@pytest.mark.parametrize("known_by", ["a row of people", "a contract"])
def test_a_person_whom_one_table_knows_is_meant_by_id(known_by: str) -> None:
    record_people(range(1))
    now = read_clock()
    contract = Contract("K9", CLIENT, "P9", date(2024, 1, 1), None, now, frozenset({"electricity"}))
    fact = Person("P9", phone(9), now) if known_by == "a row of people" else contract
    load_facts([fact], source="tests", by="tests")
    found = record_withdrawal(CLIENT, "P9", read_clock(), by="tests")
    assert (found.persons, found.consents) == (("P9",), ())
    assert models.WithdrawalRow.objects.get().person == person_pseudonym("P9")


@pytest.mark.parametrize("form", ["{}", "0{:.0}", "00{}"])
def test_a_number_stands_for_all_who_hold_it(form: str) -> None:
    record_people(range(2))
    number = phone(1)
    load_facts([Person("P9", number, read_clock())], source="tests", by="tests")
    written = {"{}": number, "0{:.0}": "0" + number[3:], "00{}": "00" + number[1:]}[form]
    found = record_withdrawal(CLIENT, written, read_clock(), by="tests")
    assert found.persons == ("P1", "P9")
    bound = {*found.pseudonyms, number_pseudonym(number)}
    assert set(models.WithdrawalRow.objects.values_list("person", flat=True)) == bound
    assert set(models.WithdrawalRow.objects.values_list("consent", "channel")) == {("", "")}


def test_a_number_by_which_something_was_said_before_still_stands_for_its_holders() -> None:
    record_people(range(2))
    record_request(PhoneRequest("k", phone(1), "refusal", CLIENT), by="tests")
    found = record_withdrawal(CLIENT, phone(1), read_clock(), by="tests")
    assert (found.persons, found.consents) == (("P1",), ("C1",))
    (answer,) = preview_numbers(found, open_rules(), read_clock())
    assert "FR-OPTIN-6" in answer.verdicts[0].rules


def test_a_withdrawal_by_number_binds_a_person_recorded_under_it_later() -> None:
    record_people(range(2))
    record_withdrawal(CLIENT, phone(1), read_clock(), by="tests")
    given = read_clock() - timedelta(days=2)
    later = [Person("P9", phone(1), read_clock()), build_consent(9, given)]
    load_facts(later, source="tests", by="tests")
    now = read_clock()
    known = read_facts(CLIENT, phone(1), now, person="P9", campaign=CAMPAIGN)
    call = Call(CLIENT, phone(1), now, "electricity", CALLER, CAMPAIGN,
                person=person_pseudonym("P9"), sector="energy-supply")  # fmt: skip
    assert "FR-OPTIN-6" in judge_call(call, known.facts(), open_rules(), now).rules


@pytest.mark.parametrize(
    ("client", "who", "consent", "said"),
    [
        (CLIENT, "p1", "", "no person is known as 'p1'; write 'P1'"),
        (CLIENT, "P7", "", "no person is known as 'P7'; give the person's id, or a number that "
         "a person is known to hold$"),
        (CLIENT, "+33144509999", "", "no person is known as"),
        ("CLIENT-Z", "P1", "", "no client is called 'CLIENT-Z'; write 'CLIENT-A'"),
        (CLIENT, "P1", "C2", "P1 gave no consent 'C2' to CLIENT-A"),
        (CLIENT, "P1", "c1", "write 'C1'"),
    ],
)  # fmt: skip
def test_what_fits_nothing_is_refused_and_recorded_nowhere(client: str, who: str, consent: str, said: str) -> None:
    record_people(range(3))
    with pytest.raises(NoMatch, match=said.replace("+", r"\+")):
        record_withdrawal(client, who, read_clock(), consent=consent, by="tests")
    assert not models.WithdrawalRow.objects.exists()
    assert not models.Load.objects.filter(source="withdrawal").exists()


@pytest.mark.parametrize("erased", [False, True])
def test_one_consent_by_number_is_taken_back_by_its_giver_alone(erased: bool) -> None:
    record_people(range(2))
    load_facts([Person("P9", phone(1), read_clock())], source="tests", by="tests")
    if erased:
        models.PseudonymValue.objects.filter(what="person").delete()
    now = read_clock()
    found = record_withdrawal(CLIENT, phone(1), now, consent="C1", channel="letter", by="ines")
    assert (len(found.persons), found.consents) == (2, ("C1",))
    assert found.persons[0].startswith("(erased) ") == erased
    row = models.WithdrawalRow.objects.get()
    assert (row.client, row.person, row.at) == (CLIENT, person_pseudonym("P1"), now)
    assert (row.consent, row.channel, row.erase_on) == ("C1", "letter", years_later(now.date()))
    assert bool(row.digest) is not erased  # nothing that is read again may be held to be it
    load = models.Load.objects.get(source="withdrawal")
    assert (row.load, load.by, load.rows, load.known_at is not None) == (load, "ines", 1, True)


def test_under_another_key_no_withdrawal_is_tried(settings: Settings) -> None:
    record_people(range(1))
    settings.GATE_KEY = "6" * 64
    forget_key()
    with pytest.raises(KeyFault, match="is not the one"):
        record_withdrawal(CLIENT, "P0", read_clock(), by="tests")


def test_the_first_spellings_of_an_unknown_id_are_shown() -> None:
    record_people(range(1))
    ids = ["abc", "Abc", "aBc", "abC"]
    load_facts([Person(one, phone(9), read_clock()) for one in ids], source="a", by="tests")
    with pytest.raises(NoMatch, match="'ABC'; write the one meant, perhaps 'Abc' or 'aBc' or"):
        record_withdrawal(CLIENT, "ABC", read_clock(), by="tests")


@pytest.mark.parametrize("erased", [False, True])
def test_what_was_said_here_is_noted_for_a_restored_backup(erased: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    record_people(range(2))
    if erased:
        models.PseudonymValue.objects.filter(what="person").delete()
    noted: list[models.Load] = []
    for module in ("attempt_outcomes", "person_requests"):
        monkeypatch.setattr(f"releve.plugins.outbound.gate.{module}.note_load", noted.append)
    record_withdrawal(CLIENT, phone(1), read_clock(), consent="C1", by="tests")
    record_request(PhoneRequest("k", phone(1), "stop", CLIENT), by="tests")
    assert noted == list(models.Load.objects.order_by("pk"))[-2:]
    assert all(load.known_at for load in noted)


def test_each_consent_of_all_holders_is_named_once_in_order() -> None:
    record_people(range(2))
    facts = [Person("P9", phone(1), read_clock())]
    facts += [build_consent(1, read_clock(), id=id_, wording=id_) for id_ in ("B", "A", "C1")]
    load_facts([*facts, build_consent(9, read_clock())], source="tests", by="tests")
    found = record_withdrawal(CLIENT, phone(1), read_clock(), by="tests")
    assert found.consents == ("A", "B", "C1", "C9")
    with pytest.raises(NoMatch, match=r"those known are: A, B, C1, C9$"):
        record_withdrawal(CLIENT, phone(1), read_clock(), consent="xyzzy", by="tests")
    with pytest.raises(NoMatch, match=rf"known are: {CLIENT}$"):
        record_withdrawal("xyzzy", phone(1), read_clock(), by="tests")


@pytest.mark.parametrize("table", ["callbacks", "refusals", "attempts"])
def test_a_client_knows_a_person_by_each_of_its_tables_and_another_does_not(table: str) -> None:
    record_people(range(1))
    now = read_clock()
    fact = {"callbacks": Callback("B", CLIENT, "P9", now, now, frozenset({"electricity"})),
            "refusals": SpokenRefusal(CLIENT, "P9", now, now),
            "attempts": Attempt("A", CLIENT, "P9", now, now)}[table]  # fmt: skip
    other = SpokenRefusal("CLIENT-B", "P0", now, now)
    load_facts([fact, other], source="tests", by="tests")
    assert record_withdrawal(CLIENT, "P9", read_clock(), by="tests").persons == ("P9",)
    with pytest.raises(NoMatch, match="no person is known as 'P9'"):
        record_withdrawal("CLIENT-B", "P9", read_clock(), by="tests")
    with pytest.raises(NoMatch, match="write 'P9'"):
        record_withdrawal(CLIENT, " p9 ", read_clock(), by="tests")


def test_the_answers_are_those_of_each_number_that_is_kept_by_campaign() -> None:
    record_people(range(2))
    record_campaign("autumn", campaign_terms(), by="tests")
    now = read_clock()
    load_facts([Person("P1", phone(n), now) for n in (7, 8)], source="tests", by="tests")
    models.PseudonymValue.objects.filter(pseudonym=number_pseudonym(phone(7))).delete()
    found = record_withdrawal(CLIENT, "P1", read_clock(), by="tests")
    answers = preview_numbers(found, open_rules(), read_clock())
    assert [(one.campaign, one.number) for one in answers] == [
        ("autumn", phone(1)), ("autumn", phone(8)), (CAMPAIGN, phone(1)), (CAMPAIGN, phone(8)),
    ]  # fmt: skip


def test_one_consent_is_taken_back_and_the_other_stands() -> None:
    record_people(range(1))
    other = build_consent(0, read_clock() - timedelta(hours=2), id="C0b")
    load_facts([other], source="tests", by="tests")
    found = record_withdrawal(CLIENT, "P0", read_clock(), consent="C0b", by="tests")
    assert found.consents == ("C0b",)
    (answer,) = preview_numbers(found, open_rules(), read_clock())
    assert (answer.campaign, answer.number, answer.allowed) == (CAMPAIGN, phone(0), True)
    assert models.ConsentRow.objects.count() == 2


def test_the_answer_after_it_is_a_refusal_unless_a_contract_carries_the_call() -> None:
    record_people(range(2))
    running = Contract("K0", CLIENT, "P0", date(2024, 1, 1), None, read_clock(), frozenset({"electricity"}))
    load_facts([running], source="tests", by="tests")
    refused = record_withdrawal(CLIENT, "P1", read_clock(), by="tests")
    (answer,) = preview_numbers(refused, open_rules(), read_clock())
    assert not answer.allowed
    assert "FR-OPTIN-6" in answer.verdicts[0].rules
    carried = record_withdrawal(CLIENT, "P0", read_clock(), by="tests")
    (answer,) = preview_numbers(carried, open_rules(), read_clock())
    assert (answer.allowed, answer.verdicts[0].basis) == (True, "contract:K0")


def test_a_person_whose_values_were_erased_is_withdrawn_by_number() -> None:
    record_people(range(1))
    models.PseudonymValue.objects.filter(what="person").delete()
    found = record_withdrawal(CLIENT, phone(0), read_clock(), by="tests")
    assert found.persons[0].startswith("(erased)")
    assert models.WithdrawalRow.objects.filter(person=found.pseudonyms[0]).count() == 1
    (answer,) = preview_numbers(found, built_in_rules(), read_clock())
    assert "FR-OPTIN-6" in answer.verdicts[0].rules
