"""Access to every page: who may enter, and which answer a refused request gets.

::

    @require_permission("event.record.check", site="site")  # an argument of the view
    @require_recent_auth
    def check(request: HttpRequest, site: str) -> HttpResponse: ...

Without a sign-in a browser is redirected to it and a program gets 401. Users from outside the
operator, and users of another site or client, get 404. Users of the operator with another role get
403, with the roles that hold the permission.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from releve.accounts.permissions import PERMISSIONS
from releve.accounts.scopes import can, is_outsider, roles_held
from releve.desk.access.second_factor import (
    authenticated_recently,
    lacks_second_factor,
    reauthentication_url,
)
from releve.desk.http import failure, wants_json

_View = Callable[..., HttpResponse]


def require_permission(
    permission: str, *, site: str | None = None, client: str | None = None
) -> Callable[[_View], _View]:
    """Open a view to those who hold a permission now.

    ``site`` and ``client`` name the view's arguments that hold an id: the permission must be held
    for that one.
    """
    if permission not in PERMISSIONS:
        raise ValueError(f"permission must be a row of PERMISSIONS, got {permission!r}")

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
        return _led_to(request, reauthentication_url(request), _("Confirm that it is you."))

    return asked


def _refusal(
    request: HttpRequest, permission: str, site: str | None, client: str | None
) -> HttpResponse | None:
    user = request.user
    if not user.is_authenticated:
        return _led_to(request, reverse("account_login"), _("Sign in first."))
    if lacks_second_factor(request):
        return _led_to(request, reverse("mfa_index"), _("Your role takes a second factor."))
    if can(user, permission, site=site, client=client):
        return None
    if is_outsider(user) or can(user, permission):
        raise Http404
    return _forbidden(request, permission)


def _forbidden(request: HttpRequest, permission: str) -> HttpResponse:
    """Say what is missing, which roles have it, and which ones this person holds."""
    row = PERMISSIONS[permission]
    message = _("It takes another role to {does}.").format(does=row.does)
    needed = _("Roles that may: {roles}.").format(
        roles=", ".join(sorted(str(role.label) for role in row.roles))
    )
    held = [str(item.role.label) for item in roles_held(request.user)]
    own = (
        _("Yours: {roles}. An administrator gives roles.").format(roles=", ".join(held))
        if held
        else _("You hold no role today. An administrator gives roles.")
    )
    return failure(request, 403, message, f"{needed} {own}")


def _led_to(request: HttpRequest, page: str, message: str) -> HttpResponse:
    """Lead to a page and back afterwards; a program, which cannot follow, gets 401."""
    if wants_json(request):
        return failure(request, 401, message)
    back = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
    address = f"{page}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request") == "true" and "HX-Boosted" not in request.headers:
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)
