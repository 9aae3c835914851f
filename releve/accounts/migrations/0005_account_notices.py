"""When a person last read what changed in accounts that may approve."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_pseudonyms"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="notices_read_at",
            field=models.DateTimeField(null=True, blank=True),
        ),
    ]
