"""The workers that run, as they report themselves."""

from __future__ import annotations

from django.db import models

__all__ = ["WorkerBeat"]


class WorkerBeat(models.Model):
    """One worker process: when it last said that it runs, and when it was stopped on purpose.

    ``decided_at`` is when its deciding thread last came round, so that one which hangs is seen;
    ``clock_moved_seconds`` is by how much the clock was set ahead since it started, or back;
    ``has_room`` is whether it found room on the database's disk.
    """

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    decided_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    clock_moved_seconds = models.FloatField(default=0.0)
    has_room = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name
