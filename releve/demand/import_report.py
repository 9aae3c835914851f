"""What an import says about itself: every row accounted for, every fault with its row and fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from releve.demand.tables import History
from releve.errors import NumberPhrase, Phrase, say

__all__ = [
    "FIRST_ROW",
    "ImportFault",
    "ImportReport",
    "RowCount",
    "describe_import_fault",
    "group_import_faults",
]


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
        return describe_import_fault(self, str, "en")


def describe_import_fault(fault: ImportFault, gettext: Callable[[str], str], language: str) -> str:
    """Return where a fault stands, what is wrong, what was done about it, and the mend."""

    def speak(text: str) -> str:
        return say(text, gettext, language)

    count = NumberPhrase(fault.count)
    if not fault.row:
        where = f"{speak(fault.column)}, {speak(fault.value)}"
        if fault.count > 1:
            where = speak(Phrase("{0} ({1} times)", where, count))
    else:
        many = fault.count > 1
        rows = Phrase("row {0}", fault.row)
        if many:
            rows = Phrase("{0} rows (for example row {1})", count, fault.row)
        where = ", ".join(speak(text) for text in (rows, fault.column) if text)
        if fault.value:
            where = speak(Phrase("{0} “{1}”", where, speak(fault.value)))
    texts = (where, fault.reason, fault.effect, fault.fix)
    return speak(Phrase("{0}: {1}; {2}; {3}.", *map(speak, texts)))


_MOST_APART = 3
"""Up to so many faults of one cause are said each on its own."""


def group_import_faults(faults: Iterable[ImportFault]) -> tuple[ImportFault, ...]:
    """Return the faults with those of one cause as the first of them, counted."""
    causes: dict[tuple[str, ...], list[ImportFault]] = {}
    for fault in faults:
        reason = fault.reason.template if isinstance(fault.reason, Phrase) else fault.reason
        key = (fault.kind, fault.column, reason, fault.effect, fault.fix)
        causes.setdefault(key, []).append(fault)
    found: list[ImportFault] = []
    for same in causes.values():
        if len(same) <= _MOST_APART:
            found += same
        else:
            found.append(replace(same[0], count=sum(fault.count for fault in same)))
    return tuple(found)


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
        return ", ".join(self.phrases())

    def phrases(self) -> tuple[Phrase, ...]:
        """Return the counts that are not 0, a phrase each."""
        dropped = {name: count for name, count in self.dropped.items() if count}
        aside = {kind: count for kind, count in self.set_aside.items() if count}
        return (
            Phrase("{0} rows read", NumberPhrase(self.read)),
            Phrase("{0} used", NumberPhrase(self.used)),
            *(Phrase("{0} dropped ({1})", NumberPhrase(n), name) for name, n in dropped.items()),
            *(
                Phrase("{0} set aside ({1})", NumberPhrase(n), _KIND_NAMES.get(kind, kind))
                for kind, n in aside.items()
            ),
        )


_KIND_NAMES: Mapping[str, Phrase] = {
    "ragged": Phrase("too many cells"),
    "time": Phrase("time not read"),
    "clock_change": Phrase("change of clocks"),
    "value": Phrase("value not read"),
    "unmapped": Phrase("queue without a programme"),
    "duplicate": Phrase("duplicate"),
    "misaligned": Phrase("not on the interval"),
}


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
