"""The queue simulator: what the calls of a day meet, call by call."""

from releve.demand.queue.api import Event, QueueOverflow, simulate, trace_day, warm_up
from releve.demand.queue.erlang_prediction import predict_by_erlang
from releve.demand.queue.model import LEAVING, Centre, Change, Law, centre_of
from releve.demand.queue.outcome import Estimate, Outcome
from releve.demand.queue.requirement_correction import corrections
from releve.demand.queue.verify import Teams, Verification, verify

__all__ = [
    "LEAVING",
    "Centre",
    "Change",
    "Estimate",
    "Event",
    "Law",
    "Outcome",
    "QueueOverflow",
    "Teams",
    "Verification",
    "centre_of",
    "corrections",
    "predict_by_erlang",
    "simulate",
    "trace_day",
    "verify",
    "warm_up",
]
