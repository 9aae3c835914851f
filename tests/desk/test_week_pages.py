"""The page of a hybrid week: team by day, and each agent's own days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from django.utils.translation import override

from releve.desk import week
from releve.plan.comparison import narrow_plan
from releve.plan.result import Plan
from releve.plan.week.days import group_week_by_team
from tests.desk import fixture_plan
from tests.desk.conftest import SetFolder
from tests.desk.fixture_plan import build_hybrid_week


def test_the_page_says_each_team_by_day() -> None:
    shown = group_week_by_team(build_hybrid_week())
    first = shown.teams[0].days[0]
    assert first is not None
    with override("en"):
        assert week.team_words(first) == "3 on site, 2 at home"
        assert "1 team day on site." in week.week_sentence(shown)


def test_the_page_shows_each_agent_and_is_answered_as_json(tmp_path: Path, shown_from: SetFolder) -> None:
    web = shown_from(tmp_path, build_hybrid_week())
    html = web.get("/week?team=casa-1-t01").content.decode()
    assert "Semaine du" in html
    assert "superviseur" in html
    page = json.loads(web.get("/week.json").content)
    assert len(page["week"]["agents"]) == 5
    assert web.get("/week?day=2031-01-01").status_code == 404


def test_a_week_planned_day_by_day_says_how_to_plan_one(tmp_path: Path, shown_from: SetFolder) -> None:
    said = shown_from(tmp_path, fixture_plan.week(1)).get("/week").content.decode()
    assert "puis calculez un plan en semaine hybride" in said
    assert "/week/sheet" not in said


def list_people(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return what a client's plan says of people."""
    return tuple(name for plan in plans for name in (*plan.home_days, *map(str, plan.teams)))


def test_a_client_is_not_shown_who_works_at_home() -> None:
    assert list_people([narrow_plan(plan, ["azur"]) for plan in build_hybrid_week()]) == ()
