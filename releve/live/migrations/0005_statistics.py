from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from releve.erasure.columns import UNSAMPLED


def _stop_sampling(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Sample personal columns no more, and drop what was sampled: a change of type does so."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        for table, columns in UNSAMPLED.items():
            cursor.execute(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = to_regclass(%s) AND attname = ANY(%s)",  # of a later one: none yet
                [table, list(columns)],
            )
            for name, kind in cursor.fetchall():
                cursor.execute(
                    f'ALTER TABLE {table} ALTER COLUMN "{name}" TYPE {kind}, ALTER COLUMN "{name}" SET STATISTICS 0'
                )


class Migration(migrations.Migration):
    dependencies = [
        ("live", "0004_message_state"),
        ("accounts", "0003_factor_reset"),
        ("account", "0001_initial"),
        ("registry", "0001_initial"),
    ]
    operations = [migrations.RunPython(_stop_sampling, migrations.RunPython.noop)]
