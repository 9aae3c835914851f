"""Who acts by a request: the account, the name that is recorded, and what they are answered."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from releve.accounts.grants import AccessError
from releve.accounts.models import User
from releve.desk.text import translate_error


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


def act_and_lead(
    request: HttpRequest, act: Callable[[], object], said: str, view: str = "people"
) -> HttpResponse:
    """Act on accounts, then lead to a page that says what was done, or why it was not."""
    try:
        act()
    except AccessError as error:
        messages.error(request, translate_error(error))
    else:
        messages.success(request, said)
    return redirect(view)
