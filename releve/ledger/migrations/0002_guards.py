"""The database refuses what is not an addition; PostgreSQL keeps no statistics of erasable values."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from releve.ledger import guards

_ERASABLE = ("value", "salt", "subject")


def _install(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    guards.install_triggers(schema_editor.connection)
    _set_statistics(schema_editor, 0)


def _remove(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    guards.remove_triggers(schema_editor.connection)
    _set_statistics(schema_editor, -1)


def _set_statistics(schema_editor: BaseDatabaseSchemaEditor, target: int) -> None:
    """ANALYZE copies frequent values into pg_statistic, where an erasure would not find them."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for column in _ERASABLE:
        schema_editor.execute(f"ALTER TABLE ledger_personal ALTER COLUMN {column} SET STATISTICS {target}")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(_install, _remove)]
