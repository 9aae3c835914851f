"""Errors of the ledger.

LedgerError
├── AppendOnlyError            an entry, root or node would be changed or deleted
├── EntryError                 an entry that cannot be written: the field, the value, the fix
├── OutsideTransactionError    an append outside ``transaction.atomic()``
├── ProofError                 no such entry or root, or the entry is not under the root
├── NothingToSealError         an empty ledger has no root
└── SigningKeyError            the signing key cannot be used
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = [
    "AppendOnlyError",
    "EntryError",
    "LedgerError",
    "NothingToSealError",
    "OutsideTransactionError",
    "ProofError",
    "SigningKeyError",
]


class LedgerError(ReleveError):
    """The root of what the ledger raises."""


class AppendOnlyError(LedgerError):
    """An attempt to change or delete a row of an append-only table."""


class EntryError(LedgerError, ValueError):
    """An entry that cannot be written."""


class OutsideTransactionError(LedgerError, RuntimeError):
    """An append outside a transaction: the entry and what goes with it could part."""


class ProofError(LedgerError, LookupError):
    """There is no such entry or root, or the entry was added after the root."""


class NothingToSealError(LedgerError):
    """An empty ledger has no root."""


class SigningKeyError(LedgerError):
    """The signing key cannot be read, or is not one."""
