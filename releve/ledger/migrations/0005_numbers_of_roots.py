"""Make the triggers again: the number of a root that was declared lost is not given to another."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from releve.ledger import guards


def _reinstall(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    guards.remove_triggers(schema_editor.connection)
    guards.install_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_account_name")]
    operations = [migrations.RunPython(_reinstall, migrations.RunPython.noop)]
