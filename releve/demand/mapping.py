"""The mapping of a foreign table's columns to ours, and its columns of times."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime, time
from functools import cache
from typing import Any, TypeVar

import numpy as np
import polars as pl

from releve.demand.import_report import (
    DURATION_UNITS,
    FIRST_ROW,
    ImportFault,
    RowAccounting,
    read_texts,
    require_columns,
)
from releve.demand.localtime import find_offsets, local_to_utc
from releve.errors import Phrase
from releve.kernels.arrays import Ints, Truths
from releve.network.moments import UTC, CellRefusal, parse_date_text, parse_moment, parse_time_of_day

_TRUE = ("true", "1", "yes", "y", "oui", "o", "vrai")


@dataclass(frozen=True)
class Drop:
    """Rows that are no offered call: every column of ``where`` holds one of its values.

    Values are compared as text, so ``0`` matches a number 0 and a text ``0``.
    """

    name: str
    where: Mapping[str, Sequence[object]]

    def __post_init__(self) -> None:
        if not self.name or not self.where:
            raise ValueError(Phrase("a drop rule needs a name and at least one column in `where`"))

    def match(self, frame: pl.DataFrame) -> Truths:
        """Return which rows of a table the rule takes."""
        out = np.ones(frame.height, dtype=np.bool_)
        for column, values in self.where.items():
            wanted = [str(value) for value in values]
            out &= read_texts(frame[column]).is_in(wanted).fill_null(False).to_numpy().astype(np.bool_)
        return out


@dataclass(frozen=True)
class CallMapping:
    """A table with one row a call.

    ``start`` is the column of the instant a call came in; times without offset are local times of
    the time zone given to the import. ``programme`` is the column of the queue and ``programmes``
    says which programme each of its values is; with ``programme`` empty every row belongs to the
    only programme of ``programmes``. ``outcome`` is the column that says whether the call was
    answered, ``answered`` the values that mean yes. ``wait_s`` and ``service_s`` are columns of
    seconds, several of ``service_s`` (talk, hold, after-call work) are summed; ``key`` the columns
    that together name a call (empty = the whole row). ``start_time`` is the column of the time of
    day where ``start`` holds the day alone. ``time_format`` is a strptime format where times are
    neither ISO 8601 nor ``14/09/2026 08:15``.
    """

    start: str
    programmes: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
    outcome: str = ""
    answered: tuple[str, ...] = _TRUE
    wait_s: str = ""
    service_s: str | tuple[str, ...] = ""
    key: tuple[str, ...] = ()
    drop: tuple[Drop, ...] = ()
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        starts = (self.start, self.start_time)
        named = (*starts, self.programme, self.outcome, self.wait_s, *list_summed(self.service_s))
        dropped = [column for rule in self.drop for column in rule.where]
        return tuple(dict.fromkeys(name for name in (*named, *self.key, *dropped) if name))


@dataclass(frozen=True)
class IntervalMapping:
    """A table with one row a programme and interval of 30 minutes or a divisor of it.

    ``minutes`` is the interval length (0 = the most frequent distance of the rows).
    ``missing_is_zero`` says that the source writes no row where there was no call: between the
    first and the last row of a local day an interval without a row then counts as zero. Without
    it a missing interval is not known. Several columns of ``offered``, ``aht_s`` or ``handle_s`` are
    summed. ``from_end`` says that ``start`` holds the ends of the intervals. ``aht_s`` is the mean handling time, or
    ``handle_s`` that of all calls answered in the interval, in ``aht_unit``
    (:data:`~releve.demand.import_report.DURATION_UNITS`); rows of totals go
    by ``drop``.
    ``abandoned``, ``in_time`` (answered within the threshold of the contract), ``short`` (abandoned
    within it) and ``wait_s`` (mean wait of the answered) are read where the day is followed; the
    history does without.
    """

    start: str
    offered: str | tuple[str, ...]
    programmes: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
    answered: str = ""
    aht_s: str | tuple[str, ...] = ""
    handle_s: str | tuple[str, ...] = ""
    aht_unit: str = "s"
    drop: tuple[Drop, ...] = ()
    abandoned: str = ""
    in_time: str = ""
    short: str = ""
    wait_s: str = ""
    minutes: int = 0
    missing_is_zero: bool = False
    from_end: bool = False
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)
        if self.minutes and (self.minutes < 0 or 30 % self.minutes):
            raise ValueError(Phrase("minutes must divide 30, got {0}", self.minutes))
        if self.aht_unit not in DURATION_UNITS:
            raise ValueError(Phrase("`aht_unit` is one of {0}, got {1!r}", ", ".join(DURATION_UNITS), self.aht_unit))
        if self.handle_s and (self.aht_s or not self.answered):
            raise ValueError(Phrase("`handle_s` is shared by the calls `answered`, and stands without `aht_s`"))

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        starts = (self.start, self.start_time)
        counts = (*list_summed(self.offered), self.answered, self.abandoned, self.in_time, self.short)
        dropped = [column for rule in self.drop for column in rule.where]
        times = (*list_summed(self.aht_s), *list_summed(self.handle_s))
        named = (*starts, self.programme, *counts, *times, self.wait_s, *dropped)
        return tuple(dict.fromkeys(name for name in named if name))


@dataclass(frozen=True)
class PresenceMapping:
    """A table with one row a programme, place and instant: the ``agents`` signed in there.

    ``places`` says which site each value of the column ``place`` is (``home`` for work at home).
    """

    start: str
    agents: str
    programmes: Mapping[str, str]
    place: str
    places: Mapping[str, str]
    programme: str = ""
    start_time: str = ""
    time_format: str = ""

    def __post_init__(self) -> None:
        _check_programmes(self.programme, self.programmes)
        if not self.places:
            raise ValueError(Phrase("`places` is empty: say which site each source value is"))

    def columns(self) -> tuple[str, ...]:
        """Return every source column the mapping names."""
        named = (self.start, self.start_time, self.programme, self.place, self.agents)
        return tuple(dict.fromkeys(name for name in named if name))


_SUMMED = frozenset(("offered", "aht_s", "handle_s", "service_s"))
"""Keys that name a column, or several whose sum is meant."""


def list_summed(columns: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns whose sum is meant."""
    return (columns,) if isinstance(columns, str) else columns


