"""Errors of an outbreak run.

::

    ReleveError, ValueError
    └── OutbreakError          a parameter or a population that makes no sense
        ├── IncidenceError     a curve of cases with a hole, a negative day or a wrong order
        └── PoolOverflowError  more events than the pool holds; nothing is dropped in silence
"""

from __future__ import annotations

from releve.errors import ReleveError


class OutbreakError(ReleveError, ValueError):
    """A parameter or a population that makes no sense; the text quotes the condition."""


class IncidenceError(OutbreakError):
    """A curve of daily cases that cannot be used as it is; the text names row and fix."""


class PoolOverflowError(OutbreakError):
    """The event pool was too small for a replication."""


require = OutbreakError.require
