"""Errors of the live chain.

The error tree::

    LiveError
    ├── Refused        an event that cannot be accepted: its reasons, each with its fix
    ├── KeyReused      the key names another event already
    ├── Busy           the database is locked by another connection; nothing was done, try again
    │   └── DiskFull   the database cannot grow; nothing was done, free some space first
    ├── NoOperator     nothing has been imported into the registry yet
    ├── PlanRefused    a plan that cannot be put in force
    ├── ContactFaults  a contact file with faults: all of them, by line
    ├── ChannelFaults  channels that contacts use and that cannot send
    ├── ProposalChanged  a relief proposed that is another one than the one that was shown
    ├── SwitchChanged  a prepared switch that is another one than the one that was shown
    ├── GatewayRefused  a post of a gateway that is not taken, not signed by its secret or too old
    ├── MailboxFault    the mailbox of replies cannot be read now; nothing is lost
    └── NoSuch         no drill, message or effect of that name
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError

from releve.errors import ReleveError

if TYPE_CHECKING:
    from releve.situation import EventRefusal


_SQLITE_BUSY, _SQLITE_LOCKED, _SQLITE_FULL = 5, 6, 13
_POSTGRES_DISK_FULL = "53100"
_POSTGRES_STATES = frozenset({"55P03", "40P01", "40001", "53300"})
"""A lock not had, a deadlock, a transaction to be tried again, too many connections."""
_POSTGRES_CLASSES = ("08", "57")
"""The connection is gone, the server is starting or stopping."""


class LiveError(ReleveError):
    """The root of the live chain's errors."""


class Refused(LiveError):  # noqa: N818 (the word of the desk)
    """An event that cannot be accepted; ``reasons`` say why and what to do."""

    def __init__(self, reasons: tuple[EventRefusal, ...]) -> None:
        super().__init__(reasons)
        self.reasons = reasons

    def __str__(self) -> str:
        return " ".join(reason.sentence() for reason in self.reasons)


class KeyReused(LiveError):  # noqa: N818
    """A key that named another event before; nothing was done."""


class Busy(LiveError):  # noqa: N818
    """The database did not give way in time; nothing was done and nothing is lost."""


class DiskFull(Busy):
    """The database's disk is full; nothing was done, and nothing can be until there is room."""


def is_busy(error: BaseException | None) -> bool:
    """Return whether something failed only because the database does not answer just now."""
    if isinstance(error, Busy):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in (_SQLITE_BUSY, _SQLITE_LOCKED)
    state = getattr(cause, "sqlstate", "")
    return state is None or state in _POSTGRES_STATES or state[:2] in _POSTGRES_CLASSES


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether something failed because the database has no room to grow."""
    while error is not None:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF == _SQLITE_FULL:
            return True
        if isinstance(error, DiskFull) or getattr(error, "sqlstate", "") == _POSTGRES_DISK_FULL:
            return True
        error = error.__cause__
    return False


class NoOperator(LiveError):  # noqa: N818
    """The registry is empty."""


class PlanRefused(LiveError):  # noqa: N818
    """A plan that is not one of the operator in the registry, or that the checker refused."""


class ContactFaults(LiveError):  # noqa: N818
    """Faults of a contact file; nothing was imported."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


class ChannelFaults(LiveError):  # noqa: N818
    """Channels that cannot send with the settings as they are: each with what is missing."""


class SwitchChanged(LiveError):  # noqa: N818
    """A switch whose routes have changed since its consequences were shown; nothing was done."""


class ProposalChanged(LiveError):  # noqa: N818
    """A proposal that has changed since it was shown; nothing was done."""


class GatewayRefused(LiveError):  # noqa: N818
    """A post that is not taken: of no gateway that is set up, not signed by its secret, too old, or not readable."""


class MailboxFault(LiveError):  # noqa: N818
    """The mailbox of replies cannot be read now; nothing is lost."""


class NoSuch(LiveError, LookupError):  # noqa: N818
    """Nothing of that name."""
