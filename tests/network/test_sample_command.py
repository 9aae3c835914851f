"""``releve network sample``: what lands in the folder and what is refused."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import read_operator_files
from releve.network import read_operator, sample_operator

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
