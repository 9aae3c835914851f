"""When a person last read what changed in accounts that may approve."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.utils import timezone


def mark_read(apps: Any, schema_editor: Any) -> None:
    """Begin with what changes from now on: roles given long ago are no news."""
    apps.get_model("accounts", "User").objects.update(notices_read_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_pseudonyms")]

    operations = [
        migrations.AddField(
            model_name="user", name="notices_read_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.RunPython(mark_read, migrations.RunPython.noop),
    ]