_Mapping = TypeVar("_Mapping", CallMapping, IntervalMapping, PresenceMapping)


def _check_programmes(column: str, programmes: Mapping[str, str]) -> None:
    if not programmes:
        raise ValueError(Phrase("`programmes` is empty: say which programme each source value is"))
    if not column and len(set(programmes.values())) != 1:
        raise ValueError(Phrase("without a `programme` column `programmes` must name exactly one programme"))


def parse_mapping(table: Mapping[str, Any]) -> CallMapping | IntervalMapping:
    """Return the mapping a TOML or JSON document describes; ValueError names what is wrong.

    A document with ``offered`` maps intervals, any other maps calls.
    """
    return _parse(table, IntervalMapping) if "offered" in table else _parse(table, CallMapping)


def parse_report_mapping(table: Mapping[str, Any]) -> IntervalMapping | PresenceMapping:
    """Return the mapping of statistics that come during the day; ValueError names what is wrong.

    A document with ``agents`` maps who is signed in, any other intervals, whose ``minutes`` must be
    given: a file of one interval does not show how long it is.
    """
    if "agents" in table:
        return _parse(table, PresenceMapping)
    found = _parse(table, IntervalMapping)
    if not found.minutes:
        raise ValueError(Phrase("the mapping lacks {0}", "minutes"))
    return found


def _parse(table: Mapping[str, Any], kind: type[_Mapping]) -> _Mapping:
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(table) - known)
    if unknown:
        raise ValueError(
            Phrase("unknown keys {0}; {1} knows {2}", ", ".join(unknown), kind.__name__, ", ".join(sorted(known)))
        )
    missing = sorted(
        item.name
        for item in fields(kind)
        if item.default is MISSING and item.default_factory is MISSING and item.name not in table
    )
    if missing:
        raise ValueError(Phrase("the mapping lacks {0}", ", ".join(missing)))
    values = dict(table)
    values |= _split_start(table["start"])
    for name in {"programmes", "places"} & set(values):
        values[name] = {str(key): str(value) for key, value in table[name].items()}
    for name in ("answered", "key"):
        if kind is CallMapping and name in values:
            values[name] = tuple(str(value) for value in values[name])
    for name in _SUMMED & values.keys():
        if isinstance(values[name], list | tuple):
            values[name] = tuple(str(value) for value in values[name])
    if "drop" in values:
        values["drop"] = tuple(_parse_drop(rule) for rule in values["drop"])
    return kind(**values)


