"""Exact Erlang C and Erlang A, on arrays."""

from releve.demand.erlang.api import QueueMetrics, metrics, required_agents, warm_up
from releve.demand.erlang.checks import DEFINITIONS

__all__ = ["DEFINITIONS", "QueueMetrics", "metrics", "required_agents", "warm_up"]
