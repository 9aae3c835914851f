"""The live stream and the drills, each a sequence of events of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models

__all__ = ["Stream"]


class Stream(models.Model):
    """``live``, or a drill: ``drill:7``.

    ``offset`` is what a drill's clock is ahead of the real one (behind, where negative); ``seed``
    the last ledger entry that its situation starts from.
    """

    name = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    offset = models.DurationField(default=timedelta)
    seed = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return self.name
