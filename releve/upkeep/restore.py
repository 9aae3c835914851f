"""Make an installation of a backup again: in a new home, in an empty database of either kind.

What may have had its effect since the backup is not done a second time: queued effects are set
aside for a person to look at, and no answer to an old message is awaited. The gate refuses every
call until the registers have been read again. The ledger's entry ``ledger.restored`` says what was
put back, and what is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from releve.files.atomic import create_file
from releve.ledger.chain import append, lock_head
from releve.ledger.models import Restoration
from releve.live.daily_jobs import erase_due_data
from releve.live.models import Effect, Message
from releve.upkeep.archive import BackupFault, Manifest
from releve.upkeep.backup import open_lines
from releve.upkeep.home_files import NAMES
from releve.upkeep.migrations import apply_migrations
from releve.upkeep.replay import Outside, repeat_acts, resume_ledger, settle_values
from releve.upkeep.snapshot import load_rows, prepare_tables

__all__ = [
    "RESTORED",
    "RestoreReport",
    "needs_identity_key",
    "restore_database",
]

RESTORED = "ledger.restored"
ASIDE = "the database was restored: this may have been done since the backup; check, then retry"
_LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back, taken from the journal, repeated, set aside, and what is lost.

    ``lost_entries``: under the last published root, whose number is ``lost_root`` (0: none).
    """

    rows: int
    entries: int
    acts: Mapping[str, int]
    aside: int
    lost_entries: int
    lost_root: int


def restore_database(
    path: Path,
    manifest: Manifest,
    identities: Sequence[pyrage.x25519.Identity],
    outside: Outside,
    now: datetime,
) -> RestoreReport:
    """Put the rows back into an empty database, and what left the house since on top of them.

    The rows come all or none. What follows can be repeated: it changes nothing that is done.
    """
    file = connection.settings_dict["NAME"]
    if isinstance(file, Path):  # of SQLite, which would make it readable for others
        create_file(file, "", mode=0o600)
    if connection.introspection.table_names():
        raise BackupFault("the database is not empty: give an empty one, nothing is overwritten")
    parts = outside.parts_after(int(manifest["journal"]))
    apps = prepare_tables(manifest["migrations"])
    with open_lines(path, identities, Path(settings.HOME)) as lines:
        counts = load_rows(lines, apps)
    if counts != manifest["rows"]:
        raise BackupFault("the rows are not those that the manifest names")
    apply_migrations()
    found = resume_ledger(outside, parts)
    aside = _set_effects_aside(manifest, found, now)
    settle_values(parts, now)
    acts = repeat_acts(parts)
    erase_due_data(now)
    lost = found.get("lost_root", {})
    return RestoreReport(
        sum(counts.values()), found["entries"], acts, aside, found.get("lost_entries", 0),
        int(lost.get("number", 0)),
    )  # fmt: skip


def needs_identity_key() -> bool:
    """Return whether there are names that could not be erased: their key is not set here."""
    return (Path(settings.HOME) / NAMES).is_file() and not settings.IDENTITY_KEY


def _set_effects_aside(manifest: Manifest, found: Mapping[str, Any], now: datetime) -> int:
    """Record the restoration and set aside what may have been done since the backup."""
    with transaction.atomic():
        lock_head()
        lost = found.get("lost_root")
        body = {
            "backup_made_at": manifest["made_at"],
            "backup_entries": manifest["entries"],
            "entries_from_journal": found["entries"],
            "lost_entries": found.get("lost_entries", 0),
            "lost_root": None if lost is None else {
                name: lost[name] for name in ("number", "size", "head", "tree")
            },
        }  # fmt: skip
        entry = append(RESTORED, body, recorded_at=now)
        Restoration.objects.create(seq=entry.seq, at=timezone.now())
        waiting = Effect.objects.filter(state__in=(Effect.QUEUED, Effect.CLAIMED))
        aside = waiting.exclude(kind=_LEAVE).update(state=Effect.ASIDE, error=ASIDE)
        waiting.update(state=Effect.QUEUED, next_at=now, claimed_until=None)
        Message.objects.exclude(due_at=None).update(due_at=None)
    return aside
