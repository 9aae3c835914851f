"""Secret links by which an agent's telephone subscribes to the own shifts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations, models


def stop_sampling(apps: Any, schema_editor: Any) -> None:
    """Keep no sample of agents where no erasure reaches."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE live_shiftlink ALTER COLUMN agent SET STATISTICS 0")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0019_faults_of_the_house")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ShiftLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agent", models.CharField(max_length=64, unique=True)),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.RunPython(stop_sampling, migrations.RunPython.noop),
    ]
