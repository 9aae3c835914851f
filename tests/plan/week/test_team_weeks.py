"""A hybrid week by team and day, and the days of a team's agents."""

from __future__ import annotations

from releve.plan.week.days import group_week_by_team
from tests.desk.fixture_plan import build_hybrid_week, week


def test_each_team_is_counted_by_day() -> None:
    shown = group_week_by_team(build_hybrid_week())
    assert shown.team == "casa-1-t01"
    (row,) = shown.teams
    first = row.days[0]
    assert first is not None
    assert (first.site, first.home, first.meets) == (3, 2, False)
    assert shown.meetings == 1
    assert (shown.total[0].site, shown.total[0].home) == (3, 2)
    assert shown.home_share == 3 / 10


def test_the_members_of_a_team_are_listed_with_their_supervisor() -> None:
    shown = group_week_by_team(build_hybrid_week(), "no such team")
    assert shown.team == "casa-1-t01"
    days = [agent.days[0] for agent in shown.agents]
    assert {day.time_zone for day in days if day} == {"Africa/Casablanca"}
    assert [agent.leads for agent in shown.agents].count(True) == 1


def test_a_week_without_teams_has_days_alone() -> None:
    plans = week(2)
    shown = group_week_by_team(plans)
    assert shown.days == tuple(plan.day for plan in plans)
    assert (shown.teams, shown.agents, shown.team) == ((), (), "")
