"""The calendar of days in force: weeks, the plans that a day had, and a day put back."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, perform, serve
from releve.desk.filters import add_words
from releve.desk.http import page_response, read_day, read_number, require_found
from releve.desk.page import PageModel
from releve.desk.text import text_now, translate_phrase
from releve.live import api as live
from releve.plan.comparison import ComparedPlan
from releve.registry import service as registry
from releve.runs.plan_calendar import CalendarDay, CalendarState, load_calendar, load_calendar_day


class CalendarRecord(PageModel):
    """A plan that a day had, or that it was left without one; ``digest`` empty."""

    record: int = Field(description="Of the calendar: records are only ever added")
    digest: str
    version: int = Field(description="Of the reference data that the plan was made of")
    at: datetime
    by: str


class CalendarDayRow(PageModel):
    """A day with its plans, the newest first; the first one counts."""

    day: date
    state: CalendarState
    records: tuple[CalendarRecord, ...]
    run: str = Field(description="The run that made the plan in force; empty where it was removed")
    drafts: tuple[str, ...] = Field(description="Runs with another plan of the day, the newest first")
    may_put_back: bool


class CalendarPage(PageModel):
    """Weeks of days, each from Monday on; ``earlier`` and ``later`` begin those beside them."""

    time_zone: str
    today: date
    earlier: date
    later: date
    weeks: tuple[tuple[CalendarDayRow, ...], ...]


class CalendarDayPage(PageModel):
    """A day, and what putting it back changes.

    ``before`` None: it would be left without a plan; ``data``: how the reference data of the plan
    before differ from today's.
    """

    time_zone: str
    row: CalendarDayRow
    before: ComparedPlan | None
    data: live.DataDifference | None
    names: dict[str, str] = Field(description="Of sites and programmes, by id")


def calendar_page(first: date | None = None) -> CalendarPage:
    """Return the weeks from the one of a day on; by default from last week on."""
    found = load_calendar(first)
    return CalendarPage(
        time_zone=registry.current_time_zone(),
        today=found.today,
        earlier=found.earlier,
        later=found.later,
        weeks=tuple(tuple(map(_build_row, week)) for week in found.weeks),
    )


def _build_row(day: CalendarDay) -> CalendarDayRow:
    return CalendarDayRow.from_row(day, records=tuple(map(CalendarRecord.from_row, day.records)))


def calendar_day_page(day: date) -> CalendarDayPage:
    """Return the page of a day."""
    found, operator = load_calendar_day(day), live.operator_now()
    preview = live.preview_put_back(day) if found.may_put_back else None
    names = {row.id: row.name for row in operator.sites} | {row.id: row.name for row in operator.programmes}
    return CalendarDayPage(
        time_zone=operator.row.time_zone,
        row=_build_row(found),
        before=None if preview is None else preview.days[0],
        data=None if preview is None else preview.data,
        names=names,
    )


register = Library()
_STATES = {
    "none": lazy("no plan"),
    "draft": lazy("computed, not in force"),
    "in_force": lazy("in force"),
    "running": lazy("in force, running"),
    "past": lazy("past"),
}
_TONES = {"none": "unknown", "draft": "waiting", "in_force": "held", "running": "running", "past": "unknown"}
add_words(register, "calendar_state", _STATES)
add_words(register, "calendar_tone", _TONES)


@register.filter
def difference_sentences(data: live.DataDifference) -> list[str]:
    """Return how the reference data of plans differ from today's."""
    return [translate_phrase(found) for found in data.sentences()]


@register.filter
def break_sentences(data: live.DataDifference) -> list[str]:
    """Return what plans break of today's reference data."""
    return [translate_phrase(found.sentence()) for found in data.breaks]


@register.filter
def week_title(week: tuple[CalendarDayRow, ...]) -> str:
    """Return ``30 November to 6 December 2026``."""
    text = text_now("UTC")
    return _("{first} to {last}").format(
        first=text.day(week[0].day, weekday=False), last=text.day(week[-1].day, weekday=False)
    )


@serve("reliefs.see")
def calendar(request: HttpRequest) -> HttpResponse:
    """The days of some weeks: which have a plan, who put it in force and when."""
    asked = request.GET.get("from", "")
    first = require_found(read_day(asked), _("There is no such day.")) if asked else None
    page = calendar_page(first)
    return page_response(request, "desk/planning/calendar.html", page, _permissions(request))


@serve("reliefs.see")
def show_day(request: HttpRequest, day: str) -> HttpResponse:
    """The plans that a day had, and what putting it back changes."""
    page = calendar_day_page(require_found(read_day(day), _("There is no such day.")))
    return page_response(request, "desk/planning/calendar_day.html", page, _permissions(request))


@serve("plan.publish", ACT, recent=True)
def put_back(request: HttpRequest, day: str) -> HttpResponse:
    """Put a day back to the plan that it had before, or to none."""
    found = require_found(read_day(day), _("There is no such day."))
    seen = {found: read_number(request.POST.get("record", "")) or 0}
    return perform(
        request,
        lambda: live.put_back([found], by=actor_name(request), seen=seen),
        "calendar_day",
        day,
        said=_("The day is put back."),
        refused=_("The day was not put back."),
    )


def _permissions(request: HttpRequest) -> dict[str, Any]:
    return {"may_publish": can(request.user, "plan.publish")}


urlpatterns = [
    path("", calendar, name="calendar"),
    path("<slug:day>", show_day, name="calendar_day"),
    path("<slug:day>/back", put_back, name="calendar_back"),
]
