"""The link at which the holder of an account chooses a password."""

from __future__ import annotations

from typing import Any

from allauth.account.views import PasswordResetView
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from releve.accounts.grants import create_password_key
from releve.accounts.models import User


class PasswordReset(PasswordResetView):  # type: ignore[misc]  # allauth has no types
    """The page that mails the link, where there is a mail server."""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add whether a link can be mailed."""
        return {**super().get_context_data(**context), "mailed": bool(settings.EMAIL_HOST)}


def create_password_link(user: User, *, by: str, request: HttpRequest | None = None) -> str:
    """Return an address at which a password can be chosen: once, within three days.

    It starts as RELEVE_URL says; where that is not set, as the request's own address.
    """
    path = reverse("account_reset_password_from_key", kwargs=create_password_key(user, by=by))
    if request is not None and not settings.DESK_URL_IS_SET:
        return request.build_absolute_uri(path)
    return settings.DESK_URL + path
