"""What is due once a day: erase what has reached its date, seal the ledger, let the root out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings

from releve.ledger.chain import head
from releve.ledger.erasure import erase_due, scrub
from releve.ledger.roots import Root, last_root, publish, seal

__all__ = ["daily", "roots_folder"]


def roots_folder() -> Path:
    """Return where the signed roots are written: ``roots`` in the home folder."""
    return Path(settings.HOME) / "roots"


def daily(now: datetime) -> Root | None:
    """Erase, seal and publish, on the first call of a UTC day; return the new root, if any.

    Killed halfway, it is done again: erasing and sealing twice is once. The root comes last, so
    that it covers the entries that the erasure wrote.
    """
    last = last_root()
    if last is not None and last.sealed_at.date() >= now.date():
        return None
    if head().seq == 0:
        return None
    if erase_due(now.date(), now=now):
        scrub()
    root = seal(now)
    publish(root, roots_folder())
    return root
