"""A plan as a job: planned day by day, resumed, then what is missing added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest

from releve.errors import ReleveError
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan.plan_json import plan_to_json
from releve.plan.planner import solve_day
from releve.plan.week import choose_days
from releve.plan.week.hybrid_week import format_week, read_planned_week
from releve.plan.week.verification import check_hybrid_week
from releve.runs.job_store import JobStore, current_stamp
from releve.runs.plan_job import (
    PLAN_RUNS,
    PlanJob,
    PlanOrder,
    PlanProgress,
    execute_plan,
    find_missing,
    has_plan,
    list_plan_digests,
    read_plan_progress,
    read_planned_days,
    remove_expired_plans,
)
from tests.plan.week.hybrid_case import DAYS, build_operator


@pytest.fixture(scope="module")
def operator() -> Operator:
    return read_operator(write_operator(sample_operator(50, 2, 5, weeks_of_history=2)))


def _order(store: JobStore[PlanOrder], operator: Operator, days: int, at: str = "") -> PlanJob:
    order = PlanOrder("amina", at or current_stamp(), 1, 30, FIRST_DAY.isoformat(), days)
    job = store.get(store.add(order, {"operator": dict(write_operator(operator))}).name)
    assert job is not None
    return job


@pytest.mark.slow
def test_a_plan_is_computed_day_by_day_resumed_and_completed(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JobStore(tmp_path, PLAN_RUNS)
    job = _order(store, operator, 2)
    real, solved = solve_day, []

    def solve(op: Operator, need: object, *rest: object, **more: object) -> object:
        solved.append(need.day)  # type: ignore[attr-defined]
        if len(solved) == 2:
            raise KeyboardInterrupt
        return real(op, need, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("releve.plan.week.request.solve_day", solve)
    with pytest.raises(KeyboardInterrupt):
        execute_plan(job)
    assert not has_plan(job)
    assert read_planned_days(job) == ()
    assert read_plan_progress(job).step == "planning"
    execute_plan(job)
    days = [FIRST_DAY, FIRST_DAY + timedelta(days=1)]
    assert solved[2:] == [days[1], days[0]], "the first day is solved again for what is missing"
    plans = read_planned_days(job)
    assert [plan.day for plan in plans] == days
    assert all(plan.missing is not None and not plan.violations for plan in plans)
    before, after = list_plan_digests(job)[days[0]]
    assert before != after
    assert find_missing(store, days[0], before) == plans[0].missing
    assert find_missing(store, days[0], "another") is None
    again = store.get(job.id)
    assert again is not None
    assert again.state == "done"


@pytest.mark.slow
def test_a_hybrid_week_is_computed_and_the_next_one_stays_near_it(tmp_path: Path) -> None:
    store = JobStore(tmp_path, PLAN_RUNS)
    operator = read_operator(write_operator(build_operator()))
    first = _order_hybrid(store, operator)
    execute_plan(first)
    plans = read_planned_days(first)
    assert len(plans) == DAYS
    week = read_planned_week(operator, plans)
    assert week is not None
    assert check_hybrid_week(operator, week, plans) == ()
    assert all(plan.missing is not None and not plan.violations for plan in plans)
    shown = list_plan_digests(first)
    day = plans[-1].day
    path = first.folder / "plan" / f"plan-{day}.json"
    path.write_text(plan_to_json(replace(plans[-1], missing=None)), encoding="utf-8")
    (first.folder / "complete.json").unlink()
    execute_plan(first)
    assert list_plan_digests(first) == shown, "a run that is resumed puts the same in force"
    files = {f"plan-{plan.day}.json": plan_to_json(plan).encode() for plan in plans}
    sheet = {"hybrid-week.csv": format_week(operator, week).encode()}
    for near in ({"force": files}, {"week": sheet}):
        second = _order_hybrid(store, operator, near)
        execute_plan(second)
        assert read_planned_week(operator, read_planned_days(second)) == week


def _order_hybrid(
    store: JobStore[PlanOrder], operator: Operator, more: Mapping[str, Mapping[str, bytes]] = {}
) -> PlanJob:
    order = PlanOrder("amina", current_stamp(), 1, 50, FIRST_DAY.isoformat(), DAYS, hybrid=True)
    job = store.get(store.add(order, {"operator": dict(write_operator(operator)), **more}).name)
    assert job is not None
    return job


def test_a_hybrid_week_that_cannot_be_planned_says_why(tmp_path: Path) -> None:
    operator = replace(build_operator(), shifts=())
    with pytest.raises(ReleveError, match="roster"):
        execute_plan(_order_hybrid(JobStore(tmp_path, PLAN_RUNS), operator))


def test_an_order_that_cannot_be_planned_says_why(operator: Operator, tmp_path: Path) -> None:
    job = _order(JobStore(tmp_path, PLAN_RUNS), replace(operator, history=()), 1)
    with pytest.raises(ReleveError, match=r"nothing is required|no agent"):
        execute_plan(job)


def test_the_days_proposed_are_those_of_the_roster(operator: Operator) -> None:
    first, days = choose_days(operator, FIRST_DAY - timedelta(days=30))
    assert (first, 1 <= days <= 7) == (FIRST_DAY, True)
    later = FIRST_DAY + timedelta(days=days - 1)
    assert choose_days(operator, later)[0] == later
    assert choose_days(operator, FIRST_DAY + timedelta(days=900))[0] == FIRST_DAY
    assert choose_days(replace(operator, shifts=()), later) == (later, 1)


def test_old_runs_are_removed_and_progress_is_read(operator: Operator, tmp_path: Path) -> None:
    store = JobStore(tmp_path, PLAN_RUNS)
    old, job = (_order(store, replace(operator, history=()), 1, at) for at in ("2020-01-01T00:00:00+00:00", ""))
    assert read_plan_progress(job) == PlanProgress()
    seen = PlanProgress("planning", "2026-11-30", 0, 1, "bound", 0.9)
    (job.folder / "progress.json").write_text(json.dumps(asdict(seen)))
    assert read_plan_progress(job) == seen
    remove_expired_plans(store)
    assert [one.id for one in store.list_jobs()] == [job.id]
    assert not old.folder.exists()
