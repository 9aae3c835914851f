"""The tables of the drafts of planners and of the files of feeds."""

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


class FeedFile(models.Model):
    """What became of a file that a feed brought; without a name: that none came, or what is wrong with the feed.

    ``key``: the file as it was delivered, so that it is taken once; ``file``: where it is now, below the feed's folder;
    ``reason``: a phrase; ``open``: a person has to look at it. ``changes``: counts by table.
    """

    feed = models.CharField(max_length=64)
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    file = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=8)
    at = models.DateTimeField()
    by = models.CharField(max_length=150, blank=True)
    version = models.PositiveIntegerField(null=True)
    changes = models.JSONField(default=dict)
    reason = models.JSONField(default=str)
    open = models.BooleanField(default=False)
    closed_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints = (models.UniqueConstraint(fields=("feed", "key"), name="runs_feed_file_once"),)

    def __str__(self) -> str:
        return f"{self.feed}: {self.name or self.state}"
