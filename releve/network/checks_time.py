"""Local times of a table become UTC; a time that the clocks skip or repeat is a fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.network.moments import UTC, to_utc, zone
from releve.network.parsing import BAD, ParsedTable


def set_utc(table: ParsedTable, column: str, zones: Sequence[str | None]) -> Iterator[Fault]:
    """Set the naive times of a column to UTC, each in its record's zone.

    A time whose zone is not known (None) becomes BAD without a fault.
    """
    memo: dict[tuple[str, datetime], datetime | tuple[Phrase, Phrase]] = {}
    values = table.values[column]
    for i, (value, name) in enumerate(zip(values, zones, strict=True)):
        if value is BAD or value.tzinfo is not None:
            continue
        if name is None:
            values[i] = BAD
            continue
        moment = memo.get((name, value))
        if moment is None:
            moment = memo[name, value] = _convert_or_explain(value, name)
        if isinstance(moment, datetime):
            values[i] = moment
        else:
            values[i] = BAD
            yield table.fault(i, column, *moment)


def _convert_or_explain(local: datetime, name: str) -> datetime | tuple[Phrase, Phrase]:
    """Return a local time in UTC, or the reason and the fix where the clocks change."""
    try:
        return to_utc(local, name)
    except ValueError:
        first, second = (local.replace(tzinfo=zone(name), fold=fold) for fold in (0, 1))
        back = first.astimezone(UTC).astimezone(zone(name))
        if back.replace(tzinfo=None) == local:
            either = " or ".join(t.isoformat(timespec="minutes") for t in (first, second))
            return Phrase("exists twice in {0}: the clocks go back", name), Phrase("write the offset: {0}", either)
        later = back.isoformat(timespec="minutes")
        return (
            Phrase("does not exist in {0}: the clocks go forward", name),
            Phrase("write the time meant, perhaps {0}", later),
        )
