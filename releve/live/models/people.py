"""Addresses of people, messages to them and their acknowledgements."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models

__all__ = ["Contact", "Message"]


class Contact(models.Model):
    """One address of one person: the only table that holds addresses; a row can be erased.

    ``who`` is an agent's pseudonym id, a site id for its manager (``*`` for every site), or a
    client's id. ``rank`` is the order in which the person's addresses are tried, from 1.
    """

    role = models.CharField(max_length=8)
    who = models.CharField(max_length=64)
    rank = models.SmallIntegerField()
    channel = models.CharField(max_length=16)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["role", "who", "rank"], name="live_contact_rank")
        ]
        ordering: ClassVar = ["role", "who", "rank"]

    def __str__(self) -> str:
        return f"{self.role} {self.who} {self.rank}"


class Message(models.Model):
    """The message to one person about one relief: one row, however many addresses are tried.

    ``rank`` is the address being tried, ``channel`` how it was sent last (``NO_ADDRESS``: written
    to a file because the person has none). ``sent_at``, ``due_at`` (when it is tried another way),
    ``acknowledged_at`` and ``over_at`` (the end of the last day it is about; empty: unlimited) are
    on the stream's clock. ``about`` is what the text is made from. ``replaced``: a newer message to
    the same person takes its place. ``answered_to`` is the user who recorded a spoken answer.
    """

    NO_ADDRESS = "none"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    stream = models.CharField(max_length=64)
    relief = models.ForeignKey("live.Relief", on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=16)
    role = models.CharField(max_length=8)
    who = models.CharField(max_length=64)
    site = models.CharField(max_length=64, blank=True)
    about = models.JSONField()
    token = models.CharField(max_length=43, unique=True)
    rank = models.SmallIntegerField(default=0)
    channel = models.CharField(max_length=16, blank=True)
    sent_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    acknowledged_at = models.DateTimeField(null=True)
    answered_to = models.CharField(max_length=150, blank=True)
    over_at = models.DateTimeField(null=True)
    exhausted = models.BooleanField(default=False)
    replaced = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["relief", "kind", "role", "who"], name="live_told_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["stream", "role", "replaced", "over_at"], name="live_message_open")
        ]
        ordering: ClassVar = ["who"]

    def __str__(self) -> str:
        return str(self.id)
