"""System checks of access: where a desk may be open, and that no stored grant is over-wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection
from django.db.models import Model
from django.utils import timezone

if TYPE_CHECKING:
    from releve.accounts.models import ScopedRole


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


@register(Tags.database)
def grants_check(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse roles and tokens that run and say sites or clients their role cannot be held for.

    They give nothing already (``Reach.held``); here it is said before the desk serves.
    """
    if not kwargs.get("databases"):
        return []
    return [
        Error(
            f"{kind} {name} has the role {row.role} for {_named(row)}, which that role cannot be"
            " held for; it gives nothing.",
            hint=f"End it with `{command}`, and give it again for what is meant.",
            id="releve.access.E003",
        )
        for kind, name, command, row in _running()
        if row.to_held_role() is None
    ]


def _running() -> Iterator[tuple[str, str, str, ScopedRole]]:
    """Yield each grant and token that runs, with the command that ends it."""
    from releve.accounts.models import Grant, Token

    now = timezone.now()
    if _has_table(Grant):
        for grant in Grant.objects.select_related("user").filter(user__is_active=True):
            name = grant.user.get_username()
            if grant.is_active_at(now):
                yield "The account", name, f"releve desk user end {name} --role {grant.role}", grant
    if _has_table(Token):
        for token in Token.objects.filter(ends_at__gt=now):
            yield "The token", token.name, f"releve desk token revoke {token.name}", token


def _named(row: ScopedRole) -> str:
    return f"sites {row.sites!r} and clients {row.clients!r}"


def _has_accounts() -> bool:
    from releve.accounts.models import User

    return _has_table(User) and User.objects.exists()


def _has_table(model: type[Model]) -> bool:
    return model._meta.db_table in connection.introspection.table_names()
