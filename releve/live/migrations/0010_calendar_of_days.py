"""A calendar of days in force: a row for each day that a record names, in the place of one list.

Until now each record took the place of all those before: the days that it did not name were in
force no longer. They become days that the record left without a plan, so that the newest row of a
day says what it said.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def fill_calendar(apps: Any, schema_editor: Any) -> None:
    record, row = apps.get_model("live", "Activation"), apps.get_model("live", "ActivationDay")
    stored = set(apps.get_model("live", "PlanText").objects.values_list("digest", flat=True))
    in_force: set[str] = set()
    for found in record.objects.order_by("pk"):
        days = {day: digest for day, digest in found.days.items() if digest in stored}
        named = {**dict.fromkeys(sorted(in_force - set(days))), **days}
        row.objects.bulk_create(
            row(activation=found, day=date.fromisoformat(day), plan_id=digest) for day, digest in named.items()
        )
        in_force = set(days)


class Migration(migrations.Migration):
    dependencies = [("live", "0009_room_on_the_disk")]

    operations = [
        migrations.CreateModel(
            name="ActivationDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                (
                    "activation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rows", to="live.activation"
                    ),
                ),
                ("plan", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="live.plantext")),
            ],
            options={
                "ordering": ["day"],
                "constraints": [models.UniqueConstraint(fields=("activation", "day"), name="live_activation_day_once")],
            },
        ),
        migrations.RunPython(fill_calendar, migrations.RunPython.noop),
    ]
