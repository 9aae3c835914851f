"""``releve transport``: the runs of a plan folder, their files, and their check."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import TransportFolderError, read_runs, write_operator_files
from releve.files.plan_folder import write_plans
from releve.network import sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import plan_day
from releve.plan.week import require_day


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A sample operator with minibuses, and its plan."""
    root = tmp_path_factory.mktemp("transport")
    operator = sample_operator(60, 2, 1, vehicles=20, weeks_of_history=4)
    write_operator_files(root / "operator", write_operator(operator))
    plan = plan_day(operator, require_day(operator, FIRST_DAY))
    assert plan.violations == ()
    write_plans(root / "plan", (plan,), stamp=datetime(2026, 11, 28, tzinfo=UTC))
    bare = replace(operator, vehicles=(), depots=())
    write_operator_files(root / "bare", write_operator(bare))
    return root / "operator", root / "plan"


def transport(command: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["transport", command, *map(str, arguments)])


def test_runs_of_a_plan_are_written_checked_and_refused_when_edited(folders: tuple[Path, Path], tmp_path: Path) -> None:
    operator, plan = folders
    out = tmp_path / "runs"
    made = transport("runs", operator, "--plan", plan, "--out", out)
    assert made.exit_code == 0, made.output
    assert "0 rides without a seat" in made.output
    again = transport("check", operator, "--plan", plan, out)
    assert (again.exit_code, again.output.split(", ")[-1]) == (0, "0 faults\n")
    held = read_runs(out)
    sheets = sorted(file.name for file in (out / "sheets").iterdir())
    assert sheets == sorted({f"{run.vehicle}.txt" for run in held})
    assert all(name not in (out / "sheets" / sheets[0]).read_text() for name in ("a000",))
    manifest = out / "manifests.csv"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]), encoding="utf-8")
    edited = transport("check", operator, "--plan", plan, out)
    assert edited.exit_code == 1
    assert "rides missing" in edited.output
    manifest.write_text("".join((*lines, "r9999,a00001,x,2026-11-30T06:00:00+00:00\n")))
    with pytest.raises(TransportFolderError, match="run r9999 is not in"):
        read_runs(out)


def test_runs_are_the_same_each_time_and_of_every_relief(folders: tuple[Path, Path]) -> None:
    operator, plan = folders
    texts = {transport("runs", operator, "--plan", plan, "--json").output for _ in range(2)}
    (text,) = texts
    assert json.loads(text)["runs"]
    relief = transport("runs", operator, "--plan", plan, "--under", "site:casa-1", "--json")
    assert relief.exit_code == 0, relief.output
    assert all(run["site"] != "casa-1" for run in json.loads(relief.output)["runs"])


def test_what_cannot_be_run_is_refused_with_the_mend(folders: tuple[Path, Path], tmp_path: Path) -> None:
    operator, plan = folders
    unknown = transport("runs", operator, "--plan", plan, "--under", "site:nowhere")
    assert "it has base" in unknown.output
    other_day = transport("runs", operator, "--plan", plan, "--day", "2026-12-24")
    assert "it holds 2026-11-30" in other_day.output
    bare = transport("runs", operator.parent / "bare", "--plan", plan)
    assert "add the tables depots and vehicles" in bare.output
    (tmp_path / "mine.txt").write_text("mine")
    full = transport("runs", operator, "--plan", plan, "--out", tmp_path)
    assert "holds other files" in full.output
