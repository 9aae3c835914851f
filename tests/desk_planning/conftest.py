"""A planner at a small installation with a plan in force, and runs made from its plans."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

import pytest

from releve.live.models import Activation
from releve.plan import Plan
from releve.plan.plan_json import plan_to_json
from releve.registry import service as registry
from releve.runs.job_store import current_stamp
from releve.runs.orders import open_plan_runs
from releve.runs.plan_job import PlanJob, PlanOrder
from tests.desk_live.conftest import planner
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = ["_nothing_in_memory", "_own_home", "known_times", "planned", "planner", "scenario"]

MakeRun = Callable[..., PlanJob]


@pytest.fixture
def none_in_force(scenario: Scenario) -> None:
    Activation.objects.all().delete()


@pytest.fixture
def made_run(scenario: Scenario) -> MakeRun:
    """A function that returns a run as its process leaves it, with the plans given."""

    def make(plans: Sequence[Plan], *, done: bool = True) -> PlanJob:
        version = registry.get_current_version()
        assert version is not None
        first = plans[0].day.isoformat()
        order = PlanOrder("planner", current_stamp(), version.number, 60, first, len(plans))
        folder = open_plan_runs().add(order, {"operator": {}})
        (folder / "plan").mkdir()
        days = {}
        for plan in plans:
            text = plan_to_json(plan)
            (folder / "plan" / f"plan-{plan.day}.json").write_text(text, "utf-8")
            days[plan.day.isoformat()] = hashlib.sha256(text.encode()).hexdigest()
        tree = {"days": days, "left_out": [], "unknown": {}}
        (folder / "planned.json").write_text(json.dumps(tree), "utf-8")
        if done:
            (folder / "complete.json").write_text("{}", "utf-8")
        job = open_plan_runs().get(folder.name)
        assert job is not None
        return job

    return make
