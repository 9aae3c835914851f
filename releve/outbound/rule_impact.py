"""What a change of the rules would do to calls that wait: which would flip, and by which rows.

The same calls are judged under two tables on the same facts. A call flips when it was allowed and
no longer is, or the other way round; ``moved`` are those still refused, by other rows.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from io import StringIO
from typing import Any

from releve.network.faults import find_nearest, suggest_fix
from releve.outbound.calls import Call
from releve.outbound.errors import CallFault
from releve.outbound.facts import Facts
from releve.outbound.legal_rows import LegalRules
from releve.outbound.verdict import CallFinding, CallVerdict, judge_call

__all__ = [
    "CALL_COLUMNS",
    "DIRECTIONS",
    "Flip",
    "count_directions",
    "find_flips",
    "flip_to_json",
    "read_calls",
]

_NOT_READ = ("authenticated", "mobile_terminal")
CALL_COLUMNS = tuple(field.name for field in fields(Call) if field.name not in _NOT_READ)
"""The columns of a file of calls."""
DIRECTIONS = ("refused", "allowed", "moved")
"""What a call that flips becomes."""
_MUST = ("client", "number", "at", "object", "sector")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Flip:
    """A call whose verdict would change, before and after the change of the rules."""

    call: Call
    before: CallVerdict
    after: CallVerdict

    @property
    def direction(self) -> str:
        """Return ``refused`` or ``allowed`` (what it becomes), or ``moved`` (other rows refuse)."""
        if self.before.allowed != self.after.allowed:
            return "allowed" if self.after.allowed else "refused"
        return "moved"

    @property
    def gained(self) -> tuple[str, ...]:
        """Return the versions of the rows that refuse it only after the change."""
        return _list_versions(self.after, self.before)

    @property
    def gained_findings(self) -> tuple[CallFinding, ...]:
        """Return the findings of :attr:`gained`, one a version."""
        found = {finding.row.version: finding for finding in self.after.findings}
        return tuple(found[version] for version in self.gained)

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the versions of the rows that no longer refuse it."""
        return _list_versions(self.before, self.after)


def flip_to_json(flip: Flip) -> dict[str, Any]:
    """Return a flip as data."""
    return {
        "id": flip.call.id,
        "number": flip.before.number,
        "at": flip.call.at.isoformat(),
        "becomes": flip.direction,
        "before": [finding.row.version for finding in flip.before.findings],
        "after": [finding.row.version for finding in flip.after.findings],
    }


def count_directions(flips: Iterable[Flip]) -> dict[str, int]:
    """Return how many calls become what: by every direction, in the order of DIRECTIONS."""
    count = Counter(flip.direction for flip in flips)
    return {direction: count[direction] for direction in DIRECTIONS}


def _list_versions(these: CallVerdict, not_those: CallVerdict) -> tuple[str, ...]:
    other = {finding.row.version for finding in not_those.findings}
    found = (finding.row.version for finding in these.findings)
    return tuple(dict.fromkeys(version for version in found if version not in other))


def find_flips(
    calls: Iterable[Call], facts: Facts, before: LegalRules, after: LegalRules, known_at: datetime
) -> tuple[Flip, ...]:
    """Return the calls whose verdict would change, as known at an instant, in their order."""
    found = []
    for call in calls:
        old, new = (judge_call(call, facts, rules, known_at) for rules in (before, after))
        flip = Flip(call, old, new)
        if old.allowed != new.allowed or flip.gained or flip.lost:
            found.append(flip)
    return tuple(found)


def read_calls(data: bytes) -> tuple[Call, ...]:
    """Return the calls of a CSV file (``,`` ``;`` or tab); CallFault names each line that is none.

    Columns: :data:`CALL_COLUMNS`, of which client, number, at (with its offset), object and sector
    must be there.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    rows = csv.DictReader(StringIO(text), delimiter=max((",", ";", "\t"), key=head.count))
    columns = rows.fieldnames or ()
    faults = [f"the column {name} is missing; add it" for name in _MUST if name not in columns]
    faults += [
        f"unknown column {name}; {suggest_fix(find_nearest(name, CALL_COLUMNS), 'remove it')}"
        for name in sorted(set(columns) - set(CALL_COLUMNS))
    ]
    calls = []
    for line, row in enumerate([] if faults else rows, 2):
        try:
            calls.append(_read_call(row))
        except ValueError as error:
            faults.append(f"line {line}: {error}")
    if faults:
        raise CallFault("\n".join(faults[:_SHOWN]))
    return tuple(calls)


def _read_call(row: dict[str, str | None]) -> Call:
    if None in row or None in row.values():
        raise ValueError("it has not as many cells as the first line")
    values = {name: (value or "").strip() for name, value in row.items()}
    empty = [name for name in _MUST if name not in ("object", "sector") and not values[name]]
    if empty:
        raise ValueError(f"{', '.join(empty)} is empty; fill it")
    plain = {name: value for name, value in values.items() if value and name != "at"}
    return Call(at=datetime.fromisoformat(values["at"]), **{"object": "", **plain})  # type: ignore[arg-type]
