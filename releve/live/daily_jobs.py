"""Daily jobs: erase values that are due, sign the ledger's root, publish the root."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from django.conf import settings

from releve.erasure import erase_due
from releve.gate.batch_proofs import close_batches
from releve.gate.erasure import ERASED as OUTBOUND_ERASED
from releve.gate.fact_proofs import seal_facts
from releve.ledger.chain import read_head
from releve.ledger.erasure import ERASED, scrub_files
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot, load_last_root, publish_root, sign_root

__all__ = ["roots_folder", "run_daily_jobs"]

_MOST_SCRUBS = 3
_log = logging.getLogger("releve.live")


def roots_folder() -> Path:
    """Return where the signed roots are written: ``roots`` in the home folder."""
    return Path(settings.HOME) / "roots"


def run_daily_jobs(now: datetime) -> SignedRoot | None:
    """Prove the gate's calls and facts, erase, seal and publish, on the first call of a UTC day.

    Returns the new root, if any.

    After a kill halfway it runs again: erased values that no root covers yet may still be in the
    database's files, and a signed root may not be published yet. The root comes last, so that it
    covers the entries that the erasure wrote.
    """
    last = load_last_root()
    if last is not None and last.sealed_at.date() >= now.date():
        _publish_if_missing(last)
        return None
    close_batches(now)
    seal_facts(now)
    erase_due(now)
    if read_head().seq == 0:
        return None
    if _erased_since(last):
        _scrub_database_files()
    root = sign_root(now)
    _publish_if_missing(root)
    return root if root != last else None


def _erased_since(last: SignedRoot | None) -> bool:
    sealed = 0 if last is None else last.size
    return LedgerEntry.objects.filter(seq__gt=sealed, kind__in=(ERASED, OUTBOUND_ERASED)).exists()


def _scrub_database_files() -> None:
    """Remove erased values from the database's files; retry while another connection is reading."""
    for _ in range(_MOST_SCRUBS):
        if scrub_files(("ledger_personal", "gate_personal")):
            return
    _log.warning("another connection still reads: the database's log still holds erased values")


def _publish_if_missing(root: SignedRoot) -> None:
    """Publish a root's document to the folder of roots, unless it is there."""
    if not (roots_folder() / root.file_name).exists():
        publish_root(root, roots_folder())
