"""Errors of the ledger.

LedgerError
├── AppendOnlyError            an entry, root or node would be changed or deleted
├── DocumentConflict           a document that left stands with other bytes under its name
├── LedgerBehind               the database lacks what left its ledger: nothing is written
├── EntryError                 an entry that cannot be written: the field, the value, the fix
├── LossRefused                a loss that these two people cannot declare
├── OutsideTransactionError    an append outside ``transaction.atomic()``
├── ProofError                 no such entry or root, or the entry is not under the root
├── NothingToSealError         an empty ledger has no root
└── SigningKeyError            the signing key cannot be used
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = [
    "AppendOnlyError",
    "DocumentConflict",
    "EntryError",
    "LedgerBehind",
    "LedgerError",
    "LossRefused",
    "NothingToSealError",
    "OutsideTransactionError",
    "ProofError",
    "SigningKeyError",
]


class LedgerError(ReleveError):
    """The root of what the ledger raises."""


class AppendOnlyError(LedgerError):
    """An attempt to change or delete a row of an append-only table."""


class DocumentConflict(LedgerError):  # noqa: N818 (a state, not a fault of the program)
    """A document that never changes stands with other bytes; nothing was overwritten."""


class EntryError(LedgerError, ValueError):
    """An entry that cannot be written."""


class LedgerBehind(LedgerError):  # noqa: N818 (a state, not a fault of the program)
    """The database lacks entries or roots that are known outside it; nothing was written."""


class LossRefused(LedgerError):  # noqa: N818 (named like the others)
    """A loss that these people cannot declare, or that there is none of."""


class OutsideTransactionError(LedgerError, RuntimeError):
    """An append outside a transaction: the entry and what goes with it could part."""


class ProofError(LedgerError, LookupError):
    """There is no such entry or root, or the entry was added after the root."""


class NothingToSealError(LedgerError):
    """An empty ledger has no root."""


class SigningKeyError(LedgerError):
    """The signing key cannot be read, or is not one."""
