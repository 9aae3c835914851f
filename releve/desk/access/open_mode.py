"""The open desk: no sign-in, on this machine alone, through the eyes of a role one chooses.

For looking at a plan or a made-up operator. It answers only to this machine, says on every page
that it is open, and does not start where people have accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import quote, unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponseForbidden

from releve.accounts.models import User
from releve.accounts.roles import BY_CLIENT, BY_SITE, Role
from releve.accounts.scopes import HeldRole

__all__ = ["COOKIE", "build_visitor", "format_choice", "open_desk_middleware"]

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


def open_desk_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware: on an open desk, requests from this machine are a visitor's."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if settings.OPEN_DESK:
            if not ip_address(request.META["REMOTE_ADDR"]).is_loopback:
                return HttpResponseForbidden("An open desk answers to its own machine only.")
            request.user = _chosen(request.COOKIES.get(COOKIE, ""))
        return get_response(request)

    return middleware


def _chosen(text: str) -> User:
    """Return the visitor of a cookie; of the default role where the cookie makes no sense."""
    name, _colon, place = text.partition(":")
    role = Role(name) if name in Role.values else DEFAULT
    return build_visitor(role, unquote(place))
