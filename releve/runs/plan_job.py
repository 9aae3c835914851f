"""Plans that users order: the days planned one by one, then what is missing behind.

A day is written as soon as it is planned, so a resumed run goes on with the next one; the days of a
hybrid week are planned together, and again on resuming. With all days ``planned.json`` stands in
the folder and the plan may be put in force; what is missing is added to the days' files afterwards.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from releve import __version__
from releve.demand import Forecast, Requirement
from releve.errors import Phrase, join_lines, read_reason
from releve.files.atomic import write_file
from releve.files.operator_folder import FolderError, read_operator_files
from releve.files.plan_folder import list_plan_files, read_plan
from releve.network import Fault, Operator, OperatorFaults, read_operator
from releve.network.table_words import name_column, name_table
from releve.plan import Plan, PlanError, PlanSettings, WhatIsMissing
from releve.plan.plan_json import plan_to_json
from releve.plan.week import PlannedDays, PlanObserver, PlanRequest, list_roster_days, plan_days
from releve.plan.week.hybrid_week import HybridWeek, read_planned_week, read_week_table
from releve.runs.job_store import ACTIVE_STATES, Job, JobKind, JobStore, RunError

KEPT_DAYS = 30
"""Days after which a run is removed: its plans name agents."""
STAGES = ("usable seats", "floors", "n-1 programme", "whole people", "reliefs", "bound")
"""The stages of planning one day, in order."""
HYBRID_STAGES = ("days alone", "week", "days")
"""The stages of planning a hybrid week, in order."""
PLAN_IN_FORCE, DAY_BEFORE, WEEK, WEEK_FILE = "force", "before", "week", "hybrid-week.csv"
"""Folders of the inputs of a hybrid week: the plans in force, and the file of a week to keep."""
_PLANNED = "planned.json"
_PROGRESS = "progress.json"
_PAUSE_S = 0.5
"""Least time between two notes of progress within a stage."""


@dataclass(frozen=True)
class PlanOrder:
    """What a plan was ordered with: ``version`` of the reference data, first day, days; as one
    ``hybrid`` week, or day by day. ``hire_price``: EUR for one more agent; None: none is hired."""

    by: str
    at: str
    version: int
    agents: int
    first: str
    days: int
    hybrid: bool = False
    hire_price: float | None = None


PlanJob = Job[PlanOrder]


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """How far a run is: ``step`` is reading, planning or missing; ``done`` of ``days`` in it.

    ``stage`` is one of :data:`STAGES` while a day is planned, of :data:`HYBRID_STAGES`, without a
    ``day``, while a hybrid week is; ``share`` of the step, 0 to 1.
    """

    step: str = "reading"
    day: str = ""
    done: int = 0
    days: int = 0
    stage: str = ""
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class PlanRemarks:
    """Days left out because nothing is required; ``unknown``: programmes without a requirement,
    each with the reason."""

    left_out: tuple[date, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


def execute_plan(job: PlanJob) -> None:
    """Plan what is missing of an ordered plan, then what is missing for it.

    RunError says why it cannot be planned, and the fix.
    """
    recorder = _Recorder(job)
    recorder.note(PlanProgress())
    inputs, plans = job.folder / "inputs", job.folder / "plan"
    try:
        operator = read_operator(read_operator_files(inputs / "operator"))
        days = list_roster_days(operator, job.order.days, date.fromisoformat(job.order.first))
        request = PlanRequest(
            days,
            PlanSettings(hire_price=job.order.hire_price),
            hybrid=job.order.hybrid,
            last=_read_last_week(inputs, operator) if job.order.hybrid else None,
            known={plan.day: plan for plan in _read_days(plans)},
            before=next(iter(_read_days(inputs / DAY_BEFORE)), None),
            version=__version__,
        )
        plan_days(operator, request, recorder)
    except OperatorFaults as error:
        raise RunError(join_lines(_list_faults(error.faults))) from None
    except (FolderError, PlanError, ValueError) as error:
        raise RunError(read_reason(error)) from None
    write_file(job.folder / PLAN_RUNS.result, "{}", durable=False)


_MOST_FAULTS = 10


def _list_faults(faults: Sequence[Fault]) -> Iterator[Phrase]:
    """Yield the first faults with their places, and how many more there are."""
    yield Phrase("Faults in the operator's reference data: {0}.", len(faults))
    for fault in faults[:_MOST_FAULTS]:
        table = name_table(fault.table)
        place = Phrase("{0}, row {1}", table, fault.row) if fault.row else table
        if fault.column:
            place = Phrase("{0}, {1}", place, name_column(fault.table, fault.column))
        yield Phrase("{0}: {1}; {2}.", place, fault.reason, fault.fix)
    if len(faults) > _MOST_FAULTS:
        yield Phrase("... and {0} more", len(faults) - _MOST_FAULTS)


def _read_last_week(inputs: Path, operator: Operator) -> HybridWeek | None:
    path = inputs / WEEK / WEEK_FILE
    if path.exists():
        return read_week_table(operator, pl.read_csv(path, infer_schema=False))
    return read_planned_week(operator, _read_days(inputs / PLAN_IN_FORCE))


def _read_days(folder: Path) -> list[Plan]:
    return [read_plan(path) for path in sorted(folder.glob("plan-*.json"))]


PLAN_RUNS = JobKind("planruns", "complete.json", PlanOrder, execute_plan, take_turns=True)


class _Recorder(PlanObserver):
    """Writes each plan into the folder of a job, and its progress: each change, else seldom."""

    now = staticmethod(time.perf_counter)

    def __init__(self, job: PlanJob) -> None:
        self._folder, self._planned, self._hybrid = job.folder, has_plan(job), job.order.hybrid
        self._days: list[date] = []
        self._needs: list[Requirement] = []
        self._left_out: list[str] = []
        self._last: tuple[str, str, str] | None = None
        self._at = 0.0

    def note(self, progress: PlanProgress) -> None:
        """Write how far the job is."""
        key = (progress.step, progress.day, progress.stage)
        if key == self._last and time.monotonic() - self._at < _PAUSE_S:
            return
        self._last, self._at = key, time.monotonic()
        write_file(self._folder / _PROGRESS, json.dumps(asdict(progress)), durable=False)

    def forecast(self, demands: Sequence[tuple[Forecast, Requirement]], left_out: Sequence[date]) -> None:
        self._needs = [need for _, need in demands]
        self._days = [need.day for need in self._needs]
        self._left_out = sorted(day.isoformat() for day in left_out)
        (self._folder / "plan").mkdir(exist_ok=True)
        if self._hybrid:
            self.stage(None, HYBRID_STAGES[0], 0.0)

    def stage(self, day: date | None, stage: str, share: float) -> None:
        if day is None:
            if (stage, share) == ("week", 1.0):
                stage, share = "days", 0.0
            done, whole = 0, (HYBRID_STAGES.index(stage) + share) / len(HYBRID_STAGES)
        else:
            done, at = self._days.index(day), STAGES.index(stage) if stage in STAGES else 0
            whole = (done + (at + share) / len(STAGES)) / len(self._days)
        name = day.isoformat() if day else ""
        self.note(PlanProgress("planning", name, done, len(self._days), stage, round(whole, 4)))

    def receive_plan(self, plan: Plan) -> None:
        path = self._locate(plan)
        if not path.exists():
            write_file(path, plan_to_json(plan), durable=False)

    def receive_plans(self, found: PlannedDays) -> None:
        if found.broken:
            raise RunError(found.broken[0])
        for plan in found.plans:
            self.receive_plan(plan)
        if self._planned:
            return
        tree = {
            "days": {
                plan.day.isoformat(): hashlib.sha256(self._locate(plan).read_bytes()).hexdigest()
                for plan in found.plans
            },
            "left_out": self._left_out,
            "unknown": {name: why for need in self._needs for name, why in need.unknown.items()},
        }
        write_file(self._folder / _PLANNED, json.dumps(tree, ensure_ascii=False), durable=False)

    def search_missing(self, day: date, share: float, words: str) -> None:
        done, days = self._days.index(day), len(self._days)
        whole = round((done + share) / days, 4)
        self.note(PlanProgress("missing", day.isoformat(), done, days, share=whole))

    def receive_missing(self, plan: Plan) -> None:
        write_file(self._locate(plan), plan_to_json(plan), durable=False)

    def _locate(self, plan: Plan) -> Path:
        return self._folder / "plan" / f"plan-{plan.day}.json"


def read_plan_progress(job: PlanJob) -> PlanProgress:
    """Return how far a run is; ``reading`` before its process has said anything."""
    try:
        tree: dict[str, Any] = json.loads((job.folder / _PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return PlanProgress()
    return PlanProgress(**tree)


def has_plan(job: PlanJob) -> bool:
    """Return whether every day of a run is planned, so that it may be put in force."""
    return (job.folder / _PLANNED).exists()


def read_planned_days(job: PlanJob) -> tuple[Plan, ...]:
    """Return the plans of a run by day; empty before all of them are there."""
    if not has_plan(job):
        return ()
    return tuple(read_plan(path) for path in list_plan_files(job.folder / "plan").values())


def list_plan_digests(job: PlanJob) -> dict[date, tuple[str, str]]:
    """Return the digests of each planned day: before and after what is missing was added."""
    if not has_plan(job):
        return {}
    first, files = _read_planned(job)["days"], list_plan_files(job.folder / "plan")
    return {day: (first[day.isoformat()], _digest(path, path.stat().st_mtime_ns)) for day, path in files.items()}


@lru_cache(maxsize=256)
def _digest(path: Path, written_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_remarks(job: PlanJob) -> PlanRemarks:
    """Return what a run left out; nothing before all days are planned."""
    if not has_plan(job):
        return PlanRemarks()
    tree = _read_planned(job)
    return PlanRemarks(tuple(date.fromisoformat(day) for day in tree["left_out"]), tree["unknown"])


def find_missing(store: JobStore[PlanOrder], day: date, digest: str) -> WhatIsMissing | None:
    """Return what a run found missing after its plan of a day was put in force; None: nothing yet.

    ``digest`` is that of the plan as it was put in force.
    """
    for job in store.list_jobs():
        if has_plan(job) and _read_planned(job)["days"].get(day.isoformat()) == digest:
            return read_plan(job.folder / "plan" / f"plan-{day}.json").missing
    return None


def _read_planned(job: PlanJob) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((job.folder / _PLANNED).read_text("utf-8"))
    return tree


def remove_expired_plans(store: JobStore[PlanOrder]) -> None:
    """Remove the runs that are too old and not at work."""
    oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    for job in store.list_jobs():
        if datetime.fromisoformat(job.order.at) < oldest and job.state not in ACTIVE_STATES:
            shutil.rmtree(job.folder, ignore_errors=True)
