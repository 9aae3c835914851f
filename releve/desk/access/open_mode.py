"""The open desk: no sign-in, on this machine alone, through the eyes of a role one chooses.

For looking at a plan or a made-up operator. It answers only to this machine and to no proxy, says
on every page that it is open, and does not start where people have accounts. It only shows, unless
it is started to act, and then only while the operator in the registry is a made-up one.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.utils.translation import gettext as _

from releve.accounts.models import User
from releve.accounts.roles import BY_CLIENT, BY_SITE, Role
from releve.accounts.scopes import HeldRole
from releve.desk.http import failure
from releve.registry.service import get_current_version, load_operator

_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
              "X-Real-IP")  # fmt: skip
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
COOKIE = "releve_role"
DEFAULT = Role.CONTINUITY


def build_visitor(role: Role, place: str = "") -> User:
    """Return a visitor with one role, for one site or client where the role is held for some."""
    user = User(username=f"visitor-{role.value}")
    user.visitor_role = HeldRole.limit(
        role,
        [place] if place and role in BY_SITE else [],
        [place] if place and role in BY_CLIENT else [],
    )
    return user


def format_choice(role: Role, place: str = "") -> str:
    """Return a choice as the cookie keeps it."""
    return f"{role.value}:{quote(place, safe='')}"


def changes_nothing(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view as one whose forms an open desk takes in any case: they record nothing."""
    view.changes_nothing = True  # type: ignore[attr-defined]
    return view


def open_desk_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: on an open desk, requests from this machine are a visitor's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.OPEN_DESK:
            if not _is_local(request):
                return HttpResponseForbidden("An open desk answers to its own machine only.")
            request.user = _chosen(request.COOKIES.get(COOKIE, ""))
        return get_response(request)

    middleware.process_view = _refuse_act  # type: ignore[attr-defined]
    return middleware


def _is_local(request: HttpRequest) -> bool:
    """Return whether a request comes from this machine, and through no proxy on it."""
    forwarded = any(name in request.headers for name in _FORWARDED)
    return not forwarded and ip_address(request.META["REMOTE_ADDR"]).is_loopback


def _refuse_act(
    request: HttpRequest, view: Any, args: object, kwargs: object
) -> HttpResponse | None:
    """Refuse what would change something, where the open desk only shows."""
    if not settings.OPEN_DESK or request.method in _SAFE_METHODS:
        return None
    if getattr(view, "changes_nothing", False) or (settings.OPEN_DESK_ACTS and _is_made_up()):
        return None
    message = _("This open desk only shows: nothing was recorded.")
    detail = _("Sign-in is needed to act. For a made-up operator, start it with --open --act.")
    return failure(request, 403, message, detail)


def _is_made_up() -> bool:
    """Return whether the operator in the registry is a made-up one, or there is none."""
    version = get_current_version()
    return version is None or load_operator(version).row.synthetic


def _chosen(text: str) -> User:
    """Return the visitor of a cookie; of the default role where the cookie makes no sense."""
    name, _colon, place = text.partition(":")
    role = Role(name) if name in Role.values else DEFAULT
    return build_visitor(role, unquote(place))
