"""What can go wrong in a crash test.

::

    ReleveError, ValueError
    └── CrashTestError      inputs that make no sense together; the text quotes the condition
        ├── OtherOperator   a plan of another operator
        └── RoomError       a replication needs more room than it was given; nothing is dropped
"""

from __future__ import annotations

from releve.errors import ReleveError

__all__ = ["CrashTestError", "OtherOperator", "RoomError", "require"]


class CrashTestError(ReleveError, ValueError):
    """Inputs that make no sense together; the text quotes the condition and the fix."""


class OtherOperator(CrashTestError):  # noqa: N818  the name says it
    """A plan that was made for another operator."""


class RoomError(CrashTestError):
    """A replication needs more room than it was given."""


require = CrashTestError.require
