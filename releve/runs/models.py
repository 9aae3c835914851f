"""The table of the drafts of planners."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class RosterDraft(models.Model):
    """What one planner has edited in the grid and not yet put in force.

    ``edits`` in their order, as :mod:`releve.runs.roster_draft` writes them; ``seen``: by day, the record of the
    calendar whose plan they were made on. ``number`` counts the changes: an act names the one that it was decided on,
    and no number comes twice, so the row stays where a draft was dropped.
    """

    made_by = models.CharField(max_length=150, unique=True)
    number = models.IntegerField(default=0)
    seen = models.JSONField(default=dict)
    edits = models.JSONField(default=list)
    changed_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["made_by"]

    def __str__(self) -> str:
        return f"{self.made_by} {self.number}"
