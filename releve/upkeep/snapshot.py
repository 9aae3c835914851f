"""The rows of the whole database as JSON lines, read as of one instant, and put into another.

A table begins with ``{"table": …, "columns": […]}``; its rows follow, an array each. They are the
same whether SQLite or PostgreSQL wrote them, so that a snapshot of one is loaded into the other.
Tables are those of the migrations that the database has, which need not be the newest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps.registry import Apps
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from releve.ledger.row_json import decode_value, encode_value

__all__ = ["Snapshot", "load_rows", "open_snapshot", "prepare_tables"]

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
