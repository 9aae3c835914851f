"""What a version, a return and an upload change, as lists: counts of all, rows with their zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from releve.network import Operator, read_operator
from releve.network.folder_reader import zip_operator
from releve.registry import edits
from releve.registry.blocks import unpack_upload
from releve.registry.edits import ChangedTable, list_differences, list_proposed_changes, list_version_changes
from releve.registry.models import Version
from releve.registry.row_text import ROWS, select_rows
from releve.registry.service import apply_changes, preview_changes
from releve.registry.tables import list_referenced_ids
from releve.registry.uploads import preview_upload, store_upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def halve_hours(operator: Operator, count: int) -> Operator:
    """Return the operator with its first agents at half their contract hours."""
    agents = tuple(
        replace(row, contract_hours=row.contract_hours / 2) if at < count else row
        for at, row in enumerate(operator.agents)
    )
    return replace(operator, agents=agents)


def only(tables: tuple[ChangedTable, ...]) -> ChangedTable:
    (table,) = tables
    return table


def test_a_version_lists_its_first_rows_and_counts_the_others(
    first: Version, small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "_MOST_ROWS", 10)
    count = len(small.agents)
    second = apply_changes(preview_changes(halve_hours(small, count)), "bilal")
    table = only(list_version_changes(second))
    assert (table.table, table.counts) == ("agents", {"changed": count})
    assert (len(table.rows), table.more) == (10, count - 10)
    row = table.rows[0]
    assert (row.kind, row.key) == ("changed", small.agents[0].id)
    assert row.time_zone == small.row.time_zone
    assert (row.before, row.after.id) == (small.agents[0], small.agents[0].id)
    back = only(list_differences(second, first))
    assert (back.rows[0].before, back.rows[0].after) == (row.after, row.before)


def test_of_a_first_version_and_a_first_import_the_counts_are_all(small: Operator) -> None:
    changes = preview_changes(small)
    proposed = list_proposed_changes(changes, small)
    assert {(len(table.rows), table.more) for table in proposed} == {(0, 0)}
    made = apply_changes(changes, "amina")
    assert list_version_changes(made) == proposed


def test_an_upload_is_compared_with_what_is_current_when_it_is_shown(first: Version, small: Operator) -> None:
    data = zip_operator(halve_hours(small, 1), "en", datetime(2026, 11, 24, tzinfo=UTC))
    upload = store_upload("operator.zip", data, "amina", base=None)
    operator = read_operator(unpack_upload(upload.name, bytes(upload.data)))
    changes = preview_upload(upload, operator)
    assert upload.base == changes.base == first.number
    assert only(list_proposed_changes(changes, operator)).counts == {"changed": 1}


def test_a_page_of_rows_numbers_them_as_the_file_does(small: Operator) -> None:
    found = select_rows(small, "agents", "", 2)
    assert (found.total, found.found) == (len(small.agents), len(small.agents))
    assert found.rows[0].row == ROWS + 2
    assert found.rows[0].values == small.agents[ROWS]
    last = select_rows(small, "agents", small.agents[3].id, 9)
    assert (last.page, [row.key for row in last.rows]) == (1, [small.agents[3].id])


def test_ids_are_suggested_from_the_tables_referred_to_unless_they_are_many(small: Operator) -> None:
    found = list_referenced_ids(small, "shifts", len(small.agents))
    assert found == {"agents": [row.id for row in small.agents]}
    assert list_referenced_ids(small, "shifts", len(small.agents) - 1) == {}
