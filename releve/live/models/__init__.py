"""The tables of the live chain, a module each for streams, effects, reliefs and people."""

from releve.live.models.daily_runs import DailyRun
from releve.live.models.effects import Effect, IdempotencyKey
from releve.live.models.people import Contact, Message
from releve.live.models.reliefs import Activation, PlanText, Relief, ReliefDay, Routes
from releve.live.models.routing import PreparedSwitch, RoutingState
from releve.live.models.streams import Stream
from releve.live.models.workers import WorkerBeat

__all__ = [
    "Activation",
    "Contact",
    "DailyRun",
    "Effect",
    "IdempotencyKey",
    "Message",
    "PlanText",
    "PreparedSwitch",
    "Relief",
    "ReliefDay",
    "Routes",
    "RoutingState",
    "Stream",
    "WorkerBeat",
]
