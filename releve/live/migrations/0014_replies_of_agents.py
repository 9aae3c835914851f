"""Replies by SMS, keys and mail: each once, what was not understood, who is absent for want of an answer."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0013_answers_of_agents")]

    operations: ClassVar = [
        migrations.AddField(model_name="message", name="unclear_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="message", name="silent", field=models.BooleanField(default=False)),
        migrations.AddField(model_name="message", name="substituted", field=models.BooleanField(default=False)),
        migrations.CreateModel(
            name="ReplyReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("gateway", models.CharField(max_length=16)),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("message", models.UUIDField(null=True)),
                ("outcome", models.CharField(max_length=10)),
            ],
            options={"ordering": ["pk"]},
        ),
        migrations.AddConstraint(
            model_name="replyreceipt",
            constraint=models.UniqueConstraint(fields=("gateway", "digest"), name="live_reply_once"),
        ),
    ]
