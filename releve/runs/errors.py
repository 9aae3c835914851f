"""What can go wrong in a run.

::

    ReleveError, ValueError
    └── RunError              what was asked for cannot be run; the text says why and the fix
        ├── StillReading      an uploaded file has not been read yet (a state of it)
        ├── TooManyJobs       a user has as many jobs waiting or at work as one may have
        ├── EventsFileError   the events of an outlook cannot be read; the text may quote a case
        └── ClusterError      the cluster cannot be used, or a part failed on it
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["ClusterError", "EventsFileError", "RunError", "StillReading", "TooManyJobs"]


class RunError(ReleveError, ValueError):
    """What was asked for cannot be run; the text says why and the fix."""


class StillReading(RunError):  # noqa: N818 (a state of the file)
    """An uploaded file is being read, for ``seconds`` now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class TooManyJobs(RunError):  # noqa: N818 (what a user is refused)
    """A user has as many jobs waiting or at work as one may have."""


class EventsFileError(RunError):
    """The events of an outlook cannot be read; the text may quote a case."""


class ClusterError(RunError):
    """The cluster cannot be used, or a part failed on it."""
