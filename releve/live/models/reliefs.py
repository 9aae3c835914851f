"""The plan in force, the reliefs that answered what happened, and the routes they gave."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Activation", "PlanText", "Relief", "ReliefDay", "Routes"]


class PlanText(models.Model):
    """The plan of a day, whole, named by the SHA-256 of its text.

    ``aht_s`` is the handling time it was made for, in seconds ``[interval, programme]``.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    day = models.DateField()
    text = models.TextField()
    aht_s = models.JSONField()

    def __str__(self) -> str:
        return f"{self.day} {self.digest[:12]}"


class Activation(models.Model):
    """A plan put in force: the digest of each day's plan, and the version of the operator."""

    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    days = models.JSONField()
    version = models.IntegerField()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"plan in force since {self.at:%Y-%m-%d %H:%M}"


class Relief(models.Model):
    """One generation of who works where after a loss; the last one is in force.

    ``source``: ``planned`` (looked up in the plan), ``first`` (the first answer), ``optimum`` (in
    whole people, after it), ``base`` (nothing is lost: back to the plan) or ``surge`` (of a day
    that breaks away from the plan, put in force by a person). ``lost``: {day: loss}.
    """

    stream = models.CharField(max_length=64)
    generation = models.IntegerField()
    source = models.CharField(max_length=8)
    lost = models.JSONField()
    activation = models.ForeignKey(Activation, on_delete=models.PROTECT)
    cause = models.IntegerField()
    from_at = models.DateTimeField()
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    moved = models.IntegerField(default=0)
    notified = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "generation"], name="live_generation_once")
        ]
        ordering: ClassVar = ["-generation"]

    def __str__(self) -> str:
        return f"{self.stream} {self.generation}"


class ReliefDay(models.Model):
    """The changes of one day of a relief against the day's plan.

    ``changes`` is {agent: [reason, placement or null]}, a placement [place, programme, start,
    end, break start, break end].
    """

    relief = models.ForeignKey(Relief, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    plan = models.ForeignKey(PlanText, on_delete=models.PROTECT)
    source = models.CharField(max_length=8)
    changes = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["relief", "day"], name="live_day_once")
        ]
        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return f"{self.relief_id} {self.day}"


class Routes(models.Model):
    """A generation of routes as published: ``content`` names what it says, whatever its number.

    Until ``held_until`` (a real time, of a generation that a person reverted to) people who come,
    leave or move do not replace it; a loss or a relief does. ``switch`` names the contingency whose
    prepared routes a person published, empty for all others.
    """

    stream = models.CharField(max_length=64)
    number = models.IntegerField()
    relief = models.ForeignKey(Relief, null=True, on_delete=models.PROTECT, related_name="routes")
    valid_from = models.DateTimeField()
    made_at = models.DateTimeField()
    content = models.CharField(max_length=64)
    body = models.JSONField()
    held_until = models.DateTimeField(null=True)
    switch = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "number"], name="live_routes_once")
        ]
        ordering: ClassVar = ["-number"]

    def __str__(self) -> str:
        return f"{self.stream} {self.number}"
