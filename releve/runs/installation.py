"""The jobs of this installation, and the inputs they take from its registry, plans and rules."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from releve.files.operator_folder import RULES, list_rule_files
from releve.files.plan_folder import PACK_FILE, PlanFolderError, format_packs, list_plan_files
from releve.live.api import PlanText, load_activation, situation_now
from releve.network import Operator, write_operator
from releve.plugins.crashtest.crash_test_job import CRASH_TESTS, CrashTestOrder
from releve.plugins.crashtest.engine.outbreak.population import (
    ASSUMED_AIR_CHANGES,
    ASSUMED_M3_PER_SEAT,
    ASSUMED_PITCH_M,
    AssumedPlaces,
    count_assumed_places,
)
from releve.plugins.crashtest.outlook_job import OUTLOOKS, OutlookOrder
from releve.registry import uploads
from releve.runs import upload_reader
from releve.runs.job_store import JobStore
from releve.runs.plan_job import PLAN_IN_FORCE, PLAN_RUNS, PlanOrder
from releve.runs.upload_reader import READINGS, ReadingOrder

PLAN_FOLDER = "folder"
"""Where plans come from beside those in force: the plan folder that the desk serves."""


def open_crash_tests() -> JobStore[CrashTestOrder]:
    return JobStore(settings.HOME, CRASH_TESTS)


def open_outlooks() -> JobStore[OutlookOrder]:
    return JobStore(settings.HOME, OUTLOOKS)


def open_readings() -> JobStore[ReadingOrder]:
    """Return the uploaded files that are being read, or were lately."""
    return JobStore(settings.HOME, READINGS)


def remove_expired_uploads(now: datetime) -> None:
    """Remove the uploads that wait for too long, and what was read of them; a due job."""
    uploads.remove_expired(now)
    upload_reader.remove_expired(open_readings(), now)


def open_plan_runs() -> JobStore[PlanOrder]:
    return JobStore(settings.HOME, PLAN_RUNS)


def list_plan_sources() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    force = load_activation()
    if force is not None:
        found[PLAN_IN_FORCE] = tuple(sorted(force.days))
    if settings.PLAN_FOLDER is not None:
        with contextlib.suppress(PlanFolderError):
            days = list_plan_files(settings.PLAN_FOLDER)
            found[PLAN_FOLDER] = tuple(day.isoformat() for day in days)
    return found


def collect_inputs(operator: Operator, plan: str, beside: str = "") -> dict[str, dict[str, bytes]]:
    """Return the files that a job needs: the operator, the plans of one or two sources, and the
    rules and packs of the installation, so that a test goes by those of the live desk."""
    inputs = {"operator": dict(write_operator(operator)), "plan": read_plan_files(plan)}
    chosen = situation_now().packs
    if chosen:
        inputs["plan"][PACK_FILE] = format_packs(chosen).encode()
    if beside:
        inputs[beside] = read_plan_files(beside)
    rules = list_rule_files(Path(settings.HOME), RULES)
    if rules:
        inputs["rules"] = {path.name: path.read_bytes() for path in rules}
    return inputs


def read_plan_files(source: str) -> dict[str, bytes]:
    if source == PLAN_FOLDER:
        assert settings.PLAN_FOLDER is not None
        return {path.name: path.read_bytes() for path in list_plan_files(settings.PLAN_FOLDER).values()}
    force = load_activation()
    assert force is not None
    texts = PlanText.objects.in_bulk(list(force.days.values()))
    return {f"plan-{day}.json": texts[key].text.encode() for day, key in force.days.items()}


@dataclass(frozen=True, slots=True)
class RunSize:
    """What starting a crash test means.

    ``minutes`` by the last one that was done here, None before a first one; ``left_out`` weekdays
    without a plan (0: Monday); what is ``assumed`` of zones and seats, and which values.
    """

    cases: int
    quarters: int
    days: int
    agents: int
    minutes: int | None
    left_out: tuple[int, ...]
    assumed: AssumedPlaces
    m3_per_seat: float = ASSUMED_M3_PER_SEAT
    air_changes: float = ASSUMED_AIR_CHANGES
    pitch_m: float = ASSUMED_PITCH_M


def measure_run_size(order: CrashTestOrder, operator: Operator) -> RunSize:
    """Return what starting an order means, with the plans and past runs of this installation."""
    planned = {date.fromisoformat(day).weekday() for day in list_plan_sources()[order.plan]}
    seconds = _estimate_seconds(order.work)
    return RunSize(
        order.cases,
        order.quarters,
        order.days,
        order.agents,
        None if seconds is None else max(1, math.ceil(seconds / 60)),
        () if order.nearest else tuple(day for day in range(7) if day not in planned),
        count_assumed_places(operator),
    )


def _estimate_seconds(work: int) -> float | None:
    """Return how long ``work`` agent-days take, by the last crash test that was done here.

    None before a first one is done.
    """
    for job in open_crash_tests().list_jobs():
        if job.state == "done" and job.seconds > 0:
            return job.seconds * work / job.order.work
    return None
