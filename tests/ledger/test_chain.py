"""Appending and reading back, tallies, a root kept outside; after an erasure nothing of the person is left."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from releve.ledger import seal
from releve.ledger.chain import ChainPosition, Draft, append, append_all, iter_entries, lock_head, read_head
from releve.ledger.digests import NO_HASH
from releve.ledger.disclosure import prove_entry
from releve.ledger.erasure import ERASED, erase_due, erase_subject, set_erase_on
from releve.ledger.export import export_lines, write_export
from releve.ledger.guards import EntryError, NothingToSealError, OutsideTransactionError
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry, LedgerHead, PersonalValue
from releve.ledger.own_ledger import verify_with_root
from releve.ledger.roots import SignedRoot, sign_root
from releve.ledger.seal import TALLIED_KINDS, seal_ledger, tally_quarter
from releve.ledger.verify import Export, Keys, check_proof
from tests.ledger.ledger_processes import create_installation, run_ledger_command, run_process, start_process
from tests.ledger.sample_entries import ERASE_ON, append_arguments, at, draft_case, draft_closure

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


def grow(*drafts: Draft, minute: int) -> SignedRoot:
    with transaction.atomic():
        append_all(drafts)
    return seal_ledger(at(minute))


def draft_relief(client: str, happened: str = "") -> Draft:
    body = {"client": client, **({"happened_at": happened} if happened else {})}
    return Draft("relief.covered", body, at(3))


def read_tally(seq: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the body of a tally, and the values that it commits to."""
    values = PersonalValue.objects.filter(entry=seq).values_list("path", "value")
    body = json.loads(LedgerEntry.objects.get(seq=seq).body)
    return body, {path: json.loads(value) for path, value in values}


def find_faults(*, values: bool = True) -> list[str]:
    export = Export(Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines(values=values))
    return export.faults


def test_a_seal_lists_what_is_new_by_kind_time_client_and_site() -> None:
    early = "2026-11-22T08:20:00Z"
    root = grow(draft_closure(1), draft_case(2), draft_relief("rive", early),
                draft_relief("azur", early), draft_relief("rive", early), minute=9)  # fmt: skip
    assert root.size == 6, "the tally is the last entry under the root"
    body, values = read_tally(6)
    assert body["after"] == 0
    assert values["clients.0"] == "azur"
    assert values["sites.0"] == "casa-1"
    quarter = tally_quarter(at(1))
    assert values["counts.site/closed"] == [{"at": quarter, "client": None, "entries": [1], "site": 0}]
    assert values["counts.relief/covered"] == [
        {"at": "2026-11-22T08:15Z", "client": 0, "entries": [4], "site": None},
        {"at": "2026-11-22T08:15Z", "client": 1, "entries": [3, 5], "site": None},
    ]
    assert seal_ledger(at(10)) == root, "nothing was added: no tally of its own"
    second = grow(draft_closure(7), minute=20)
    body, values = read_tally(second.size)
    assert (body["after"], values["counts.site/closed"][0]["entries"]) == (6, [7])
    assert find_faults() == find_faults(values=False) == []


def test_a_tally_says_nothing_of_what_happened_to_who_sees_the_entry_alone() -> None:
    """The same names stand in each, all values are commitments, and persons are in none."""
    quiet = grow(Draft("pack.made", {}, at(1), stream="evidence"), minute=2).size
    loud = grow(draft_closure(1), draft_case(2), minute=9).size
    for seq in (quiet, loud):
        body, _values = read_tally(seq)
        assert set(body["counts"]) == {kind.replace(".", "/") for kind in TALLIED_KINDS}
        for commitments in (body["counts"], body["clients"], body["sites"]):
            assert all(set(one) == {"commitment"} for one in commitments.values())
    assert not {"case.declared", "agent.unavailable", "agent.back"} & set(TALLIED_KINDS)


def test_a_false_tally_is_found_in_the_whole_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    count = seal._count
    monkeypatch.setattr(seal, "_count", lambda rows: count(list(rows)[:-1]))
    size = grow(draft_closure(1), draft_closure(2), minute=9).size
    (fault,) = find_faults()
    assert f"entry {size}: the tally lists other entries of site.closed than there are" in fault
    assert find_faults(values=False) == [], "its lists are not shown there"


