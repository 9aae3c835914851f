"""Time that a command took, by stage; the stages sum to the whole."""

from __future__ import annotations

import time
from collections.abc import Callable

from releve.cli.catalogue import Speech
from releve.errors import NumberPhrase, Phrase

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

    def line(self, speech: Speech) -> str:
        """Return the whole time until now and its parts, as a sentence; stages are phrases."""
        self.start(self._stage)
        parts = [
            speech.say(Phrase("{0} {1} s", stage, NumberPhrase(spent, 1)))
            for stage, spent in self._seconds.items()
        ]
        whole = NumberPhrase(sum(self._seconds.values()), 1)
        return speech.say(Phrase("Time: {0} s ({1}).", whole, ", ".join(parts)))
