"""Errors of publishing routes to a telephony system.

The error tree::

    RoutingError
    ├── Unreachable   no answer, not in time, or "not now": the same publication is tried again
    ├── Rejected      the system refused: another attempt would be refused too
    ├── EmptySet      no place is open for any programme: refused before anything is sent
    └── Stale         the system holds a newer generation already: there is nothing left to do

No message quotes a secret, and none quotes what the other side sent beyond its status.
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["EmptySet", "Rejected", "RoutingError", "Stale", "Unreachable"]


class RoutingError(ReleveError):
    """A publication that did not take place."""


class Unreachable(RoutingError):  # noqa: N818 (a word of the trade)
    """The system did not answer, or asked to come back later."""


class Rejected(RoutingError):  # noqa: N818 (a word of the trade)
    """The system refused the publication."""


class EmptySet(RoutingError):  # noqa: N818 (a word of the trade)
    """Nothing would be open: published, it would close every programme."""


class Stale(RoutingError):  # noqa: N818 (a word of the trade)
    """The system already holds a newer generation."""
