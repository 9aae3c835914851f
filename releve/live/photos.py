"""Photos of inspections: files beside the database, named by their content, erased on their day.

A photo is kept without what the camera added (:mod:`.images`), as ``photos/SHA-256`` in the home
folder; the ledger's entry holds the name. What no inspection names within a day goes; so does a
photo when the time of the ``retention`` rule for other values has passed since the last inspection
that names it. The entry, and every proof of it, stays.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from releve.files.atomic import make_folder, write_file
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live.clock import LIVE
from releve.live.current_rules import load_installed_rules
from releve.live.photo_metadata import remove_metadata
from releve.situation import KINDS, RetentionRule, list_fields

__all__ = [
    "MAX_PHOTOS",
    "MAX_PHOTO_BYTES",
    "erase_photos",
    "has_photo",
    "load_photo",
    "store_photo",
]

MAX_PHOTO_BYTES, MAX_PHOTOS = 8 * 1024 * 1024, 4
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNNAMED_SECONDS = 24 * 3600


def store_photo(data: bytes) -> str:
    """Keep a photo without what the camera added; return its SHA-256. NotAPhoto when it is none."""
    data = remove_metadata(data)
    digest = hashlib.sha256(data).hexdigest()
    path = _get_folder() / digest
    make_folder(path.parent, mode=0o700)
    write_file(path, data, mode=0o600)
    return digest


def load_photo(digest: str) -> bytes | None:
    """Return a photo; None where there is none of that name, or it was erased."""
    if not has_photo(digest):
        return None
    return (_get_folder() / digest).read_bytes()


def has_photo(digest: str) -> bool:
    """Return whether a photo is kept."""
    return _DIGEST.fullmatch(digest) is not None and (_get_folder() / digest).is_file()


def erase_photos(now: datetime) -> int:
    """Erase the photos whose day has come, and those that nothing names; return how many."""
    paths = [path for path in _get_folder().glob("*") if path.is_file()]
    if not paths:
        return 0
    last = dict(_last_days())
    gone = [path for path in paths if _is_due(path, last.get(path.name), now.date())]
    for path in gone:
        path.unlink(missing_ok=True)
    named = sum(path.name in last for path in gone)
    if named:
        with transaction.atomic():
            ledger.lock_head()
            ledger.append("photos.erased", {"count": named}, recorded_at=now, stream=LIVE)
    return len(gone)


def _is_due(path: Path, last: date | None, today: date) -> bool:
    if last is None:
        return time.time() - path.stat().st_mtime > _UNNAMED_SECONDS
    return today > last


def _last_days() -> Iterator[tuple[str, date]]:
    """Yield each photo with the last day it is kept, the latest last."""

    rules = load_installed_rules()
    kinds = [
        kind
        for kind, row in KINDS.items()
        if "photos" in {field.name for field in list_fields(row)}
    ]
    rows = LedgerEntry.objects.filter(kind__in=kinds).values_list("recorded_at", "body")
    found: list[tuple[date, str]] = []
    for at, written in rows.iterator(chunk_size=500):
        day = datetime.fromisoformat(at).date()
        rule = rules.one(RetentionRule, day) or RetentionRule()
        until = day + timedelta(days=rule.other_days)
        found += [(until, digest) for digest in json.loads(written).get("photos", ())]
    for until, digest in sorted(found):
        yield digest, until


def _get_folder() -> Path:
    return Path(settings.HOME) / "photos"
