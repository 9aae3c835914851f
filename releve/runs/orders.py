"""Plans that users order, and the plan in force: what to plan next, what a run changes and adds.

The files that an installation reads for its registry are jobs too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from releve.errors import Phrase
from releve.files.plan_folder import StoredPlan, list_plan_files
from releve.live import api as live
from releve.live.api import DaysInForce, PlanText, PublicationPreview, list_days_in_force, list_latest_week, rules_now
from releve.network import write_operator
from releve.plan import Plan
from releve.plan.day_fleet import cap_vehicles
from releve.plan.roster import crosses_border
from releve.plan.week import choose_days
from releve.plan.week.hybrid_week import HybridWeek, find_monday, format_week
from releve.registry import uploads
from releve.registry.models import Version
from releve.registry.storage import load_operator
from releve.runs import upload_reader
from releve.runs.job_process import start_job
from releve.runs.job_store import JobStore, RunError, current_stamp
from releve.runs.plan_job import (
    DAY_BEFORE,
    PLAN_IN_FORCE,
    PLAN_RUNS,
    WEEK,
    WEEK_FILE,
    PlanJob,
    PlanOrder,
    find_missing,
    list_plan_digests,
    read_planned_days,
)
from releve.runs.upload_reader import READINGS, ReadingOrder

PLAN_FOLDER = "folder"
"""Where plans come from beside those in force: the plan folder that the desk serves."""


def open_readings() -> JobStore[ReadingOrder]:
    """Return the uploaded files that are being read, or were lately."""
    return JobStore(settings.HOME, READINGS)


def remove_expired_uploads(now: datetime) -> None:
    """Remove the uploads that wait for too long, and what was read of them; a due job."""
    uploads.remove_expired(now)
    upload_reader.remove_expired(open_readings(), now)


def open_plan_runs() -> JobStore[PlanOrder]:
    return JobStore(settings.HOME, PLAN_RUNS)


def read_plan_files(source: str) -> dict[str, bytes]:
    if source == PLAN_FOLDER:
        assert settings.PLAN_FOLDER is not None
        return {path.name: path.read_bytes() for path in list_plan_files(settings.PLAN_FOLDER).values()}
    return format_days(list_latest_week())


def format_days(days: DaysInForce) -> dict[str, bytes]:
    """Return the plans of days in force as the files of a plan folder."""
    texts = PlanText.objects.in_bulk([row.digest for row in days.values()])
    return {f"plan-{day}.json": texts[row.digest].text.encode() for day, row in days.items()}


def start_plan_run(
    version: Version,
    first: date,
    days: int,
    *,
    by: str,
    hybrid: bool = False,
    week: HybridWeek | None = None,
    hire_price: float | None = None,
) -> Path:
    """Start to plan ``days`` days of a version of the reference data; return the run's folder.

    Who is absent, as the table says or as it was stated since, is planned for the rest alone.
    Vehicles keep to the transport rules in force on the first day. Those whose duty goes on into it
    stay where the day before has them, where that is in force; those who hold a kit by the last plan in
    force before it, or by its own, keep theirs where the days are served as well. A ``hybrid`` week stays near
    ``week``, else near the days in force of its calendar week, else near the last seven days in
    force. What is missing hires at ``hire_price`` EUR. TooManyJobs where this user has enough of
    them.
    """
    store = open_plan_runs()
    store.require_room(by)
    operator = live.add_stated_absences(load_operator(version), live.situation_now(live.LIVE), live.now(live.LIVE))
    operator = cap_vehicles(operator, first, rules_now())
    order = PlanOrder(
        by, current_stamp(), version.number, len(operator.agents), first.isoformat(), days, hybrid, hire_price
    )
    inputs = {"operator": dict(write_operator(operator))}
    if week is not None:
        inputs[WEEK] = {WEEK_FILE: format_week(operator, week).encode()}
    elif hybrid:
        monday = find_monday(first)
        force = list_days_in_force(monday, monday + timedelta(days=6)) or list_latest_week()
        if force:
            inputs[PLAN_IN_FORCE] = format_days(force)
    shared, eve = any(row.home_kit for row in operator.agents), first - timedelta(days=1)
    if shared or crosses_border(operator, first):
        before = list_days_in_force(eve - timedelta(days=MOST_DAYS), first) if shared else list_days_in_force(eve, eve)
        last = max((day for day in before if day < first), default=max(before, default=None))
        if last is not None:
            inputs[DAY_BEFORE] = format_days({last: before[last]})
    folder = store.add(order, inputs)
    start_job(folder)
    return folder


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
    """Return the days of the roster that come after those in force, as a hybrid week where the last
    ones in force are one.

    Where every day of the roster ahead is in force, they are those from today on. NoOperator when
    the registry is empty.
    """
    operator = live.operator_now()
    today = operator.find_day(live.real_now())
    planned, start = live.list_days_in_force(today), today
    while start in planned:
        start += timedelta(days=1)
    first, days = choose_days(operator, start, MOST_DAYS)
    if first < start:
        first, days = choose_days(operator, today, MOST_DAYS)
    if not operator.teams:
        return PlanProposal(first, days, None)
    last = list(live.list_latest_week().values())[:1]
    return PlanProposal(first, days, any(row.load().plan.teams for row in last))


@dataclass(frozen=True)
class RunComparison:
    """The planned days of a run beside the days in force, or beside another run.

    ``preview`` None before all days are planned; ``in_force``: each of them is in force with this plan;
    ``force``: the digest of each of them that is in force, with whatever plan; ``names`` of sites and
    programmes, by id.
    """

    in_force: bool
    preview: PublicationPreview | None
    force: Mapping[date, str]
    names: Mapping[str, str]


def compare_run(job: PlanJob, beside: PlanJob | None = None) -> RunComparison:
    """Return what putting a run in force changes, or how it differs from the run ``beside`` it.

    No days before all are planned.
    """
    plans, digests = read_planned_days(job), list_plan_digests(job)
    if not plans:
        return RunComparison(False, None, {}, {})
    force = live.list_digests([plan.day for plan in plans])
    names = {row[0]: row[2] for plan in plans for row in plan.programmes}
    if beside is None:
        preview = live.preview_publication(plans, job.order.version)
    else:
        others = {plan.day: plan for plan in read_planned_days(beside)}
        preview = live.compare_publication(plans, others, job.order.version)
    return RunComparison(
        in_force=all(force.get(day) in keys for day, keys in digests.items()),
        preview=preview,
        force=force,
        names=names | {site.id: site.name for plan in plans for site in plan.sites},
    )


def list_runs_beside(job: PlanJob) -> tuple[PlanJob, ...]:
    """Return the other runs that planned one of the days of a run, the newest first."""
    days = set(list_plan_digests(job))
    return tuple(
        other for other in open_plan_runs().list_jobs() if other.id != job.id and days & {*list_plan_digests(other)}
    )


def put_run_in_force(job: PlanJob, by: str, seen: Mapping[date, str] | None = None) -> None:
    """Put the days of a run in force, in place of the plans of these days alone.

    ``seen``: by day, the digest of the plan that was in force when the user decided. RunError where the run
    is not computed yet; LiveError where it cannot be in force: where another plan is meanwhile, or of older
    reference data where it breaks something of today's.
    """
    plans = read_planned_days(job)
    if not plans:
        raise RunError(Phrase("The plan is not computed yet."))
    live.put_in_force(plans, by=by, version=job.order.version, seen=seen)


def find_completed_plan(day: date | None = None, record: int | None = None) -> StoredPlan | None:
    """Return the displayed plan of a day, with what a run found missing since it is in force.

    By default of today or the next planned day; ``record`` and errors as of
    ``find_displayed_plan``.
    """
    stored = live.find_displayed_plan(day, record)
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
