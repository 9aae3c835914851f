"""What the gate refuses to do, apart from calls.

GateError
├── Away               the database does not answer, or not in time
├── Conflict           somebody else answered the same call at the same time
├── KeyFault           the key of the pseudonyms cannot be read, or is not one
├── NoMatch            a person, a client or a consent that nothing known fits
├── LoadRefused        facts that cannot be taken: the reason and the fix
├── OutcomeFault       a file of outcomes that cannot be read on
└── NoSuch             there is no such decision, or it cannot be proved yet
"""

from __future__ import annotations

__all__ = [
    "Away", "Conflict", "GateError", "KeyFault", "LoadRefused", "NoMatch", "NoSuch", "OutcomeFault",
]  # fmt: skip


class GateError(Exception):
    """The root of what this package raises."""


class Away(GateError):  # noqa: N818 (a state, not a fault of the program)
    """The database does not answer, or not in time."""


class Conflict(GateError):  # noqa: N818
    """Somebody else answered the same call at the same time."""


class KeyFault(GateError):  # noqa: N818
    """The key of the pseudonyms cannot be used."""


class LoadRefused(GateError):  # noqa: N818
    """Facts that cannot be taken; nothing of them counts."""


class NoMatch(GateError):  # noqa: N818
    """What was named fits nothing that is known; nothing was recorded."""


class OutcomeFault(GateError):  # noqa: N818
    """A file of outcomes that cannot be read on."""


class NoSuch(GateError):  # noqa: N818
    """There is no such row, or it is not proved yet."""