def test_a_tally_that_is_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    grow(draft_closure(1), minute=2)
    monkeypatch.setattr("releve.ledger.seal.TALLY_KIND", "ledger.other")
    grow(draft_closure(2), minute=4)
    monkeypatch.undo()
    monkeypatch.setattr(
        seal, "append_tally", lambda now: append_all([Draft("ledger.tallied", {**empty_body(), "after": 4}, now)])
    )
    monkeypatch.setattr("releve.ledger.seal.append_tally", seal.append_tally)
    grow(draft_closure(3), minute=6)
    assert any("does not begin after the tally at entry 2" in fault for fault in find_faults())


def empty_body() -> dict[str, Any]:
    return {"clients": {}, "counts": {}, "sites": {}}


def test_an_empty_ledger_has_neither_tally_nor_root() -> None:
    with pytest.raises(NothingToSealError):
        seal_ledger(datetime(2026, 11, 24, tzinfo=UTC))
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("minutes", [0, 14, 15, 59])
def test_quarters_are_those_of_any_time_zone_of_today(minutes: int) -> None:
    moment = datetime(2026, 3, 29, 5, tzinfo=UTC) + timedelta(minutes=minutes)
    assert tally_quarter(moment) == f"2026-03-29T05:{minutes // 15 * 15:02d}Z"


AT = datetime(2026, 11, 30, 8, 12, tzinfo=UTC)


def test_a_ledger_holds_with_a_root_of_its_own_and_without_one() -> None:
    with transaction.atomic():
        append("power.up", {"id": "e1", "site": "casa-1"}, recorded_at=AT)
    root = sign_root(AT).text.encode()
    found = verify_with_root(root, counts=True)
    assert (found.holds, found.entries, found.faults, found.more) == (True, 1, (), 0)
    assert "as a root from outside has them" in found.summary
    assert "personal values" in found.summary
    assert "personal values" not in verify_with_root(b"", counts=False).summary


@pytest.mark.parametrize("root", [b"nonsense", b"{}\n", b"\xff"])
def test_what_is_no_root_of_this_ledger_is_refused(root: bytes) -> None:
    with pytest.raises(ValueError, match="This file is not a signed root of this ledger: "):
        verify_with_root(root, counts=True)


def everything() -> str:
    """Return every row of every table of the ledger, as text."""
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("ledger_"):
                cursor.execute(f"SELECT * FROM {table}")
                rows += cursor.fetchall()
    return repr(rows)


def test_values_are_erased_on_their_day_and_not_before() -> None:
    append_all([draft_case(1), draft_case(2), draft_closure(3)])
    assert erase_due(ERASE_ON - timedelta(days=1), now=at(9)) == 0
    assert read_head().seq == 3
    assert erase_due(ERASE_ON, now=at(10)) == 2
    read = list(iter_entries(None))
    assert [entry.erased for entry in read] == [("agent",), ("agent",), (), ()]
    assert read[0].body == {"site": "casa-1", "agent": None}
    assert read[3].kind == ERASED
    assert read[3].body == {"cause": "due", "on": ERASE_ON.isoformat(), "values": 2}


def test_a_list_that_names_the_person_goes_and_a_longer_name_stays() -> None:
    with transaction.atomic():
        for people in (["a1", "a2"], ["a10", "A1"]):
            append("agents.present", {"agents": []}, personal={"agents": people}, recorded_at=at(1))
    assert erase_subject("a1", now=at(2)) == 1
    assert [entry.body.get("agents") for entry in iter_entries()] == [None, ["a10", "A1"], None]
    sign_root(at(3))
    assert find_faults(values=True) == []


