"""Sealing: the tally of what was recorded, then the signed root over all of it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from releve.ledger.chain import lock_head
from releve.ledger.rollback import require_complete
from releve.ledger.roots import SignedRoot, load_last_root, sign_entries
from releve.ledger.tallies import append_tally

__all__ = ["seal_entries", "seal_ledger"]


def seal_ledger(now: datetime) -> SignedRoot:
    """Return a new root whose last entry is the tally, or the last one where nothing was added.

    Raises what ``sign_root`` raises; then there is no tally either.
    """
    require_complete(outside=True)  # a folder that answers late is waited for without the lock
    with transaction.atomic():
        return seal_entries(now)


def seal_entries(now: datetime) -> SignedRoot:
    """Return what ``seal_ledger`` does, in a transaction before which the outside was compared."""
    place, last = lock_head(), load_last_root()
    if place.seq and (last is None or last.size < place.seq):
        append_tally(now)
    return sign_entries(now)
