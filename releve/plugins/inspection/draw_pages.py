"""The draws of visits on the desk, and the plan of visits that an inspector computes alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import changes_nothing
from releve.desk.endpoint import ACT, serve
from releve.desk.filters import add_words
from releve.desk.http import keep_unstored, page_response, read_day
from releve.desk.page import StreamPage
from releve.desk.places.page import StreamContext, moment
from releve.desk.text import text_now, translate_error
from releve.plugins.inspection import draws
from releve.plugins.inspection.engine.draw_days import (
    DrawSummary,
    build_draw_day,
    describe_powers,
    find_draw_plans,
    summarise_draw_day,
)
from releve.situation.draw_chains import DrawError

register = Library()

_STATES = {
    "older": lazy(
        "An earlier version drew by this plan: it stands as it was recorded, and cannot be drawn or"
        " verified any further. Make a new plan."
    ),
    "offered": lazy(
        "The commission has not joined: it needs the plan and the signed root over it, makes its"
        " chain for these, and gives its anchor."
    ),
    "planned": lazy("The frame of the day is not on record: it has to be, the evening before."),
    "framed": lazy("The frame is on record; links are missing."),
    "revealed": lazy("Both links are on record: the visits can be drawn."),
    "drawn": lazy("The visits are drawn."),
}
_PARTIES = {"operator": lazy("operator"), "commission": lazy("commission")}
_VISITS = {
    "held": pgettext_lazy("visit", "made"),
    "missed": pgettext_lazy("visit", "not made"),
    "waiting": pgettext_lazy("visit", "to make"),
}
_TONES = {"held": "held", "missed": "missed", "waiting": "unknown"}
add_words(register, "draw_state", _STATES)
add_words(register, "visit_state", _VISITS)
add_words(register, "visit_tone", _TONES)


@register.filter
def party_list(parties: tuple[str, ...]) -> str:
    return text_now("UTC").list([str(_PARTIES[party]) for party in parties])


@register.filter
def powers(found: DrawSummary) -> Iterator[str]:
    """Return what the tests of the visits can find, and what visits can see."""
    return describe_powers(found, text_now("UTC").language)


class DrawsPage(StreamPage):
    """The draws of a day; ``before`` and ``after`` are its neighbours.

    To readers who are not inspectors, visits that wait are only counted until the day is over.
    """

    day: date
    before: date
    after: date
    today: bool
    cards: tuple[DrawSummary, ...]
    previews: bool = Field(description="The reader may compute the visits from a link")


def draws_page(now: StreamContext, day: date, *, inspects: bool) -> DrawsPage:
    """Return the draws of a day; ``inspects``: the reader is an inspector of the whole house."""
    one, today = timedelta(days=1), now.find_day()
    return DrawsPage(
        **now.head,
        day=day,
        before=day - one,
        after=day + one,
        today=day == today,
        cards=tuple(
            summarise_draw_day(
                build_draw_day(plan, now.situation, now.operator, day), now.operator, shown=inspects or day < today
            )
            for plan in find_draw_plans(now.situation, day)
        ),
        previews=inspects and day == today,
    )


@serve("draw.see")
def index(request: HttpRequest) -> HttpResponse:
    """The draws of today, or of a day that is asked for."""
    now = moment(request)
    return _show(request, now, read_day(request.GET.get("day", "")) or now.find_day(), {})


@changes_nothing
@sensitive_post_parameters("link")
@serve("draw.preview", ACT)
def preview(request: HttpRequest) -> HttpResponse:
    """Show the visits that the commission's link gives; nothing is recorded, nothing is kept."""
    now, plan = moment(request), request.POST.get("plan", "")
    day = now.find_day()
    try:
        sites = draws.preview_draw(plan, day, request.POST.get("link", ""), stream=now.stream)
    except DrawError as error:
        return _show(request, now, day, {"plan": plan, "fault": translate_error(error)}, 422)
    names = tuple(now.operator.site[site].name for site in sites)
    return _show(request, now, day, {"plan": plan, "names": names or (_("no site"),)})


def _show(request: HttpRequest, now: StreamContext, day: date, previewed: object, status: int = 200) -> HttpResponse:
    inspects = can(request.user, "draw.preview")
    page, context = draws_page(now, day, inspects=inspects), {"previewed": previewed}
    response = page_response(request, "desk/draws/index.html", page, context, status=status)
    return keep_unstored(response) if previewed else response


urlpatterns = [path("", index, name="draws"), path("preview", preview, name="draws_preview")]
