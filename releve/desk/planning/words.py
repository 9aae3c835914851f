"""Template filters that say in words what the pages of computed plans hold as codes."""

from __future__ import annotations

from datetime import date

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.live.words import when
from releve.desk.plan.names import status_word
from releve.desk.planning.page import MoveGroup, PlannedDay, PlanRunLine, PlanRunPage
from releve.desk.run_states import STATE_WORDS
from releve.desk.text import text_now
from releve.network import HOME

register = Library()
register.filter("status_word", status_word)

_STAGES = {
    "usable seats": lazy("it counts the seats that can be used."),
    "floors": lazy("it works out the best that each client can have if a place closes."),
    "n-1 programme": lazy("it looks for the plan that survives the loss of any one place."),
    "whole people": lazy("it turns the plan into whole people."),
    "reliefs": lazy("it prepares the relief of each loss."),
    "bound": lazy("it proves how good the plan is."),
    "days alone": lazy("It plans each day alone, to know what the week is measured against."),
    "week": lazy("It looks for the days at home and the meetings of the teams."),
    "days": lazy("It plans the days of the week with their reliefs."),
}
_BAR = 200
"""Width of a full bar."""


@register.filter
def days_list(days: tuple[date, ...]) -> str:
    """Return days as in a sentence."""
    text = text_now("UTC")
    return text.list([text.day(day) for day in days])


@register.filter
def run_title(line: PlanRunLine) -> str:
    """Return ``Monday 30 November 2026, 5 days``, and whether they are a hybrid week."""
    text = text_now("UTC")
    count = ngettext("{count} day", "{count} days", line.days).format(count=text.number(line.days))
    title = _("{day}, {days}").format(day=text.day(line.first), days=count)
    return _("{title}, as a hybrid week").format(title=title) if line.hybrid else title


@register.filter
def run_about(line: PlanRunLine, time_zone: str) -> str:
    """Return who ordered a run, when and from what."""
    return _("by {who}, {when}, from version {number} of the reference data").format(
        who=line.by, when=when(line.at, text_now(time_zone)), number=line.version
    )


@register.filter
def run_state(line: PlanRunLine) -> str:
    """Return the state of a run: planned comes before what is missing beside it."""
    if line.planned and line.state in ("waiting", "running"):
        return _("planned; what is missing is being worked out")
    if line.planned and line.state != "done":
        return _("planned; what is missing was not worked out")
    return str(STATE_WORDS[line.state])


@register.filter
def step_words(page: PlanRunPage) -> str:
    """Return what a run at work does now."""
    if page.step == "reading":
        return _("It reads the reference data and forecasts the calls.")
    stage = str(_STAGES.get(page.stage, ""))
    if page.step_day is None:
        return stage
    day = text_now(page.time_zone).day(page.step_day)
    if page.step == "missing":
        return _("{day}: it looks for the cheapest set of what is missing.").format(day=day)
    return _("{day}: {stage}").format(day=day, stage=stage)


@register.filter
def bar_width(page: PlanRunPage) -> float:
    """Return the length of the bar of the step, of 200."""
    return round(_BAR * page.share, 1)


@register.filter
def day_verdict(day: PlannedDay) -> str:
    """Return the verdict of a day in one sentence, beside that of the plan in force."""
    total, text = len(day.clients), text_now("UTC")
    said = ngettext(
        "{held} client of {total} is held whatever place closes",
        "{held} clients of {total} are held whatever place closes",
        day.secure,
    ).format(held=text.number(day.secure), total=text.number(total))
    if day.secure_before is None:
        return said
    return _("{verdict} (in force: {before})").format(
        verdict=said, before=text.number(day.secure_before)
    )


@register.filter
def day_people(day: PlannedDay) -> str:
    """Return how many people are planned, and how many work differently from the plan in force."""
    text = text_now("UTC")
    said = _("{placed} agents placed, {reserve} in reserve").format(
        placed=text.number(day.placed), reserve=text.number(day.reserve)
    )
    if not day.in_force:
        return _("{people}; this day is not in force yet").format(people=said)
    moved = ngettext(
        "{count} agent works differently", "{count} agents work differently", day.moved
    ).format(count=text.number(day.moved))
    return f"{said} · {moved}"


@register.filter
def post_before(group: MoveGroup, page: PlanRunPage) -> str:
    """Return where agents work in the plan in force."""
    return _post(group.before_place, group.before_programme, page)


@register.filter
def post_after(group: MoveGroup, page: PlanRunPage) -> str:
    """Return where agents work in the computed plan."""
    return _post(group.after_place, group.after_programme, page)


def _post(place: str | None, programme: str | None, page: PlanRunPage) -> str:
    if place is None or programme is None:
        return _("in reserve")
    where = _("at home") if place == HOME else page.names.get(place, place)
    return f"{where} · {page.names.get(programme, programme)}"
