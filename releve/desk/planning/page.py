"""What the pages of computed plans hold, in no language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from releve.desk.page import PageModel
from releve.desk.plan.page import SEVERITY
from releve.live import api as live
from releve.plan import Placement, Plan
from releve.plan.named_assignments import list_moves
from releve.plan.result import Status
from releve.registry import service as registry
from releve.runs.job_store import ACTIVE_STATES
from releve.runs.plan_job import (
    PlanJob,
    PlanProgress,
    PlanRemarks,
    has_plan,
    list_plan_digests,
    read_plan_progress,
    read_planned_days,
    read_remarks,
)

State = Literal["waiting", "running", "stopping", "stopped", "broken", "failed", "done"]


class PlanRunLine(PageModel):
    """A run: who ordered it, when, of which version of the reference data, and its days."""

    run: str
    by: str
    at: datetime
    version: int
    first: date
    days: int
    hybrid: bool = Field(description="The days are planned together, as a hybrid week")
    state: State
    planned: bool = Field(description="Every day is planned; what is missing may still be sought")


class PlanningPage(PageModel):
    """The runs, the newest first, and the version that the next one takes; null: no data yet."""

    version: int | None
    time_zone: str
    runs: tuple[PlanRunLine, ...]
    in_force: int = Field(description="Days of the plan in force; 0 without one")


class StatusChange(PageModel):
    """A client's status in the plan in force and in the computed one."""

    client: str
    name: str
    before: Status | None = Field(description="null: the day or the client is not in force")
    after: Status
    worse: bool


Post = tuple[str, str]
"""A place and a programme."""


class MoveGroup(PageModel):
    """Agents who change place or work in the same way; null: not planned."""

    before: Post | None
    after: Post | None
    agents: tuple[str, ...]


class PlannedDay(PageModel):
    """A day of a computed plan beside the plan in force."""

    day: date
    in_force: bool = Field(description="The plan in force has this day")
    clients: tuple[StatusChange, ...]
    secure: int = Field(description="Clients held whatever single place is lost")
    secure_before: int | None
    placed: int
    reserve: int
    moved: int = Field(description="Agents who work differently from the plan in force")
    moves: tuple[MoveGroup, ...]
    missing: Literal["sought", "none", "found"]
    cost: float | None = Field(description="EUR of what is missing")


class PlanRunPage(PageModel):
    """A run: how far it is, and once it is planned each day beside the plan in force."""

    line: PlanRunLine
    reason: str
    time_zone: str
    current: bool = Field(description="The reference data are still those it was made from")
    in_force: bool = Field(description="This plan is the one in force")
    active: bool
    progress: PlanProgress
    planned: tuple[PlannedDay, ...]
    remarks: PlanRemarks
    leaving: tuple[date, ...] = Field(description="Days in force that this plan does not have")
    names: dict[str, str] = Field(description="Of sites and programmes, by id")


def planning_page(runs: Sequence[PlanJob]) -> PlanningPage:
    """Return the list of runs."""
    version, found = registry.get_current_version(), live.load_activation()
    return PlanningPage(
        version=None if version is None else version.number,
        time_zone=registry.current_time_zone(),
        runs=tuple(_line(job) for job in runs),
        in_force=0 if found is None else len(found.days),
    )


def _line(job: PlanJob) -> PlanRunLine:
    return PlanRunLine.from_row(job.order, run=job.id, state=job.state, planned=has_plan(job))


def run_page(job: PlanJob) -> PlanRunPage:
    """Return the page of a run beside the plan in force, if there is one."""
    version, found = registry.get_current_version(), live.load_activation()
    plans, digests = read_planned_days(job), list_plan_digests(job)
    ours = {plan.day for plan in plans}
    days = {} if found is None else found.days
    force = {date.fromisoformat(day): key for day, key in days.items()}
    names = {row[0]: row[2] for plan in plans for row in plan.programmes}
    return PlanRunPage(
        line=_line(job),
        reason=job.reason,
        time_zone=registry.current_time_zone(),
        current=version is not None and job.order.version == version.number,
        in_force=bool(plans) and all(force.get(day) in digests.get(day, ()) for day in ours),
        active=job.state in ACTIVE_STATES,
        progress=read_plan_progress(job),
        planned=tuple(_day(job, plan, found, force) for plan in plans),
        remarks=read_remarks(job),
        leaving=tuple(sorted(day for day in force if plans and day not in ours)),
        names=names | {site.id: site.name for plan in plans for site in plan.sites},
    )


def _day(
    job: PlanJob, plan: Plan, found: live.Activation | None, force: Mapping[date, str]
) -> PlannedDay:
    before = None
    if found is not None and plan.day in force:
        before = live.load_day_plan(force[plan.day], found.version).plan
    moves = () if before is None else tuple(_group_moves(before, plan))
    missing = plan.missing
    sought = job.state in ACTIVE_STATES
    return PlannedDay(
        day=plan.day,
        in_force=before is not None,
        clients=tuple(_clients(before, plan)),
        secure=sum(row.secure for row in plan.verdicts),
        secure_before=None if before is None else sum(row.secure for row in before.verdicts),
        placed=len(plan.placements),
        reserve=len(plan.reserve),
        moved=sum(len(group.agents) for group in moves),
        moves=moves,
        missing=("sought" if sought else "none") if missing is None else "found",
        cost=None if missing is None else missing.cost,
    )


def _clients(before: Plan | None, after: Plan) -> Iterator[StatusChange]:
    """Yield the clients, those that become worse first, then the gravest."""
    names = dict(after.clients)
    had = {} if before is None else {row.client: row.status for row in before.verdicts}
    rows = []
    for verdict in after.verdicts:
        client, status = verdict.client, verdict.status
        old = had.get(client)
        worse = old is not None and SEVERITY.index(status) < SEVERITY.index(old)
        name = names[client]
        row = StatusChange(client=client, name=name, before=old, after=status, worse=worse)
        rows.append(row)
    yield from sorted(rows, key=lambda row: (not row.worse, SEVERITY.index(row.after), row.name))


def _group_moves(before: Plan, after: Plan) -> Iterator[MoveGroup]:
    """Yield who works differently, grouped by the change, the largest group first."""
    had, has = ({row.agent: row for row in plan.placements} for plan in (before, after))
    groups: dict[tuple[Post | None, Post | None], list[str]] = defaultdict(list)
    for move in list_moves(had, has, frozenset(), frozenset()):
        groups[_post(move.before), _post(move.after)].append(move.agent)
    for (old, new), agents in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        yield MoveGroup(before=old, after=new, agents=tuple(agents))


def _post(row: Placement | None) -> Post | None:
    return None if row is None else (row.place, row.programme)
