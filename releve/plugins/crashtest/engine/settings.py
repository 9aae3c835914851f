"""What a crash test runs over, each parameter with its condition; the errors of a crash test.

::

    ReleveError, ValueError
    └── CrashTestError      inputs that make no sense together; the text quotes the condition
        ├── OtherOperator   a plan of another operator
        └── RoomError       a replication needs more room than it was given; nothing is dropped
"""

from __future__ import annotations

from dataclasses import dataclass

from releve.errors import ReleveError
from releve.plugins.crashtest.engine.outbreak.rng import DAYS_MOST


class CrashTestError(ReleveError, ValueError):
    """Inputs that make no sense together; the text quotes the condition and the fix."""


class OtherOperator(CrashTestError):  # noqa: N818  the name says it
    """A plan that was made for another operator."""


class RoomError(CrashTestError):
    """A replication needs more room than it was given."""


require = CrashTestError.require


INTERVALS = 48
"""Half hours of a simulated day."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is simulated and how fast a loss is answered.

    ``quarters`` replications of ``days`` days from the ``seed``. A lost place's relief is at work
    ``reaction_intervals`` half hours after the first agent is due there, ``several_intervals`` when
    several places are lost at once. ``target``: the share of a day's contacts or items that a
    programme without calls may miss; None: that of the plan. ``nearest``: a weekday without a plan
    takes the plan of the nearest weekday; otherwise it is left out of the test, and said so.
    """

    quarters: int = 1000
    days: int = 90
    seed: int = 0
    reaction_intervals: int = 1
    several_intervals: int = 2
    target: float | None = None
    nearest: bool = False

    def __post_init__(self) -> None:
        require(self.quarters >= 1, "quarters >= 1", self.quarters)
        require(1 <= self.days <= DAYS_MOST, f"1 <= days <= {DAYS_MOST}", self.days)
        require(0 <= self.seed < 2**63, "0 <= seed < 2**63", self.seed)
        for name in ("reaction_intervals", "several_intervals"):
            value = getattr(self, name)
            require(0 <= value <= INTERVALS, f"0 <= {name} <= {INTERVALS}", value)
        if self.target is not None:
            require(0 <= self.target < 1, "0 <= target < 1", self.target)