def _split_start(start: object) -> dict[str, str]:
    """Return the column of the start, or those of its day and time of day."""
    if isinstance(start, str):
        return {"start": start}
    if isinstance(start, list | tuple) and len(start) == 2:
        return {"start": str(start[0]), "start_time": str(start[1])}
    raise ValueError(Phrase("`start` is one column, or two: that of the day and that of the time of day"))


def _parse_drop(rule: Mapping[str, Any]) -> Drop:
    if set(rule) != {"name", "where"}:
        raise ValueError(Phrase("a drop rule has exactly the keys name and where"))
    where = {
        str(column): tuple(values) if isinstance(values, list | tuple) else (values,)
        for column, values in rule["where"].items()
    }
    return Drop(name=str(rule["name"]), where=where)


ASIDE = Phrase("the row is set aside")
_LENGTHS = {"%Y-%m-%dT%H:%M:%S": 19, "%Y-%m-%d %H:%M:%S": 19, "%Y-%m-%dT%H:%M": 16, "%Y-%m-%d %H:%M": 16}
_PLAIN = tuple(_LENGTHS)
_YEAR_1900 = -2208988800


@dataclass(frozen=True)
class TimeColumn:
    """``seconds`` since 1970 UTC per row, valid where ``good``; ``kind`` says why not elsewhere."""

    seconds: Ints
    good: Truths
    kind: tuple[str, ...]
    faults: tuple[ImportFault, ...]


def read_times(column: pl.Series, time_zone: str, time_format: str = "") -> TimeColumn:
    """Read a column of datetimes or texts; a time without offset is local to ``time_zone``.

    ``time_format`` (strptime) is for texts that are not ISO 8601. Nothing is guessed: a time that
    does not exist or exists twice in the zone is a fault of its row.
    """
    if isinstance(column.dtype, pl.Datetime):
        local, good = _read_datetimes(column)
        aware = np.full(len(column), column.dtype.time_zone is not None)
        shift = np.zeros(len(column), dtype=np.int64)
    else:
        local, good, aware, shift = _read_texts(column, time_format)
    utc, matches = local_to_utc(local, time_zone)
    seconds = np.where(aware, local - shift, utc)
    changes = good & ~aware & (matches != 1)
    foreign = np.zeros(len(column), dtype=np.bool_)
    if not isinstance(column.dtype, pl.Datetime):
        # UTC is what systems write: an offset of another zone is rather a local time with a wrong one
        foreign = good & aware & (shift != 0) & (find_offsets(seconds, time_zone) != shift)
    kinds = np.where(changes, "clock_change", np.where(good, "", "time"))
    faults = [
        *_faults_unread(column, ~good, time_format),
        *_faults_clock(column, changes, matches, time_zone),
        *_faults_foreign(column, foreign, time_zone),
    ]
    return TimeColumn(seconds, good & ~changes, tuple(kinds.tolist()), tuple(faults))


def open_rows(
    frame: pl.DataFrame, mapping: CallMapping | IntervalMapping | PresenceMapping, time_zone: str
) -> tuple[RowAccounting, TimeColumn]:
    """Read the times of a table and set aside the rows without one; rows of totals, which have none, go before.

    ValueError when a column that the mapping names is not there.
    """
    require_columns(frame, mapping.columns())
    ledger = RowAccounting(frame.height)
    if isinstance(mapping, IntervalMapping):
        for rule in mapping.drop:
            ledger.drop(rule.match(frame), rule.name)
    kept = ledger.kept()
    start = [mapping.start, mapping.start_time] if mapping.start_time else mapping.start
    times = read_times(take_starts(frame, start, mapping.time_format), time_zone, mapping.time_format)
    for kind in ("time", "clock_change"):
        ledger.set_aside(np.array([item == kind for item in times.kind], dtype=np.bool_), kind)
    ledger.faults.extend(fault for fault in times.faults if kept[fault.row - FIRST_ROW])
    return ledger, times


