"""The page of a hybrid week: team by day, and each agent's own days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from django.utils.translation import override

from releve.desk.week import words
from releve.desk.week.page import week_page
from releve.network import HOME
from releve.plan.client_view import narrow_plan
from releve.plan.result import Plan, PlannedTeam
from tests.desk.conftest import SetFolder
from tests.desk.fixture_plan import week


def build_week() -> list[Plan]:
    """Return two days on which one team of five works, and meets on the second."""
    plans = week(2)
    placed = [row.agent for row in plans[0].placements if row.place == HOME][:2]
    placed += [row.agent for row in plans[0].placements if row.place == "casa-1"][:3]
    out = []
    for number, plan in enumerate(plans):
        at_home = tuple(row.agent for row in plan.placements if row.place == HOME)
        team = PlannedTeam("casa-1-t01", "casa-1", placed[2], tuple(placed), number == 1)
        out.append(replace(plan, home_days=at_home, teams=(team,)))
    return out


def test_the_page_counts_each_team_by_day() -> None:
    plans = build_week()
    page = week_page(plans, "")
    assert page.hybrid
    assert page.team == "casa-1-t01"
    (row,) = page.teams
    first = row.days[0]
    assert first is not None
    assert (first.site, first.home, first.meets) == (3, 2, False)
    assert page.meetings == 1
    days = [agent.days[0] for agent in page.agents]
    assert {day.time_zone for day in days if day} == {"Africa/Casablanca"}
    assert [agent.leads for agent in page.agents].count(True) == 1
    with override("en"):
        assert words.team_words(first) == "3 on site, 2 at home"
        assert "1 team day on site." in words.week_sentence(page)


def test_the_page_shows_each_agent_and_is_answered_as_json(
    tmp_path: Path, shown_from: SetFolder
) -> None:
    web = shown_from(tmp_path, build_week())
    html = web.get("/week?team=casa-1-t01").content.decode()
    assert "Semaine du" in html
    assert "superviseur" in html
    page = json.loads(web.get("/week.json").content)
    assert len(page["agents"]) == 5
    assert web.get("/week?day=2031-01-01").status_code == 404


def test_a_week_planned_day_by_day_says_how_to_plan_one(
    tmp_path: Path, shown_from: SetFolder
) -> None:
    said = shown_from(tmp_path, week(1)).get("/week").content.decode()
    assert "puis calculez un plan en semaine hybride" in said
    assert "/week/sheet" not in said


def list_people(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return what a client's plan says of people."""
    return tuple(name for plan in plans for name in (*plan.home_days, *map(str, plan.teams)))


def test_a_client_is_not_shown_who_works_at_home() -> None:
    assert list_people([narrow_plan(plan, ["azur"]) for plan in build_week()]) == ()
