"""Who may call an operation of the API, how often; its ETag.

A program shows a token (``Authorization: Bearer …``). A page of the desk comes with its session,
and then with its CSRF token wherever something is changed. Permissions are those of the pages,
:func:`releve.accounts.scopes.can`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from django.utils.translation import gettext as _

from releve.accounts.tokens import authenticate, is_program, seconds_to_wait
from releve.desk.access.guard import allow_anonymous, require_permission, require_recent_auth
from releve.desk.api.refusals import refuse
from releve.desk.http import unchanged

_View = Callable[..., HttpResponse]
_BEARER = "Bearer "
_WRONG_TOKENS_PER_MINUTE = 10
MOST_BODY_BYTES = 2 * 1024**2
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
    most_bytes: int = MOST_BODY_BYTES


def enter(view: _View, doors: Mapping[str, Door]) -> _View:
    """Return a view behind the door of each method, for programs and for sessions of the desk."""
    inner = {method: _inner(view, tuple(doors), door) for method, door in doors.items()}
    first = next(iter(doors))

    @wraps(inner[first])
    def entered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        method = request.method or first
        method = method if method in doors else first
        refused = identify_caller(request) or _too_often(request) or _forged(request, doors[method])
        return inner[method](request, *args, **kwargs) if refused is None else refused

    most = max(door.most_bytes for door in doors.values())
    entered.most_bytes, entered.too_much = most, partial(_say_too_much, most)  # type: ignore[attr-defined]
    entered.csrf_exempt = True  # type: ignore[attr-defined]  # asked for here, of sessions alone
    return entered


def _say_too_much(most_bytes: int) -> str:
    return _("It takes at most {size} KB.").format(size=most_bytes // 1024)


def _inner(view: _View, methods: tuple[str, ...], door: Door) -> _View:
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method not in methods:
            taken = ", ".join(methods)
            refused = refuse(request, "method", _("This address takes {method}.").format(method=taken))
            refused["Allow"] = taken
            return refused
        if door.people and is_program(request.user):
            return refuse(request, "access.person", _("A program cannot do this: a person must."))
        response = view(request, *args, **kwargs)
        kept = "no-cache" if request.method == "GET" else "no-store"
        response["Cache-Control"] = f"private, {kept}"
        return unchanged(request, response) if request.method == "GET" else response

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
        refused = refuse(request, "access.token", _("This token opens nothing, or no longer."))
        refused["WWW-Authenticate"] = "Bearer"
    return refused


def _too_often(request: HttpRequest) -> HttpResponse | None:
    who = request.user.get_username() or f"ip:{get_adapter().get_client_ip(request)}"
    return _slow_down(request, who, settings.API_PER_MINUTE)


def _slow_down(request: HttpRequest, who: str, most: int) -> HttpResponse | None:
    wait = seconds_to_wait(who, most, timezone.now())
    if not wait:
        return None
    refused = refuse(request, "too_many", _("Too many requests: wait, then try again."))
    refused["Retry-After"] = str(wait)
    return refused


class _Csrf(CsrfViewMiddleware):
    """The check of Django's pages, answered in the shape of the API."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return refuse(request, "access.csrf", _("The form token is missing or wrong."))


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
