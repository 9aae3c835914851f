"""Access to every page: who may enter, and which answer a refused request gets.

::

    @require_permission("event.record.check", site="site")  # an argument of the view
    @require_recent_auth
    def check(request: HttpRequest, site: str) -> HttpResponse: ...

Without a sign-in a browser is redirected to it and a program gets 401. Users from outside the
operator, and users of another site or client, get 404. Users of the operator with another role get
403, with the roles that hold the permission.

The open desk has no sign-in and shows a plan or a made-up operator through the eyes of a chosen
role. It answers only to this machine and to no proxy, says on every page that it is open, and does
not start where people have accounts. It only shows, unless it is started to act, and then only
while the operator in the registry is a made-up one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from ipaddress import ip_address
from time import time
from typing import Any, cast
from urllib.parse import quote, unquote

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseForbidden
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from releve.accounts.grants import AccessError
from releve.accounts.group_roles import find_service_record
from releve.accounts.models import User
from releve.accounts.permissions import BY_CLIENT, BY_SITE, Role, list_permissions
from releve.accounts.scopes import HeldRole, can, is_outsider, roles_held
from releve.desk.access.forms import authenticated_recently, lacks_second_factor, reauthentication_url
from releve.desk.http import failure, wants_json
from releve.desk.text import translate_error
from releve.registry.service import get_current_version, load_operator

_View = Callable[..., HttpResponse]


def require_permission(
    permission: str, *, site: str | None = None, client: str | None = None
) -> Callable[[_View], _View]:
    """Open a view to those who hold a permission now.

    ``site`` and ``client`` name the view's arguments that hold an id: the permission must be held
    for that one.
    """
    if permission not in list_permissions():
        raise ValueError(f"permission must be one of list_permissions(), got {permission!r}")

    def decorate(view: _View) -> _View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            of_site = cast("str | None", kwargs[site] if site else None)
            of_client = cast("str | None", kwargs[client] if client else None)
            refused = _refusal(request, permission, of_site, of_client)
            return view(request, *args, **kwargs) if refused is None else refused

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def allow_anonymous(view: _View) -> _View:
    """Mark a view as open to people who have not signed in, on purpose."""
    view.permission = ""  # type: ignore[attr-defined]
    return view


def permission_of(view: object) -> str | None:
    """Return the permission a view asks for: empty for anyone, None if undeclared."""
    return getattr(view, "permission", None)


def require_recent_auth(view: _View) -> _View:
    """Ask again who it is, unless that was done lately, before an act with consequences.

    The page that holds the form asks within minutes; sending the form is given the time it takes
    to fill it in, so that nothing typed is lost or kept elsewhere.
    """

    @wraps(view)
    def asked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if authenticated_recently(request):
            return view(request, *args, **kwargs)
        return _led_to(request, reauthentication_url(request), _("Confirm that it is you."), "access.confirm")

    return asked


def _refusal(request: HttpRequest, permission: str, site: str | None, client: str | None) -> HttpResponse | None:
    user = request.user
    if not user.is_authenticated:
        return _led_to(request, reverse("account_login"), _("Sign in first."), "access.sign_in")
    if lacks_second_factor(request):
        return _led_to(request, reverse("mfa_index"), _("Your role takes a second factor."), "access.second_factor")
    if can(user, permission, site=site, client=client):
        return None
    if is_outsider(user) or can(user, permission):
        raise Http404
    return _forbidden(request, permission)


def _forbidden(request: HttpRequest, permission: str) -> HttpResponse:
    """Say what is missing, which roles have it, and which ones this person holds."""
    row = list_permissions()[permission]
    message = _("It takes another role to {does}.").format(does=row.does)
    needed = _("Roles that may: {roles}.").format(roles=", ".join(sorted(str(role.label) for role in row.roles)))
    held = [str(item.role.label) for item in roles_held(request.user)]
    own = (
        _("Yours: {roles}. An administrator gives roles.").format(roles=", ".join(held))
        if held
        else _("You hold no role today. An administrator gives roles.")
    )
    return failure(request, 403, message, f"{needed} {own}")


def _led_to(request: HttpRequest, page: str, message: str, code: str) -> HttpResponse:
    """Lead to a page and back afterwards; a program, which cannot follow, gets 401."""
    if wants_json(request):
        return failure(request, 401, message, code=code)
    back = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
    address = f"{page}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)


_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
COOKIE = "releve_role"
DEFAULT = Role.CONTINUITY
VISITOR_PREFIX = "visitor-"
"""Begins the name of a visitor of an open desk; the role follows."""


def build_visitor(role: Role, place: str = "") -> User:
    """Return a visitor with one role, for one site or client where the role is held for some."""
    user = User(username=f"{VISITOR_PREFIX}{role.value}")
    user.visitor_role = HeldRole.limit(
        role, [place] if place and role in BY_SITE else [], [place] if place and role in BY_CLIENT else []
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


def _refuse_act(request: HttpRequest, view: Any, args: object, kwargs: object) -> HttpResponse | None:
    """Refuse what would change something, where the open desk only shows."""
    if not settings.OPEN_DESK or request.method in _SAFE_METHODS:
        return None
    if getattr(view, "changes_nothing", False) or (settings.OPEN_DESK_ACTS and _is_made_up()):
        return None
    message = _("This open desk only shows: nothing was recorded.")
    detail = _("Sign-in is needed to act. For a made-up operator, start it with --open --act.")
    return failure(request, 403, message, detail, code="access.reach")


def _is_made_up() -> bool:
    """Return whether the operator in the registry is a made-up one, or there is none."""
    version = get_current_version()
    return version is None or load_operator(version).row.synthetic


def _chosen(text: str) -> User:
    """Return the visitor of a cookie; of the default role where the cookie makes no sense."""
    name, _colon, place = text.partition(":")
    role = Role(name) if name in Role.values else DEFAULT
    return build_visitor(role, unquote(place))


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
    """Django middleware: sign out a session that was idle, or has lasted, too long.

    Roles that came by group count in a session that the service began, which was asked for the groups then.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User) and user.visitor_role is None and user.pk is not None:
            _bound(request, user, time())
        return get_response(request)

    return middleware


