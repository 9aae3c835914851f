"""The queue simulator: what the calls of a day meet, call by call."""

from releve.demand.queue.api import Event, QueueOverflow, simulate, trace_day, warm_up
from releve.demand.queue.model import LEAVING, Centre, Change, Law, centre_of
from releve.demand.queue.outcome import Estimate, Outcome

__all__ = [
    "LEAVING",
    "Centre",
    "Change",
    "Estimate",
    "Event",
    "Law",
    "Outcome",
    "QueueOverflow",
    "centre_of",
    "simulate",
    "trace_day",
    "warm_up",
]
