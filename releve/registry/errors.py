"""What the registry refuses, as a tree.

The error tree::

    ValueError
    ├── RegistryError           the sentence says what to do
    │   ├── Conflict            another user changed the registry, or the row, meanwhile
    │   ├── Damaged             what is stored is not what was stored
    │   ├── NotThere            no such version, table or row
    │   ├── NothingChanged      the operator is the one that is current already
    │   ├── NothingBefore       the first version has none before it
    │   └── NotAnUpload         a file that is neither a workbook nor a zip of tables
    └── releve.network.OperatorFaults   the operator would have faults; all of them are named
"""

from __future__ import annotations

from releve.errors import Phrase, ReleveError

__all__ = [
    "Conflict",
    "Damaged",
    "NotAnUpload",
    "NotThere",
    "NothingBefore",
    "NothingChanged",
    "RegistryError",
]


class RegistryError(ReleveError, ValueError):
    """The registry refuses; nothing was stored."""

    def __init__(self, message: Phrase) -> None:
        super().__init__(message)


class Conflict(RegistryError):  # noqa: N818 (the name says what it is)
    """Another change came first."""


class Damaged(RegistryError):  # noqa: N818
    """A stored block differs from its digest."""


class NotThere(RegistryError):  # noqa: N818
    """A version, a table or a row that the registry does not hold."""


class NothingChanged(RegistryError):  # noqa: N818
    """The change would leave the operator as it is."""


class NothingBefore(RegistryError):  # noqa: N818
    """The first version cannot be undone."""


class NotAnUpload(RegistryError):  # noqa: N818
    """A file that holds no operator's tables, or too much."""
