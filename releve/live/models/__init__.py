"""The tables of the live chain, a module each for streams, effects, reliefs and people."""

from releve.live.models.effects import Effect, IdempotencyKey
from releve.live.models.people import Contact, Message
from releve.live.models.reliefs import Activation, PlanText, Relief, ReliefDay, Routes
from releve.live.models.streams import Stream

__all__ = [
    "Activation",
    "Contact",
    "Effect",
    "IdempotencyKey",
    "Message",
    "PlanText",
    "Relief",
    "ReliefDay",
    "Routes",
    "Stream",
]
