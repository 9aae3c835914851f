"""The request of a crash test, from the command line or the desk: files and parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from releve.crashtest import Settings
from releve.crashtest.outbreak import covid, influenza
from releve.situation import ChosenPack

__all__ = [
    "ABLATION_QUARTERS",
    "ILLNESSES",
    "CrashTestRequest",
    "IncidenceFile",
    "count_ablation_quarters",
]

ILLNESSES = {"covid": covid, "influenza": influenza}
ABLATION_QUARTERS = 200
"""Quarters to rerun with each cause removed, unless there are fewer or a fifth is more."""


@dataclass(frozen=True)
class IncidenceFile:
    """Daily cases outside: a ``column`` of a CSV file that has a column ``date``."""

    path: Path
    column: str


@dataclass(frozen=True, kw_only=True)
class CrashTestRequest:
    """The files and the parameters of a crash test.

    ``operator`` a folder or workbook; ``plan`` and ``compare`` plan folders; ``hazards`` a table
    instead of the shipped one; ``rules`` rows beside the situation's shipped ones, ``packs`` those
    in force; ``outlook`` the events up to day 0. Infections from outside come from ``incidence``,
    cases of ``per_people`` people of which the share ``reported`` is known, else ``outside`` per
    agent and day. ``reproduction``: infections at work by one agent. ``ablation_quarters`` of the
    first case are rerun with each cause removed. ``start`` is day 0 [the first planned day].
    """

    operator: Path
    plan: Path
    compare: Path | None = None
    with_hazards: bool = True
    hazards: Path | None = None
    rules: tuple[Path, ...] = ()
    packs: tuple[ChosenPack, ...] = ()
    incidence: IncidenceFile | None = None
    per_people: float = 1e6
    reported: float = 0.2
    outside: float = 1e-4
    illness: str = "covid"
    reproduction: float = 2.5
    settings: Settings = field(default_factory=Settings)
    policies: tuple[str, ...] = ("as-given",)
    ablation_quarters: int = 0
    start: date | None = None
    outlook: Path | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The parameters that a certificate keeps; it keeps files by their digests."""
        return {
            "settings": {name: getattr(self.settings, name) for name in self.settings.__slots__},
            "policies": list(self.policies),
            "without": self.ablation_quarters,
            "illness": self.illness,
            "reproduction": self.reproduction,
            "outside": self.outside,
            "column": self.incidence.column if self.incidence else "",
            "per_people": self.per_people,
            "reported": self.reported,
            "start": self.start.isoformat() if self.start else "",
            "packs": [[p.pack, str(p.first), p.last and str(p.last)] for p in self.packs],
        }


def count_ablation_quarters(asked: int | None, quarters: int) -> int:
    """Return how many of a run's quarters to rerun with each cause removed.

    As many as asked for, else a fifth and at least ABLATION_QUARTERS; never more than there are.
    """
    wanted = max(ABLATION_QUARTERS, quarters // 5) if asked is None else asked
    return min(wanted, quarters)
