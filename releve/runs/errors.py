"""What can go wrong in a run.

::

    ReleveError, ValueError
    └── RunError              what was asked for cannot be run; the text says why and the fix
        ├── EventsFileError   the events of an outlook cannot be read; the text may quote a case
        └── ClusterError      the cluster cannot be used, or a part failed on it
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["ClusterError", "EventsFileError", "RunError"]


class RunError(ReleveError, ValueError):
    """What was asked for cannot be run; the text says why and the fix."""


class EventsFileError(RunError):
    """The events of an outlook cannot be read; the text may quote a case."""


class ClusterError(RunError):
    """The cluster cannot be used, or a part failed on it."""
