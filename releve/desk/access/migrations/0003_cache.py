"""The table of the shared cache: attempts are counted across processes and restarts."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import migrations


def make(apps: Any, schema_editor: Any) -> None:
    """Make the table; nothing happens where it is there."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0002_grant"),
    ]

    operations = [
        migrations.RunPython(make, migrations.RunPython.noop),
    ]
