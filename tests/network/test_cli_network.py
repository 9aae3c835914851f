"""The commands: faults to people and programs, the reference and its page, samples made."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import read_operator_files, write_operator_files
from releve.network import TABLES, list_columns, read_operator, render_tables_markdown, sample_operator
from tests.network.clean_tables import as_csv, as_workbook, clean_tables
from tests.network.french_faults import planted_book
from tests.network.planted_faults import PLANTS, THIRTY, planted
from tests.network.test_cells import workbook

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["network", *map(str, arguments)])


def test_a_clean_folder_is_summed_up(tmp_path: Path) -> None:
    write_operator_files(tmp_path / "op", as_csv(clean_tables()))
    result = run("check", tmp_path / "op")
    assert result.exit_code == 0
    assert "no fault" in result.output
    held = dict(re.findall(r"^  (\S.*?) {2,}(.*)$", result.output, re.MULTILINE))
    assert held["sites"] == "10"
    assert held["seats"] == "60"
    assert held["agents"] == "50"
    assert held["programmes"] == "30"
    assert held["days of the roster"] == "3"
    assert held["history from"] == "2026-11-16T08:00+00:00"
    assert held["history to"] == "2026-11-27T10:30+00:00"
    french = run("check", tmp_path / "op", "--lang", "fr").output
    assert "aucune erreur" in french
    assert re.search(r"^  jours de planning +3$", french, re.MULTILINE)


def test_a_workbook_is_checked_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "op.xlsx").write_bytes(as_workbook(clean_tables())["operator.xlsx"])
    assert run("check", tmp_path / "op.xlsx").exit_code == 0


def test_thirty_planted_faults_are_printed_a_line_each_and_the_status_is_1(tmp_path: Path) -> None:
    tables, _ = planted(THIRTY)
    write_operator_files(tmp_path / "op", as_csv(tables))
    result = run("check", tmp_path / "op")
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 30
    assert "Agents, row 3, Home site “casa-9”: 'casa-9' is not an id of the table sites" in result.stdout
    assert result.stderr == "30 faults; nothing was loaded\n"


def test_json_holds_every_fault_and_no_summary(tmp_path: Path) -> None:
    tables, expected = planted(THIRTY)
    write_operator_files(tmp_path / "op", as_csv(tables))
    result = run("check", "--json", tmp_path / "op")
    assert result.exit_code == 1
    held = json.loads(result.stdout)
    assert {(f["table"], f["row"], f["column"]) for f in held["faults"]} == expected
    assert held["summary"] == {}


def test_json_of_a_clean_folder_is_its_summary(tmp_path: Path) -> None:
    write_operator_files(tmp_path / "op", as_csv(clean_tables()))
    held = json.loads(run("check", "--json", tmp_path / "op").stdout)
    assert held["faults"] == []
    assert held["summary"]["home_ready_agents"] == 17


def test_more_faults_than_the_limit_are_counted(tmp_path: Path) -> None:
    tables, _ = planted(THIRTY)
    write_operator_files(tmp_path / "op", as_csv(tables))
    result = run("check", "--limit", 4, tmp_path / "op")
    assert len(result.stdout.splitlines()) == 4
    assert "and 26 more" in result.stderr
    assert len(run("check", "--limit", 0, tmp_path / "op").stdout.splitlines()) == 30


def test_no_code_of_a_cell_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    tables = clean_tables()
    tables["agents"][0]["home_site"] = "[red]\x1b[31mcasa"
    write_operator_files(tmp_path / "op", as_csv(tables))
    result = run("check", tmp_path / "op")
    assert result.exit_code == 1
    assert "[red]\ufffd[31mcasa" in result.stdout


@pytest.mark.parametrize(("lang", "words"), [("", "ligne 2"), ("fr", "ligne 2"), ("en", "row 2")])
def test_faults_are_said_in_the_language_of_the_files_or_the_one_asked_for(
    tmp_path: Path, lang: str, words: str
) -> None:
    (tmp_path / "op.xlsx").write_bytes(workbook(planted_book("client")))
    result = run("check", tmp_path / "op.xlsx", *(["--lang", lang] if lang else []))
    assert words in result.stdout


def test_a_template_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "modele.xlsx"
    assert run("template", file).exit_code == 0
    assert run("template", file).exit_code == 2
    assert run("template", "--force", "--lang", "en", file).exit_code == 0
    assert run("template", tmp_path / "modele.xls").exit_code == 2


def test_a_folder_without_tables_is_a_usage_error(tmp_path: Path) -> None:
    result = run("check", tmp_path)
    assert result.exit_code == 2
    assert "holds no CSV" in result.stderr
    assert run("check", tmp_path / "nowhere").exit_code == 2


def test_the_page_of_the_operator_folder_is_what_the_command_prints() -> None:
    page = (ROOT / "docs" / "operator-folder.md").read_text("utf-8")
    assert run("tables", "--markdown").stdout == page, "run: releve network tables --markdown > docs/operator-folder.md"


def test_the_reference_names_every_table_and_column() -> None:
    text = render_tables_markdown()
    for kind in TABLES:
        section = text.split(f"### {kind.table} (")[1].split("### ")[0]
        for column in list_columns(kind):
            assert f"| `{column.name}` |" in section
            cells = section.split(f"| `{column.name}` |")[1].partition("\n")[0].replace("\\|", "").split(" | ")
            assert all(f"`{word}`" in cells[1] for word in column.condition.one_of)
            assert f"of `{column.references}`" in cells[1] or not column.references
            assert f"{cells[3]}; empty = {cells[2]}" == column.doc or "; empty = " not in column.doc
    assert run("tables").stdout.count("\n") == len(TABLES)


def test_the_planted_folder_of_the_page_can_be_written_by_hand(tmp_path: Path) -> None:
    """The command that the page names writes thirty faults, which the check finds."""
    assert set(THIRTY) <= set(PLANTS)
    command = [sys.executable, "-m", "tests.network.planted_faults", str(tmp_path / "op")]
    written = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = list(csv.DictReader(written.stdout.splitlines()))
    found = json.loads(run("check", "--json", tmp_path / "op").stdout)["faults"]
    assert len(listed) == 30
    assert {(row["table"], int(row["row"]), row["column"]) for row in listed} == {
        (fault["table"], fault["row"], fault["column"]) for fault in found
    }


SIZE = ("--agents", "60", "--sites", "2", "--weeks", "2")


def sample(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["network", "sample", *SIZE, *map(str, arguments)])


def test_the_folder_holds_the_operator_of_the_seed(tmp_path: Path) -> None:
    result = sample("--seed", "4", tmp_path / "made")
    assert result.exit_code == 0
    assert "60 agents, 2 sites" in result.output
    assert "synthetic, seed 4" in result.output
    expected = sample_operator(60, 2, 4, weeks_of_history=2)
    assert read_operator(read_operator_files(tmp_path / "made")) == expected


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert sample(folder).exit_code == 0
    before = read_operator_files(folder)
    result = sample("--seed", "2", folder)
    assert result.exit_code == 2
    assert "is not empty" in result.output
    assert "--force" in result.output
    assert read_operator_files(folder) == before


def test_force_replaces_an_operator_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    sample(folder)
    before = read_operator_files(folder)
    assert sample("--seed", "2", "--force", folder).exit_code == 0
    assert read_operator_files(folder) != before
    (folder / "diary.txt").write_text("mine")
    assert sample("--force", folder).exit_code == 2
    assert (folder / "diary.txt").read_text() == "mine"


def test_a_size_that_cannot_be_is_refused_with_the_condition(tmp_path: Path) -> None:
    result = sample("--sites", "40", tmp_path / "made")
    assert result.exit_code == 2
    assert "agents >= 20 * sites does not hold, got 60 agents, 40 sites" in result.output
    assert not (tmp_path / "made").exists()


def test_the_roster_starts_on_the_day_asked_for(tmp_path: Path) -> None:
    assert sample("--start", "2026-12-07", tmp_path / "made").exit_code == 0
    shifts = read_operator(read_operator_files(tmp_path / "made")).shifts
    assert min(shift.start for shift in shifts).date().isoformat() == "2026-12-07"
