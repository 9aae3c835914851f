"""From a relief to the telephony that must follow it.

A :class:`Generation` is the whole wanted state: per programme, the share of its calls for each
place, closed places at zero. An :class:`Adapter` publishes it at one instant, refuses an empty set
and can be read back. :func:`adapters` returns those the installation names in ``RELEVE_ROUTING``.
"""

from releve.routing.adapter import Adapter, Limits, Published, Seen
from releve.routing.choose import adapters
from releve.routing.errors import EmptySet, Rejected, RoutingError, Stale, Unreachable
from releve.routing.generation import Generation, Route, shares_of

__all__ = [
    "Adapter",
    "EmptySet",
    "Generation",
    "Limits",
    "Published",
    "Rejected",
    "Route",
    "RoutingError",
    "Seen",
    "Stale",
    "Unreachable",
    "adapters",
    "shares_of",
]
