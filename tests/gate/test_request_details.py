"""What is kept of a request by number, which call and which consents it is about, what is unfit."""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from releve.ledger.models import LedgerEntry
from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Attempt, Contract, Person
from releve.plugins.outbound.gate.db_clock import MAX_CLOCK_SKEW
from releve.plugins.outbound.gate.erasure import years_later
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import AttemptRow, Load, PersonRequestRow, RefusalRow, WithdrawalRow
from releve.plugins.outbound.gate.person_requests import (
    PhoneRequest,
    RecordedRequest,
    RequestFaults,
    RequestReused,
    load_clients,
    record_request,
)
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym
from tests.gate.sample_campaign import CLIENT, build_consent, phone, record_people

pytestmark = [pytest.mark.django_db, pytest.mark.database]
STOP = PhoneRequest("k", phone(1), "stop", CLIENT)
EARLIER, LATER = map(datetime.fromisoformat, ("2026-03-20T10:00+01:00", "2099-03-20T10:00+01:00"))


def record(request: PhoneRequest = STOP, **change: Any) -> RecordedRequest:
    return record_request(replace(request, **change), by="ines", source="desk")


def find_faults(request: PhoneRequest = STOP, **change: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(RequestFaults) as caught:
        record(request, **change)
    assert not PersonRequestRow.objects.exists()
    return [(one.field, one.code, one.given) for one in caught.value.faults]


def test_what_is_kept_of_a_request_is_what_was_answered() -> None:
    record_people(range(2))
    load_facts([Person("P9", phone(1), read_clock())], source="tests", by="tests")
    at = read_clock() - timedelta(days=40)
    found = record(at=at, channel="letter")
    assert (found.persons, found.facts, found.at) == (2, 6, at)  # two of each, and the number
    row, entry = PersonRequestRow.objects.get(), LedgerEntry.objects.get(kind="outbound.requested")
    kept = (row.said, row.client, row.at, row.known_at, row.persons, row.consents, row.facts)
    assert kept == astuple(found)[:-1]
    assert (row.by, row.channel, row.number) == ("ines", "letter", number_pseudonym(phone(1)))
    assert (row.seq, row.erase_on) == (entry.seq, years_later(at.date()))
    said = {"actor": "ines", "client": CLIENT, "said": "stop", "outcome": "", "channel": "letter"}
    assert json.loads(entry.body).items() >= {**said, "persons": 2, "facts": 6}.items()
    assert record(at=at, channel="letter") == replace(found, before=True)
    load = Load.objects.get(source="desk")
    assert (load.by, load.rows, load.known_at) == ("ines", 6, found.known_at)
    withdrawn, refused = WithdrawalRow.objects.all(), RefusalRow.objects.all()
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
    assert PersonRequestRow.objects.count() == 1


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
        before = AttemptRow.objects.latest("pk").pk
        assert record(busy, **change).facts == 2
        rows = AttemptRow.objects.filter(pk__gt=before, outcome=change.get("outcome", "busy"))
        return set(rows.values_list("ref", "provider"))

    assert filed() == {("last/1", "us")}
    assert filed(key="p", call="call") == {("call/1", "us")}
    assert filed(key="q", call="call-b/1", outcome="declined") == {("call-b/1", "us")}
    assert filed(key="r", at=now - timedelta(hours=2, minutes=30)) == {("call/1", "us")}
    assert filed(key="s", at=now - timedelta(hours=2)) == {("call-b/1", "us")}
    assert filed(key="t", client="") == {("last/1", "us")}
    requests = PersonRequestRow.objects.count()
    for change in ({"call": "old", "at": now}, {"call": "cal"}, {"call": "call/2"},
                   {"number": phone(0)}, {"at": now - timedelta(days=2)}):  # fmt: skip
        with pytest.raises(RequestFaults, match=r"^call: call\.unknown$"):
            record(busy, key="u", **change)
    assert PersonRequestRow.objects.count() == requests


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
    rows = AttemptRow.objects.exclude(outcome="").values_list("client", "outcome")
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
