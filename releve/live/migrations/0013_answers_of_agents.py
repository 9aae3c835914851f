"""What an agent answered to a message: comes, late, needs transport, does not come."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("live", "0012_messages_of_absent_agents")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="message", name="answer", field=models.CharField(blank=True, default="", max_length=10)
        )
    ]
