"""``releve worktime``: the rows of a country, what a roster breaks, what more hours would bring."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from releve.network import Operator, Shift
from releve.network.sample import FIRST_DAY
from releve.network.worktime import load_shipped_rows
from tests.cli.folders import run, sample, write_folder


def overworked(operator: Operator) -> tuple[Operator, str]:
    """Return the operator with one agent in Morocco on six days of eight hours, and who that is."""
    home = {row.id for row in operator.sites if row.destination == "MA"}
    name = next(row.agent for row in operator.shifts if operator.agent[row.agent].home_site in home)
    start = min(row.start for row in operator.shifts if row.agent == name)
    six = (Shift(name, at, at + timedelta(hours=8), 0.0) for at in (start + timedelta(days=i) for i in range(6)))
    return replace(operator, shifts=(*(row for row in operator.shifts if row.agent != name), *six)), name


def test_the_rows_of_a_country_are_printed_with_source_and_how_sure_they_are() -> None:
    said = run("worktime", "rows", "ma", "--on", "2026-12-01").output
    assert "MA-WEEK: most hours of work in a week 44 (forbidden; Loi 65-99, art. 184; the text was read)" in said
    assert "HOUSE-DREST" in said
    assert "house policy; not law" in said
    french = run("worktime", "rows", "TN", "--on", "2026-12-01", "--json", "--lang", "fr")
    (most,) = (row for row in json.loads(french.output) if row["id"] == "TN-MAX")
    assert (most["value"], most["confidence"], most["from"]) == (60.0, "sure", None)
    assert most["text"].startswith("Soixante heures par semaine")


def test_a_country_without_rows_has_those_of_the_house_and_says_so() -> None:
    result = run("worktime", "rows", "BE", "--on", "2026-12-01")
    assert "No row of BE ships; there are some of FR, MA, MG, SN, TN." in result.stderr
    assert "HOUSE-DAY" in result.stdout
    assert run("worktime", "rows").exit_code == 2


def test_the_page_of_the_rows_has_a_line_for_every_row_that_ships() -> None:
    lines = re.findall(r"^\| ([A-Z]+-\S+) \|", run("worktime", "rows", "--markdown").stdout, re.MULTILINE)
    assert sorted(lines) == sorted(row.id for row in load_shipped_rows())


def test_a_roster_is_checked_by_person_and_day_and_can_be_planned_all_the_same(tmp_path: Path) -> None:
    operator, name = overworked(sample())
    folder = write_folder(operator, tmp_path / "op")
    result = run("worktime", "check", folder)
    assert result.exit_code == 1
    assert f"{name}, {FIRST_DAY}: 48 h of work in a week, at most 44 h" in result.output
    found = json.loads(run("worktime", "check", folder, "--json").output)
    assert {"row": "MA-WEEK", "strength": "forbid", "agent": name}.items() <= found[0].items()
    checked = run("network", "check", folder)
    assert checked.exit_code == 0
    assert f"{name}, {FIRST_DAY}: 48 h of work in a week, at most 44 h" in checked.output
    twin = json.loads(run("network", "check", folder, "--json").output)
    assert twin["faults"] == []
    assert twin["working_time"] == found


def test_a_roster_that_breaks_nothing_that_forbids_ends_with_0(tmp_path: Path) -> None:
    folder = write_folder(sample(), tmp_path / "op")
    assert run("worktime", "check", folder).exit_code == 0


@pytest.mark.slow
def test_more_hours_are_proposed_within_the_rows_and_who_is_left_out_is_said(tmp_path: Path) -> None:
    folder = write_folder(sample(80), tmp_path / "op")
    assert run("plan", folder, "--no-missing", "--out", tmp_path / "plan").exit_code == 0
    said = run("worktime", "extra", folder, "--plan", tmp_path / "plan", "--names").output
    assert "base:" in said
    assert "agent half hours missing" in said
    found = json.loads(run("worktime", "extra", folder, "--plan", tmp_path / "plan", "--json").output)
    assert found[0]["relief"] == "base"
    assert any(one["proposals"] for one in found)
    for one in found:
        assert one["missing_without_rows"] <= one["missing_after"] <= one["missing_before"]
    refused = run("worktime", "extra", folder, "--plan", tmp_path / "plan", "--under", "site:none")
    assert refused.exit_code == 2
    assert "no relief 'site:none'" in refused.output
