"""Write and check a backup: the database as of one instant, the home's files, and the keys."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from django.conf import settings
from django.db import connection

from releve import __version__
from releve.environment import SECRET_FILE
from releve.ledger.digests import format_entry, hash_entry
from releve.ledger.journal import read_recipients
from releve.ledger.keys import key_in_place
from releve.upkeep.archive import (
    BackupFault,
    Manifest,
    check_members,
    compress,
    extract,
    pack,
    tar_files,
)
from releve.upkeep.home_files import list_files, list_key_files
from releve.upkeep.snapshot import Snapshot, open_snapshot

__all__ = ["check_backup", "open_lines", "write_backup"]

_KEYS = (
    ("ledger.key", "LEDGER_KEY"),
    ("gate.key", "GATE_KEY"),
    (SECRET_FILE, "SECRET_KEY"),
)


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing of what is written."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def write_backup(path: Path, now: datetime, recipients: Sequence[str] = ()) -> Manifest:
    """Write a backup for recipients (those of the settings without any); return its manifest.

    It is signed with the ledger's key; without one it is written all the same, and not signed.
    Neither the desk nor the gate waits for it. The database's instant comes first: files are only
    added to, but for rules, which are small.
    """
    home = Path(settings.HOME)
    counts: dict[str, int] = {}
    state: dict[str, Any] = {}
    with open_snapshot() as snapshot:
        members = {
            "database.age": compress(_note_state(snapshot, counts, state)),
            "files.age": compress(tar_files(list_files(home, Path(settings.IDENTITY_FILE)))),
            "keys.age": iter([json.dumps(_read_keys()).encode()]),
        }
        return pack(
            path,
            members,
            read_recipients(recipients or settings.BACKUP_TO),
            lambda: {
                "made_at": now.isoformat(),
                "program": __version__,
                "database": connection.vendor,
                "migrations": snapshot.migrations,
                "rows": counts,
                **state,
            },
            key_in_place(),
        )


def check_backup(path: Path, identities: Sequence[pyrage.x25519.Identity] = ()) -> Manifest:
    """Return the manifest of a backup that is whole; BackupFault says what is wrong.

    With an identity everything is decrypted, the rows are counted and the chain of the ledger is
    followed.
    """
    manifest = check_members(path)
    if identities:
        for name in ("files.age", "keys.age"):
            extract(path, name, _Nowhere(), identities)
        with open_lines(path, identities, path.absolute().parent) as lines:
            _check_rows(lines, manifest)
    return manifest


@contextmanager
def open_lines(
    path: Path, identities: Sequence[pyrage.x25519.Identity], folder: Path
) -> Iterator[Iterator[bytes]]:
    """Open the rows of a backup; their clear text is in a nameless file of ``folder`` meanwhile."""
    with tempfile.TemporaryFile(dir=folder) as target:
        extract(path, "database.age", target, identities)
        target.seek(0)
        with gzip.open(target) as lines:
            yield iter(lines)


def _note_state(
    snapshot: Snapshot, counts: dict[str, int], state: dict[str, Any]
) -> Iterator[bytes]:
    """Yield the rows, and note where ledger, roots and journal stand."""
    head = snapshot.rows("ledger.ledgerentry").order_by("-pk").values_list("pk", "hash").first()
    root = snapshot.rows("ledger.ledgerroot").order_by("-pk").values_list("pk", flat=True).first()
    sent = snapshot.rows("ledger.outgoingdocument")
    part = None if sent is None else sent.filter(name__startswith="journal-").order_by("-name")
    last = None if part is None else part.values_list("name", flat=True).first()
    state |= {
        "entries": head[0] if head else 0,
        "head": head[1] if head else "",
        "root": root or 0,
        "journal": int(last[len("journal-") : -len(".age")]) if last else 0,
    }
    yield from snapshot.lines(counts)


def _read_keys() -> dict[str, str]:
    """Return the keys by the names of their files, those of the environment too.

    The key of the names behind pseudonyms is not among them: it comes from elsewhere, or the names
    stay closed.
    """
    found = {
        path.name: path.read_text(encoding="ascii") for path in list_key_files(Path(settings.HOME))
    }
    for name, setting in _KEYS:
        if value := str(getattr(settings, setting)):
            found.setdefault(name, f"{value}\n")
    return found


def _check_rows(lines: Iterator[bytes], manifest: Manifest) -> None:
    counts: dict[str, int] = {}
    table, columns, before = "", list[str](), "0" * 64
    for line in lines:
        row = json.loads(line)
        if isinstance(row, dict):
            table, columns = row["table"], row["columns"]
            counts[table] = 0
            continue
        counts[table] += 1
        if table == "ledger.ledgerentry":
            entry = dict(zip(columns, row, strict=True))
            stored = entry.pop("hash")
            if entry["prev"] != before or hash_entry(format_entry(**entry)) != stored:
                raise BackupFault(f"entry {entry['seq']} of the ledger does not fit the chain")
            before = stored
    if counts != manifest["rows"] or (manifest["entries"] and before != manifest["head"]):
        raise BackupFault("the rows are not those that the manifest names")
