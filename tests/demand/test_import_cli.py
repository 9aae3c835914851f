"""``releve demand``: the guide's example word for word, and an operator folder end to end."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.demand import CallMapping, IntervalMapping, parse_mapping
from releve.files.operator_folder import write_operator_files
from releve.network import write_operator
from releve.network.sample import sample_operator

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "call-log-mapping.md"


def blocks(language: str) -> list[str]:
    text = GUIDE.read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["demand", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_the_guides_example_prints_what_the_guide_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("calls.csv").write_text(blocks("csv")[0], encoding="cp1252")
    Path("calls.toml").write_text(blocks("toml")[0], encoding="utf-8")
    out = run("import", "calls.csv", "--mapping", "calls.toml", "--out", "history.csv")
    assert out == blocks("text")[0]
    assert Path("history.csv").read_text(encoding="utf-8").splitlines() == [
        "programme,start,offered,answered,aht_s",
        "azur-sinistres,2026-10-05T06:00+00:00,2,1,310",
        "azur-sinistres,2026-10-05T06:30+00:00,1,1,280",
        "azur-accueil,2026-10-05T06:00+00:00,1,1,95",
        "azur-accueil,2026-10-05T06:30+00:00,0,0,",
    ]


def test_the_guides_mappings_are_understood() -> None:
    kinds = []
    for text in blocks("toml"):
        table = tomllib.loads(text)
        table.pop("time_zone")
        kinds.append(type(parse_mapping(table)))
    assert kinds == [CallMapping, IntervalMapping]


def test_a_file_that_is_there_is_not_replaced_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("calls.csv").write_text(blocks("csv")[0], encoding="utf-8")
    Path("calls.toml").write_text(blocks("toml")[0], encoding="utf-8")
    Path("history.csv").write_text("mine", encoding="utf-8")
    words = ("import", "calls.csv", "--mapping", "calls.toml", "--out", "history.csv")
    assert "--force replaces it" in run(*words, code=2)
    assert Path("history.csv").read_text(encoding="utf-8") == "mine"
    run(*words, "--force")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ('start = "came in"\n[programmes]\nSIN = "a"\n', "no time zone ''"),
        ('time_zone = "UTC"\nstart = "x"\n[programmes]\nSIN = "a"\n', "no column 'x'"),
        ('time_zone = "UTC"\nstart = ', "Invalid value"),
        ('time_zone = "UTC"\nstart = "x"\n', "the mapping lacks programmes"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path: Path, mapping: str, words: str) -> None:
    (tmp_path / "calls.csv").write_text(blocks("csv")[0], encoding="utf-8")
    (tmp_path / "m.toml").write_text(mapping, encoding="utf-8")
    out = run("import", str(tmp_path / "calls.csv"), "--mapping", str(tmp_path / "m.toml"), code=2)
    assert words in out


def test_the_report_as_json_counts_every_row(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text(blocks("csv")[0], encoding="utf-8")
    (tmp_path / "m.toml").write_text(blocks("toml")[0], encoding="utf-8")
    out = run("import", str(tmp_path / "calls.csv"), "--mapping", str(tmp_path / "m.toml"), "--json")
    report = json.loads(out)
    rows = report["rows"]
    assert rows["read"] == 9
    assert rows["used"] + sum(rows["dropped"].values()) + sum(rows["set_aside"].values()) == 9
    assert [fault["row"] for fault in report["faults"]] == [6, 7, 8, 9]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("operator") / "sample"
    write_operator_files(path, write_operator(sample_operator(60, 2, 1)))
    return path


def test_a_folder_is_forecast_for_the_day_after_its_history(folder: Path) -> None:
    lines = run("forecast", str(folder), "--half-hours").splitlines()
    assert "2026-11-30" in lines[1]
    assert len(lines) > 20
    document = json.loads(run("forecast", str(folder), "--json", "--days", "2"))
    assert len(document["starts"]) == 96
    assert len(document["mean"]) == 96
    assert not document["unknown"]


def test_the_agents_for_a_busy_day_are_more_than_for_its_mean(folder: Path) -> None:
    mean = json.loads(run("require", str(folder), "--json"))
    busy = json.loads(run("require", str(folder), "--json", "--quantile", "0.9"))
    assert mean["day"] == busy["day"] == "2026-11-30"

    def total(document: dict[str, list[list[float]]]) -> float:
        return sum(sum(row) for row in document["agents"])

    assert 0 < total(mean) < total(busy) < 1.6 * total(mean)
    lines = run("require", str(folder), "--half-hours").splitlines()
    assert lines[0] == "2026-11-30: agents to roster, shrinkage in"


def test_the_models_are_judged_programme_by_programme(folder: Path) -> None:
    out = run("backtest", str(folder), "--horizon", "7")
    assert "seasonal_naive" in out
    assert "80 % interval holds" in out


def test_a_folder_with_faults_is_not_forecast(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text("id\n", encoding="utf-8")
    assert "faults in the operator's files" in run("forecast", str(tmp_path), code=1)
