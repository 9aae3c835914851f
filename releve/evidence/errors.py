"""Errors of evidence packs."""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["PackError", "PackRefused"]


class PackError(ReleveError, ValueError):
    """A pack that cannot be made, read or stored."""


class PackRefused(PackError):  # noqa: N818 (named after what happens)
    """A pack that may not be made as asked; the message names the fix."""
