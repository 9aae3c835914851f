"""Order long work, look at outlooks and remove crash tests; the ledger records each such act."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import STREAM
from releve.ledger.chain import append
from releve.live.api import load_activation, rules_now
from releve.network import Operator, day_bounds, write_operator, zone
from releve.plan.day_fleet import cap_vehicles
from releve.plan.week.hybrid_table import format_week
from releve.plan.week.hybrid_week import HybridWeek
from releve.registry.models import Version
from releve.registry.storage import load_operator
from releve.runs.crash_test_job import CrashTestJob, CrashTestOrder
from releve.runs.installation import (
    PLAN_IN_FORCE,
    collect_inputs,
    open_crash_tests,
    open_outlooks,
    open_plan_runs,
    read_plan_files,
)
from releve.runs.job_process import start_job
from releve.runs.job_store import current_stamp
from releve.runs.outlook_job import OUTLOOK_DAYS, OutlookJob, OutlookOrder
from releve.runs.plan_job import WEEK, WEEK_FILE, PlanOrder
from releve.situation import CaseDeclared, Event, SiteClosed, Situation, event_to_json

__all__ = [
    "record_outlook_view",
    "remove_crash_test",
    "select_outlook_events",
    "start_crash_test",
    "start_outlook",
    "start_plan_run",
]


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


def start_plan_run(
    version: Version,
    first: date,
    days: int,
    *,
    by: str,
    hybrid: bool = False,
    week: HybridWeek | None = None,
) -> Path:
    """Start to plan ``days`` days of a version of the reference data; return the run's folder.

    Vehicles keep to the transport rules in force on the first day. A ``hybrid`` week stays near
    ``week``, else near the days in force. TooManyJobs where this user has enough of them.
    """
    store = open_plan_runs()
    store.require_room(by)
    operator = cap_vehicles(load_operator(version), first, rules_now())
    order = PlanOrder(
        by, current_stamp(), version.number, len(operator.agents), first.isoformat(), days, hybrid
    )
    inputs = {"operator": dict(write_operator(operator))}
    if week is not None:
        inputs[WEEK] = {WEEK_FILE: format_week(operator, week).encode()}
    elif hybrid and load_activation() is not None:
        inputs[PLAN_IN_FORCE] = read_plan_files(PLAN_IN_FORCE)
    folder = store.add(order, inputs)
    start_job(folder)
    return folder


def start_outlook(
    operator: Operator, situation: Situation, at: datetime, *, stream: str, source: str, by: str
) -> Path:
    """Write what an outlook from the day after ``at`` needs, record it and start its process."""
    store = open_outlooks()
    store.require_room(by)
    first = at.astimezone(zone(operator.row.time_zone)).date() + timedelta(days=1)
    begin, _end = day_bounds(first, operator.row.time_zone)
    lines = [
        json.dumps({"kind": event.kind, **event_to_json(event)}) + "\n"
        for event in select_outlook_events(situation, begin)
    ]
    inputs = collect_inputs(operator, source) | {
        "events": {"events.jsonl": "".join(lines).encode()}
    }
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
