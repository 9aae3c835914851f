"""Order crash tests and outlooks, look at outlooks and remove crash tests, each act recorded.

A job takes its inputs from the registry, the plans and the rules of this installation.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import STREAM
from releve.files.operator_folder import RULES, list_rule_files
from releve.files.plan_folder import PACK_FILE, PlanFolderError, format_packs, list_plan_files
from releve.ledger.chain import append
from releve.live.api import list_latest_week, situation_now
from releve.network import Operator, write_operator
from releve.plugins.crashtest.crash_test_job import (
    CRASH_TESTS,
    OUTLOOK_DAYS,
    OUTLOOKS,
    CrashTestJob,
    CrashTestOrder,
    OutlookJob,
    OutlookOrder,
)
from releve.plugins.crashtest.engine.outbreak.population import (
    ASSUMED_AIR_CHANGES,
    ASSUMED_M3_PER_SEAT,
    ASSUMED_PITCH_M,
    AssumedPlaces,
    count_assumed_places,
)
from releve.runs.job_process import start_job
from releve.runs.job_store import JobStore, current_stamp
from releve.runs.orders import PLAN_FOLDER, read_plan_files
from releve.runs.plan_job import PLAN_IN_FORCE
from releve.situation import CaseDeclared, Event, SiteClosed, Situation, event_to_json


def open_crash_tests() -> JobStore[CrashTestOrder]:
    return JobStore(settings.HOME, CRASH_TESTS)


def open_outlooks() -> JobStore[OutlookOrder]:
    return JobStore(settings.HOME, OUTLOOKS)


def list_plan_sources() -> dict[str, tuple[str, ...]]:
    """Return the days of each source of plans: of the plan in force the last seven days."""
    found: dict[str, tuple[str, ...]] = {}
    force = list_latest_week()
    if force:
        found[PLAN_IN_FORCE] = tuple(day.isoformat() for day in force)
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


def start_crash_test(order: CrashTestOrder, operator: Operator) -> Path:
    """Write what a crash test needs, start its process and return its folder."""
    store = open_crash_tests()
    store.require_room(order.by)
    folder = store.add(order, collect_inputs(operator, order.plan, order.beside))
    start_job(folder)
    return folder


def remove_crash_test(job: CrashTestJob, by: str) -> bool:
    """Remove a crash test with its inputs, and record it; False when a process is at work."""
    with transaction.atomic():
        body = {"run": job.id, "name": job.order.name, "state": job.state, "actor": by}
        append("crashtest.removed", body, stream=STREAM, recorded_at=timezone.now())
        done = open_crash_tests().remove(job)
        if not done:
            transaction.set_rollback(True)
    return done


def start_outlook(operator: Operator, situation: Situation, at: datetime, *, stream: str, source: str, by: str) -> Path:
    """Write what an outlook from the day after ``at`` needs, record it and start its process."""
    store = open_outlooks()
    store.require_room(by)
    first = operator.find_day(at) + timedelta(days=1)
    begin, _end = operator.day_bounds(first)
    lines = [
        json.dumps({"kind": event.kind, **event_to_json(event)}) + "\n"
        for event in select_outlook_events(situation, begin)
    ]
    inputs = collect_inputs(operator, source) | {"events": {"events.jsonl": "".join(lines).encode()}}
    folder = store.add(OutlookOrder(by, current_stamp(), stream, str(first)), inputs)
    _record_outlook("outlook.made", folder.name, stream, by)
    start_job(folder)
    return folder


def record_outlook_view(job: OutlookJob, by: str) -> None:
    """Record that a user looks at the chances of an outlook."""
    _record_outlook("outlook.seen", job.id, job.order.stream, by)


def _record_outlook(kind: str, run: str, stream: str, by: str) -> None:
    """Record an act on an outlook; the entry names no agent and no site."""
    with transaction.atomic():
        body = {"run": run, "of": stream, "actor": by}
        append(kind, body, stream=STREAM, recorded_at=timezone.now())


def select_outlook_events(situation: Situation, first: datetime) -> Iterator[Event]:
    """Yield the only events that an outlook from the instant ``first`` needs: the cases of the days
    that it looks back, and a closure of each lost site until it may reopen."""
    since = first - timedelta(days=OUTLOOK_DAYS + 1)
    cases = (case for case in situation.cases if case.status == "declared_case")
    for number, case in enumerate(cases):
        if case.cleared_at is None and since <= case.at < first:
            yield CaseDeclared(
                id=f"case-{number}",
                happened_at=case.at,
                recorded_at=case.recorded_at,
                actor="desk",
                site=case.site,
                status=case.status,
                agent=case.agent,
            )
    before = first - timedelta(minutes=1)
    for site, until in sorted(situation.lost_places(first).sites.items()):
        yield SiteClosed(
            id=f"closed-{site}",
            happened_at=before,
            recorded_at=before,
            actor="desk",
            site=site,
            cause="operator",
            earliest_reopening=until,
        )
