"""PostgreSQL samples the agents who are lent no more: see ``releve.erasure.columns``."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def _stop_sampling(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Sample the column no more, and drop what was sampled: a change of type does so."""
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "ALTER TABLE association_lentagent ALTER COLUMN agent TYPE varchar(64),"
                " ALTER COLUMN agent SET STATISTICS 0"
            )


class Migration(migrations.Migration):
    dependencies = [("association", "0003_gates")]
    operations = [migrations.RunPython(_stop_sampling, migrations.RunPython.noop)]
