"""Two planners at a small installation with a plan of three days in force."""

from __future__ import annotations

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.network import HOME
from releve.plan import Placement, Plan
from releve.plan.roster_edits import DayEditor
from releve.runs.roster_draft import load_draft, open_editor
from tests.accounts.people import give, person, sign_in
from tests.live.conftest import _nothing_in_memory, _own_home, before_the_plan, known_times, planned, scenario
from tests.live.scenario import Scenario

__all__ = ["_nothing_in_memory", "_own_home", "before_the_plan", "known_times", "planned", "scenario"]


def sign_in_as(name: str, role: Role = Role.PLANNER) -> Client:
    user = person(name)
    give(user, role)
    return sign_in(user, lately=True)


@pytest.fixture
def planner(before_the_plan: None, scenario: Scenario) -> Client:
    return sign_in_as("planner")


@pytest.fixture
def other(planner: Client) -> Client:
    return sign_in_as("other")


def find_home_ready(plan: Plan, editor: DayEditor) -> list[Placement]:
    """Return who is on a site and may work at home for their programme, without work across the end of the day."""
    return [
        row
        for row in plan.placements
        if row.place != HOME
        and not row.duty
        and row.end <= editor.rules.last
        and editor.rules.explain_refusal(editor.operator.agent[row.agent], HOME, row.programme) is None
    ]


def editor_of(scenario: Scenario, day: int = 0, owner: str = "planner") -> DayEditor:
    return open_editor(load_draft(owner), scenario.plans[day].day)


def ask_home(row: Placement, plan: Plan, number: int = 0) -> dict[str, str]:
    """Return the form that sends an agent home on a day."""
    asked = {"day": plan.day.isoformat(), "key": row.key, "act": "place", "place": HOME, "programme": row.programme}
    return {**asked, "draft": str(number)}
