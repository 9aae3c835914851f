"""The page of a hybrid week: who is on site and at home, team by day, and each agent's week."""

from __future__ import annotations

from django import template
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.accounts.scopes import can
from releve.desk.endpoint import serve
from releve.desk.http import Frame, download, failure, page_response, read_day, require_found, wants_json
from releve.desk.page import PageModel
from releve.desk.text import text_now
from releve.files.operator_folder import ListSheet, write_sheets
from releve.files.plan_folder import PlanFolderError
from releve.live.api import NoOperator, NoPlan, list_displayed_week, operator_now
from releve.network.workbook import WORKBOOK_TYPE
from releve.plan import Plan
from releve.plan.week.days import AgentDay, TeamDay, WeekByTeam, group_week_by_team
from releve.plan.week.hybrid_week import read_planned_week, write_week_table

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


class WeekPage(PageModel):
    """A calendar week by team and day, with the members of one of the teams."""

    operator: str
    synthetic: bool
    week: WeekByTeam


@serve("reliefs.see")
def week(request: HttpRequest) -> HttpResponse:
    """The calendar week of a planned day: its teams, and the members of one of them."""
    try:
        plans = _find_week(request)
    except PlanFolderError as error:
        led = isinstance(error, NoPlan) and not wants_json(request)
        if led and can(request.user, "plan.publish"):
            return redirect("planning")
        return failure(request, 503, _("There is no plan to show."), str(error))
    shown = group_week_by_team(plans, request.GET.get("team", "")[:64])
    page = WeekPage.from_row(plans[0], week=shown)
    context = {"frame": Frame(page.operator, page.synthetic), "may_compute": can(request.user, "plan.publish")}
    return page_response(request, "desk/week/week.html", page, context)


@serve("reliefs.see")
def download_week(request: HttpRequest) -> HttpResponse:
    """The hybrid week as Excel, to be edited there and given to the next plan."""
    try:
        plans = _find_week(request)
    except PlanFolderError as error:
        return failure(request, 503, _("There is no plan to show."), str(error))
    try:
        operator = operator_now()
    except NoOperator:
        return failure(request, 404, _("There are no reference data yet."))
    week = read_planned_week(operator, plans)
    if week is None:
        return failure(request, 404, _("This week was planned day by day."))
    titles, *rows = write_week_table(operator, week, french=text_now("UTC").french)
    content = write_sheets([ListSheet(_("Hybrid week"), titles, rows)], plans[0].starts[0])
    return download(content, f"hybrid-week-{plans[0].day}.xlsx", WORKBOOK_TYPE)


def _find_week(request: HttpRequest) -> list[Plan]:
    """Return the plans of the calendar week that is asked for; Http404 for a day without one."""
    asked = request.GET.get("day", "")
    day = read_day(asked) if asked else None
    plans = [] if asked and day is None else list_displayed_week(day)
    return require_found(plans or None, _("There is no plan for this day."))


urlpatterns = [
    path("week", week, name="week"),
    path("week.xlsx", download_week, name="week_sheet"),
    path("week.json", week, name="week_json"),
]
