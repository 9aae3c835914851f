"""The pages of prepared switches: what a loss would publish, its effects, press and undoing."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Library
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.access.guard import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response, read_number
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import PageModel, StreamPage
from releve.desk.plan.words import describe_loss
from releve.live import api as live
from releve.plan.work_changes import KindCount
from releve.routing import EmptySet

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class PressedSwitch(PageModel):
    """A switch that a person published, while it is held."""

    contingency: str
    kind: str
    name: str
    generation: int
    until: datetime
    may_undo: bool


class SwitchesPage(StreamPage):
    """Every contingency of the plan in force."""

    rows: tuple[live.SwitchState, ...]
    pressed: PressedSwitch | None


class PlaceCalls(PageModel):
    """Calls an hour at a place by the forecast of this half hour."""

    place: str
    name: str
    before: float
    after: float


class SwitchPage(StreamPage):
    """A switch and its consequences, for one client or all (empty)."""

    contingency: str
    kind: str
    name: str
    client: str
    clients: dict[str, str] = Field(description="Every client by id")
    content: str = Field(description="Names the routes; asked for when they are published")
    source: str
    moved: int
    kinds: tuple[KindCount, ...] = Field(description="Those people by kind of change")
    calls: tuple[PlaceCalls, ...]
    unserved: tuple[str, ...] = Field(description="Names of programmes that no place would serve")
    effects: tuple[live.ClientImpact, ...]
    rehearsals: tuple[live.RehearsedSwitch, ...]
    may_press: bool


def switches_page(shown: ShownStream, user: AnyUser) -> SwitchesPage:
    """Return the switches of a stream as they were prepared last."""
    return SwitchesPage(
        **shown.build_head(live.operator_now().row.time_zone),
        rows=live.list_switch_states(shown.name),
        pressed=find_pressed(shown.name, user),
    )


def find_pressed(stream: str, user: AnyUser) -> PressedSwitch | None:
    """Return the switch that is held, if any."""
    found = live.find_held_switch(stream)
    if found is None:
        return None
    return PressedSwitch.from_row(found, may_undo=can(user, "routing.switch"))


def switch_page(shown: ShownStream, user: AnyUser, contingency: str, client: str) -> SwitchPage:
    """Return a switch with its consequences, worked out now."""
    operator = live.operator_now()
    found = live.preview_switch(contingency, client, shown.name)
    names = {row.id: row.name for row in operator.sites}
    names |= {row.id: row.name for row in operator.programmes}
    return SwitchPage.from_row(
        found,
        **shown.build_head(operator.row.time_zone),
        contingency=contingency,
        kind=found.contingency.kind,
        name=found.contingency.name,
        clients={row.id: row.name for row in operator.clients},
        calls=tuple(PlaceCalls.from_row(row, name=names.get(row.place, "")) for row in found.calls),
        unserved=tuple(names.get(row, row) for row in found.unserved),
        rehearsals=live.find_rehearsals(contingency, shown.name),
        may_press=can(user, "routing.switch"),
    )


MOST_MINUTES = 24 * 60


@serve("reliefs.see")
def index(request: HttpRequest) -> HttpResponse:
    """Every contingency of the plan in force, and whether its routes are ready."""
    shown = read_stream(request)
    page = switches_page(shown, request.user)
    return page_response(request, "desk/switches/index.html", page)


@serve("reliefs.see")
def show(request: HttpRequest, contingency: str) -> HttpResponse:
    """The consequences of a switch, before the button that publishes it."""
    shown, client = read_stream(request), request.GET.get("client", "")[:64]
    page = switch_page(shown, request.user, contingency, client)
    return page_response(request, "desk/switches/switch.html", page)


@serve("routing.switch", ACT, recent=True)
def press(request: HttpRequest, contingency: str) -> HttpResponse:
    """Publish a switch whose consequences were shown, or show them again where they changed."""
    client = request.POST.get("client", "")[:64]
    minutes = read_number(request.POST.get("minutes", "")) or 0
    back = f"{reverse('switch', args=[contingency])}?{urlencode({'client': client})}"
    try:
        if not 1 <= minutes <= MOST_MINUTES:
            said = _("A switch is held for 1 to {most} minutes.").format(most=MOST_MINUTES)
        else:
            live.press_switch(
                contingency, client, content=request.POST.get("content", ""), minutes=minutes,
                by=actor_name(request), stream=read_stream(request).name,
            )  # fmt: skip
            messages.success(request, _("The calls are being switched."))
            return redirect("switches")
    except live.SwitchChanged:
        said = _("The routes have changed meanwhile: here they are as of now.")
    except EmptySet:
        said = _("No place would be left for any call: nothing was switched.")
    messages.error(request, said)
    return redirect(back)


@serve("routing.switch", ACT)
def undo(request: HttpRequest) -> HttpResponse:
    """Publish the routes before the switch again."""
    live.undo_switch(by=actor_name(request), stream=read_stream(request).name)
    messages.success(request, _("The routes before the switch are being published again."))
    return redirect("switches")


urlpatterns = [
    path("", index, name="switches"),
    path("undo", undo, name="switch_undo"),
    path("<ref:contingency>", show, name="switch"),
    path("<ref:contingency>/press", press, name="switch_press"),
]


register = Library()
register.filter("switch_loss", describe_loss)
