"""The link at which the holder of an account chooses a password."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.views import PasswordResetView
from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.accounts.grants import create_password_key, record_mailed_link, show_password_key
from releve.accounts.models import User

_log = logging.getLogger(__name__)


class PasswordReset(PasswordResetView):  # type: ignore[misc]  # allauth has no types
    """The page that mails the link, where there is a mail server."""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Add whether a link can be mailed."""
        return {**super().get_context_data(**context), "mailed": bool(settings.EMAIL_HOST)}


def hand_over_link(
    user: User, *, by: str, request: HttpRequest | None = None, show: bool = False
) -> str:
    """Mail an address at which a password can be chosen, once, within three days; return "".

    Without a mail server, or an address of the account, or where ``show`` asks for it since its
    mailbox cannot be reached, it is returned instead to be shown, and its reader has a hand in the
    account. It starts as RELEVE_URL says; where that is not set,
    as the request's own address.
    """
    if settings.EMAIL_HOST and user.email and not show:
        key = create_password_key(user)
        subject = _("Choose your password")
        try:
            send_mail(subject, f"{subject}: {_build_address(key, request)}\n", None, [user.email])
        except OSError as error:
            _log.warning("a link to choose a password was not mailed, and is shown: %s", error)
        else:
            record_mailed_link(user, by=by)
            return ""
    return _build_address(show_password_key(user, by=by), request)


def _build_address(key: dict[str, str], request: HttpRequest | None) -> str:
    path = reverse("account_reset_password_from_key", kwargs=key)
    if request is not None and not settings.DESK_URL_IS_SET:
        return request.build_absolute_uri(path)
    return settings.DESK_URL + path
