"""Make an installation of a backup again: in a new home, in an empty database of either kind.

What may have had its effect since the backup is not done a second time: queued effects are set
aside for a person to look at, and no answer to an old message is awaited. The gate refuses every
call until the registers have been read again. The ledger's entry ``ledger.restored`` says what was
put back, and what is lost: two people have to declare that before anything else is written
(:mod:`releve.upkeep.loss`). A database that was put back by other means catches up likewise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import pyrage
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from releve.files.atomic import create_file
from releve.ledger.chain import append, lock_head, read_head
from releve.ledger.models import LedgerEntry, OutgoingDocument, Restoration
from releve.ledger.rollback import RESTORED, allow_writing
from releve.live.daily_jobs import erase_due_data
from releve.live.models import Effect, Message
from releve.upkeep.archive import BackupFault, Manifest
from releve.upkeep.backup import open_lines
from releve.upkeep.home_files import NAMES
from releve.upkeep.migrations import apply_migrations
from releve.upkeep.replay import (
    Outside,
    publish_roots,
    repeat_acts,
    resume_ledger,
    settle_values,
)
from releve.upkeep.snapshot import load_rows, prepare_tables

__all__ = [
    "LostRoot",
    "RestoreReport",
    "catch_up",
    "needs_identity_key",
    "record_restoration",
    "restore_database",
]

ASIDE = "the database was restored: this may have been done since the backup; check, then retry"
_LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LostRoot:
    """The last published root over entries that are lost."""

    number: int
    size: int
    head: str
    tree: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back, taken from the journal, repeated, set aside, and what is lost.

    ``lost_entries``: under the last published root, whose number is ``lost_root`` (0: none).
    ``entry`` records it; 0 where nothing lacked that was not on record already.
    """

    rows: int
    entries: int
    acts: Mapping[str, int]
    aside: int
    lost_entries: int
    lost_root: int
    entry: int


def restore_database(
    path: Path,
    manifest: Manifest,
    identities: Sequence[pyrage.x25519.Identity],
    outside: Outside,
    now: datetime,
) -> RestoreReport:
    """Put the rows back into an empty database, and what left the house since on top of them.

    The rows come all or none, and what left since likewise.
    """
    file = connection.settings_dict["NAME"]
    if isinstance(file, Path):  # of SQLite, which would make it readable for others
        create_file(file, "", mode=0o600)
    if connection.introspection.table_names():
        raise BackupFault("the database is not empty: give an empty one, nothing is overwritten")
    outside.parts_after(int(manifest["journal"]))  # a missing one is said before anything is done
    apps = prepare_tables(manifest["migrations"])
    with open_lines(path, identities, Path(settings.HOME)) as lines:
        counts = load_rows(lines, apps)
    if counts != manifest["rows"]:
        raise BackupFault("the rows are not those that the manifest names")
    apply_migrations()
    report = _go_on(manifest, outside, now, put_back=True)
    return replace(report, rows=sum(counts.values()))


def catch_up(outside: Outside, now: datetime) -> RestoreReport:
    """Put what left since into the database as it stands, an older copy of itself: all or nothing.

    Repeated, it changes nothing.
    """
    head = read_head()
    at = LedgerEntry.objects.filter(seq=head.seq).values_list("recorded_at", flat=True).first()
    last = OutgoingDocument.objects.filter(name__startswith="journal-").order_by("-name").first()
    before = {
        "made_at": at,
        "entries": head.seq,
        "journal": 0 if last is None else int(last.name[len("journal-") : -len(".age")]),
    }
    return _go_on(before, outside, now, put_back=False)


def _go_on(before: Manifest, outside: Outside, now: datetime, *, put_back: bool) -> RestoreReport:
    """Put on top of a database what left since; ``before`` says where its ledger stood.

    It is recorded where the database was ``put_back`` from a backup, or lacked something.
    """
    parts = outside.parts_after(int(before["journal"]))
    publish_roots(outside)
    with allow_writing():
        with transaction.atomic():
            found = resume_ledger(outside, parts)
            lost = found.get("lost_root")
            size, number = found.get("lost_entries", 0), 0 if lost is None else int(lost["number"])
            is_new_loss = lost is not None and not found["recorded"]
            if not (put_back or parts or found["entries"] or found["roots"] or is_new_loss):
                return RestoreReport(0, 0, {}, 0, size, number, 0)
            entry, aside = record_restoration(
                now, made_at=before["made_at"], entries=before["entries"], found=found["entries"],
                lost=None if lost is None else LostRoot(
                    number, lost["size"], lost["head"], lost["tree"]
                ),
                lost_entries=size,
            )  # fmt: skip
            settle_values(parts, now)
            acts = repeat_acts(parts)
        erase_due_data(now)
    return RestoreReport(0, found["entries"], acts, aside, size, number, entry)


def needs_identity_key() -> bool:
    """Return whether there are names that could not be erased: their key is not set here."""
    return (Path(settings.HOME) / NAMES).is_file() and not settings.IDENTITY_KEY


def record_restoration(
    now: datetime,
    *,
    made_at: str | None,
    entries: int,
    found: int,
    lost: LostRoot | None,
    lost_entries: int,
) -> tuple[int, int]:
    """Record what was put back, and set aside what may have been done since that was made.

    Returns the number of the entry, and how many effects were set aside.
    """
    with transaction.atomic():
        lock_head()
        body = {
            "backup_made_at": made_at,
            "backup_entries": entries,
            "entries_from_journal": found,
            "lost_entries": lost_entries,
            "lost_root": None if lost is None else asdict(lost),
        }
        entry = append(RESTORED, body, recorded_at=now)
        Restoration.objects.create(seq=entry.seq, at=timezone.now())
        waiting = Effect.objects.filter(state__in=(Effect.QUEUED, Effect.CLAIMED))
        aside = waiting.exclude(kind=_LEAVE).update(state=Effect.ASIDE, error=ASIDE)
        waiting.update(state=Effect.QUEUED, next_at=now, claimed_until=None)
        Message.objects.exclude(due_at=None).update(due_at=None)
    return entry.seq, aside
