"""Requests of people by number, and the positions of the feeds from diallers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["FeedFaultRow", "PersonRequestRow"]


class PersonRequestRow(models.Model):
    """A request as it was recorded: unique by its sender's ``key``, so that it counts once.

    ``content`` is a digest of what was asked; ``number`` a pseudonym; ``seq`` the ledger's entry.
    What binds are the facts that were written with it, which outlive it.
    """

    key = models.CharField(max_length=64, unique=True)
    content = models.CharField(max_length=64)
    said = models.CharField(max_length=32)
    client = models.CharField(max_length=128, blank=True)
    number = models.CharField(max_length=32, db_index=True)
    at = models.DateTimeField()
    known_at = models.DateTimeField()
    by = models.CharField(max_length=160)
    channel = models.CharField(max_length=64, blank=True)
    persons = models.IntegerField()
    consents = models.IntegerField()
    facts = models.IntegerField()
    seq = models.IntegerField()
    erase_on = models.DateField(db_index=True)

    class Meta:
        db_table = "gate_personrequest"

    def __str__(self) -> str:
        return f"{self.pk} {self.said}"


class FeedFaultRow(models.Model):
    """A row of a feed that could not be taken, set aside: where it stands, which field, why.

    Never what the row held: it may name a person.
    """

    feed = models.CharField(max_length=64)
    file = models.CharField(max_length=200, blank=True)
    line = models.IntegerField()
    field = models.CharField(max_length=64, blank=True)
    code = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "gate_feedfault"
        indexes: ClassVar = [models.Index(fields=["feed", "at"], name="gate_feed_fault")]

    def __str__(self) -> str:
        return f"{self.feed} {self.file}:{self.line} {self.code}"
