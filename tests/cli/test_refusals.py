"""Refusals before any work: instants, folders, mappings; each message says how to write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.plan_folder import PlanFolderError, check_overwritable

CALL = ["outbound", "check", "0144556677", "--client", "A", "--object", "electricity"]
CALL += ["--sector", "energy-supply"]
LIST = ["outbound", "screen", "LIST", "--out", "OUT", "--client", "A", "--object", "electricity"]
LIST += ["--sector", "energy-supply"]
NOON = "2026-11-24T10:30:00+01:00"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("24/11/2026", "is no instant"),
        ("10h30", "is no instant"),
        ("2026-11-24T25:30:00+01:00", "is no instant"),
        ("2026-11-24", "has no time"),
        ("2026-11-24T10:30:00", "has no offset"),
    ],
)
def test_an_instant_that_is_none_is_refused_with_the_form_wanted(at: str, says: str) -> None:
    for more in (["--at", at], ["--at", NOON, "--known-at", at]):
        found = run(*CALL, *more)
        assert found.exit_code == 2
        assert f"{at!r} {says}; write it like {NOON}" in found.output
        assert more[-2] in found.output


def test_a_relief_needs_a_time_and_no_offset(tmp_path: Path) -> None:
    for at, says in (("2026-11-30", "has no time"), ("10h30", "is no instant")):
        found = run("relief", str(tmp_path), "--plan", str(tmp_path), "--close", "a", "--at", at)
        assert found.exit_code == 2
        assert f"{at!r} {says}; write it like 2026-12-01T10:30" in found.output


def test_a_folder_that_cannot_be_written_to_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "operator"
    found = run("network", "sample", str(out), "--agents", "60", "--sites", "2")
    assert found.exit_code == 1
    assert isinstance(found.exception, SystemExit), "no traceback"
    assert found.output.splitlines()[-1].startswith("Error: ")
    assert "/." not in found.output, "the name of a file that was made up meanwhile says nothing"


def test_a_plan_is_not_begun_where_it_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_overwritable(tmp_path / "new" / "plan")
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(PlanFolderError, match="no folder may be made in it"):
        check_overwritable(tmp_path / "new" / "plan")


def test_an_empty_list_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    words = {"LIST": str(tmp_path / "empty.csv"), "OUT": str(tmp_path / "out")}
    found = run(*(words.get(word, word) for word in LIST), "--at", NOON)
    assert found.exit_code == 2
    assert "the first line is empty; write the names of the columns there" in found.output


def test_a_mapping_that_is_none_is_named(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("a,b\n1,2\n")
    latin = tmp_path / "map.toml"
    latin.write_bytes('kind = "é"'.encode("cp1252"))
    for mapping, says in ((latin, "is not in UTF-8"), (calls, "is not a mapping in TOML or JSON")):
        found = run("demand", "import", str(calls), "--mapping", str(mapping))
        assert found.exit_code == 2
        assert f"{mapping} {says}" in found.output


def test_the_folder_of_a_history_must_be_there(tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("a,b\n1,2\n")
    out = tmp_path / "nowhere" / "history.csv"
    found = run("demand", "import", str(calls), "--mapping", str(calls), "--out", str(out))
    assert found.exit_code == 2
    assert f"there is no folder {out.parent}; make it" in found.output


@pytest.mark.django_db
def test_what_the_desk_refuses_is_said_in_english_here() -> None:
    found = run("desk", "user", "add", "nadia", "--role", "auditor")
    assert found.exit_code == 1
    assert "Say until when: this role is held for a time." in found.output
