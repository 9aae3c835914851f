"""Drafts of messages to clients, and how they go out to each."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0015_who_leads")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ClientSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client", models.CharField(max_length=64, unique=True)),
                ("mode", models.CharField(default="timer", max_length=8)),
                ("minutes", models.SmallIntegerField(default=10)),
                ("changed_by", models.CharField(max_length=150)),
            ],
            options={"ordering": ["client"]},
        ),
        migrations.AddField(model_name="message", name="release_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="message", name="released_by", field=models.CharField(blank=True, default="", max_length=150)
        ),
        migrations.AddField(model_name="message", name="number", field=models.SmallIntegerField(default=0)),
        migrations.RemoveConstraint(model_name="message", name="live_told_once"),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                fields=("relief", "kind", "role", "who", "number"), name="live_told_once"
            ),
        ),
    ]
