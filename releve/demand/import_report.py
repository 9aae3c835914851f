"""What an import says about itself: every row accounted for, every fault with its row and fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from releve.demand.tables import History

__all__ = ["FIRST_ROW", "ImportFault", "ImportReport", "RowCount"]


FIRST_ROW = 2
"""The row of the first record as a user sees it: row 1 is the header."""


@dataclass(frozen=True, slots=True)
class ImportFault:
    """One fault of a source table, or one that ``count`` rows share.

    ``kind`` is one of: ragged, time, other_zone, clock_change, value, unmapped, duplicate,
    misaligned, incomplete, gap, half_open, hole. ``row`` is the first row concerned as a user
    sees it (1 is the header); 0 when the fault is about something that is not there. ``effect``
    says what the import did about it.
    """

    kind: str
    row: int
    column: str
    value: str
    reason: str
    effect: str
    fix: str
    count: int = 1

    def __str__(self) -> str:
        if not self.row:
            often = f" ({self.count} times)" if self.count > 1 else ""
            return f"{self.column}, {self.value}{often}: {self.reason}; {self.effect}; {self.fix}"
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        cell = f", {self.column}" if self.column else ""
        cell += f" {self.value!r}" if self.value else ""
        return f"row {self.row}{more}{cell}: {self.reason}; {self.effect}; {self.fix}"


@dataclass(frozen=True)
class RowCount:
    """Where every row of the source went: ``read`` is the sum of the other counts."""

    read: int
    used: int
    dropped: Mapping[str, int]
    set_aside: Mapping[str, int]

    def __post_init__(self) -> None:
        total = self.used + sum(self.dropped.values()) + sum(self.set_aside.values())
        if total != self.read:
            raise ValueError(f"rows in and out differ: read {self.read}, accounted for {total}")

    def __str__(self) -> str:
        parts = [f"{self.read} rows read", f"{self.used} used"]
        parts += [f"{count} dropped ({name})" for name, count in self.dropped.items() if count]
        parts += [f"{count} set aside ({kind})" for kind, count in self.set_aside.items() if count]
        return ", ".join(parts)


@dataclass(frozen=True)
class ImportReport:
    """The histories of an import and all that was wrong or remarkable on the way.

    Faults stand in the order of their rows, those of no row last.

    ``patience_s`` is, per programme, the mean patience estimated from waits and hang-ups (only
    from a call log that holds both); ``served_20_s`` the share of offered calls answered within
    20 seconds there.
    """

    histories: tuple[History, ...]
    faults: tuple[ImportFault, ...]
    notes: tuple[str, ...]
    rows: RowCount
    patience_s: Mapping[str, float] = field(default_factory=dict)
    served_20_s: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = sorted(self.faults, key=lambda fault: (fault.row == 0, fault.row))
        object.__setattr__(self, "faults", tuple(ordered))
