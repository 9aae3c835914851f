"""The link at which the holder of an account chooses a password."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from releve.accounts.grants import create_password_key
from releve.accounts.models import User

__all__ = ["create_password_link"]


def create_password_link(user: User, *, by: str) -> str:
    """Return an address at which a password can be chosen: once, within three days."""
    key = create_password_key(user, by=by)
    return settings.DESK_URL + reverse("account_reset_password_from_key", kwargs=key)
