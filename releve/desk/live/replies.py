"""The address to which SMS and voice gateways post what people answered: open, since each post is signed."""

from __future__ import annotations

import logging

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from releve.accounts.tokens import seconds_to_wait
from releve.desk.access.guard import allow_anonymous
from releve.desk.http import failure, keep_unstored, takes
from releve.live import api as live

_LARGEST_BYTES = 64 * 1024
_WRONG_PER_MINUTE = 10
_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
"""What Twilio takes for "no further SMS", and "hang up" in a call."""
_log = logging.getLogger("releve.live")


@allow_anonymous
@csrf_exempt
@takes(_LARGEST_BYTES, lambda: _("A reply takes at most {size} KB.").format(size=_LARGEST_BYTES // 1024))
def reply(request: HttpRequest, gateway: str, secret: str = "") -> HttpResponse:
    """Take the answers that a gateway posts; what is not signed by its secret changes nothing.

    2xx once they are stored: a gateway sends again what was not taken. What is of no message, or not understood, is
    taken too. A refusal says why in the log, and to the caller only that it is refused.
    """
    if request.method != "POST":
        refused = failure(request, 405, _("This address takes {method}.").format(method="POST"))
        refused["Allow"] = "POST"
        return refused
    address, at = get_adapter().get_client_ip(request), live.real_now()
    wait = seconds_to_wait(f"reply:{address}", settings.API_PER_MINUTE, at)
    if wait:
        return _slow_down(request, wait)
    post = live.Post(f"{settings.DESK_URL}{request.get_full_path()}", request.body, request.headers, secret, at)
    try:
        found = live.read_post(gateway, post)
    except (live.GatewayRefused, ImproperlyConfigured) as error:
        wait = seconds_to_wait(f"wrong-reply:{address}", _WRONG_PER_MINUTE, at)
        if wait:
            return _slow_down(request, wait)
        _log.warning("a post to /replies was refused: %s", error)
        return failure(request, 403, _("This post is not taken: it is not signed by a gateway that is set up."))
    try:
        outcomes = [live.take_reply(row) for row in found]
    except live.Refused:  # the absence could not be recorded: it is sent again, and people see it on the list to call
        return failure(request, 503, _("The answer could not be recorded; send it again."))
    _log.info("replies by %s: %s", gateway, ", ".join(outcomes))
    if gateway == "twilio":
        return keep_unstored(HttpResponse(_TWIML, content_type="text/xml"))
    return keep_unstored(HttpResponse(status=200))


def _slow_down(request: HttpRequest, wait: int) -> HttpResponse:
    refused = failure(request, 429, _("Too many requests: wait, then try again."))
    refused["Retry-After"] = str(wait)
    return refused


urlpatterns = [
    path("replies/<slug:gateway>", reply, name="reply"),
    path("replies/<slug:gateway>/<slug:secret>", reply, name="reply_secret"),
]
