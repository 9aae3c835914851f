"""How far a plan is, and what each stage of it took, by a clock given from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Progress", "Report", "SearchProgress", "StageTimer"]

Progress = Callable[[str, float], None]
"""Called with a stage and the share of it that is done."""
Report = Callable[[float, str], None]
"""Called with the share of a search that is done and what the search is at."""
STEP = 0.2
"""How much of what is left a step of a search moves its progress."""


class SearchProgress:
    """Progress of a search whose number of steps is not known: it always moves, never back."""

    def __init__(self, report: Report = lambda share, words: None) -> None:
        self._report = report
        self._done = 0
        self._within = 0.0
        self._words = ""

    def begin(self, words: str) -> None:
        """Begin the next step."""
        self._done += bool(self._words)
        self._words, self._within = words, 0.0
        self.move(0.0)

    def move(self, share: float) -> None:
        """Report that ``share`` of the step is done."""
        self._within = max(self._within, share)
        self._report(1.0 - (1.0 - STEP) ** (self._done + self._within), self._words)


@dataclass
class StageTimer:
    """Seconds per stage, by a clock given from outside (an engine has none of its own)."""

    now: Callable[[], float] = lambda: 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = 0.0

    def start(self) -> None:
        """Start timing."""
        self._since = self.now()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under a stage."""
        now = self.now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


class SolverLog:
    """Turns the log of the interior point into progress of the N-1 programme: the logarithm of the
    gap that is left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._share = 0.0

    def __call__(self, line: str) -> None:
        cells = line.replace("*", " ").split()
        if len(cells) != 7 or not cells[0].isdigit():
            return
        try:
            gap = float(cells[5])
        except ValueError:
            return
        if gap > 0:
            done = min(1.0, max(0.0, (4.0 - float(np.log10(gap))) / 13.0))
            self._share = max(self._share, done)
            self._progress("n-1 programme", self._share)
