"""Plans that users order, and the plan in force: what to plan next, what a run changes and adds.

The files that an installation reads for its registry are jobs too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from releve.errors import Phrase
from releve.files.plan_folder import StoredPlan, list_plan_files
from releve.live import api as live
from releve.live.api import PlanText, load_activation, rules_now
from releve.network import write_operator, zone
from releve.plan import Plan
from releve.plan.comparison import ComparedPlan, compare_plans
from releve.plan.day_fleet import cap_vehicles
from releve.plan.week import choose_days
from releve.plan.week.hybrid_week import HybridWeek, format_week
from releve.registry import uploads
from releve.registry.models import Version
from releve.registry.service import get_current_version
from releve.registry.storage import load_operator
from releve.runs import upload_reader
from releve.runs.job_process import start_job
from releve.runs.job_store import JobStore, RunError, current_stamp
from releve.runs.plan_job import (
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
    force = load_activation()
    assert force is not None
    texts = PlanText.objects.in_bulk(list(force.days.values()))
    return {f"plan-{day}.json": texts[key].text.encode() for day, key in force.days.items()}


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

    Vehicles keep to the transport rules in force on the first day. A ``hybrid`` week stays near
    ``week``, else near the days in force. What is missing hires at ``hire_price`` EUR. TooManyJobs
    where this user has enough of them.
    """
    store = open_plan_runs()
    store.require_room(by)
    operator = cap_vehicles(load_operator(version), first, rules_now())
    order = PlanOrder(
        by, current_stamp(), version.number, len(operator.agents), first.isoformat(), days, hybrid, hire_price
    )
    inputs = {"operator": dict(write_operator(operator))}
    if week is not None:
        inputs[WEEK] = {WEEK_FILE: format_week(operator, week).encode()}
    elif hybrid and load_activation() is not None:
        inputs[PLAN_IN_FORCE] = read_plan_files(PLAN_IN_FORCE)
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
