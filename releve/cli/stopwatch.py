"""Time that a command took, by stage; the stages sum to the whole."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Stopwatch"]


class Stopwatch:
    """Seconds by stage; a stage ends when the next begins, and may come again."""

    def __init__(self, stage: str, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._seconds: dict[str, float] = {stage: 0.0}
        self._stage, self._since = stage, now()

    def start(self, stage: str) -> None:
        """End the stage that runs and begin ``stage``."""
        moment = self._now()
        self._seconds[self._stage] += moment - self._since
        self._seconds.setdefault(stage, 0.0)
        self._stage, self._since = stage, moment

    def line(self) -> str:
        """Return the whole time until now and its parts, as a sentence."""
        self.start(self._stage)
        parts = ", ".join(f"{stage} {spent:.1f} s" for stage, spent in self._seconds.items())
        return f"Time: {sum(self._seconds.values()):.1f} s ({parts})."
