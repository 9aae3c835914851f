"""A withdrawal shows the persons it matched and the next answer; without a match it fails."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from pytest_django.fixtures import Settings

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import (
    Attempt,
    Call,
    Callback,
    Contract,
    Person,
    SpokenRefusal,
    built_in_rules,
    judge_call,
)
from releve.plugins.outbound.gate.attempt_outcomes import preview_numbers, record_withdrawal
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.errors import KeyFault, NoMatch
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.fact_reader import read_facts
from releve.plugins.outbound.gate.models import ConsentRow, Load, PseudonymValue, WithdrawalRow
from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request
from releve.plugins.outbound.gate.pseudonyms import forget_key, number_pseudonym, person_pseudonym
from tests.gate.sample_campaign import (
    CALLER,
    CAMPAIGN,
    CLIENT,
    build_consent,
    campaign_terms,
    open_rules,
    phone,
    record_people,
)

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_person_is_meant_by_id_in_any_spelling_of_the_client() -> None:
    record_people(range(2))
    found = record_withdrawal("Client A", "P1", read_clock(), channel="oral", by="tests")
    assert (found.client, found.persons, found.consents) == (CLIENT, ("P1",), ("C1",))
    row = WithdrawalRow.objects.get()
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
    assert WithdrawalRow.objects.get().person == person_pseudonym("P9")


@pytest.mark.parametrize("form", ["{}", "0{:.0}", "00{}"])
def test_a_number_stands_for_all_who_hold_it(form: str) -> None:
    record_people(range(2))
    number = phone(1)
    load_facts([Person("P9", number, read_clock())], source="tests", by="tests")
    written = {"{}": number, "0{:.0}": "0" + number[3:], "00{}": "00" + number[1:]}[form]
    found = record_withdrawal(CLIENT, written, read_clock(), by="tests")
    assert found.persons == ("P1", "P9")
    bound = {*found.pseudonyms, number_pseudonym(number)}
    assert set(WithdrawalRow.objects.values_list("person", flat=True)) == bound
    assert set(WithdrawalRow.objects.values_list("consent", "channel")) == {("", "")}


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
    assert not WithdrawalRow.objects.exists()
    assert not Load.objects.filter(source="withdrawal").exists()


@pytest.mark.parametrize("erased", [False, True])
def test_one_consent_by_number_is_taken_back_by_its_giver_alone(erased: bool) -> None:
    record_people(range(2))
    load_facts([Person("P9", phone(1), read_clock())], source="tests", by="tests")
    if erased:
        PseudonymValue.objects.filter(what="person").delete()
    now = read_clock()
    found = record_withdrawal(CLIENT, phone(1), now, consent="C1", channel="letter", by="ines")
    assert (len(found.persons), found.consents) == (2, ("C1",))
    assert found.persons[0].startswith("(erased) ") == erased
    row = WithdrawalRow.objects.get()
    assert (row.client, row.person, row.at) == (CLIENT, person_pseudonym("P1"), now)
    assert (row.consent, row.channel, row.erase_on) == ("C1", "letter", years_later(now.date()))
    assert bool(row.digest) is not erased  # nothing that is read again may be held to be it
    load = Load.objects.get(source="withdrawal")
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
        PseudonymValue.objects.filter(what="person").delete()
    noted: list[Load] = []
    for module in ("attempt_outcomes", "person_requests"):
        monkeypatch.setattr(f"releve.plugins.outbound.gate.{module}.note_load", noted.append)
    record_withdrawal(CLIENT, phone(1), read_clock(), consent="C1", by="tests")
    record_request(PhoneRequest("k", phone(1), "stop", CLIENT), by="tests")
    assert noted == list(Load.objects.order_by("pk"))[-2:]
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
    PseudonymValue.objects.filter(pseudonym=number_pseudonym(phone(7))).delete()
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
    assert ConsentRow.objects.count() == 2


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
    PseudonymValue.objects.filter(what="person").delete()
    found = record_withdrawal(CLIENT, phone(0), read_clock(), by="tests")
    assert found.persons[0].startswith("(erased)")
    assert WithdrawalRow.objects.filter(person=found.pseudonyms[0]).count() == 1
    (answer,) = preview_numbers(found, built_in_rules(), read_clock())
    assert "FR-OPTIN-6" in answer.verdicts[0].rules
