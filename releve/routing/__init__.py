"""Routes of calls, and the adapters that publish them to the telephony.

A :class:`Generation` is the whole wanted state: per programme, the share of its calls for each
place, closed places at zero. An :class:`Adapter` publishes it at one instant, refuses an empty set
and can be read back. :func:`build_adapters` returns those named in ``RELEVE_ROUTING``.
"""

from releve.routing.adapter import Adapter, AdapterLimits, ObservedGeneration, PublishReceipt
from releve.routing.choose import build_adapters
from releve.routing.errors import EmptySet, Rejected, RoutingError, Stale, Unreachable
from releve.routing.generation import Generation, Route, compute_shares

__all__ = [
    "Adapter",
    "AdapterLimits",
    "EmptySet",
    "Generation",
    "ObservedGeneration",
    "PublishReceipt",
    "Rejected",
    "Route",
    "RoutingError",
    "Stale",
    "Unreachable",
    "build_adapters",
    "compute_shares",
]
