"""The process of a run: its turn, its end, its failure, and what it is told by files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from releve.desk.crashtest.home import try_lock
from releve.desk.crashtest.work import line_of, work
from tests.desk_crashtest.conftest import Maker


def test_the_command_is_the_one_that_anybody_can_type(maker: Maker) -> None:
    run = maker.begun(beside="folder", hazards=False, nearest=True)
    line = " ".join(line_of(Path("runs"), run.asked))
    assert line == (
        "crashtest runs/inputs/operator --plan runs/inputs/plan --compare runs/inputs/folder"
        " --quarters 4 --days 10 --seed 7 --policies as-given,no-rule,no-tests"
        " --no-hazards --nearest --out runs/run --resume"
    )


@pytest.mark.slow
def test_a_run_that_cannot_go_on_keeps_the_reason_and_its_inputs(maker: Maker) -> None:
    run = maker.begun()
    (run.folder / "inputs" / "plan").mkdir()
    work(run.folder)
    failed = maker.again(run.id)
    assert failed.state == "failed"
    assert "faults in the operator" in failed.reason
    assert (run.folder / "inputs").exists()


def test_a_run_stopped_before_its_turn_starts_nothing(maker: Maker) -> None:
    run = maker.begun()
    (run.folder / "stop").touch()
    work(run.folder)
    assert maker.again(run.id).state == "stopped"
    assert not (run.folder / "said").exists()


def test_a_finished_run_is_not_run_again(maker: Maker) -> None:
    run = maker.done()
    before = (run.run / "certificate.json").stat().st_mtime_ns
    work(run.folder)
    assert (run.run / "certificate.json").stat().st_mtime_ns == before
    assert not (run.folder / "began").exists()


def test_the_state_is_that_of_the_lock_and_the_files(maker: Maker) -> None:
    run = maker.begun()
    lock = try_lock(run.folder / "lock")
    assert lock is not None
    with lock:
        assert try_lock(run.folder / "lock") is None
        assert maker.again(run.id).state == "waiting"
        (run.folder / "began").touch()
        assert maker.again(run.id).state == "running"
        (run.folder / "stop").touch()
        assert maker.again(run.id).state == "stopping"
    assert maker.again(run.id).state == "stopped"


@pytest.mark.parametrize("content", ["", "{", json.dumps([])])
def test_a_folder_that_is_no_run_is_passed_over(maker: Maker, content: str) -> None:
    maker.done()
    strange = maker.home.root / "strange"
    strange.mkdir()
    (strange / "desk.json").write_text(content)
    assert len(maker.home.runs()) == 1
