"""The process of a job: its turn, its end, its failure, and how files steer it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from releve.files.atomic import try_lock
from releve.plugins.crashtest import crash_test_job, outlook_job
from releve.plugins.crashtest.crash_test_job import CRASH_TESTS, build_job_request
from releve.plugins.crashtest.engine import CrashTestError, Settings
from releve.plugins.crashtest.execution import Execution
from releve.plugins.crashtest.outlook_job import OUTLOOKS, OutlookOrder
from releve.plugins.crashtest.request import CrashTestRequest, EventsFileError
from releve.runs import job_process
from releve.runs.job_process import resume_job, run_job, stop_job
from releve.runs.job_store import JobStore, RunError, current_stamp
from tests.desk_crashtest.conftest import Maker


def test_the_request_of_an_order_names_its_own_inputs(maker: Maker) -> None:
    run = maker.begun(beside="folder", hazards=False, nearest=True)
    (run.folder / "inputs" / "rules").mkdir()
    (run.folder / "inputs" / "rules" / "own.yaml").write_text("[]")
    request = build_job_request(run.folder, run.order)
    inputs = run.folder / "inputs"
    assert (request.operator, request.plan) == (inputs / "operator", inputs / "plan")
    assert (request.compare, request.rules) == (inputs / "folder", (inputs / "rules/own.yaml",))
    assert request.settings == Settings(quarters=4, days=10, seed=7, nearest=True)
    assert request.policies == ("as-given", "no-rule", "no-tests")
    assert (request.with_hazards, request.ablation_quarters) == (False, 4)


@pytest.mark.slow
def test_a_job_that_cannot_go_on_keeps_the_reason_and_its_inputs(maker: Maker) -> None:
    run = maker.begun()
    (run.folder / "inputs" / "plan").mkdir()
    run_job(run.folder)
    failed = maker.again(run.id)
    assert failed.state == "failed"
    assert "in the operator" in failed.reason
    assert (run.folder / "inputs").exists()


def _fail_with(error: Exception) -> Callable[[object], None]:
    def execute(job: object) -> None:
        raise error

    return execute


@pytest.mark.parametrize(
    ("error", "reason"), [(RunError("plans: no plan"), "plans: no plan"), (MemoryError("2 GB"), "MemoryError: 2 GB")]
)
def test_the_reason_of_a_failure_is_that_of_its_error(
    maker: Maker, work_here: None, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(crash_test_job, "CRASH_TESTS", replace(CRASH_TESTS, execute=_fail_with(error)))
    run = maker.begun()
    run_job(run.folder)
    failed = maker.again(run.id)
    assert (failed.state, failed.reason) == ("failed", reason)
    assert (run.folder / "inputs").exists()


@pytest.mark.parametrize(
    ("error", "reason"), [(RunError("no plan for that day"), "no plan for that day"), (KeyError("a00042"), "KeyError")]
)
def test_a_confidential_job_that_fails_names_no_case_and_leaves_no_inputs(
    tmp_path: Path, work_here: None, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(outlook_job, "OUTLOOKS", replace(OUTLOOKS, execute=_fail_with(error)))
    store = JobStore(tmp_path, OUTLOOKS)
    order = OutlookOrder("amina", current_stamp(), "live", "2026-12-01")
    folder = store.add(order, {"events": {"events.jsonl": b"a00042"}})
    run_job(folder)
    job = store.get(folder.name)
    assert job is not None
    assert (job.state, job.reason) == ("failed", reason)
    assert {path.name for path in folder.iterdir()} == {"desk.json", "failed.json", "lock"}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EventsFileError("events.jsonl, line 1: a00042 is ill"), ""),
        (CrashTestError("the plan has no day"), "the plan has no day"),
    ],
)
def test_what_a_crash_test_cannot_do_is_a_reason_that_quotes_no_event(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(crash_test_job, "run_crash_test", lambda *_words, **_more: _fail_with(error)(None))
    with pytest.raises(RunError) as raised:
        crash_test_job.run_ordered(CrashTestRequest(operator=Path("o"), plan=Path("p")), Execution())
    assert str(raised.value) == reason


def test_a_process_that_is_killed_is_a_failure_with_its_status(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = SimpleNamespace(poll=lambda: -9, returncode=-9)
    monkeypatch.setattr(job_process, "_start_process", lambda *_words, **_more: killed)
    run = maker.begun()
    run_job(run.folder)
    assert maker.again(run.id).reason == "the process ended with status -9"


def test_a_job_stopped_before_its_turn_starts_nothing(maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(job_process, "_start_process", started.append)
    run = maker.begun()
    stop_job(run)
    run_job(run.folder)
    assert maker.again(run.id).state == "stopped"
    assert started == []
    assert not (run.folder / "began").exists()


def test_a_stopped_job_ends_its_work_and_is_resumed_by_a_process_of_its_own(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    run = maker.begun()
    work = SimpleNamespace(
        poll=lambda: stop_job(run), terminate=lambda: ended.append("terminated"), wait=lambda: ended.append("waited")
    )
    monkeypatch.setattr(job_process, "_start_process", lambda *_words, **_more: work)
    run_job(run.folder)
    assert ended == ["terminated", "waited"]
    stopped = maker.again(run.id)
    assert stopped.state == "stopped"
    words: list[list[str]] = []
    monkeypatch.setattr(job_process, "_start_process", lambda given, **_more: words.append(given) or work)
    resume_job(stopped)
    assert words == [[str(run.folder)]]
    assert maker.again(run.id).state == "waiting"


def test_a_finished_job_is_not_done_again(maker: Maker) -> None:
    run = maker.done()
    before = (run.run_folder / "certificate.json").stat().st_mtime_ns
    run_job(run.folder)
    assert (run.run_folder / "certificate.json").stat().st_mtime_ns == before
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
def test_a_folder_that_is_no_job_is_passed_over(maker: Maker, content: str) -> None:
    maker.done()
    strange = maker.home.root / "strange"
    strange.mkdir()
    (strange / "desk.json").write_text(content)
    assert len(maker.home.list_jobs()) == 1
