"""The queue simulator: what the calls of a day meet, call by call."""

from releve.demand.queue.model import LEAVING, AgentChange, Centre, CentreSpec, Distribution
from releve.demand.queue.prepare import Event, QueueEstimate, QueueOutcome, QueueOverflow, simulate, trace_day, warm_up
from releve.demand.queue.verify import Teams, Verification, correct_requirement, predict_by_erlang, verify

__all__ = [
    "LEAVING",
    "AgentChange",
    "Centre",
    "CentreSpec",
    "Distribution",
    "Event",
    "QueueEstimate",
    "QueueOutcome",
    "QueueOverflow",
    "Teams",
    "Verification",
    "correct_requirement",
    "predict_by_erlang",
    "simulate",
    "trace_day",
    "verify",
    "warm_up",
]
