"""What the pages of computed plans hold, in no language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import Field

from releve.desk.page import PageModel, RunHead
from releve.live import api as live
from releve.plan.comparison import ComparedPlan
from releve.registry import service as registry
from releve.runs.plan_in_force import compare_run
from releve.runs.plan_job import (
    PlanJob,
    PlanOrder,
    PlanProgress,
    PlanRemarks,
    has_plan,
    read_plan_progress,
    read_remarks,
)


class PlanRunHead(RunHead[PlanOrder]):
    """A run: who ordered it, when, of which version of the reference data, and its days."""

    planned: bool = Field(description="Every day is planned; what is missing may still be sought")


class PlanningPage(PageModel):
    """The runs, the newest first, and the version that the next one takes; null: no data yet."""

    version: int | None
    time_zone: str
    runs: tuple[PlanRunHead, ...]
    in_force: int = Field(description="Days of the plan in force; 0 without one")


class PlanRunPage(PageModel):
    """A run: how far it is, and once it is planned each day beside the plan in force."""

    run: PlanRunHead
    time_zone: str
    progress: PlanProgress
    remarks: PlanRemarks
    current: bool = Field(description="The reference data are still those it was made from")
    in_force: bool = Field(description="This plan is the one in force")
    planned: tuple[ComparedPlan, ...]
    leaving: tuple[date, ...] = Field(description="Days in force that this plan does not have")
    names: dict[str, str] = Field(description="Of sites and programmes, by id")


def planning_page(runs: Sequence[PlanJob]) -> PlanningPage:
    """Return the list of runs."""
    version, found = registry.get_current_version(), live.load_activation()
    return PlanningPage(
        version=None if version is None else version.number,
        time_zone=registry.current_time_zone(),
        runs=tuple(_head(job) for job in runs),
        in_force=0 if found is None else len(found.days),
    )


def _head(job: PlanJob) -> PlanRunHead:
    return PlanRunHead.from_row(job, planned=has_plan(job))


def run_page(job: PlanJob) -> PlanRunPage:
    """Return the page of a run beside the plan in force, if there is one."""
    return PlanRunPage.from_row(
        compare_run(job),
        run=_head(job),
        time_zone=registry.current_time_zone(),
        progress=read_plan_progress(job),
        remarks=read_remarks(job),
    )
