"""Append-only: what Python refuses, and what the database refuses every user."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from releve.ledger.chain import append, append_all, iter_entries, read_head
from releve.ledger.guards import AppendOnlyError
from releve.ledger.models import LedgerEntry, LedgerNode, LedgerRoot, PersonalValue
from tests.ledger.sample_entries import append_arguments, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]

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
