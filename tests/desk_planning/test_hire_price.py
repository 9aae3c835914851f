"""A price for one more agent, given with a new plan, reaches the search for what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from releve.network import read_operator, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan.week import PlanRequest
from releve.runs import plan_job
from releve.runs.job_store import JobStore, current_stamp
from releve.runs.plan_job import PLAN_RUNS, PlanOrder, execute_plan


def test_the_form_takes_a_price_and_needs_none(planner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("releve.runs.orders.start_job", lambda folder: asked.append(folder.name))
    chosen = {"first": "2026-11-30", "days": "1"}
    assert 'name="hire_price"' in planner.get("/planning/").content.decode()
    planner.post("/planning/start", {**chosen, "hire_price": "9000"})
    planner.post("/planning/start", chosen)
    prices = [planner.get(f"/planning/runs/{run}?format=json").json()["run"]["order"]["hire_price"] for run in asked]
    assert prices == [9000.0, None]
    assert planner.post("/planning/start", {**chosen, "hire_price": "-1"}).status_code == 422


def test_the_price_of_an_order_is_that_of_its_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[PlanRequest] = []
    monkeypatch.setattr(plan_job, "plan_days", lambda operator, request, recorder: requests.append(request))
    operator = read_operator(write_operator(sample_operator(50, 2, 5, weeks_of_history=2)))
    store = JobStore(tmp_path, PLAN_RUNS)
    for price in (None, 9000.0):
        order = PlanOrder("amina", current_stamp(), 1, 30, FIRST_DAY.isoformat(), 1, hire_price=price)
        job = store.get(store.add(order, {"operator": dict(write_operator(operator))}).name)
        assert job is not None
        execute_plan(job)
    assert [one.settings.hire_price for one in requests] == [None, 9000.0]
