"""The answer behind a message's link."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from releve.desk.access.guard import allow_anonymous
from releve.desk.http import failure
from releve.live import api as live


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
