"""Due rows are erased a few at a time: none comes back, and rows loaded meanwhile stay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from releve.ledger.models import LedgerEntry
from releve.plugins.outbound.engine.facts import Contract, Withdrawal
from releve.plugins.outbound.engine.facts import Person as Link
from releve.plugins.outbound.gate import erasure
from releve.plugins.outbound.gate.erasure import erase_due, read_value
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import ConsentRow, FactRow, PersonRow, PseudonymValue
from releve.plugins.outbound.gate.models import WithdrawalRow as Withdrawals
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym, person_pseudonym
from tests.gate.sample_campaign import CLIENT, build_consent, phone, record_people

pytestmark = [pytest.mark.database, pytest.mark.django_db]

FAR = timedelta(days=4 * 366)
VALUES_ONLY = timedelta(days=3 * 366 - 1)
"""Values are due after three years, links a day or two later."""


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(autouse=True)
def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "_FEW", 1)


def load(*facts: Any) -> None:
    load_facts(facts, source="tests", by="tests")


def due_after(years: timedelta = FAR) -> tuple[date, datetime]:
    far = timezone.now() + years
    return far.date(), far


def killed_after(monkeypatch: pytest.MonkeyPatch, parts: int, model: type[FactRow] | None = None) -> None:
    """Let the erasing end after some of its parts, of one table or of all."""
    whole, done = erasure._split_keys, 0

    def some(found: Any) -> Iterator[list[int]]:
        nonlocal done
        for part in whole(found):
            if model in (None, found.model):
                done += 1
                if done > parts:
                    raise KilledError
            yield part

    monkeypatch.setattr(erasure, "_split_keys", some)


def meanwhile(monkeypatch: pytest.MonkeyPatch, model: type[Any], task: Callable[[], None]) -> None:
    """Let something happen between the look for what is due of a table and its erasing."""
    whole = erasure._split_keys

    def after_it(found: Any) -> Iterator[list[int]]:
        parts = list(whole(found))
        if found.model is model and parts:
            task()
        yield from parts

    monkeypatch.setattr(erasure, "_split_keys", after_it)


def erasure_entries() -> list[dict[str, Any]]:
    entries = LedgerEntry.objects.filter(kind=erasure.ERASED).order_by("seq")
    return [json.loads(entry.body) for entry in entries]


def test_each_part_is_recorded_and_the_next_run_erases_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people(range(4))
    on, now = due_after()
    with monkeypatch.context() as patch:
        killed_after(patch, 3)
        with pytest.raises(KilledError):
            erase_due(on, now)
    assert [(body["rows"], body["values"]) for body in erasure_entries()] == [(1, 0)] * 3
    assert ConsentRow.objects.count() == 1
    rest = erase_due(on, now)
    assert not ConsentRow.objects.exists()
    assert not PseudonymValue.objects.exists()
    assert sum(body["rows"] + body["values"] for body in erasure_entries()) == 3 + rest
    assert erase_due(on, now) == 0
    assert len(erasure_entries()) == 3 + rest


def test_of_the_versions_of_a_fact_the_last_goes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    record_people((0,))
    load(build_consent(0, now, objects=frozenset({"insurance"})))
    assert ConsentRow.objects.count() == 2
    on, later = due_after()
    killed_after(monkeypatch, 1, ConsentRow)
    with pytest.raises(KilledError):
        erase_due(on, later)
    assert ConsentRow.objects.get().objects_named == "insurance"


def test_what_allows_goes_before_what_forbids(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    record_people((0,))
    load(Withdrawal(CLIENT, "P0", now, now))
    on, later = due_after()
    killed_after(monkeypatch, 0, Withdrawals)
    with pytest.raises(KilledError):
        erase_due(on, later)
    assert not ConsentRow.objects.exists()
    assert Withdrawals.objects.count() == 1


def test_a_contract_signed_meanwhile_keeps_the_values_of_its_person(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people((0, 1))
    on, now = due_after(VALUES_ONLY)
    signed = Contract("K1", CLIENT, "P0", now.date(), None, timezone.now())
    meanwhile(monkeypatch, PseudonymValue, lambda: load(signed))
    erase_due(on, now)
    assert read_value("person", person_pseudonym("P0")) == "P0"
    assert read_value("number", number_pseudonym(phone(0))) == phone(0)
    assert read_value("person", person_pseudonym("P1")) is None


def test_a_person_who_signs_again_meanwhile_gets_no_day(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    day = now.date()
    record_people((0,))
    first = Contract("K1", CLIENT, "P0", day - timedelta(days=9), None, now)
    load(first)
    load(replace(first, last=day, known_at=timezone.now()))
    again = Contract("K2", CLIENT, "P0", day, None, timezone.now())
    meanwhile(monkeypatch, PseudonymValue, lambda: load(again))
    erase_due(day, now)
    assert PseudonymValue.objects.get(pseudonym=person_pseudonym("P0")).erase_on is None


def test_a_number_under_which_a_person_became_known_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people((0, 1))
    on, now = due_after(VALUES_ONLY)
    further = Link("P7", phone(0), timezone.now())
    meanwhile(monkeypatch, PseudonymValue, lambda: load(further))
    erase_due(on, now)
    assert read_value("number", number_pseudonym(phone(0))) == phone(0)
    assert read_value("number", number_pseudonym(phone(1))) is None


def test_a_link_of_whom_something_became_known_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people((0, 1))
    on, now = due_after()
    again = build_consent(0, timezone.now(), id="C9")
    meanwhile(monkeypatch, PersonRow, lambda: load(again))
    erase_due(on, now)
    assert [row.person for row in PersonRow.objects.all()] == [person_pseudonym("P0")]
