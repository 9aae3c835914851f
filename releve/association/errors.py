"""Errors of the association."""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["AssociationError"]


class AssociationError(ReleveError, ValueError):
    """What the clerk or the member cannot do now; the message says how to mend it."""
