"""What can be wrong with outages.

ReleveError, ValueError
└── OutagesError            a parameter that makes no sense
    ├── HazardFaults        a table of hazards that cannot be read: every fault at once
    └── OutagesOverflowError  more outages than were asked for at most; nothing is dropped
"""

from __future__ import annotations

from typing import Any

from releve.errors import ReleveError

__all__ = ["HazardFaults", "OutagesError", "OutagesOverflowError", "require"]


class OutagesError(ReleveError, ValueError):
    """A hazard, a place or a setting that makes no sense; the text quotes the condition."""


class HazardFaults(OutagesError):  # noqa: N818  the name says it
    """Everything wrong with a table of hazards: ``faults``, each naming the row and the fix."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Keep the faults, one a line in the text."""
        super().__init__("\n".join(faults))
        self.faults = faults

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the faults."""
        return HazardFaults, (self.faults,)


class OutagesOverflowError(OutagesError):
    """More outages than ``most`` in one call; ask for fewer replications, or for more."""


require = OutagesError.require
