"""The daily jobs as they were done."""

from __future__ import annotations

from django.db import models

__all__ = ["DailyRun"]


class DailyRun(models.Model):
    """The daily jobs of one UTC day: when they were tried and completed, and what they did.

    ``scrubbed`` is False while another connection kept erased values in the database's files.
    """

    day = models.DateField(primary_key=True)
    tried_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    erased = models.IntegerField(default=0)
    scrubbed = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.day} {'done' if self.done_at else 'begun'}"
