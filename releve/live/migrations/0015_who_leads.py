"""The on-call rota, alerts of a loss outside office hours, and messages that wait for a person who leads."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0014_replies_of_agents")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("stream", models.CharField(db_index=True, max_length=64)),
                ("sites", models.JSONField(default=list)),
                ("carriers", models.JSONField(default=list)),
                ("raised_at", models.DateTimeField()),
                ("led_by", models.CharField(blank=True, max_length=150)),
                ("deputised_by", models.CharField(blank=True, max_length=150)),
                ("lead_token", models.CharField(max_length=43, unique=True)),
                ("deputy_token", models.CharField(max_length=43, unique=True)),
                ("calls", models.IntegerField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("taken_by", models.CharField(blank=True, max_length=150)),
                ("taken_at", models.DateTimeField(null=True)),
                ("released_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={"ordering": ["-raised_at", "pk"]},
        ),
        migrations.CreateModel(
            name="OnCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("site", models.CharField(blank=True, max_length=64)),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(db_index=True)),
                ("led_by", models.CharField(max_length=150)),
                ("deputised_by", models.CharField(blank=True, max_length=150)),
            ],
            options={"ordering": ["start", "site", "pk"]},
        ),
        migrations.AddField(
            model_name="message", name="held", field=models.CharField(blank=True, default="", max_length=8)
        ),
    ]
