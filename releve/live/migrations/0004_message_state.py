"""Messages remember their channel, when they are over, and whether a newer one replaces them."""

from datetime import timedelta
from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LONGEST_AHEAD = timedelta(days=3)
"""A relief's messages reach no further than 48 hours and the day on which these end."""


def _fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    message = apps.get_model("live", "Message")
    newest: dict[tuple[str, str, str], int] = {}
    rows = message.objects.order_by("-relief__generation").select_related("relief")
    for row in rows.iterator(chunk_size=500):
        if row.role == "agent":
            row.over_at = row.relief.from_at + LONGEST_AHEAD
        key = row.stream, row.kind, row.who
        row.replaced = newest.setdefault(key, row.relief.generation) != row.relief.generation
        row.save(update_fields=["over_at", "replaced"])


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0003_worker_beats")]

    operations: ClassVar = [
        migrations.AddField("message", "answered_to", models.CharField(blank=True, max_length=150)),
        migrations.AddField("message", "channel", models.CharField(blank=True, max_length=16)),
        migrations.AddField("message", "over_at", models.DateTimeField(null=True)),
        migrations.AddField("message", "replaced", models.BooleanField(default=False)),
        migrations.AddIndex(
            "message", models.Index(fields=["stream", "role", "replaced", "over_at"], name="live_message_open")
        ),
        migrations.RunPython(_fill, migrations.RunPython.noop),
    ]
