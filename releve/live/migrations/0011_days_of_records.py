"""The list of days of a record is in the rows of the calendar."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("live", "0010_calendar_of_days")]

    operations = [migrations.RemoveField(model_name="activation", name="days")]
