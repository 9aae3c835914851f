"""What the organisation's directory says of the accounts that it may change."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def stop_sampling(apps: Any, schema_editor: Any) -> None:
    """Keep no sample of personal values where no erasure reaches."""
    if schema_editor.connection.vendor == "postgresql":
        for column in ("user_name", "external_id", "display_name", "emails"):
            schema_editor.execute(f"ALTER TABLE accounts_directoryaccount ALTER COLUMN {column} SET STATISTICS 0")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_subscriptions")]

    operations = [
        migrations.CreateModel(
            name="DirectoryAccount",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="directory",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("user_name", models.CharField(max_length=255)),
                ("external_id", models.CharField(blank=True, default="", max_length=255)),
                ("display_name", models.CharField(blank=True, default="", max_length=255)),
                ("emails", models.JSONField(default=list)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(null=True)),
                ("removed", models.BooleanField(default=False)),
            ],
        ),
        migrations.RunPython(stop_sampling, migrations.RunPython.noop),
    ]
