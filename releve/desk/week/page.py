"""What the page of a hybrid week holds, in no language."""

from __future__ import annotations

from releve.desk.page import PageModel
from releve.plan.week.team_weeks import WeekByTeam


class WeekPage(PageModel):
    """A calendar week by team and day, with the members of one of the teams."""

    operator: str
    synthetic: bool
    week: WeekByTeam
