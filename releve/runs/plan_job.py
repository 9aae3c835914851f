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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from releve import __version__
from releve.demand import Requirement
from releve.files.atomic import write_file
from releve.files.operator_folder import FolderError, read_operator_files
from releve.files.plan_folder import list_plan_files, read_plan
from releve.network import Operator, read_operator
from releve.plan import Plan, PlanError, PlanSettings, SolvedDay, WhatIsMissing, solve_day
from releve.plan.plan_json import plan_to_json
from releve.plan.planner import name_plan
from releve.plan.purchases.search import find_what_is_missing
from releve.plan.week import forecast_day, list_roster_days, select_open_days
from releve.plan.week.hybrid import name_hybrid_days, plan_hybrid_week
from releve.plan.week.hybrid_week import (
    HybridWeek,
    read_planned_week,
    read_week_table,
    select_past_days,
)
from releve.plan.week.verification import check_hybrid_week
from releve.runs.inputs import RunError
from releve.runs.job_store import ACTIVE_STATES, Job, JobKind, JobStore

KEPT_DAYS = 30
"""Days after which a run is removed: its plans name agents."""
STAGES = ("usable seats", "floors", "n-1 programme", "whole people", "reliefs", "bound")
"""The stages of planning one day, in order."""
HYBRID_STAGES = ("days alone", "week", "days")
"""The stages of planning a hybrid week, in order."""
PLAN_IN_FORCE, WEEK, WEEK_FILE = "force", "week", "hybrid-week.csv"
"""Folders of the inputs of a hybrid week: the plans in force, and the file of a week to keep."""
_PLANNED = "planned.json"
_PROGRESS = "progress.json"
_PAUSE_S = 0.5
"""Least time between two notes of progress within a stage."""


@dataclass(frozen=True)
class PlanOrder:
    """What a plan was ordered with: ``version`` of the reference data, first day, days; as one
    ``hybrid`` week, or day by day."""

    by: str
    at: str
    version: int
    agents: int
    first: str
    days: int
    hybrid: bool = False


PlanJob = Job[PlanOrder]
PLAN_RUNS = JobKind("planruns", "complete.json", PlanOrder, take_turns=True)


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
    note = _ProgressNote(job.folder)
    note(PlanProgress())
    try:
        operator = read_operator(read_operator_files(job.folder / "inputs" / "operator"))
        days = list_roster_days(operator, job.order.days, date.fromisoformat(job.order.first))
        demands = select_open_days([forecast_day(operator, day) for day in days])
        needs = [need for _, need in demands]
        plan_days = _plan_hybrid_days if job.order.hybrid else _plan_days
        solved = plan_days(job.folder, operator, needs, note)
    except (FolderError, PlanError, ValueError) as error:
        raise RunError(str(error)) from None
    if not has_plan(job):
        _write_planned(job.folder, days, needs)
    _add_missing(job.folder / "plan", operator, needs, solved, note)
    write_file(job.folder / PLAN_RUNS.result, "{}", durable=False)


def _write_planned(folder: Path, days: Sequence[date], needs: Sequence[Requirement]) -> None:
    """Note the digest of each day's plan as it is before what is missing is added."""
    planned = {need.day.isoformat() for need in needs}
    files = {day: (folder / "plan" / f"plan-{day}.json").read_bytes() for day in sorted(planned)}
    tree = {
        "days": {day: hashlib.sha256(content).hexdigest() for day, content in files.items()},
        "left_out": sorted({day.isoformat() for day in days} - planned),
        "unknown": {name: why for need in needs for name, why in need.unknown.items()},
    }
    write_file(folder / _PLANNED, json.dumps(tree, ensure_ascii=False), durable=False)


def _plan_days(
    folder: Path, operator: Operator, needs: Sequence[Requirement], note: Callable[..., None]
) -> dict[date, SolvedDay]:
    """Plan the days that have no file yet; agents keep the place that they had the day before."""
    (folder / "plan").mkdir(exist_ok=True)
    solved: dict[date, SolvedDay] = {}
    wish: dict[str, tuple[str, str]] = {}
    for done, need in enumerate(needs):
        path = folder / "plan" / f"plan-{need.day}.json"
        if path.exists():
            plan = read_plan(path)
        else:
            show = _report_stages(note, need.day, done, len(needs))
            one = solve_day(operator, need, progress=show, now=time.perf_counter)
            plan = name_plan(operator, one, wish, version=__version__)
            solved[need.day] = one
            write_file(path, plan_to_json(plan), durable=False)
        wish.update({row.agent: (row.place, row.programme) for row in plan.placements})
    return solved


