"""System checks of access: an open desk stays on its machine, and where nobody has an account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

__all__ = ["accounts_check", "open_desk_check"]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


@register(Tags.security)
def open_desk_check(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse an open desk that answers to other names than this machine's own."""
    others = sorted(set(settings.ALLOWED_HOSTS) - _LOOPBACK)
    if not settings.OPEN_DESK or not others:
        return []
    message = f"An open desk is for this machine alone, but it answers to {', '.join(others)}."
    hint = "Leave out --open, or do not set RELEVE_ALLOWED_HOSTS."
    return [Error(message, hint=hint, id="releve.access.E001")]


@register(Tags.database)
def accounts_check(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse an open desk where people have accounts: they sign in."""
    if not settings.OPEN_DESK or not kwargs.get("databases") or not _has_accounts():
        return []
    message = "People have accounts here, so the desk cannot be open."
    hint = "Leave out --open, or set RELEVE_HOME to another, empty folder for a look."
    return [Error(message, hint=hint, id="releve.access.E002")]


def _has_accounts() -> bool:
    from releve.desk.access.models import User

    made = User._meta.db_table in connection.introspection.table_names()
    return made and User.objects.exists()