def _bound(request: HttpRequest, user: User, now: float) -> None:
    session = request.session
    service = find_service_record(session)
    user.without_group_roles = service is None or service["provider"] not in settings.GROUP_CLAIMS
    is_old = service is not None and now - service["at"] > settings.SERVICE_SESSION_SECONDS
    started, seen = session.get(_STARTED), session.get(_SEEN)
    if started is None or seen is None:
        session[_STARTED] = session[_SEEN] = now
        return
    if is_old or now - seen > settings.SESSION_IDLE_SECONDS or now - started > settings.SESSION_COOKIE_AGE:
        UserSession.objects.filter(session_key=session.session_key).delete()
        logout(request)
    elif now - seen > _NOTE_SECONDS and POLLING not in request.headers:
        session[_SEEN] = now
        UserSession.objects.filter(user=user, session_key=session.session_key).update(last_seen_at=timezone.now())


def actor_name(request: HttpRequest) -> str:
    """Return the name of the account or program that sent a request; ValueError without one."""
    name = request.user.get_username()
    if not name:
        raise ValueError("request has no signed-in user: guard the view with require_permission()")
    return name


def require_user(request: HttpRequest) -> User:
    """Return the account that sent a request, which a guard has let in."""
    assert isinstance(request.user, User)
    return request.user


def act_and_lead(request: HttpRequest, act: Callable[[], object], said: str, view: str = "people") -> HttpResponse:
    """Act on accounts, then lead to a page that says what was done, or why it was not."""
    try:
        act()
    except AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, said)
    return redirect(view)
