"""When the installation was last backed up, and when a backup was last restored to try it.

``backups.json`` in the home says so. It is of the host that makes the backups, and no part of them: a restored
house begins without one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from releve.files.atomic import write_file
from releve.files.home import MARK

NOTES = "backups.json"
OLDEST_BACKUP = timedelta(hours=25)
"""A daily backup is in time up to this age: its own run, and the spread of its timer, take up to an hour."""
OLDEST_REHEARSAL = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class BackupNotes:
    """The last backup, None where none is known, with its file; the last rehearsal of a restore likewise."""

    made_at: datetime | None = None
    name: str = ""
    rehearsed_at: datetime | None = None


def read_backup_notes(home: Path) -> BackupNotes:
    """Return what is known; nothing where no backup was made, or the file cannot be read."""
    try:
        found = json.loads((home / NOTES).read_text("utf-8"))
        return BackupNotes(
            _read_moment(found, "made_at"), str(found.get("name", "")), _read_moment(found, "rehearsed_at")
        )
    except (OSError, ValueError, AttributeError):
        return BackupNotes()


def note_backup(home: Path, made_at: datetime, path: Path) -> None:
    _write(home, replace(read_backup_notes(home), made_at=made_at, name=path.name))


def note_rehearsal(home: Path, at: datetime) -> None:
    _write(home, replace(read_backup_notes(home), rehearsed_at=at))


def find_backup_due(home: Path) -> datetime:
    """Return since when a backup has been due, or from when on it is: a new home has a day for its first."""
    made_at = read_backup_notes(home).made_at
    if made_at is None:
        made_at = datetime.fromisoformat(json.loads((home / MARK).read_text("utf-8"))["made_at"])
    return made_at + OLDEST_BACKUP


def _read_moment(found: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(found[name]) if found.get(name) else None


def _write(home: Path, notes: BackupNotes) -> None:
    write_file(home / NOTES, json.dumps(asdict(notes), default=datetime.isoformat) + "\n", mode=0o600)
