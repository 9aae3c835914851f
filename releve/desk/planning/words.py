"""Template filters that say in words what the pages of computed plans hold as codes."""

from __future__ import annotations

from datetime import date

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import RUN_STATES
from releve.desk.plan.words import status_word
from releve.desk.planning.page import PlanRunHead, PlanRunPage
from releve.desk.text import text_now, translate_phrase
from releve.network import HOME
from releve.plan.comparison import ComparedPlan, Post
from releve.plan.status import phrase_security

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


@register.filter
def security_sentence(day: ComparedPlan) -> str:
    """Return how many clients a day's plan holds whatever single place is lost."""
    return translate_phrase(phrase_security(client.after for client in day.clients))


@register.filter
def days_list(days: tuple[date, ...]) -> str:
    """Return days as in a sentence."""
    text = text_now("UTC")
    return text.list([text.day(day) for day in days])


@register.filter
def run_title(run: PlanRunHead) -> str:
    """Return ``Monday 30 November 2026, 5 days``, and whether they are a hybrid week."""
    text, order = text_now("UTC"), run.order
    count = ngettext("{count} day", "{count} days", order.days).format(
        count=text.number(order.days)
    )
    title = _("{day}, {days}").format(day=text.day(date.fromisoformat(order.first)), days=count)
    return _("{title}, as a hybrid week").format(title=title) if order.hybrid else title


@register.filter
def run_state(run: PlanRunHead) -> str:
    """Return the state of a run: planned comes before what is missing beside it."""
    if run.planned and run.may_stop:
        return _("planned; what is missing is being worked out")
    if run.planned and run.state != "done":
        return _("planned; what is missing was not worked out")
    return str(RUN_STATES[run.state])


@register.filter
def step_words(page: PlanRunPage) -> str:
    """Return what a run at work does now."""
    step, day = page.progress.step, page.progress.day
    if step == "reading":
        return _("It reads the reference data and forecasts the calls.")
    stage = str(_STAGES.get(page.progress.stage, ""))
    if not day:
        return stage
    words = text_now(page.time_zone).day(date.fromisoformat(day))
    if step == "missing":
        return _("{day}: it looks for the cheapest set of what is missing.").format(day=words)
    return _("{day}: {stage}").format(day=words, stage=stage)


@register.filter
def post_words(post: Post | None, page: PlanRunPage) -> str:
    """Return where agents work, and for which programme."""
    if post is None:
        return _("in reserve")
    place, programme = post
    where = _("at home") if place == HOME else page.names.get(place, place)
    return f"{where} · {page.names.get(programme, programme)}"
