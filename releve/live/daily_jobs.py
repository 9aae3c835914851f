"""Daily jobs: seal what is over, erase values that are due, sign and publish the root.

Whether a day's jobs are done is read from their own row, never from a root: a root may be sealed
by hand, and by a clock that was wrong.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.erasure import erase_due
from releve.gate.batch_proofs import close_batches
from releve.gate.erasure import ERASED as OUTBOUND_ERASED
from releve.gate.fact_proofs import seal_facts
from releve.ledger.chain import read_head
from releve.ledger.checkpoints import publish_checkpoint
from releve.ledger.erasure import ERASED, scrub_files
from releve.ledger.errors import DocumentConflict, ProofError
from releve.ledger.models import LedgerEntry
from releve.ledger.rollback import roots_folder
from releve.ledger.roots import SignedRoot, load_last_root, publish_root
from releve.ledger.seal import seal_ledger
from releve.ledger.witnesses import ask_known_witnesses
from releve.live.models import DailyRun
from releve.live.statement import seal_days
from releve.registry import storage as registry

__all__ = ["Erasure", "erase_due_data", "run_daily_jobs"]

RETRY_AFTER = timedelta(minutes=10)
"""Time between two attempts to clean the database's files while another connection reads."""
KEPT_RUNS = timedelta(days=400)
_MOST_SCRUBS = 3
_log = logging.getLogger("releve.live")
_conflicts: set[str] = set()
"""Conflicts of documents that this process has logged."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: rows, values and files erased; whether no trace is left in the files."""

    erased: int
    scrubbed: bool


def run_daily_jobs(now: datetime) -> SignedRoot | None:
    """Prove the gate's calls and facts, erase, seal and publish, once in a UTC day.

    Returns the new root, if any. After a kill halfway it runs again. The root comes last, so that
    it covers the entries that the erasure wrote. A run that a clock ahead of time has dated in
    the future counts as not done.
    """
    run = DailyRun.objects.filter(day=now.date()).first()
    last = load_last_root()
    if run is not None and run.done_at is not None and run.done_at <= now:
        if not run.scrubbed and now - run.tried_at >= RETRY_AFTER:
            _note_run(now, done_at=run.done_at, scrubbed=_scrub_database_files())
        if last is not None:
            _publish(last)
        return None
    _note_run(now, done_at=None)
    close_batches(now)
    seal_facts(now)
    version = registry.get_current_version()
    if version is not None:
        seal_days(registry.load_operator(version), now)
    found = erase_due_data(now)
    root = None
    if read_head().seq:
        root = seal_ledger(now)
        _publish(root)
        ask_known_witnesses(root)
    _note_run(now, done_at=now, erased=found.erased, scrubbed=found.scrubbed)
    DailyRun.objects.filter(day__lt=(now - KEPT_RUNS).date()).delete()
    return root if root != last else None


def erase_due_data(now: datetime) -> Erasure:
    """Erase what has reached its date in every room, and its traces in the database's files.

    Absences that last are postponed first. Values that were erased before a kill, and that no root
    covers yet, may still be in the files: they are cleaned then, too.
    """
    count = erase_due(now)
    return Erasure(count, not (count or _erased_since_root()) or _scrub_database_files())


def _note_run(now: datetime, **done: object) -> None:
    DailyRun.objects.update_or_create(day=now.date(), defaults={"tried_at": now, **done})


def _erased_since_root() -> bool:
    last = load_last_root()
    sealed = 0 if last is None else last.size
    return LedgerEntry.objects.filter(seq__gt=sealed, kind__in=(ERASED, OUTBOUND_ERASED)).exists()


def _scrub_database_files() -> bool:
    """Remove erased values from the database's files; retry while another connection is reading."""
    for _ in range(_MOST_SCRUBS):
        if scrub_files(("ledger_personal", "gate_personal")):
            return True
    _log.warning("another connection still reads: the database's log still holds erased values")
    return False


def _publish(root: SignedRoot) -> None:
    """Publish a root's document and its checkpoint to the folder of roots, unless there.

    A file that stands there with other bytes is named, once in a process, and stops no other job:
    where another root of this ledger is meant, the ledger itself refuses to go on.
    """
    try:
        publish_root(root, roots_folder())
        with suppress(ProofError):  # a root of a key that was rotated since
            publish_checkpoint(root, roots_folder())
    except DocumentConflict as error:
        if str(error) not in _conflicts:
            _conflicts.add(str(error))
            _log.critical("the root was not published: %s", error)