def test_a_person_is_erased_and_the_others_stay() -> None:
    append_all([draft_case(n % 3) for n in range(9)])
    root = sign_root(at(20))
    before = list(LedgerEntry.objects.values_list("hash", flat=True))
    proof = prove_entry(2, root)
    assert erase_subject("agent-1", now=at(30)) == 3
    assert "agent-1" not in everything()
    assert "agent-2" in everything()
    for values in (True, False):
        assert "agent-1" not in "\n".join(export_lines(values=values))
        assert find_faults(values=values) == []
    assert list(LedgerEntry.objects.values_list("hash", flat=True))[:9] == before
    assert prove_entry(2, root) == proof
    check_proof(proof, Keys([public_key()]), [])
    sign_root(at(40))
    assert find_faults(values=True) == []
    assert erase_subject("agent-1", now=at(50)) == 0
    assert read_head().seq == 10


def test_erasing_no_person_is_refused() -> None:
    with pytest.raises(ValueError, match="no subject is given"):
        erase_subject("", now=at(1))


def test_the_day_of_a_person_can_be_moved() -> None:
    append_all([draft_case(1), draft_case(1), draft_case(2)])
    later = ERASE_ON + timedelta(days=30)
    assert set_erase_on("agent-1", later) == 2
    assert erase_due(ERASE_ON, now=at(9)) == 1
    assert set_erase_on("agent-1", None, entries=[1]) == 1
    assert erase_due(date(2099, 1, 1), now=at(9)) == 1
    assert list(PersonalValue.objects.values_list("entry", "erase_on")) == [(1, None)]


def test_an_export_shows_values_only_when_asked(tmp_path: Path) -> None:
    append_all([draft_case(1)])
    write_export(tmp_path / "plain.jsonl")
    write_export(tmp_path / "open.jsonl", values=True)
    assert "agent-1" not in (tmp_path / "plain.jsonl").read_text(encoding="utf-8")
    shown = json.loads((tmp_path / "open.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert shown["values"][0]["value"] == "agent-1"
    assert (tmp_path / "open.jsonl").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("*jsonl*")) == ["open.jsonl", "plain.jsonl"]


@pytest.mark.slow
@pytest.mark.postgresql
def test_no_file_of_the_database_holds_an_erased_value(tmp_path: Path) -> None:
    """Read as bytes: pages in use, free pages, indexes, the write-ahead log of SQLite."""
    with create_installation(tmp_path) as environment:
        run_process(environment, "fill", "40", "30")
        assert run_ledger_command(environment, "seal").returncode == 0
        assert run_process(environment, "search", "MARKED-017-PERSON").strip()
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert (erased.returncode, erased.stdout) == (0, "60 rows, values and files erased\n"), erased.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip() == ""
        assert run_process(environment, "search", "MARKED-018-PERSON").strip()
        checked = run_ledger_command(environment, "verify")
        assert checked.returncode == 0, checked.stdout
        shown = re.search(r"personal values: (\d+) shown, 60 not", checked.stdout)
        assert shown is not None, checked.stdout
        assert int(shown[1]) > 2340, "those of the tally of the seal too"


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_reader_who_stays_is_reported_and_the_next_call_cleans_the_files(tmp_path: Path) -> None:
    """A snapshot from before the erasure, such as the server's own analysis of a table takes."""
    with create_installation(tmp_path) as environment:
        run_process(environment, "fill", "40", "30")
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "1"
        reader = start_process(environment, "read", "60000")
        assert reader.stdout is not None
        reader.stdout.readline()
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert erased.returncode == 1
        assert "another program may still see them" in erased.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip()
        reader.kill()
        reader.communicate()
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "60"
        again = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert (again.returncode, again.stdout) == (0, "0 rows, values and files erased\n"), again.stderr
        assert run_process(environment, "search", "MARKED-017-PERSON").strip() == ""


@pytest.mark.slow
@pytest.mark.postgresql
def test_a_writer_in_another_database_of_the_server_is_reported(tmp_path: Path) -> None:
    """What it holds up is what every snapshot of the server may see, those of this one too."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one database")
    with create_installation(tmp_path) as environment, connection.cursor() as cursor:
        run_process(environment, "fill", "40", "30")
        environment["RELEVE_ERASE_WAIT_SECONDS"] = "1"
        cursor.execute("SELECT pg_current_xact_id()")  # this test's own database and transaction
        erased = run_ledger_command(environment, "erase", "--subject", "MARKED-017-PERSON")
        assert erased.returncode == 1
        assert "another program may still see them" in erased.stderr
