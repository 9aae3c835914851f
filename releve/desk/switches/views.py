"""The pages of prepared switches, the press of one, and its undoing."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response
from releve.desk.live.streams import read_stream
from releve.desk.query import read_number
from releve.desk.switches.page import switch_page, switches_page
from releve.live import api as live
from releve.routing import EmptySet

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
