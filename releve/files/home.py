"""The home folder: what an installation keeps on disk, made by ``releve init`` alone.

A file marks it, so that a command started elsewhere, or as another user, is refused instead of
working on a new and empty installation.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from releve.errors import ReleveError
from releve.files.atomic import create_file

MARK = "releve-home.json"
"""The file that marks a home folder."""
FOLDERS = ("charters", "law", "rules")
"""Folders that a home has: without one of them, rows of the house would be missing."""
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


class HomeError(ReleveError, OSError):
    """There is no home folder where one is needed, or it cannot be made."""


def is_home(path: Path) -> bool:
    """Return whether a folder was made a home; HomeError where this user may not look."""
    try:
        return (path / MARK).is_file()
    except PermissionError:
        raise HomeError(_cannot_enter(path)) from None


def require_home(path: Path) -> None:
    """Refuse a folder that is not a home, with how to make one."""
    if is_home(path):
        return
    if path.is_dir() and not os.access(path, os.X_OK):
        raise HomeError(_cannot_enter(path))
    raise HomeError(
        f"there is no installation in {path}: set RELEVE_HOME to the folder of the installation, or"
        " make a new one with `releve init`"
    )


def make_home(path: Path, now: datetime, database: Path | None = None) -> bool:
    """Make a folder a home, for its owner alone; return whether it was none before.

    A folder that others can read is closed to them; what stands in it stays. ``database`` is the
    file of SQLite: made empty in a new home, and never beside what an older one left.
    """
    try:
        for folder in (path, *(path / name for name in FOLDERS)):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                folder.chmod(_PRIVATE_FOLDER)
        if database is not None and not is_home(path):
            create_file(database, "", mode=_PRIVATE_FILE)
        return create_file(path / MARK, _mark_text(now))
    except OSError as error:
        raise HomeError(f"the home folder {path} cannot be made: {error.strerror}") from error


def protect_file(path: Path) -> None:
    """Take a file of this user from all others; one that is not there is left so."""
    with suppress(FileNotFoundError):
        status = path.stat()
        if status.st_mode & 0o077 and status.st_uid == os.geteuid():
            path.chmod(_PRIVATE_FILE)


def _mark_text(now: datetime) -> str:
    return json.dumps({"format": "releve home 1", "made_at": now.isoformat()}) + "\n"


def _cannot_enter(path: Path) -> str:
    return f"the home folder {path} belongs to another user: run the command as its owner"
