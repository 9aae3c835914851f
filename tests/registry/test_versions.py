"""Versions: stored whole, undone, listed as changes, from the command line too."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releve.cli import main
from releve.files.operator_folder import write_operator_files
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.network.folder_reader import zip_operator
from releve.registry import blocks, edits, storage
from releve.registry.blocks import unpack_upload
from releve.registry.edits import ChangedTable, list_differences, list_proposed_changes, list_version_changes
from releve.registry.models import Block, Sheet, SheetBlock, Version
from releve.registry.row_text import ROWS, select_rows
from releve.registry.service import (
    apply_changes,
    get_current_version,
    get_version,
    hold_version,
    load_changes,
    load_operator,
    preview_changes,
    restore_version,
    undo_version,
)
from releve.registry.tables import Conflict, Damaged, NothingBefore, NothingChanged, list_referenced_rows
from releve.registry.uploads import preview_upload, store_upload
from tests.network.clean_tables import as_csv
from tests.network.planted_faults import THIRTY, planted

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def hired(operator: Operator, name: str = "z1") -> Operator:
    """The operator with one agent more, in the middle of the table."""
    agents = operator.agents
    new = replace(agents[7], id=name)
    return replace(operator, agents=(*agents[:20], new, *agents[20:]))


@pytest.mark.parametrize("name", ["small", "middle"])
def test_an_operator_is_read_back_as_it_was_imported(name: str, request: pytest.FixtureRequest) -> None:
    operator: Operator = request.getfixturevalue(name)
    changes = preview_changes(operator)
    assert changes.base is None
    assert changes.counts()["agents"] == {"added": len(operator.agents)}
    made = apply_changes(changes, "amina")
    storage.clear_cache()
    assert load_operator(made) == operator
    assert made.digest == preview_changes(load_operator(made)).digest, "equal operators, equal digests"
    assert not preview_changes(operator), "and nothing is left to change"


def test_the_current_version_is_the_last_one(first: Version, small: Operator) -> None:
    second = apply_changes(preview_changes(hired(small)), "bilal", "one more", source="agents.xlsx")
    assert get_current_version() == second
    assert (second.number, second.made_by, second.comment) == (2, "bilal", "one more")
    assert load_operator(get_version(1)) == small
    assert load_operator(get_version(2)) == hired(small)


def test_an_answer_is_of_one_version_though_an_import_ends_meanwhile(first: Version, small: Operator) -> None:
    with hold_version():
        assert get_current_version() == first
        second = apply_changes(preview_changes(hired(small)), "bilal")
        with CaptureQueriesContext(connection) as queries:
            assert get_current_version() == first
        assert not queries.captured_queries
    assert get_current_version() == second


def test_a_version_in_memory_is_not_read_again(first: Version, small: Operator) -> None:
    found = load_operator(first)
    again = get_version(1)
    with CaptureQueriesContext(connection) as queries:
        assert load_operator(again) is found
    assert not queries.captured_queries


def test_the_next_version_shares_the_rows_that_did_not_change(first: Version, small: Operator) -> None:
    before = load_operator(first)
    after = load_operator(apply_changes(preview_changes(hired(small)), "bilal"))
    assert after.history[0] is before.history[0]
    assert after.seats[0] is before.seats[0]


def test_what_does_not_change_is_stored_once(middle: Operator) -> None:
    apply_changes(preview_changes(middle), "amina")
    before = (Block.objects.count(), Sheet.objects.count())
    apply_changes(preview_changes(hired(middle)), "bilal")
    new_blocks, new_sheets = Block.objects.count() - before[0], Sheet.objects.count() - before[1]
    assert new_sheets == 1, "the agents' sheet"
    assert 1 <= new_blocks <= 3, "the block the agent came into, cut in two at most"


def test_added_removed_and_changed_rows_are_distinguished(first: Version, small: Operator) -> None:
    agents = list(small.agents)
    agents[3] = replace(agents[3], line_mbps=77.0, carrier="Another")
    gone = agents.pop(5)
    shifts = tuple(shift for shift in small.shifts if shift.agent != gone.id)
    changes = preview_changes(replace(hired(replace(small, agents=tuple(agents))), shifts=shifts))
    table = changes.tables["agents"]
    assert table.counts() == {"added": 1, "removed": 1, "changed": 1}
    changed, added, removed = table.rows()
    assert (changed.kind, changed.key) == ("changed", agents[3].id)
    assert [(f.column, f.after) for f in changed.fields()] == [("line_mbps", 77.0), ("carrier", "Another")]
    assert (added.kind, added.key) == ("added", "z1")
    assert {f.column for f in added.fields()} >= {"id", "home_site", "skills"}
    assert (removed.kind, removed.key) == ("removed", gone.id)
    assert set(changes.tables) == {"agents", "shifts"}
    assert changes.counts()["shifts"] == {"removed": len(small.shifts) - len(shifts)}


def test_another_order_is_a_change_of_its_own(first: Version, small: Operator) -> None:
    turned = replace(small, seats=small.seats[::-1], stops=(*small.stops[1:], small.stops[0]))
    changes = preview_changes(turned)
    assert changes.counts() == {"seats": {"moved": 1}, "stops": {"moved": 1}}
    assert load_operator(apply_changes(changes, "bilal")) == turned


def test_an_undo_gives_back_the_version_before_and_can_be_undone(first: Version, small: Operator) -> None:
    second = apply_changes(preview_changes(hired(small)), "bilal")
    third = undo_version(second, "chloe", "a mistake")
    assert (third.number, third.undoes, third.digest) == (3, 2, first.digest)
    assert third.summary == {"agents": {"removed": 1}}
    fourth = undo_version(third, "chloe")
    assert (fourth.undoes, fourth.digest) == (3, second.digest)
    storage.clear_cache()
    assert load_operator(third) == small
    assert load_operator(fourth) == hired(small)


def test_only_the_current_version_can_be_undone(first: Version, small: Operator) -> None:
    second = apply_changes(preview_changes(hired(small)), "bilal")
    apply_changes(preview_changes(hired(hired(small), "z2")), "chloe")
    with pytest.raises(Conflict, match="version 3 is now, made by chloe"):
        undo_version(second, "bilal")
    with pytest.raises(NothingBefore, match="version 1 is the first one"):
        undo_version(first, "bilal")
    assert Version.objects.count() == 3


def test_any_version_can_be_gone_back_to(first: Version, small: Operator) -> None:
    apply_changes(preview_changes(hired(small)), "bilal")
    apply_changes(preview_changes(hired(hired(small), "z2")), "bilal")
    back = restore_version(first, "chloe")
    assert (back.number, back.digest, back.source) == (4, first.digest, "version 1")
    with pytest.raises(NothingChanged, match="version 1 is equal to the current one"):
        restore_version(first, "chloe")


def test_the_changes_of_a_version_are_read_back(first: Version, small: Operator) -> None:
    second = apply_changes(preview_changes(hired(small)), "bilal")
    tables = load_changes(second)
    assert [row.id for row in tables["agents"].added] == ["z1"]
    assert set(tables) == {"agents"}
    assert {table: found.counts() for table, found in load_changes(first).items()} == first.summary


def test_of_two_imports_prepared_at_once_the_second_is_refused(first: Version, small: Operator) -> None:
    one, two = preview_changes(hired(small, "z1")), preview_changes(hired(small, "z2"))
    apply_changes(one, "bilal")
    with pytest.raises(Conflict, match=r"version 1 was current when this was prepared, but ver"):
        apply_changes(two, "chloe")
    assert get_current_version() == get_version(2)
    assert "z2" not in load_operator(get_version(2)).agent


def test_an_import_that_changes_nothing_makes_no_version(first: Version, small: Operator) -> None:
    with pytest.raises(NothingChanged):
        apply_changes(preview_changes(small), "bilal")
    assert Version.objects.count() == 1


def test_a_database_that_fails_in_the_middle_leaves_the_old_version(
    first: Version, small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = (Block.objects.count(), Sheet.objects.count(), SheetBlock.objects.count())

    def fail(*args: object, **options: object) -> None:
        raise OSError("disk full")

    changes = preview_changes(hired(small))
    monkeypatch.setattr(SheetBlock.objects, "bulk_create", fail)
    with pytest.raises(OSError, match="disk full"):
        apply_changes(changes, "bilal")
    assert get_current_version() == first
    assert counted == (Block.objects.count(), Sheet.objects.count(), SheetBlock.objects.count())


def test_a_stored_byte_that_changed_is_named(first: Version) -> None:
    block = Block.objects.order_by("pk").last()
    assert block is not None
    text = blocks.decode_block(block.digest, bytes(block.data))
    Block.objects.filter(pk=block.pk).update(data=zlib.compress(f"{text} ".encode()))
    with pytest.raises(Damaged, match=f"block {block.digest[:12]} .* differs from its digest"):
        load_operator(first)
    Block.objects.filter(pk=block.pk).update(data=b"nonsense")
    with pytest.raises(Damaged, match="cannot be read"):
        load_operator(first)


def test_a_column_added_later_has_its_default_in_rows_stored_before(small: Operator) -> None:
    sheet = blocks.cut_sheet(type(small.sites[0]), small.sites)
    text = blocks.decode_block(sheet.blocks[0].digest, sheet.blocks[0].data)
    assert blocks.parse_rows(text) == small.sites
    rows = blocks.parse_rows('{"columns":["id","name","old"],"rows":[["c1","Azur","x"]],"table":"clients"}')
    assert [(row.id, row.name) for row in rows] == [("c1", "Azur")]  # type: ignore[attr-defined]
    agent = blocks.parse_rows('{"columns":["id","home_site","skills"],"rows":[["a1","s1",["p1"]]],"table":"agents"}')[0]
    assert agent.contract_hours == 40.0  # type: ignore[attr-defined]


def test_the_queries_do_not_grow_with_the_operator(small: Operator) -> None:
    counts = []
    for operator in (small, sample_operator(400, 12, 3, weeks_of_history=2)):
        made = apply_changes(preview_changes(operator), "amina")
        storage.clear_cache()
        with CaptureQueriesContext(connection) as queries:
            load_operator(made)
        with CaptureQueriesContext(connection) as more:
            preview_changes(hired(operator))
        counts.append((len(queries), len(more)))
    assert counts[0] == counts[1] == (3, 4)


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
    found = list_referenced_rows(small, "shifts", len(small.agents))
    assert found == {"agents": [(row.id, row.id) for row in small.agents]}
    assert list_referenced_rows(small, "shifts", len(small.agents) - 1) == {}


def run(*arguments: object, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["registry", *map(str, arguments)], input=answer)


@pytest.fixture
def folder(tmp_path: Path, small: Operator) -> Path:
    path = tmp_path / "atlas"
    write_operator_files(path, write_operator(small))
    return path


def change_file(folder: Path, before: str, after: str, table: str = "clients") -> None:
    path = folder / f"{table}.csv"
    path.write_text(path.read_text().replace(before, after))


def test_a_folder_is_imported_after_a_yes(folder: Path, small: Operator) -> None:
    refused = run("import", folder, answer="n\n")
    assert refused.exit_code == 1
    assert "against an empty registry:\noperator: 1 added" in refused.stdout
    assert "more" not in refused.stdout, "no row was asked for"
    assert get_current_version() is None
    done = run("import", folder, "--by", "amina", "--comment", "first", answer="y\n")
    assert done.exit_code == 0
    made = get_current_version()
    assert made is not None
    assert (made.made_by, made.comment, made.source) == ("amina", "first", "atlas")
    assert load_operator(made) == small
    assert run("import", folder).stdout == "nothing would change\n"


def test_what_changes_is_printed_row_by_row(folder: Path, small: Operator) -> None:
    run("import", folder, "--yes")
    name = small.clients[0].name
    change_file(folder, name, "Azur\x1b[31m Vie")
    dry = run("import", folder, "--dry-run")
    assert f"clients: 1 changed\n  ~ {small.clients[0].id}: name {name} → Azur" in dry.stdout
    assert "\x1b" not in dry.stdout, "control characters are not sent to a terminal"
    assert Version.objects.count() == 1
    assert run("import", folder, "--yes", "--rows", 0).exit_code == 0
    shown = run("show", 2)
    assert "clients: 1 changed" in shown.stdout
    assert "from atlas" in shown.stdout


def test_every_fault_of_a_bad_folder_is_named_and_nothing_stored(tmp_path: Path) -> None:
    tables, places = planted(THIRTY)
    write_operator_files(tmp_path / "bad", as_csv(tables))
    result = run("import", tmp_path / "bad", "--yes")
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[-1] == f"{len(places)} faults; nothing was stored"
    assert len(lines) == len(places) + 1
    assert Version.objects.count() == 0


def test_versions_are_listed_undone_and_exported(folder: Path, small: Operator) -> None:
    run("import", folder, "--yes")
    change_file(folder, small.clients[0].name, "Azur Vie")
    run("import", folder, "--yes")
    assert run("undo", answer="n\n").exit_code == 1
    undone = run("undo", answer="y\n")
    assert f"name Azur Vie → {small.clients[0].name}" in undone.stdout
    assert undone.stdout.endswith("version 3 undoes version 2\n")
    listed = run("versions").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["3", "2", "1"]
    found = json.loads(run("versions", "--json").stdout)
    assert [item["undoes"] for item in found] == [2, None, None]
    assert found[0]["digest"] == found[2]["digest"] != found[1]["digest"]
    out = folder.parent / "out"
    assert run("export", out).exit_code == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == write_operator(small)
    assert run("import", out).stdout == "nothing would change\n"
    assert run("export", out).exit_code == 2
    assert run("export", out, "--force", "--version", 2).stdout == f"{out}: version 2\n"
    assert run("export", out, "--force", "--lang", "fr").exit_code == 0
    data = (out / "Téléconseillers.csv").read_bytes()
    assert data.startswith("\ufeffCode du téléconseiller;".encode())
    assert run("import", out).stdout == "nothing would change\n"
    book = folder.parent / "export.xlsx"
    assert run("export", book, "--lang", "fr").exit_code == 0
    assert run("import", book).stdout == "nothing would change\n"
    assert run("export", book, "--lang", "fr").exit_code == 2


def test_the_sample_operator_is_one_command_away() -> None:
    done = run("sample", "--agents", 60, "--sites", 2)
    assert done.exit_code == 0, done.output
    assert "version 1: operator 1 added; sites 2 added" in done.stdout
    made = get_current_version()
    assert made is not None
    assert load_operator(made).row.synthetic
    assert run("sample", "--agents", 60, "--sites", 2).stdout == "nothing would change\n"
    other = run("sample", "--agents", 60, "--sites", 2, "--seed", 2, answer="n\n")
    assert (other.exit_code, Version.objects.count()) == (1, 1)
    assert run("sample", "--agents", 3).exit_code == 2


def test_an_empty_registry_says_what_to_do(tmp_path: Path) -> None:
    assert "releve registry import FOLDER" in run("versions").stdout
    assert "there is nothing to undo" in run("undo").stderr
    assert "there is nothing to export" in run("export", tmp_path / "out").stderr
    assert "there is no version 7" in run("show", 7).stderr
    assert run("import", tmp_path).exit_code == 2


def test_the_first_version_cannot_be_undone(folder: Path) -> None:
    run("import", folder, "--yes")
    assert "version 1 is the first one" in run("undo", "--yes").stderr
