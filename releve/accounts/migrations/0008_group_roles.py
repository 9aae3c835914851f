"""Roles by group of the sign-in service: the table, and which of its rows a grant came from."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_directory")]

    operations = [
        migrations.CreateModel(
            name="GroupRole",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(max_length=20)),
                ("sites", models.JSONField(default=list)),
                ("clients", models.JSONField(default=list)),
                ("group", models.CharField(max_length=255)),
                ("asked_by", models.CharField(max_length=150)),
                ("asked_at", models.DateTimeField()),
                ("approved_by", models.CharField(blank=True, default="", max_length=150)),
                ("approved_at", models.DateTimeField(null=True)),
                ("ended_by", models.CharField(blank=True, default="", max_length=150)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={"ordering": ("group", "pk")},
        ),
        migrations.AddField(
            model_name="grant",
            name="group_role",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="grants", to="accounts.grouprole"
            ),
        ),
    ]
