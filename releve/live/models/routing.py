"""How each telephony system stands towards the routes that were published to it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["PreparedSwitch", "RoutingState"]


class RoutingState(models.Model):
    """One system of one stream, as it was observed last. Times are real ones, in a drill too.

    ``state`` is that of ``releve.routing.convergence`` since ``since``; ``number`` the generation
    wanted, ``held`` the one that it holds (null: none, or it cannot say). ``astray_since`` is since
    when it has not held what is wanted; ``alarmed`` whether that is in the ledger. ``dead`` are the
    places that the system itself found dead: {place: since when}.
    """

    stream = models.CharField(max_length=64)
    adapter = models.CharField(max_length=64)
    number = models.IntegerField()
    held = models.IntegerField(null=True)
    state = models.CharField(max_length=12)
    since = models.DateTimeField()
    astray_since = models.DateTimeField(null=True)
    alarmed = models.BooleanField(default=False)
    observed_at = models.DateTimeField()
    dead = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "adapter"], name="live_routing_state_once")
        ]
        ordering: ClassVar = ["adapter"]

    def __str__(self) -> str:
        return f"{self.stream} {self.adapter} {self.state}"


class PreparedSwitch(models.Model):
    """The routes that the loss of a contingency would publish, worked out beforehand.

    ``basis`` names what they were worked out from: plan, relief, losses, people at work and half
    hour. ``source`` is ``planned`` (people move as the plan has it) or ``unrelieved`` (a relief is
    in force: they stay). ``body`` is that of :class:`~releve.live.models.Routes`; ``rehearsals``
    are the answers of the systems that were asked to plan it: [adapter, changes or null, error].
    """

    stream = models.CharField(max_length=64)
    contingency = models.CharField(max_length=80)
    basis = models.CharField(max_length=64)
    at = models.DateTimeField()
    source = models.CharField(max_length=10)
    moved = models.IntegerField()
    content = models.CharField(max_length=64)
    body = models.JSONField()
    rehearsals = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "contingency"], name="live_switch_once")
        ]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.stream} {self.contingency}"
