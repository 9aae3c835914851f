"""Appending and reading back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from releve.ledger.chain import ChainPosition, Draft, append, append_all, iter_entries, lock_head, read_head
from releve.ledger.digests import NO_HASH
from releve.ledger.erasure import erase_due, erase_subject
from releve.ledger.guards import EntryError, OutsideTransactionError
from releve.ledger.models import LedgerEntry, LedgerHead, PersonalValue
from tests.ledger.sample_entries import append_arguments, at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_the_first_entry_follows_nothing_and_each_next_the_one_before() -> None:
    assert read_head() == ChainPosition(0, NO_HASH)
    first, second = append(**append_arguments(1)), append(**append_arguments(2))
    assert (first.seq, second.seq) == (1, 2)
    assert list(LedgerEntry.objects.order_by("seq").values_list("prev", flat=True)) == [NO_HASH, first.hash]
    assert read_head() == ChainPosition(2, second.hash)
    assert lock_head() == read_head()


def test_the_hash_is_that_of_the_documented_bytes() -> None:
    """Made here from the words of docs/ledger.md alone."""
    append(**append_arguments(1))
    row = LedgerEntry.objects.values().get()
    claimed = row.pop("hash")
    row["body"] = append_arguments(1)["body"]
    text = b"releve ledger entry 1\n" + rfc8785.dumps(row)
    assert hashlib.sha256(text).hexdigest() == claimed


def test_what_was_appended_is_read_back() -> None:
    written = append_all([draft_closure(1), draft_case(2), draft_closure(3, stream="drill:7")])
    assert list(iter_entries(None)) == written
    assert list(iter_entries()) == written[:2]
    assert list(iter_entries("drill:7")) == written[2:]
    assert list(iter_entries(after=1)) == written[1:2]
    assert list(iter_entries(None, kinds=["case.declared"])) == written[1:2]
    assert read_head("live").seq == 2
    assert read_head("drill:7") == read_head() == ChainPosition(3, written[2].hash)
    assert read_head("drill:8").seq == 0
    assert written[0].body == draft_closure(1).body
    assert written[0].recorded_at == at(1)


def test_many_entries_are_read_in_order_a_page_at_a_time() -> None:
    append_all([draft_case(n) for n in range(2300)])
    assert [entry.seq for entry in iter_entries()] == list(range(1, 2301))
    assert all(entry.body["agent"] == f"agent-{entry.seq - 1}" for entry in iter_entries())


def test_personal_values_are_not_in_the_entry() -> None:
    entry = append(
        "agent.unavailable",
        {"agent": "agent-5", "note": {"text": "left in the open", "lines": 2}},
        personal={"agent": "agent-5", "note.text": "coughs"},
        subject="agent-5",
        recorded_at=at(1),
    )
    assert entry.body == {"agent": "agent-5", "note": {"text": "coughs", "lines": 2}}
    stored = LedgerEntry.objects.get().body
    assert "agent-5" not in stored
    assert "cough" not in stored
    assert "left in the open" not in stored
    for row in PersonalValue.objects.all():
        made = b"releve ledger value 1\n" + bytes.fromhex(row.salt) + row.value.encode()
        assert f'"{hashlib.sha256(made).hexdigest()}"' in stored


def test_the_same_value_is_committed_to_differently_each_time() -> None:
    append_all([draft_case(1), draft_case(1)])
    first, second = LedgerEntry.objects.values_list("body", flat=True)
    assert first != second


def test_a_value_may_be_personal_that_the_body_does_not_hold() -> None:
    entry = append("x", {}, personal={"agent": None}, recorded_at=at(1))
    assert entry.body == {"agent": None}
    assert entry.erased == ()


def test_a_body_of_the_caller_is_left_alone() -> None:
    body = {"agent": "a", "deep": {"x": "b"}}
    append("x", body, personal={"agent": "a", "deep.x": "b"}, recorded_at=at(1))
    assert body == {"agent": "a", "deep": {"x": "b"}}


def test_an_instant_is_kept_in_utc_to_the_microsecond() -> None:
    there = datetime(2026, 11, 24, 9, 0, 0, 123456, timezone(timedelta(hours=1)))
    assert append("x", {}, recorded_at=there).recorded_at == there
    assert LedgerEntry.objects.get().recorded_at == "2026-11-24T08:00:00.123456Z"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "kind": ({"kind": "Case Declared"}, "kind must be words like case.declared, got 'Case Decl"),
    "empty kind": ({"kind": ""}, "kind must be words"),
    "long kind": ({"kind": "k" * 65}, "kind has 65 characters, at most 64"),
    "stream": ({"stream": "drill 7"}, "stream must be like live or drill:7, got 'drill 7'"),
    "long subject": ({"personal": {"a": 1}, "subject": "s" * 129}, "subject has 129 characters"),
    "zero": ({"personal": {"a": 1}, "subject": "a\0"}, "subject holds a zero character"),
    "naive time": ({"recorded_at": datetime(2026, 1, 1)}, "recorded_at: .* no time zone"),  # noqa: DTZ001
    "not finite": ({"body": {"x": float("nan")}}, "body has no canonical JSON: nan"),
    "large whole number": ({"body": {"x": 2**53}}, "body has no canonical JSON: 9007199254740992"),
    "surrogate": ({"body": {"x": "\ud800"}}, "body has no canonical JSON"),
    "no JSON": ({"body": {"x": {1, 2}}}, "body has no canonical JSON"),
    "no text as a name": ({"body": {1: 2}}, "body has no canonical JSON"),
    "personal no JSON": ({"personal": {"a": object()}}, "a has no canonical JSON"),
    "no such object": ({"personal": {"b.c": 1}}, "'b.c': the body has no object to hold it"),
    "in a text": ({"personal": {"site.c": 1}}, "'site.c': the body has no object to hold it"),
    "no name": ({"personal": {"": 1}}, "'': the body has no object to hold it"),
    "two meanings": ({"body": {"a.b": 1, "a": {"b": 1}}, "personal": {"a.b": 1}}, "'a.b': the body has no object"),
    "subject of nothing": ({"subject": "agent-1"}, "no personal value: nothing could be erased"),
    "commitment": ({"body": {"x": [{"commitment": "1"}]}}, r"body.x\[0\]: a commitment is made by"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_refused_with_its_reason(case: str) -> None:
    arguments, message = REFUSED[case]
    with pytest.raises(EntryError, match=message):
        append(**{**append_arguments(1), **arguments})
    assert read_head().seq == 0


def test_one_bad_entry_keeps_all_of_them_out() -> None:
    with pytest.raises(EntryError):
        append_all([draft_closure(1), Draft("Bad Kind", {}, at(2))])
    assert read_head().seq == LedgerHead.objects.get().seq == 0


def test_nothing_to_append_writes_nothing() -> None:
    assert append_all([]) == []
    assert read_head().seq == 0


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_appended() -> None:
    with pytest.raises(OutsideTransactionError, match=r"inside transaction\.atomic"):
        append(**append_arguments(1))
    with transaction.atomic():
        append(**append_arguments(1))
    assert read_head().seq == 1


@pytest.mark.django_db(transaction=True)
def test_an_entry_goes_with_the_transaction_it_is_written_in() -> None:
    with transaction.atomic():
        append(**append_arguments(1))
    with transaction.atomic():
        append(**append_arguments(2))
        transaction.set_rollback(True)
    with transaction.atomic():
        entry = append(**append_arguments(3))
    assert (entry.seq, read_head()) == (2, ChainPosition(2, entry.hash))


def test_what_is_withheld_is_committed_to_and_outlives_the_person() -> None:
    (entry,) = append_all(
        [
            Draft(
                "case.declared",
                {"agent": "a7", "status": "contact", "site": "casa-1"},
                at(1),
                personal={"agent": "a7"},
                subject="a7",
                erase_on=at(1).date(),
                withheld={"status": "contact"},
            )
        ]
    )
    assert "contact" not in LedgerEntry.objects.get().body
    assert entry.body["status"] == "contact"
    assert erase_due(at(1).date(), now=at(1)) == 1
    assert erase_subject("a7", now=at(1)) == 0
    (read, *_) = iter_entries()
    assert (read.body["agent"], read.body["status"]) == (None, "contact")
    assert read.erased == ("agent",)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def has_commitment(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, dict) and set(value) == {"commitment"}) or any(map(has_commitment, inner))


class AnyBody(TestCase):
    @given(
        body=st.dictionaries(st.text(), JSON, max_size=4).filter(lambda b: not has_commitment(b)),
        value=JSON,
        when=st.datetimes(timezones=st.just(UTC)),
    )
    def test_any_json_is_read_back_as_it_was(self, body: Any, value: Any, when: datetime) -> None:
        entry = append("x", body, personal={"who": value}, subject="s", recorded_at=when)
        (read,) = iter_entries(after=entry.seq - 1)
        assert read == entry
        assert read.body == {**body, "who": value}
        assert read.recorded_at == when