def take_starts(frame: pl.DataFrame, start: str | Sequence[str], time_format: str = "") -> pl.Series:
    """Return the starts of a table: its column, or a day and a time of day joined; of a label such as
    ``08:00-08:30`` its start."""
    if isinstance(start, str):
        column = frame[start]
        if column.dtype != pl.String or not _are_labels(column):
            return column
        return pl.Series(column.name, [None if text is None else take_label_start(text) for text in column], pl.String)
    days, clocks = (frame[name].cast(pl.String).fill_null("").str.strip_chars().to_list() for name in start)
    join = cache(lambda day, clock: _join_texts(day, clock, time_format))
    joined = [join(day, clock) for day, clock in zip(days, clocks, strict=True)]
    return pl.Series(" + ".join(start), joined, pl.String)


_LABEL = re.compile(
    r"(?P<start>.*\d\s*[:hH]\s*\d{0,2}\S*?(\s*[AaPp][Mm])?)\s*([-–—/]|\bto\b|\bà\b)\s*(?P<end>.*\d\s*[:hH]\s*\d{0,2}.*)"
    r"|(?P<first>\d{3,4})\s*[-–—/]\s*(?P<last>\d{3,4})"
)
"""An interval from its start to its end."""


def take_label_start(text: str) -> str:
    """Return the start of an interval written with both its ends (``08:00-08:30``, ``de 08:00 à 08:30``), another text
    as it is."""
    found = _LABEL.fullmatch(text.strip())
    return (found["start"] or found["first"]).strip().removeprefix("de ") if found else text.strip()


def measure_label(text: str) -> int | None:
    """Return the minutes from the start to the end of an interval written with both, None where there is none."""
    found = _LABEL.fullmatch(text.strip())
    if found is None:
        return None
    first, last = (_read_minutes(part) for part in (found["start"] or found["first"], found["end"] or found["last"]))
    return None if first is None or last is None else (last - first) % 1440 or 1440


def _read_minutes(text: str) -> int | None:
    """Return the minute of the day that a text ends with."""
    if re.fullmatch(r"\d{3,4}", text):
        return int(text[:-2]) * 60 + int(text[-2:])
    found = re.search(r"(\d{1,2})\s*[:hH]\s*(\d\d)?(?::\d\d)?\s*([AaPp])?[Mm]?\S*$", text)
    if found is None:
        return None
    hour = int(found[1]) % 12 + 12 * (found[3] in "Pp") if found[3] else int(found[1])
    return hour * 60 + int(found[2] or 0)


def _are_labels(column: pl.Series) -> bool:
    """Return whether cells are intervals with both ends: ``08:00-08:30`` is half an hour, and not a time with its
    offset, where each cell is one of a few minutes alike."""
    lengths = {measure_label(text) for text in column.drop_nulls().unique().head(200).to_list()}
    return len(lengths) == 1 and lengths <= {5, 6, 10, 15, 20, 30, 60}


def _parse_clock(text: str) -> time | None:
    """Return a time of day: also ``0830`` and ``830``, and the start of ``08:30-09:00``."""
    text = take_label_start(text)
    return parse_time_of_day(f"{text[:-2]}:{text[-2:]}" if re.fullmatch(r"\d{3,4}", text) else text)


def _join_texts(day: str, clock: str, time_format: str) -> str:
    if time_format:
        clock = take_label_start(clock)
    else:
        found, at = parse_date_text(day), _parse_clock(clock)
        if isinstance(found, date) and at is not None:
            return datetime.combine(found, at).isoformat()
    return f"{day} {clock}"


def _read_datetimes(column: pl.Series) -> tuple[Ints, Truths]:
    physical = column.dt.cast_time_unit("us").to_physical()
    good = physical.is_not_null().to_numpy().astype(np.bool_)
    return physical.fill_null(0).to_numpy().astype(np.int64) // 1_000_000, good