def _plan_hybrid_days(
    folder: Path, operator: Operator, needs: Sequence[Requirement], note: Callable[..., None]
) -> dict[date, SolvedDay]:
    """Plan the days as one hybrid week, near the one it was ordered with, else the one in force.

    The days that have a file are the same again: nothing else is put in force than what was shown.
    """
    (folder / "plan").mkdir(exist_ok=True)
    plans = _read_days(folder / "plan")
    if len(plans) == len(needs) and all(plan.missing is not None for plan in plans):
        return {}
    last = _read_last_week(folder / "inputs", operator)
    past = select_past_days(last, needs[0].day)

    def show(stage: str, share: float) -> None:
        if (stage, share) == ("week", 1.0):
            stage, share = "days", 0.0
        whole = (HYBRID_STAGES.index(stage) + share) / len(HYBRID_STAGES)
        note(PlanProgress("planning", "", 0, len(needs), stage, round(whole, 4)))

    show("days alone", 0.0)
    found = plan_hybrid_week(operator, needs, last=last, past=past, progress=show)
    named = name_hybrid_days(operator, found, __version__)
    if broken := check_hybrid_week(operator, found.week, named, past):
        raise RunError(broken[0])
    for plan in named:
        path = folder / "plan" / f"plan-{plan.day}.json"
        if not path.exists():
            write_file(path, plan_to_json(plan), durable=False)
    return {need.day: one for need, one in zip(needs, found.solved, strict=True)}


def _read_last_week(inputs: Path, operator: Operator) -> HybridWeek | None:
    path = inputs / WEEK / WEEK_FILE
    if path.exists():
        return read_week_table(operator, pl.read_csv(path, infer_schema=False))
    return read_planned_week(operator, _read_days(inputs / PLAN_IN_FORCE))


def _read_days(folder: Path) -> list[Plan]:
    return [read_plan(path) for path in sorted(folder.glob("plan-*.json"))]


def _report_stages(
    note: Callable[[PlanProgress], None], day: date, done: int, days: int
) -> Callable[[str, float], None]:
    def show(stage: str, share: float) -> None:
        at = STAGES.index(stage) if stage in STAGES else 0
        whole = (done + (at + share) / len(STAGES)) / days
        note(PlanProgress("planning", day.isoformat(), done, days, stage, round(whole, 4)))

    return show


def _add_missing(
    folder: Path,
    operator: Operator,
    needs: Sequence[Requirement],
    solved: dict[date, SolvedDay],
    note: Callable[[PlanProgress], None],
) -> None:
    """Add what is missing to the plans that lack it; days planned before are solved again."""
    for done, need in enumerate(needs):
        path = folder / f"plan-{need.day}.json"
        plan = read_plan(path)
        if plan.missing is not None:
            continue
        show = _report_missing(note, need.day, done, len(needs))
        show(0.0, "")
        one = solved.get(need.day) or solve_day(operator, need, PlanSettings())
        missing = find_what_is_missing(operator, one, progress=show)
        write_file(path, plan_to_json(replace(plan, missing=missing)), durable=False)


def _report_missing(
    note: Callable[[PlanProgress], None], day: date, done: int, days: int
) -> Callable[[float, str], None]:
    def show(share: float, words: str) -> None:
        whole = round((done + share) / days, 4)
        note(PlanProgress("missing", day.isoformat(), done, days, share=whole))

    return show


class _ProgressNote:
    """Writes progress into the folder of a job: each change of step, day or stage, else seldom."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _PROGRESS
        self._last: tuple[str, str, str] | None = None
        self._at = 0.0

    def __call__(self, progress: PlanProgress) -> None:
        key = (progress.step, progress.day, progress.stage)
        if key == self._last and time.monotonic() - self._at < _PAUSE_S:
            return
        self._last, self._at = key, time.monotonic()
        write_file(self._path, json.dumps(asdict(progress)), durable=False)


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
    return {
        day: (first[day.isoformat()], hashlib.sha256(path.read_bytes()).hexdigest())
        for day, path in files.items()
    }


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
