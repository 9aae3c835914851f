"""The Now page, the task that is tried again, and the answer behind a message's link."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from releve.accounts.scopes import can, scope_for
from releve.desk.access.actor import actor_name
from releve.desk.access.guard import allow_anonymous, require_permission
from releve.desk.http import failure
from releve.desk.live.answers import answer, explained, fragment
from releve.desk.live.now_page import now_page, now_twin
from releve.desk.live.streams import looked_at
from releve.desk.presenters.text import text_now
from releve.live import api as live

__all__ = ["ack", "effect_retry", "now"]


@require_permission("situation.see")
@require_safe
@explained
def now(request: HttpRequest) -> HttpResponse:
    """Everything as it stands; ``?part=live`` is what the page asks for every few seconds."""
    operator = live.operator_now()
    page = now_page(
        looked_at(request).name,
        text_now(operator.row.time_zone),
        scope_for(request.user, "situation.see"),
        reopens=can(request.user, "reopening.approve"),
        works=can(request.user, "incident.work"),
    )
    if request.GET.get("part") == "live":
        return fragment(request, "desk/live/_now.html", page)
    return answer(request, "desk/live/now.html", page, now_twin(page))


@require_permission("incident.work")
@require_POST
@explained
def effect_retry(request: HttpRequest, number: int) -> HttpResponse:
    """Try once more what was set aside."""
    live.retry_effect(number, by=actor_name(request))
    messages.success(request, _("It is being tried again."))
    return redirect("now")


@allow_anonymous
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ack(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a message's link: one button says that the message was read.

    Open to anyone who holds the link, and exempt from the CSRF token: the link is the secret, and
    looking at it alone (as mail filters do) answers nothing.
    """
    if request.method != "POST":
        return render(request, "desk/live/ack.html", {"done": None})
    try:
        done = live.acknowledge(token)
    except live.NoSuch:
        return failure(request, 404, _("There is no message behind this link."))
    return render(request, "desk/live/ack.html", {"done": done})
