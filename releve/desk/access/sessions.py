"""How long a sign-in lasts: so long without a click, so long in all."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from releve.accounts.models import User

POLLING = "X-Releve-Polling"
"""Header of a request that a page makes by itself: it keeps no session awake.

``hx-headers='{"X-Releve-Polling": "1"}'`` beside ``hx-trigger="every 10s"``.
"""
_STARTED, _SEEN = "releve_started", "releve_seen"
_NOTE_SECONDS = 60
"""A click is noted at most this often, so that not every page writes."""


def session_limits_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: sign out a session that was idle, or has lasted, too long."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User) and user.visitor_role is None and user.pk is not None:
            _bound(request, user, time())
        return get_response(request)

    return middleware


def _bound(request: HttpRequest, user: User, now: float) -> None:
    session = request.session
    started, seen = session.get(_STARTED), session.get(_SEEN)
    if started is None or seen is None:
        session[_STARTED] = session[_SEEN] = now
        return
    if now - seen > settings.SESSION_IDLE_SECONDS or now - started > settings.SESSION_COOKIE_AGE:
        UserSession.objects.filter(session_key=session.session_key).delete()
        logout(request)
    elif now - seen > _NOTE_SECONDS and POLLING not in request.headers:
        session[_SEEN] = now
        UserSession.objects.filter(user=user, session_key=session.session_key).update(
            last_seen_at=timezone.now()
        )
