"""The queue simulator: what the calls of a day meet, call by call."""

from releve.demand.queue.api import Event, QueueOverflow, simulate, trace_day, warm_up
from releve.demand.queue.erlang_prediction import predict_by_erlang
from releve.demand.queue.model import LEAVING, Centre, CentreSpec, Change, Distribution
from releve.demand.queue.outcome import Estimate, Outcome
from releve.demand.queue.requirement_correction import corrections
from releve.demand.queue.verify import Teams, Verification, verify

__all__ = [
    "LEAVING",
    "Centre",
    "CentreSpec",
    "Change",
    "Distribution",
    "Estimate",
    "Event",
    "Outcome",
    "QueueOverflow",
    "Teams",
    "Verification",
    "corrections",
    "predict_by_erlang",
    "simulate",
    "trace_day",
    "verify",
    "warm_up",
]
