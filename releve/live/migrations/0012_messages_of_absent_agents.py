"""A message to an agent who is absent for all that it says: no answer is awaited."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0011_days_of_records")]

    operations: ClassVar = [
        migrations.AddField(model_name="message", name="absent", field=models.BooleanField(default=False))
    ]
