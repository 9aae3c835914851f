"""Jobs and processes: turns, ends and failures, a plan as a job, restarts, uploads read within a deadline."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings as FixturesSettings

from releve.errors import Phrase, ReleveError
from releve.files.atomic import try_lock
from releve.live import due_jobs
from releve.network import Operator, OperatorFaults, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan.plan_json import plan_to_json
from releve.plan.planner import solve_day
from releve.plan.week import choose_days
from releve.plan.week.hybrid_week import format_week, read_planned_week
from releve.plan.week.verification import check_hybrid_week
from releve.plugins.crashtest import crash_test_job
from releve.plugins.crashtest.crash_test_job import CRASH_TESTS, OUTLOOKS, OutlookOrder, build_job_request
from releve.plugins.crashtest.engine.comparison import Difference
from releve.plugins.crashtest.engine.settings import CrashTestError, Settings
from releve.plugins.crashtest.execution import Execution
from releve.plugins.crashtest.request import CrashTestRequest, EventsFileError
from releve.plugins.crashtest.results import RunResults
from releve.registry.models import Upload
from releve.registry.tables import NotAnUpload
from releve.registry.uploads import store_upload
from releve.runs import job_process, plan_job, process_supervisor, upload_reader
from releve.runs.job_process import execute_job, resume_job, run_job, start_job, stop_job
from releve.runs.job_store import JobStore, RunError, StillReading, TooManyJobs, current_stamp, note_asked
from releve.runs.orders import open_readings
from releve.runs.process_supervisor import Part, ProcessSupervisor
from releve.runs.upload_reader import READINGS, ReadingOrder, forget_reading, read_log_upload, read_operator_upload
from tests.desk_crashtest.conftest import POLICIES, Maker, build_result, of
from tests.plan.week.hybrid_case import DAYS, build_operator
from tests.processes import wait_until
from tests.registry.test_changes import zipped


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
    monkeypatch.setattr(crash_test_job, "OUTLOOKS", replace(OUTLOOKS, execute=_fail_with(error)))
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


@pytest.fixture(scope="module")
def operator() -> Operator:
    return read_operator(write_operator(sample_operator(50, 2, 5, weeks_of_history=2)))


def _order(store: JobStore[plan_job.PlanOrder], operator: Operator, days: int, at: str = "") -> plan_job.PlanJob:
    order = plan_job.PlanOrder("amina", at or current_stamp(), 1, 30, FIRST_DAY.isoformat(), days)
    job = store.get(store.add(order, {"operator": dict(write_operator(operator))}).name)
    assert job is not None
    return job


@pytest.mark.slow
def test_a_plan_is_computed_day_by_day_resumed_and_completed(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JobStore(tmp_path, plan_job.PLAN_RUNS)
    job = _order(store, operator, 2)
    real, solved = solve_day, []

    def solve(op: Operator, need: object, *rest: object, **more: object) -> object:
        solved.append(need.day)  # type: ignore[attr-defined]
        if len(solved) == 2:
            raise KeyboardInterrupt
        return real(op, need, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("releve.plan.week.request.solve_day", solve)
    with pytest.raises(KeyboardInterrupt):
        plan_job.execute_plan(job)
    assert not plan_job.has_plan(job)
    assert plan_job.read_planned_days(job) == ()
    assert plan_job.read_plan_progress(job).step == "planning"
    plan_job.execute_plan(job)
    days = [FIRST_DAY, FIRST_DAY + timedelta(days=1)]
    assert solved[2:] == [days[1], days[0]], "the first day is solved again for what is missing"
    plans = plan_job.read_planned_days(job)
    assert [plan.day for plan in plans] == days
    assert all(plan.missing is not None and not plan.violations for plan in plans)
    before, after = plan_job.list_plan_digests(job)[days[0]]
    assert before != after
    assert plan_job.find_missing(store, days[0], before) == plans[0].missing
    assert plan_job.find_missing(store, days[0], "another") is None
    again = store.get(job.id)
    assert again is not None
    assert again.state == "done"


@pytest.mark.slow
def test_a_hybrid_week_is_computed_and_the_next_one_stays_near_it(tmp_path: Path) -> None:
    store = JobStore(tmp_path, plan_job.PLAN_RUNS)
    operator = read_operator(write_operator(build_operator()))
    first = _order_hybrid(store, operator)
    plan_job.execute_plan(first)
    plans = plan_job.read_planned_days(first)
    assert len(plans) == DAYS
    week = read_planned_week(operator, plans)
    assert week is not None
    assert check_hybrid_week(operator, week, plans) == ()
    assert all(plan.missing is not None and not plan.violations for plan in plans)
    shown = plan_job.list_plan_digests(first)
    day = plans[-1].day
    path = first.folder / "plan" / f"plan-{day}.json"
    path.write_text(plan_to_json(replace(plans[-1], missing=None)), encoding="utf-8")
    (first.folder / "complete.json").unlink()
    plan_job.execute_plan(first)
    assert plan_job.list_plan_digests(first) == shown, "a run that is resumed puts the same in force"
    files = {f"plan-{plan.day}.json": plan_to_json(plan).encode() for plan in plans}
    sheet = {"hybrid-week.csv": format_week(operator, week).encode()}
    for near in ({"force": files}, {"week": sheet}):
        second = _order_hybrid(store, operator, near)
        plan_job.execute_plan(second)
        assert read_planned_week(operator, plan_job.read_planned_days(second)) == week


def _order_hybrid(
    store: JobStore[plan_job.PlanOrder], operator: Operator, more: Mapping[str, Mapping[str, bytes]] = {}
) -> plan_job.PlanJob:
    order = plan_job.PlanOrder("amina", current_stamp(), 1, 50, FIRST_DAY.isoformat(), DAYS, hybrid=True)
    job = store.get(store.add(order, {"operator": dict(write_operator(operator)), **more}).name)
    assert job is not None
    return job


def test_a_hybrid_week_that_cannot_be_planned_says_why(tmp_path: Path) -> None:
    operator = replace(build_operator(), shifts=())
    with pytest.raises(ReleveError, match="roster"):
        plan_job.execute_plan(_order_hybrid(JobStore(tmp_path, plan_job.PLAN_RUNS), operator))


def test_an_order_that_cannot_be_planned_says_why(operator: Operator, tmp_path: Path) -> None:
    job = _order(JobStore(tmp_path, plan_job.PLAN_RUNS), replace(operator, history=()), 1)
    with pytest.raises(ReleveError, match=r"nothing is required|no agent"):
        plan_job.execute_plan(job)


def test_the_days_proposed_are_those_of_the_roster(operator: Operator) -> None:
    first, days = choose_days(operator, FIRST_DAY - timedelta(days=30))
    assert (first, 1 <= days <= 7) == (FIRST_DAY, True)
    later = FIRST_DAY + timedelta(days=days - 1)
    assert choose_days(operator, later)[0] == later
    assert choose_days(operator, FIRST_DAY + timedelta(days=900))[0] == FIRST_DAY
    assert choose_days(replace(operator, shifts=()), later) == (later, 1)


def test_old_runs_are_removed_and_progress_is_read(operator: Operator, tmp_path: Path) -> None:
    store = JobStore(tmp_path, plan_job.PLAN_RUNS)
    old, job = (_order(store, replace(operator, history=()), 1, at) for at in ("2020-01-01T00:00:00+00:00", ""))
    assert plan_job.read_plan_progress(job) == plan_job.PlanProgress()
    seen = plan_job.PlanProgress("planning", "2026-11-30", 0, 1, "bound", 0.9)
    (job.folder / "progress.json").write_text(json.dumps(asdict(seen)))
    assert plan_job.read_plan_progress(job) == seen
    plan_job.remove_expired_plans(store)
    assert [one.id for one in store.list_jobs()] == [job.id]
    assert not old.folder.exists()


def difference(label: str, against: str) -> Difference:
    return Difference(label, against, of(1), of(1), of(1), of(1), 1.0, ())


def test_the_rule_is_told_by_its_cases_those_with_it_first() -> None:
    results = tuple(build_result(label, 20) for label in (*POLICIES, "masks"))
    rows = (difference("no-rule", "as-given"), difference("masks", "as-given"), difference("no-rule", "masks"))
    found = RunResults(results, rows, {})
    assert [one.label for one in found.rule_cases] == ["as-given", "no-tests", "no-rule"]
    assert found.rule_differences == [rows[0]]
    alone = RunResults(results[-1:], (), {})
    assert (alone.rule_cases, alone.rule_differences) == ([], [])


def part(code: str, *arguments: str, name: str = "part") -> Part:
    return Part(name, (sys.executable, "-S", "-c", code, *arguments))


NOTE = "import sys, time; open(sys.argv[1], 'a').write('x')"
STAY = "import sys, time; open(sys.argv[1], 'w').write('up'); time.sleep(600)"


class Run:
    """A supervisor in a thread."""

    def __init__(self, *parts: Part) -> None:
        self.said: list[str] = []
        self.status: int | None = None
        self.supervisor = ProcessSupervisor(parts, self.said.append)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.status = self.supervisor.run()

    def stop(self) -> int | None:
        self.supervisor.ask_to_stop()
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.status


def test_a_part_that_is_killed_is_started_again_and_all_end_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    run = Run(part(STAY, str(one), name="one"), part(STAY, str(two), name="two"))
    wait_until(lambda: one.exists() and two.exists(), 60, "it did not happen")
    one.unlink()
    first = int(run.said[0].split()[-1].rstrip(")"))
    os.kill(first, signal.SIGKILL)
    wait_until(one.exists, 60, "it did not happen")
    assert "one ended with status -9" in run.said
    assert run.stop() == 0
    for line in run.said:
        if "started (process" in line:
            with pytest.raises(ProcessLookupError):
                os.kill(int(line.split()[-1].rstrip(")")), 0)


def test_where_a_part_cannot_start_the_others_end_with_its_status(tmp_path: Path) -> None:
    run = Run(part(STAY, str(tmp_path / "up"), name="good"), part("raise SystemExit(3)"))
    run.thread.join(60)
    assert run.status == 3


def test_the_wait_before_a_restart_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "FIRST_WAIT_SECONDS", 0.01)
    file = tmp_path / "starts"
    run = Run(part(NOTE, str(file)))
    wait_until(lambda: len(run.said) >= 9, 60, "it did not happen")
    assert run.stop() == 0
    assert len(file.read_text()) >= 3
    waits = [float(line.split()[-2]) for line in run.said if "again in" in line]
    assert waits[:3] == [0.01, 0.02, 0.04]


def test_a_part_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervisor, "STOP_SECONDS", 0.5)
    file = tmp_path / "up"
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAY
    run = Run(part(deaf, str(file)))
    wait_until(file.exists, 60, "it did not happen")
    assert run.stop() == 0
    assert run.said[-1].endswith("does not end: killed")


def test_a_part_that_waits_for_a_person_ends_no_other(tmp_path: Path) -> None:
    one = tmp_path / "one"
    run = Run(part(STAY, str(one), name="one"), part("raise SystemExit(75)", name="two"))
    wait_until(lambda: "two is started again in 1 s" in run.said and one.exists(), 60, "it did not happen")
    assert run.status is None
    assert run.stop() == 0


LOG = b"Date;File;Offerts\n14/09/2026;a;3\n"


@pytest.fixture
def store(tmp_path: Path) -> JobStore[ReadingOrder]:
    return JobStore(tmp_path, READINGS)


def test_what_was_read_is_what_the_file_holds_and_is_read_once(
    store: JobStore[ReadingOrder], small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []

    def start(folder: Path) -> None:
        started.append(folder)
        execute_job(folder)

    monkeypatch.setattr(upload_reader, "start_reading", start)
    data = zipped(write_operator(small))
    for _page in range(3):
        assert read_operator_upload(store, "atlas.zip", data, "amina") == small
    assert len(started) == 1
    forget_reading(store, "atlas.zip", data)
    assert store.list_jobs() == []


def test_the_faults_of_a_file_and_why_it_is_none_come_back_as_they_were(
    store: JobStore[ReadingOrder], small: Operator
) -> None:
    files = {**write_operator(small)}
    files["clients.csv"] += b"c9,\n"
    with pytest.raises(OperatorFaults) as caught:
        read_operator_upload(store, "a.zip", zipped(files), "amina")
    assert [(one.table, one.row) for one in caught.value.faults] == [("clients", 3)] * 2
    assert isinstance(caught.value.faults[0].reason, Phrase), "it can be translated"
    with pytest.raises(NotAnUpload, match="neither a workbook"):
        read_operator_upload(store, "a.csv", b"id", "amina")
    with pytest.raises(NotAnUpload, match="neither CSV nor Parquet") as refused:
        read_log_upload(store, "a.pdf", b"%PDF", "amina")
    assert isinstance(refused.value.args[0], Phrase)
    assert read_log_upload(store, "a.csv", LOG, "amina").frame.height == 1


def test_a_file_that_takes_too_long_is_refused_in_plain_words(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "READINGS", replace(READINGS, most_seconds=0.0))
    monkeypatch.setattr(upload_reader, "start_reading", run_job)
    with pytest.raises(NotAnUpload, match="takes more than 120 seconds to read: send it again"):
        read_log_upload(store, "a.csv", LOG, "amina")
    assert store.list_jobs() == [], "the file does not stay"


def test_a_page_waits_some_seconds_and_one_person_has_three_files_at_a_time(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "start_reading", note_asked)
    monkeypatch.setattr(upload_reader, "PATIENCE_SECONDS", 0.0)
    for number in range(3):
        with pytest.raises(StillReading):
            read_log_upload(store, f"{number}.csv", LOG, "amina")
    with pytest.raises(StillReading):
        read_log_upload(store, "2.csv", LOG, "amina")
    with pytest.raises(TooManyJobs, match="3 files of yours are being read"):
        read_log_upload(store, "4.csv", LOG, "amina")


@pytest.mark.slow
def test_the_process_of_its_own_reads_the_file_and_keeps_no_copy_of_it(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "start_reading", start_job)
    monkeypatch.setattr(upload_reader, "PATIENCE_SECONDS", 60.0)
    log = read_log_upload(store, "a.csv", LOG, "amina")
    assert log.frame.columns == ["Date", "File", "Offerts"]
    (job,) = store.list_jobs()
    until = time.monotonic() + 20
    while (job.folder / "inputs").exists() and time.monotonic() < until:
        time.sleep(0.05)
    held = [path for path in job.folder.rglob("*") if path.is_file() and path.name != "lock"]
    assert not any(LOG in path.read_bytes() for path in held)


def test_what_was_read_is_removed_after_a_day(store: JobStore[ReadingOrder]) -> None:
    read_log_upload(store, "a.csv", LOG, "amina")
    (job,) = store.list_jobs()
    old = replace(job.order, at=(datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat())
    store.remove(job)
    store.add(old, {})
    read_log_upload(store, "b.csv", LOG, "amina")
    assert [one.order.name for one in store.list_jobs()] == ["b.csv"]


@pytest.mark.django_db
def test_an_upload_and_what_was_read_of_it_go_after_a_day_without_another_upload(
    settings: FixturesSettings, tmp_path: Path
) -> None:
    settings.HOME = tmp_path
    read_log_upload(open_readings(), "a.csv", LOG, "amina")
    store_upload("a.xlsx", b"x", "amina", None)
    run_due_job = import_string(due_jobs._jobs["uploads"].run)
    run_due_job(datetime.now(UTC) + timedelta(hours=23))
    assert (len(open_readings().list_jobs()), Upload.objects.count()) == (1, 1)
    run_due_job(datetime.now(UTC) + timedelta(hours=25))
    assert (open_readings().list_jobs(), Upload.objects.count()) == ([], 0)
