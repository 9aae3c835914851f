"""Routes of calls, and the adapters that publish them to the telephony.

A :class:`Generation` is the whole wanted state: per programme, the share of its calls for each
place, closed places at zero. An :class:`Adapter` plans it against what its system holds, applies it
at one instant, refuses an empty set and observes. :func:`judge_convergence` says whether the system
has come to hold it. :func:`build_adapters` returns the adapters named in ``RELEVE_ROUTING``.
"""

from releve.routing.adapter import (
    Adapter,
    ObservedRoute,
    PublishReceipt,
    RouteChange,
    RoutingCapabilities,
    RoutingPlan,
    RoutingSnapshot,
)
from releve.routing.addresses import list_addresses, list_dialled
from releve.routing.choose import build_adapters
from releve.routing.convergence import ConvergenceState, judge_convergence
from releve.routing.errors import EmptySet, Rejected, RoutingError, Stale, Unreachable
from releve.routing.generation import Generation, Route, compute_shares

__all__ = [
    "Adapter",
    "ConvergenceState",
    "EmptySet",
    "Generation",
    "ObservedRoute",
    "PublishReceipt",
    "Rejected",
    "Route",
    "RouteChange",
    "RoutingCapabilities",
    "RoutingError",
    "RoutingPlan",
    "RoutingSnapshot",
    "Stale",
    "Unreachable",
    "build_adapters",
    "compute_shares",
    "judge_convergence",
    "list_addresses",
    "list_dialled",
]
