"""The door of every operation: who asks, how often, whether they may; the ETag of what is read.

A program shows a token (``Authorization: Bearer …``). A page of the desk comes with its session,
and then with its CSRF token wherever something is changed. The rest is the door of the pages,
:func:`releve.desk.access.guard.may`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.rate_limit import seconds_to_wait
from releve.accounts.tokens import authenticate, is_program
from releve.desk.access.guard import allow_anonymous, require_permission, require_recent_auth
from releve.desk.http import failure, unchanged

_View = Callable[..., HttpResponse]
_BEARER = "Bearer "
_WRONG_TOKENS_PER_MINUTE = 10
_MOST_BODY_BYTES = 2 * 1024**2
"""More than any operation takes; each says itself what it takes."""


@dataclass(frozen=True, slots=True)
class Door:
    """What an operation asks of who enters.

    ``permission`` is empty for anyone; ``site`` and ``client`` name the arguments that hold an id;
    ``again``: a person must have proved lately who they are; ``people``: no program may.
    """

    permission: str
    site: str | None = None
    client: str | None = None
    again: bool = False
    people: bool = False


def enter(view: _View, method: str, door: Door) -> _View:
    """Return a view behind its door, for programs and for sessions of the desk."""
    inner = _inner(view, method, door)

    @wraps(inner)
    def entered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        refused = identify_caller(request) or _too_often(request) or _forged(request, door)
        return inner(request, *args, **kwargs) if refused is None else refused

    entered.most_bytes = _MOST_BODY_BYTES  # type: ignore[attr-defined]
    entered.csrf_exempt = True  # type: ignore[attr-defined]  # asked for here, of sessions alone
    return entered


def _inner(view: _View, method: str, door: Door) -> _View:
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != method:
            refused = failure(request, 405, _("This address takes {method}.").format(method=method))
            refused["Allow"] = method
            return refused
        if door.people and is_program(request.user):
            return failure(request, 403, _("A program cannot do this: a person must."))
        response = view(request, *args, **kwargs)
        kept = "no-cache" if method == "GET" else "no-store"
        response["Cache-Control"] = f"private, {kept}"
        return unchanged(request, response) if method == "GET" else response

    if not door.permission:
        return allow_anonymous(answered)
    asked = require_recent_auth(answered) if door.again else answered
    return require_permission(door.permission, site=door.site, client=door.client)(asked)


def identify_caller(request: HttpRequest) -> HttpResponse | None:
    """Take the token for who asks, where one is shown; a wrong one is never passed over."""
    given = request.headers.get("Authorization", "")
    if not given:
        return None
    found = authenticate(given.removeprefix(_BEARER)) if given.startswith(_BEARER) else None
    if found is not None:
        request.user = found
        return None
    address = get_adapter().get_client_ip(request)
    refused = _slow_down(request, f"wrong:{address}", _WRONG_TOKENS_PER_MINUTE)
    if refused is None:
        refused = failure(request, 401, _("This token opens nothing, or no longer."))
        refused["WWW-Authenticate"] = "Bearer"
    return refused


def _too_often(request: HttpRequest) -> HttpResponse | None:
    who = request.user.get_username() or f"ip:{get_adapter().get_client_ip(request)}"
    return _slow_down(request, who, settings.API_PER_MINUTE)


def _slow_down(request: HttpRequest, who: str, most: int) -> HttpResponse | None:
    wait = seconds_to_wait(who, most, timezone.now())
    if not wait:
        return None
    refused = failure(request, 429, _("Too many requests: wait, then try again."))
    refused["Retry-After"] = str(wait)
    return refused


class _Csrf(CsrfViewMiddleware):
    """The check of Django's pages, answered in the shape of the API."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return failure(request, 403, _("The form token is missing or wrong."), reason)


def _forged(request: HttpRequest, door: Door) -> HttpResponse | None:
    """Ask a session for its CSRF token, wherever something is changed; a program has none."""
    if not door.permission or is_program(request.user):
        return None
    check = _Csrf(lambda request: HttpResponse())
    check.process_request(request)
    refused = check.process_view(request, _asked_here, (), {})
    assert refused is None or isinstance(refused, HttpResponse)
    return refused


def _asked_here(request: HttpRequest) -> HttpResponse:
    """Stand for a view that is not exempt."""
    return HttpResponse()
