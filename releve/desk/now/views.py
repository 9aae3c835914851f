"""The page *Now*, and the retry of a task from it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from releve.accounts.scopes import scope_for
from releve.desk.access.actor import actor_name
from releve.desk.endpoint import ACT, serve
from releve.desk.http import page_response, part_response
from releve.desk.live.streams import read_stream
from releve.desk.now.page import now_page
from releve.live import api as live


@serve("situation.see")
def now(request: HttpRequest) -> HttpResponse:
    """Everything as it stands; the browser polls ``?part=live``."""
    shown = read_stream(request)
    page = now_page(shown, request.user)
    context = {"operator": live.operator_now()}
    if request.GET.get("part") == "live":
        return part_response(request, "desk/now/_live.html", page, context)
    return page_response(request, "desk/now/now.html", page, context)


@serve("incident.work", ACT)
def effect_retry(request: HttpRequest, number: int) -> HttpResponse:
    """Retry a task that was set aside: one of their own sites where a user holds only some."""
    if not scope_for(request.user, "incident.work").covers(site=live.find_effect_site(number)):
        raise Http404
    live.retry_effect(number, by=actor_name(request))
    messages.success(request, _("It is being tried again."))
    return redirect("now")
