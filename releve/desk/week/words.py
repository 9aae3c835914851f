"""The words of the page of a hybrid week."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.text import text_now
from releve.plan.week.team_weeks import AgentDay, TeamDay, WeekByTeam

register = template.Library()


@register.filter
def week_sentence(week: WeekByTeam) -> str:
    """Return how much of the week is at home, and how many teams meet."""
    text = text_now("UTC")
    share = _("{share} of the days worked are at home.").format(share=text.percent(week.home_share))
    meetings = ngettext("{count} team day on site.", "{count} team days on site.", week.meetings)
    return f"{share} {meetings.format(count=text.number(week.meetings))}"


@register.filter
def team_words(day: TeamDay) -> str:
    """Return a cell of the table for a screen reader."""
    words = _("{site} on site, {home} at home").format(site=day.site, home=day.home)
    return _("{words}, the team meets").format(words=words) if day.meets else words


@register.filter
def agent_shift(day: AgentDay) -> str:
    """Return an agent's shift on the clock of the place."""
    if day.start is None or day.end is None:
        return ""
    return text_now(day.time_zone).span(day.start, day.end)
