"""Order long work, look at outlooks and remove crash tests; the ledger records each such act.

Computed plans and the plan in force: what to plan next, what a run changes, what it adds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import STREAM
from releve.errors import Phrase
from releve.files.plan_folder import StoredPlan
from releve.ledger.chain import append
from releve.live import api as live
from releve.live.api import load_activation, rules_now
from releve.network import Operator, day_bounds, write_operator, zone
from releve.plan import Plan
from releve.plan.comparison import ComparedPlan, compare_plans
from releve.plan.day_fleet import cap_vehicles
from releve.plan.week import choose_days
from releve.plan.week.hybrid_week import HybridWeek, format_week
from releve.plugins.crashtest.crash_test_job import CrashTestJob, CrashTestOrder
from releve.plugins.crashtest.outlook_job import OUTLOOK_DAYS, OutlookJob, OutlookOrder
from releve.registry.models import Version
from releve.registry.service import get_current_version
from releve.registry.storage import load_operator
from releve.runs.inputs import RunError
from releve.runs.installation import collect_inputs, open_crash_tests, open_outlooks, open_plan_runs, read_plan_files
from releve.runs.job_process import start_job
from releve.runs.job_store import current_stamp
from releve.runs.plan_job import (
    PLAN_IN_FORCE,
    WEEK,
    WEEK_FILE,
    PlanJob,
    PlanOrder,
    find_missing,
    list_plan_digests,
    read_planned_days,
)
from releve.situation import CaseDeclared, Event, SiteClosed, Situation, event_to_json


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
    version: Version, first: date, days: int, *, by: str, hybrid: bool = False, week: HybridWeek | None = None
) -> Path:
    """Start to plan ``days`` days of a version of the reference data; return the run's folder.

    Vehicles keep to the transport rules in force on the first day. A ``hybrid`` week stays near
    ``week``, else near the days in force. TooManyJobs where this user has enough of them.
    """
    store = open_plan_runs()
    store.require_room(by)
    operator = cap_vehicles(load_operator(version), first, rules_now())
    order = PlanOrder(by, current_stamp(), version.number, len(operator.agents), first.isoformat(), days, hybrid)
    inputs = {"operator": dict(write_operator(operator))}
    if week is not None:
        inputs[WEEK] = {WEEK_FILE: format_week(operator, week).encode()}
    elif hybrid and load_activation() is not None:
        inputs[PLAN_IN_FORCE] = read_plan_files(PLAN_IN_FORCE)
    folder = store.add(order, inputs)
    start_job(folder)
    return folder


def start_outlook(operator: Operator, situation: Situation, at: datetime, *, stream: str, source: str, by: str) -> Path:
    """Write what an outlook from the day after ``at`` needs, record it and start its process."""
    store = open_outlooks()
    store.require_room(by)
    first = at.astimezone(zone(operator.row.time_zone)).date() + timedelta(days=1)
    begin, _end = day_bounds(first, operator.row.time_zone)
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


MOST_DAYS = 7
"""Days that are planned together."""
_MOST_COMPLETED = 16
"""Plans kept with what was found missing since they were put in force."""


@dataclass(frozen=True, slots=True)
class PlanProposal:
    """The first day, days, and whether as a hybrid week; None: without teams there is none."""

    first: date
    days: int
    hybrid: bool | None


def propose_plan() -> PlanProposal:
    """Return the days that the roster proposes, as a hybrid week where the one in force is one.

    NoOperator when the registry is empty.
    """
    operator = live.operator_now()
    today = live.real_now().astimezone(zone(operator.row.time_zone)).date()
    first, days = choose_days(operator, today, MOST_DAYS)
    if not operator.teams:
        return PlanProposal(first, days, None)
    found = live.load_activation()
    if found is None:
        return PlanProposal(first, days, False)
    in_force = live.load_day_plan(next(iter(found.days.values())), found.version).plan
    return PlanProposal(first, days, bool(in_force.teams))


@dataclass(frozen=True)
class RunBesideForce:
    """The planned days of a run beside the plan in force.

    ``current``: the reference data are still those it was made from; ``in_force``: its plan is the
    one in force; ``leaving``: days in force that it does not have; ``names`` of sites and
    programmes, by id.
    """

    current: bool
    in_force: bool
    planned: tuple[ComparedPlan, ...]
    leaving: tuple[date, ...]
    names: dict[str, str]


def compare_run(job: PlanJob) -> RunBesideForce:
    """Return what putting a run in force changes; no days before all are planned."""
    plans, digests, found = read_planned_days(job), list_plan_digests(job), live.load_activation()
    force = {} if found is None else {date.fromisoformat(d): key for d, key in found.days.items()}
    before = {
        plan.day: live.load_day_plan(force[plan.day], found.version).plan
        for plan in plans
        if found is not None and plan.day in force
    }
    ours = {plan.day for plan in plans}
    names = {row[0]: row[2] for plan in plans for row in plan.programmes}
    return RunBesideForce(
        current=_is_current(job),
        in_force=bool(plans) and all(force.get(day) in digests.get(day, ()) for day in ours),
        planned=tuple(compare_plans(before.get(plan.day), plan) for plan in plans),
        leaving=tuple(sorted(day for day in force if plans and day not in ours)),
        names=names | {site.id: site.name for plan in plans for site in plan.sites},
    )


def _is_current(job: PlanJob) -> bool:
    version = get_current_version()
    return version is not None and job.order.version == version.number


def put_run_in_force(job: PlanJob, by: str) -> None:
    """Put the plan of a run in force, in place of all those before.

    RunError where it is not computed yet, or was made from other reference data; LiveError where
    it cannot be in force.
    """
    plans = read_planned_days(job)
    if not plans:
        raise RunError(Phrase("The plan is not computed yet."))
    if not _is_current(job):
        raise RunError(Phrase("The reference data changed since this plan: compute it again."))
    live.put_in_force(plans, by=by)


def find_completed_plan(day: date | None = None) -> StoredPlan | None:
    """Return the displayed plan of a day, with what a run found missing since it is in force.

    By default of today or the next planned day; errors as of ``find_displayed_plan``.
    """
    stored = live.find_displayed_plan(day)
    if stored is None or stored.plan.missing is not None:
        return stored
    plan = _completed.get(stored.digest)
    if plan is None:
        missing = find_missing(open_plan_runs(), stored.plan.day, stored.digest)
        if missing is None:
            return stored
        plan = _completed[stored.digest] = replace(stored.plan, missing=missing)
        while len(_completed) > _MOST_COMPLETED:
            _completed.pop(next(iter(_completed)))
    return replace(stored, plan=plan)


_completed: dict[str, Plan] = {}