def _read_texts(column: pl.Series, time_format: str) -> tuple[Ints, Truths, Truths, Ints]:
    """Return wall-clock seconds, which were read, which had an offset, and the offset in s."""
    texts = column.cast(pl.String).fill_null("").str.strip_chars()
    local, good = _read_plain(texts, () if time_format else _PLAIN)
    aware = np.zeros(len(texts), dtype=np.bool_)
    shift = np.zeros(len(texts), dtype=np.int64)
    rest = np.flatnonzero(~good)
    known: dict[str, tuple[int, bool, bool, int]] = {}
    for row, text in zip(rest.tolist(), texts.gather(rest).to_list(), strict=True):
        if text not in known:
            known[text] = _read(text, time_format)
        local[row], good[row], aware[row], shift[row] = known[text]
    return local, good, aware, shift


def _read_plain(texts: pl.Series, formats: tuple[str, ...]) -> tuple[Ints, Truths]:
    """Read the texts that are of one of the plain ISO forms, all at once."""
    seconds = np.zeros(len(texts), dtype=np.int64)
    good = np.zeros(len(texts), dtype=np.bool_)
    length = texts.str.len_chars().to_numpy()
    for form in formats:
        found, read = _read_datetimes(texts.str.to_datetime(form, strict=False, time_unit="us"))
        fits = read & ~good & (length == _LENGTHS[form]) & (found > _YEAR_1900)
        seconds[fits], good[fits] = found[fits], True
    return seconds, good


def _read(text: str, time_format: str) -> tuple[int, bool, bool, int]:
    try:
        if time_format:
            moment = datetime.strptime(text, time_format)  # noqa: DTZ007 (local on purpose)
        elif (found := parse_moment(text)) is not None and not isinstance(found, CellRefusal):
            if not found[1]:  # a date alone says no time of day
                return 0, False, False, 0
            moment = found[0] if found[0].tzinfo is None else datetime.fromisoformat(text)
        else:
            moment = datetime.fromisoformat(text)
            if len(text) <= 10:
                return 0, False, False, 0
    except ValueError:
        return 0, False, False, 0
    shift = moment.utcoffset()
    seconds = int(moment.replace(tzinfo=UTC).timestamp())
    return seconds, True, shift is not None, 0 if shift is None else int(shift.total_seconds())


def _value(column: pl.Series, row: int) -> str:
    value = column[row]
    return "" if value is None else str(value)


def _faults_unread(column: pl.Series, where: Truths, time_format: str) -> list[ImportFault]:
    fix = Phrase("write it of the form {0}", time_format)
    if not time_format:
        fix = Phrase("write it like 2026-10-05T08:00 or 05/10/2026 08:00, or give the mapping a time_format")
    return [
        ImportFault(
            kind="time",
            row=int(row) + FIRST_ROW,
            column=column.name,
            value=_value(column, row),
            reason=Phrase("no time of day can be read"),
            effect=ASIDE,
            fix=fix,
        )
        for row in np.flatnonzero(where).tolist()
    ]


def _faults_clock(column: pl.Series, where: Truths, matches: Ints, time_zone: str) -> list[ImportFault]:
    twice = Phrase("it exists twice in {0}: the clocks change then", time_zone)
    never = Phrase("it does not exist in {0}: the clocks change then", time_zone)
    return [
        ImportFault(
            kind="clock_change",
            row=int(row) + FIRST_ROW,
            column=column.name,
            value=_value(column, row),
            reason=twice if matches[row] > 1 else never,
            effect=ASIDE,
            fix=Phrase("write the time with its offset, like 2026-10-25T02:30+01:00"),
        )
        for row in np.flatnonzero(where).tolist()
    ]


def _faults_foreign(column: pl.Series, where: Truths, time_zone: str) -> list[ImportFault]:
    rows = np.flatnonzero(where)
    if not len(rows):
        return []
    row = int(rows[0])
    return [
        ImportFault(
            kind="other_zone",
            row=row + FIRST_ROW,
            column=column.name,
            value=_value(column, row),
            reason=Phrase("the offset is not the one of {0} at that time", time_zone),
            effect=Phrase("the offset counts: the instant is taken as written"),
            fix=Phrase("if these are local times of {0}, write them without offset", time_zone),
            count=len(rows),
        )
    ]
