"""Rows of the house are never dropped in silence: for a renamed folder, or the name of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from releve.files.home import HomeError
from releve.files.operator_folder import RULES, list_rule_files
from releve.live.current_rules import load_installed_rules
from releve.plugins.outbound.gate.current_rules import load_current_rules
from tests.homes import make_test_home


@pytest.fixture
def home(tmp_path: Path, settings: object) -> Path:
    settings.HOME = make_test_home(tmp_path)  # type: ignore[attr-defined]
    return tmp_path


@pytest.mark.parametrize("name", ["house.yml", "house.YAML", "house.yaml.bak", "house"])
def test_a_file_that_would_not_be_read_is_refused_with_the_fix(home: Path, name: str) -> None:
    for folder in ("law", "rules"):
        (home / folder / name).write_text("rows: []")
    for load in (load_current_rules, load_installed_rules, lambda: list_rule_files(home, RULES)):
        with pytest.raises(HomeError, match=f"{name} would not be read.*rename it"):
            load()


def test_a_folder_that_was_renamed_is_refused(home: Path) -> None:
    for name, load in (
        ("law", load_current_rules),
        ("rules", load_installed_rules),
        ("charters", load_installed_rules),
    ):
        (home / name).rename(home / f"{name}.bak")
        with pytest.raises(HomeError, match=f"{home / name} is missing"):
            load()
        (home / name).mkdir()


def test_what_an_editor_keeps_beside_a_file_is_passed_over(home: Path) -> None:
    for name in ("a.yaml", ".a.yaml.swp", "a.yaml~", ".b.yaml"):
        (home / "rules" / name).write_text("[]")
    assert [path.name for path in list_rule_files(home, RULES)] == ["a.yaml"]
