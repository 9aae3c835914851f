"""Write and check a backup: the database as of one instant, the home's files, and the keys.

The rows of the whole database as JSON lines, read as of one instant, and put into another.

A table begins with ``{"table": …, "columns": […]}``; its rows follow, an array each. They are the
same whether SQLite or PostgreSQL wrote them, so that a snapshot of one is loaded into the other.
Tables are those of the migrations that the database has, which need not be the newest.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from django.apps.registry import Apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from releve import __version__
from releve.environment import SECRET_FILE
from releve.files.backup_notes import note_backup
from releve.ledger.digests import decode_value, encode_value, format_entry, hash_entry
from releve.ledger.export import read_recipients
from releve.ledger.keys import key_in_place, list_keys
from releve.upkeep.archive import (
    BackupFault,
    Manifest,
    check_members,
    compress,
    extract,
    list_files,
    list_key_files,
    pack,
    tar_files,
)

LEFT_OUT = frozenset({
    "accounts.requestcount", "accounts.user_user_permissions", "auth.group_permissions",
    "auth.permission", "contenttypes.contenttype", "live.workerbeat", "sessions.session",
    "usersessions.usersession",
})  # fmt: skip
"""Sign-ins and counters of the day, which a restored house begins again, and what Django makes."""
_BATCH = 1_000


@dataclass(frozen=True)
class Snapshot:
    """The database at one instant; to be read inside :func:`open_snapshot`."""

    apps: Apps
    migrations: Mapping[str, list[str]]
    """The last migrations of each app, by which the tables can be made again."""

    def models(self) -> list[type[Model]]:
        """Return the models whose rows are in it."""
        found: list[type[Model]] = self.apps.get_models(include_auto_created=True)
        return [model for model in found if model._meta.managed and _name(model) not in LEFT_OUT]

    def rows(self, label: str) -> Any:
        """Return the rows of a model, none where the database has no such table yet."""
        try:
            return self.apps.get_model(label)._base_manager.all()
        except LookupError:
            return None

    def lines(self, counts: dict[str, int]) -> Iterator[bytes]:
        """Yield every row, in the order of the keys, and count them by table."""
        for model in self.models():
            columns = [field.attname for field in model._meta.concrete_fields]
            yield _line({"table": _name(model), "columns": columns})
            rows = model._base_manager.order_by("pk").values_list(*columns)
            counts[_name(model)] = 0
            for row in rows.iterator(chunk_size=_BATCH):
                counts[_name(model)] += 1
                yield _line([encode_value(value) for value in row])


@contextmanager
def open_snapshot() -> Iterator[Snapshot]:
    """Read as of one instant; neither database keeps its writers waiting meanwhile."""
    with _one_instant():
        loader = MigrationLoader(connection)
        nodes = [
            node
            for node in loader.applied_migrations
            if node in loader.graph.nodes
            and not any(
                child.key in loader.applied_migrations and child.key[0] == node[0]
                for child in loader.graph.node_map[node].children
            )
        ]
        migrations: dict[str, list[str]] = {}
        for app, name in sorted(nodes):
            migrations.setdefault(app, []).append(name)
        yield Snapshot(loader.project_state(nodes).apps, migrations)


def prepare_tables(migrations: Mapping[str, list[str]]) -> Apps:
    """Make the tables of a snapshot in an empty database; return their models."""
    executor = MigrationExecutor(connection)
    targets = [(app, name) for app, names in migrations.items() for name in names]
    executor.migrate(targets)
    apps: Apps = executor.loader.project_state(targets).apps
    return apps


def load_rows(lines: Iterable[bytes], apps: Apps) -> dict[str, int]:
    """Put the rows of a snapshot into empty tables, all or none; return how many by table."""
    counts: dict[str, int] = {}
    models: list[type[Model]] = []
    with transaction.atomic():
        batch: list[Model] = []
        for line in lines:
            found = json.loads(line)
            if isinstance(found, dict):
                _store(batch)
                model = apps.get_model(found["table"])
                models.append(model)
                fields = {field.attname: field for field in model._meta.concrete_fields}
                columns = [fields[name] for name in found["columns"]]
                counts[found["table"]] = 0
                continue
            values = zip(columns, found, strict=True)
            batch.append(model(**{f.attname: decode_value(f, value) for f, value in values}))
            counts[_name(model)] += 1
            if len(batch) == _BATCH:
                _store(batch)
        _store(batch)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), models):
                cursor.execute(statement)
    return counts


def _store(batch: list[Model]) -> None:
    if batch:
        type(batch[0])._base_manager.bulk_create(batch)
        batch.clear()


@contextmanager
def _one_instant() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")  # Django's own would take the one writer's place
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _name(model: type[Model]) -> str:
    return model._meta.label_lower


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


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
        manifest = pack(
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
    note_backup(home, now, path)
    return manifest


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
def open_lines(path: Path, identities: Sequence[pyrage.x25519.Identity], folder: Path) -> Iterator[Iterator[bytes]]:
    """Open the rows of a backup; their clear text is in a nameless file of ``folder`` meanwhile."""
    with tempfile.TemporaryFile(dir=folder) as target:
        extract(path, "database.age", target, identities)
        target.seek(0)
        with gzip.open(target) as lines:
            yield iter(lines)


def _note_state(snapshot: Snapshot, counts: dict[str, int], state: dict[str, Any]) -> Iterator[bytes]:
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
    found = {path.name: path.read_text(encoding="ascii") for path in list_key_files(Path(settings.HOME))}
    for name, setting in (*((key.file, key.setting) for key in list_keys()), (SECRET_FILE, "SECRET_KEY")):
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
