"""The second factor, and whether a user authenticated recently."""

from __future__ import annotations

import time

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest

from releve.accounts.models import User
from releve.accounts.permissions import acting_roles

_TO_OPEN_SECONDS = 5 * 60
_TO_SEND_SECONDS = 30 * 60
"""To send a form that was opened within the first of the two, with the time to fill it in."""


def lacks_second_factor(request: HttpRequest) -> bool:
    """Return whether a user with a role that acts has not set up a second factor yet."""
    user = request.user
    if not settings.SECOND_FACTOR_REQUIRED or not isinstance(user, User) or user.visitor_role:
        return False
    acting = acting_roles()
    if not any(held.role in acting for held in user.held_roles):
        return False
    return not is_mfa_enabled(user)


def authenticated_recently(request: HttpRequest) -> bool:
    """Return whether a user authenticated recently enough for an act with consequences.

    Always true on an open desk, and for users who sign in by the organisation's service alone and,
    with second factors off, have nothing here to authenticate with.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    if user.visitor_role or not get_adapter().get_reauthentication_methods(user):
        return True
    records = get_authentication_records(request, user)
    if not records:
        return False
    limit = _TO_OPEN_SECONDS if request.method in ("GET", "HEAD") else _TO_SEND_SECONDS
    return bool(time.time() - max(record["at"] for record in records) < limit)


def reauthentication_url(request: HttpRequest) -> str:
    """Return the address at which a user authenticates again: password, or second factor."""
    return str(get_adapter().get_reauthentication_methods(request.user)[0]["url"])
