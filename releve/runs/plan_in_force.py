"""Computed plans and the plan in force: what to plan next, what a run changes, what it adds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from releve.errors import Phrase
from releve.files.plan_store import StoredPlan
from releve.live import api as live
from releve.network import zone
from releve.plan import Plan
from releve.plan.comparison import ComparedPlan, compare_plans
from releve.plan.week import choose_days
from releve.registry.service import get_current_version
from releve.runs.errors import RunError
from releve.runs.installation import open_plan_runs
from releve.runs.plan_job import PlanJob, find_missing, list_plan_digests, read_planned_days

__all__ = [
    "MOST_DAYS",
    "PlanProposal",
    "RunBesideForce",
    "compare_run",
    "find_completed_plan",
    "propose_plan",
    "put_run_in_force",
]

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
