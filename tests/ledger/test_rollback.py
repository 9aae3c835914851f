"""The database is compared with the roots and receipts that it cannot take back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releve.ledger import rollback
from releve.ledger.chain import append_all, read_head
from releve.ledger.guards import DocumentConflict, LedgerBehind
from releve.ledger.models import LedgerRoot
from releve.ledger.rollback import allow_writing, compare_with_marks, note_receipt, require_complete, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.ledger.seal import rotate_key, seal_ledger
from tests.ledger.sample_entries import at, draft_closure

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
