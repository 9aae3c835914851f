"""The clerk's secrets move from the database to files of its home, ``clearing-NAME.key``.

SQLite fills the freed pages with zeros; PostgreSQL drops the old rows at its next vacuum. A copy of
the database from before still holds the secrets of its clearings.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from releve.plugins.sector.association.envelopes import AssociationError
from releve.plugins.sector.association.keys import load_clearing_secret, store_clearing_secret


def _move_secrets(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write each secret into its file; a migration that broke off finds the file it wrote."""
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")
    gates = apps.get_model("association", "ReliefGate").objects.exclude(secret="")
    for gate in gates:
        secret = bytes.fromhex(gate.secret)
        try:
            store_clearing_secret(gate.name, secret)
        except AssociationError:
            if load_clearing_secret(gate.name) != secret:
                raise
    gates.update(secret="")


class Migration(migrations.Migration):
    dependencies = [("association", "0004_statistics")]
    operations = [
        migrations.RunPython(_move_secrets, migrations.RunPython.noop),
        migrations.RemoveField("reliefgate", "secret"),
    ]
