"""The database against roots that it cannot take back; what is refused of an append-only table."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releve.ledger import rollback
from releve.ledger.chain import append, append_all, iter_entries, read_head
from releve.ledger.guards import AppendOnlyError, DocumentConflict, LedgerBehind
from releve.ledger.models import LedgerEntry, LedgerNode, LedgerRoot, PersonalValue
from releve.ledger.rollback import allow_writing, compare_with_marks, note_receipt, require_complete, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.ledger.seal import rotate_key, seal_ledger
from tests.ledger.sample_entries import append_arguments, at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def seal(number: int) -> None:
    """Record an entry, seal, and publish the root in the home."""
    append_all([draft_closure(number)])
    publish_root(sign_root(at(number)), roots_folder())


def roll_back(live: Callable[[], object]) -> None:
    """Let something happen, and take it back in the database alone."""
    with transaction.atomic():
        live()
        transaction.set_rollback(True)
    rollback.forget()


def test_a_ledger_without_marks_or_with_all_of_them_is_complete() -> None:
    assert compare_with_marks().problem == ""
    seal(1)
    append_all([draft_closure(2)])
    assert compare_with_marks() == rollback.LedgerStanding()


def test_a_database_rolled_back_behind_its_root_takes_no_entry_and_no_root() -> None:
    seal(1)
    roll_back(lambda: seal(2))
    found = compare_with_marks()
    assert (found.fault, found.entries, found.root) == ("behind", 1, 1)
    assert found.marks[0].path.endswith("root-000002.json")
    for write in (lambda: append_all([draft_closure(3)]), lambda: seal_ledger(at(3))):
        with pytest.raises(LedgerBehind, match=r"is root 2 over 2 entries.* ends with root 1 at"):
            write()
    assert read_head().seq == 1


def test_a_root_that_is_missing_is_not_signed_a_second_time() -> None:
    append_all([draft_closure(1)])
    roll_back(lambda: publish_root(sign_root(at(1)), roots_folder()))
    assert compare_with_marks().fault == "behind", "its entries are here, it is not"
    with pytest.raises(LedgerBehind):
        sign_root(at(2))


def test_a_database_that_was_written_on_has_another_history() -> None:
    seal(1)
    roll_back(lambda: seal(2))
    with allow_writing():
        append_all([draft_closure(3), draft_closure(4)])
        root = sign_root(at(4))
        with pytest.raises(DocumentConflict, match=r"root-000002\.json stands.*nothing was over"):
            publish_root(root, roots_folder())
    found = compare_with_marks()
    assert found.fault == "forked"
    assert "perhaps on another host" in found.problem
    assert "stop the other copy" in found.fix


def test_a_receipt_shows_what_no_root_covers_yet() -> None:
    def live() -> None:
        entry = append_all([draft_closure(2)])[0]
        note_receipt("journal-00000007.age", "a" * 64, entry.seq)
        note_receipt("journal-00000006.age", "b" * 64, 1)

    seal(1)
    roll_back(live)
    (mark,) = compare_with_marks().marks
    assert mark.size == 2
    assert "journal-00000007.age" in str(mark)
    rollback.check_receipt("journal-00000007.age", "a" * 64)
    with pytest.raises(DocumentConflict, match=r"another journal-00000007\.age was received"):
        rollback.check_receipt("journal-00000007.age", "c" * 64)


@pytest.mark.parametrize("text", ['{"root": {"na', "[]", '{"root": {"name": "root-000001.json"}}'])
def test_receipts_that_are_damaged_are_named_with_the_way_out(text: str) -> None:
    seal(1)
    path = Path(roots_folder().parent / "receipts.json")
    path.write_text(text)
    rollback.forget()
    assert rollback.is_behind()
    with pytest.raises(LedgerBehind, match=r"receipts\.json cannot be read.*or remove it"):
        append_all([draft_closure(2)])
    path.unlink()
    rollback.forget()
    append_all([draft_closure(2)])


def test_the_newest_root_outside_counts_and_a_folder_that_is_away_stops_no_work(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "outside"
    settings.OUTSIDE = str(folder)
    seal(1)
    (note,) = compare_with_marks().notes
    assert "the folder of RELEVE_OUTSIDE cannot be read" in note
    require_complete(outside=True)
    folder.mkdir()
    roll_back(lambda: append_all([draft_closure(2)]) and publish_root(sign_root(at(2)), folder))
    require_complete()
    with pytest.raises(LedgerBehind, match="is root 2 over 2 entries"):
        seal_ledger(at(3))
    with pytest.raises(LedgerBehind):
        append_all([draft_closure(3)])


def test_a_folder_that_hangs_is_not_waited_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTSIDE = str(tmp_path)
    read, gone = rollback._read_newest, threading.Event()
    monkeypatch.setattr(rollback, "OUTSIDE_SECONDS", 0.05)
    monkeypatch.setattr(
        rollback, "_read_newest", lambda folder: gone.wait(1) and [] if folder == tmp_path else read(folder)
    )
    begun = time.monotonic()
    for _ in range(2):
        (note,) = compare_with_marks().notes
        assert note.endswith("it does not answer")
    assert time.monotonic() - begun < 0.9


def test_a_file_that_this_ledger_did_not_sign_is_named_and_hides_no_root() -> None:
    seal(1)
    roll_back(lambda: seal(2))
    text = (roots_folder() / "root-000002.json").read_text()
    (roots_folder() / "root-000003.json").write_text(text.replace('"size":2', '"size":9'))
    (roots_folder() / "root-000004.json").write_text("{}")
    found = compare_with_marks()
    assert [mark.number for mark in found.marks] == [2]
    assert len(found.notes) == 2
    assert all("is not a root that this ledger signed" in note for note in found.notes)


def test_a_ledger_found_complete_costs_its_next_entries_nothing() -> None:
    seal(1)
    require_complete()
    with CaptureQueriesContext(connection) as queries:
        require_complete()
    assert len(queries) == 0


def test_the_keys_on_record_are_not_read_where_the_key_in_force_signed_the_root() -> None:
    seal(1)
    rollback.forget()
    with CaptureQueriesContext(connection) as queries:
        require_complete()
    assert not [query["sql"] for query in queries if "ledger.key_rotated" in query["sql"]]


def test_pages_compare_a_ledger_that_is_behind_once_in_a_while() -> None:
    seal(1)
    roll_back(lambda: seal(2))
    assert rollback.is_behind()
    with CaptureQueriesContext(connection) as queries:
        assert rollback.is_behind()
    assert len(queries) == 0
    with pytest.raises(LedgerBehind):
        require_complete()
    with allow_writing():
        assert not rollback.is_behind()


def test_no_number_of_a_root_is_given_twice() -> None:
    seal(1)
    assert LedgerRoot.objects.count() == 1
    path = roots_folder() / "root-000001.json"
    before = path.read_bytes()
    publish_root(sign_root(at(9)), roots_folder())
    assert path.read_bytes() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sign", [sign_root, seal_ledger, rotate_key])
def test_the_folder_outside_is_read_without_the_lock_of_the_head(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: Callable[..., object]
) -> None:
    settings.HOME, settings.OUTSIDE, settings.LEDGER_KEY = tmp_path, str(tmp_path / "outside"), ""
    with transaction.atomic():
        append_all([draft_closure(1)])
    locked: list[bool] = []
    monkeypatch.setattr(rollback, "_read_outside", lambda *_asked: locked.append(connection.in_atomic_block))
    sign(at(2))
    assert set(locked) == {False}


ENTRY_COLUMNS = ("seq", "stream", "kind", "recorded_at", "nonce", "body", "prev", "hash")


def execute(sql: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def _three() -> None:
    append_all([draft_case(n) for n in range(3)])
    LedgerRoot.objects.create(number=1, size=3, sealed_at="", statement="{}", signature="")
    LedgerNode.objects.create(level=8, index=0, hash="0" * 64)


REFUSED_IN_PYTHON: dict[str, Callable[[], object]] = {
    "save": lambda: LedgerEntry.objects.get(seq=1).save(),
    "delete": lambda: LedgerEntry.objects.get(seq=1).delete(),
    "delete of a query": lambda: LedgerEntry.objects.filter(seq=1).delete(),
    "update": lambda: LedgerEntry.objects.filter(seq=1).update(kind="other"),
    "bulk_update": lambda: LedgerEntry.objects.bulk_update([LedgerEntry.objects.get(seq=1)], ["kind"]),
    "upsert": lambda: LedgerEntry.objects.bulk_create(
        LedgerEntry.objects.all(), update_conflicts=True, update_fields=["kind"], unique_fields=["seq"]
    ),
    "ignored conflict": lambda: LedgerRoot.objects.bulk_create(LedgerRoot.objects.all(), ignore_conflicts=True),
    "root": lambda: LedgerRoot.objects.all().delete(),
    "node": lambda: LedgerNode.objects.update(hash="1" * 64),
}


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("way", REFUSED_IN_PYTHON)
def test_python_refuses_to_change_or_delete(way: str) -> None:
    with pytest.raises(AppendOnlyError, match="append-only"):
        REFUSED_IN_PYTHON[way]()


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("column", ENTRY_COLUMNS)
def test_the_database_refuses_to_change_any_column_of_an_entry(column: str) -> None:
    before = list(LedgerEntry.objects.values())
    with pytest.raises(DatabaseError, match="append-only"):
        execute(f"UPDATE ledger_entry SET {column} = {column} WHERE seq = 2")
    assert list(LedgerEntry.objects.values()) == before


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_root", "ledger_node"])
def test_the_database_refuses_to_delete(table: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        execute(f"DELETE FROM {table}")


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("column", ["entry_id", "path", "value", "salt", "subject", "id"])
def test_a_personal_value_cannot_be_changed(column: str) -> None:
    with pytest.raises(DatabaseError, match="erased, not changed"):
        execute(f"UPDATE ledger_personal SET {column} = {column}")


@pytest.mark.usefixtures("_three")
def test_a_personal_value_can_be_erased_and_its_date_moved() -> None:
    execute("UPDATE ledger_personal SET erase_on = '2027-01-01'")
    assert {str(day) for day in PersonalValue.objects.values_list("erase_on", flat=True)} == {"2027-01-01"}
    execute("DELETE FROM ledger_personal WHERE entry_id = 2")
    assert [entry.erased for entry in iter_entries()] == [(), ("agent",), ()]


@pytest.mark.usefixtures("_three")
@pytest.mark.parametrize("seq", [1, 3, 5])
def test_only_the_next_number_can_be_added(seq: int) -> None:
    row = LedgerEntry(seq=seq, stream="live", kind="x", body="{}", prev=read_head().hash, hash="1" * 64)
    with pytest.raises(DatabaseError, match="not the next entry"), transaction.atomic():
        LedgerEntry.objects.bulk_create([row])


@pytest.mark.usefixtures("_three")
def test_an_entry_that_does_not_follow_the_last_cannot_be_added() -> None:
    first = LedgerEntry.objects.get(seq=1)
    row = LedgerEntry(seq=4, stream="live", kind="x", body="{}", prev=first.hash, hash="1" * 64)
    with pytest.raises(DatabaseError, match="not the next entry"), transaction.atomic():
        LedgerEntry.objects.bulk_create([row])


@pytest.mark.usefixtures("_three")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own statement")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_root", "ledger_node", "ledger_personal"])
def test_a_row_cannot_be_replaced(table: str) -> None:
    with pytest.raises(DatabaseError, match="ledger:"):
        execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1")


@pytest.mark.usefixtures("_three")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's own statement")
def test_a_root_cannot_be_replaced_by_one_of_its_size() -> None:
    with pytest.raises(DatabaseError, match="not the next root"):
        execute("INSERT OR REPLACE INTO ledger_root VALUES (2, 3, '', '{}', '')")


@pytest.mark.usefixtures("_three")
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_root", "ledger_node", "ledger_personal"])
def test_a_table_cannot_be_emptied(table: str) -> None:
    connection.check_constraints()  # none may be pending
    with pytest.raises(DatabaseError, match="ledger:"):
        execute(f"TRUNCATE {table} CASCADE")


def test_a_lost_head_is_found_again_from_the_entries() -> None:
    append_all([draft_closure(n) for n in range(2)])
    execute("DELETE FROM ledger_head")
    assert append(**append_arguments(3)).seq == 3
    assert read_head().seq == 3


@pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL's planner")
def test_the_planner_keeps_no_copies_of_erasable_values() -> None:
    append_all([draft_case(n % 3) for n in range(300)])
    execute("ANALYZE ledger_personal")
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_stats WHERE tablename = 'ledger_personal'")
        kept = {name for (name,) in cursor.fetchall()}
    assert kept
    assert not kept & {"value", "salt", "subject"}
