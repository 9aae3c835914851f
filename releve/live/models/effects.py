"""Idempotency keys of recorded events, and the queue of effects."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Effect", "IdempotencyKey"]


class IdempotencyKey(models.Model):
    """The key of a recorded event: the same key again changes nothing."""

    stream = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    kind = models.CharField(max_length=64)
    seq = models.IntegerField()
    answers = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "key"], name="live_one_act_a_key")
        ]

    def __str__(self) -> str:
        return f"{self.stream} {self.key}"


class Effect(models.Model):
    """One thing to do, once. Times are real ones, in a drill too.

    ``queued`` → ``claimed`` (by a worker, until its lease ends) → ``done``; or ``aside`` when it
    failed too often. ``lane`` says which workers look for it.
    """

    QUEUED, CLAIMED, DONE, ASIDE = "queued", "claimed", "done", "aside"

    stream = models.CharField(max_length=64)
    lane = models.CharField(max_length=16)
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=160, unique=True)
    body = models.JSONField()
    state = models.CharField(max_length=8, default=QUEUED)
    attempts = models.IntegerField(default=0)
    made_at = models.DateTimeField()
    next_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["state", "lane", "next_at"], name="live_effect_next")
        ]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.key
