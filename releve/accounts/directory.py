"""Who may enter now: the accounts and the programs, with the roles that they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from releve.accounts.grants import select_valid_tokens
from releve.accounts.models import Grant, Token, User
from releve.accounts.roles import label_role
from releve.accounts.scopes import describe_reach

__all__ = ["AccountLine", "ProgramLine", "RoleLine", "list_accounts", "list_programs"]


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role that is held now: for which sites and clients, and until when (None: no end).

    ``void``: it gives nothing, because it cannot be held for what is stored.
    """

    number: int
    role: str
    sites: tuple[str, ...]
    clients: tuple[str, ...]
    ends_at: datetime | None
    void: bool

    @classmethod
    def from_row(cls, row: Grant | Token) -> RoleLine:
        """Return the role of a grant or of a token."""
        void = row.to_held_role() is None
        sites, clients = ((), ()) if void else (tuple(row.sites), tuple(row.clients))
        return cls(row.pk, row.role, sites, clients, row.ends_at, void)

    @property
    def label(self) -> str:
        """The role in the reader's language."""
        return label_role(self.role)

    @property
    def reach(self) -> str:
        """What the role is held for, in the reader's language."""
        return describe_reach(self.sites, self.clients, void=self.void)


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account with the roles that it holds now; of one that is closed, none counts."""

    number: int
    name: str
    is_open: bool
    roles: tuple[RoleLine, ...]


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """A program whose token opens something now."""

    name: str
    held: RoleLine


def list_accounts(*, closed: bool = False) -> tuple[AccountLine, ...]:
    """Return the open accounts by name; with ``closed``, those that are closed too."""
    now, rows = timezone.now(), User.objects.prefetch_related("grants").order_by("username")
    return tuple(
        AccountLine(
            user.pk,
            user.get_username(),
            user.is_active,
            tuple(RoleLine.from_row(row) for row in user.grants.all() if row.is_active_at(now)),
        )
        for user in (rows if closed else rows.filter(is_active=True))
    )


def list_programs() -> tuple[ProgramLine, ...]:
    """Return the programs whose tokens open something now, by name."""
    now = timezone.now()
    rows = Token.objects.filter(ends_at__gt=now)
    valid = select_valid_tokens(rows, now)
    return tuple(ProgramLine(row.name, RoleLine.from_row(row)) for row in valid)
