"""Exact Erlang C and Erlang A, on arrays."""

from releve.demand.erlang.api import DEFINITIONS, QueueMetrics, metrics, required_agents, warm_up

__all__ = ["DEFINITIONS", "QueueMetrics", "metrics", "required_agents", "warm_up"]
