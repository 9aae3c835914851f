"""The registry from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import write_operator_files
from releve.network import Operator, write_operator
from releve.registry.models import Version
from releve.registry.service import get_current_version, load_operator
from tests.network.clean_tables import as_csv
from tests.network.planted_faults import THIRTY, planted

pytestmark = [pytest.mark.database, pytest.mark.django_db]


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
