"""Raw tables -> tables of typed values; a cell that has none is BAD and one fault.

Each distinct text of a column is parsed once; columns of numbers are parsed as a whole and only
what that refuses is looked at cell by cell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from types import NoneType
from typing import Any, get_args

import numpy as np
import polars as pl

from releve.errors import Phrase
from releve.network.clock import UTC
from releve.network.columns import TableColumn, TableRow, list_columns
from releve.network.faults import Fault, find_closest
from releve.network.folder_reader import RawTable

__all__ = ["BAD", "Bad", "ParsedTable", "parse_table"]


class Bad:
    """The type of BAD: a cell without a usable value, already named or not to be judged."""

    def __repr__(self) -> str:
        return "BAD"


BAD = Bad()

_TRUE = frozenset(("true", "vrai", "oui", "yes", "1"))
_FALSE = frozenset(("false", "faux", "non", "no", "0"))
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_FRENCH = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: +(\d{1,2}):(\d\d)(?::(\d\d))?)?")
_ERROR = re.compile(r"#(DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:,\d+)?")
_FIRST_YEAR, _LAST_YEAR = 1970, 2100


@dataclass(frozen=True, slots=True)
class CellRefusal:
    """Why a text is no value of its column, and how to write one."""

    reason: Phrase
    fix: Phrase


@dataclass
class ParsedTable:
    """A table as values: ``values[column][i]`` of record i, BAD where there is none.

    Every column of the kind is there; one that the file lacks holds its default (or BAD where a
    value is required). Local times are naive until :mod:`releve.network.checks_time` sets them.
    """

    kind: type[TableRow]
    rows: list[int]
    cells: pl.DataFrame
    values: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def text(self, column: str, i: int) -> str:
        """Return a cell as it stands in the file; empty where it has no text."""
        return (self.cells[column][i] or "") if column in self.cells.columns else ""

    def fault(self, i: int, column: str, reason: Phrase, fix: Phrase) -> Fault:
        """Return a fault of one cell of record i."""
        return Fault(self.kind.table, self.rows[i], column, self.text(column, i), reason, fix)


def parse_table(raw: RawTable) -> tuple[ParsedTable, list[Fault]]:
    """Return the values of a raw table and the faults of its cells."""
    columns = list_columns(raw.kind)
    comma = raw.comma_decimals and _writes_commas(raw, columns)
    table = ParsedTable(raw.kind, raw.rows.tolist(), raw.cells, {})
    faults: list[Fault] = []
    for column in columns:
        if column.name not in raw.cells.columns:
            missing = BAD if column.required else column.default
            table.values[column.name] = [missing] * len(table)
            continue
        values, refused = _parse_column(column, raw.cells[column.name], comma)
        for i in raw.broken:
            values[i] = BAD
        table.values[column.name] = values
        faults += [
            table.fault(i, column.name, refusal.reason, refusal.fix)
            for i, refusal in refused
            if i not in raw.broken
        ]
    return table, faults


def _strip_optional(column: TableColumn) -> Any:
    """Return the type of a column without its ``| None``."""
    kinds = [kind for kind in get_args(column.type) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(column.type) else column.type


def _is_number(column: TableColumn) -> bool:
    return _strip_optional(column) in (float, int)


def _writes_commas(raw: RawTable, columns: tuple[TableColumn, ...]) -> bool:
    """Return whether most decimals of the table are written with a comma."""
    commas = points = 0
    for column in columns:
        if _is_number(column) and column.name in raw.cells.columns:
            texts = raw.cells[column.name]
            commas += int(texts.str.contains(r"^[^.]*\d,\d+$").sum() or 0)
            points += int(texts.str.contains(r"^[^,]*\d\.\d+$").sum() or 0)
    return commas > points


_Refused = list[tuple[int, CellRefusal]]


def _parse_column(column: TableColumn, texts: pl.Series, comma: bool) -> tuple[list[Any], _Refused]:
    if _is_number(column):
        return _parse_numbers(column, texts, comma)
    parse = _PARSERS.get(_strip_optional(column), _parse_tuple)
    memo: dict[str | None, Any] = {None: _parse_empty(column)}
    for text in texts.unique().to_list():
        if text is not None:
            memo[text] = _judge_cell(column, text, parse)
    values = [memo[text] for text in texts.to_list()]
    if not any(isinstance(value, CellRefusal) for value in memo.values()):
        return values, []
    return _set_aside(values)


def _set_aside(values: list[Any]) -> tuple[list[Any], _Refused]:
    refused = [(i, value) for i, value in enumerate(values) if isinstance(value, CellRefusal)]
    for i, _ in refused:
        values[i] = BAD
    return values, refused


def _parse_empty(column: TableColumn) -> Any:
    return (
        CellRefusal(Phrase("is empty"), _suggest_format(column))
        if column.required
        else column.default
    )


def _judge_cell(column: TableColumn, text: str, parse: Callable[[TableColumn, str], Any]) -> Any:
    if _ERROR.fullmatch(text):
        return CellRefusal(
            Phrase("is a formula error"),
            Phrase("mend the formula in the workbook it comes from"),
        )
    value = parse(column, text)
    if isinstance(value, CellRefusal):
        return value
    reason = column.condition.fault(value)
    if reason is None:
        return value
    meant = find_closest(text, column.condition.one_of)
    return CellRefusal(reason, Phrase("write {0}", meant) if meant else _suggest_format(column))


def _suggest_format(column: TableColumn) -> Phrase:
    example = f"{column.example} ({column.unit})" if column.unit else column.example
    return Phrase(_FORMATS[_strip_optional(column)], example)


def _parse_numbers(
    column: TableColumn, texts: pl.Series, comma: bool
) -> tuple[list[Any], _Refused]:
    """Parse a column of numbers at once; what polars refuses is parsed text by text."""
    plain = texts
    if comma:
        plain = pl.select(
            pl.when(texts.str.contains(".", literal=True))
            .then(None)
            .otherwise(texts.str.replace(",", ".", literal=True))
        ).to_series()
    numbers = plain.cast(pl.Float64, strict=False)
    array = numbers.fill_null(math.nan).to_numpy()
    condition = column.condition
    wrong = ~np.isfinite(array)
    for bound, outside in (
        (condition.at_least, np.less),
        (condition.more_than, np.less_equal),
        (condition.at_most, np.greater),
    ):
        if bound is not None:
            wrong |= outside(array, bound)
    whole = _strip_optional(column) is int
    if whole:
        wrong |= array != np.floor(array)
    values: list[Any] = array.tolist()
    if whole:
        values = [value if bad else int(value) for value, bad in zip(values, wrong, strict=True)]
    absent = texts.is_null().to_numpy()
    empty = _parse_empty(column)
    for i in np.flatnonzero(absent).tolist():
        values[i] = empty
    parse = _build_number_parser(comma, whole)
    for i in np.flatnonzero(wrong & ~absent).tolist():
        values[i] = _judge_cell(column, texts[i], parse)
    refusals = isinstance(empty, CellRefusal) or bool(np.any(wrong & ~absent))
    return _set_aside(values) if refusals else (values, [])


def _build_number_parser(comma: bool, whole: bool) -> Callable[[TableColumn, str], Any]:
    def parse(column: TableColumn, text: str) -> Any:
        if comma and "." in text and "," not in text:
            return CellRefusal(
                Phrase("has a point where the table writes decimals with a comma"),
                _suggest_format(column),
            )
        if comma and _GROUPED.fullmatch(text):
            text = re.sub("[ \u00a0\u202f]", "", text)
        try:
            number = float(text.replace(",", ".") if comma else text)
        except ValueError:
            if re.fullmatch(r"[+-]?\d+,\d+", text):
                return CellRefusal(
                    Phrase("has a decimal comma where a point is expected"),
                    _suggest_format(column),
                )
            return CellRefusal(Phrase("is not a number"), _suggest_format(column))
        if whole and math.isfinite(number):
            if number != math.floor(number):
                return CellRefusal(Phrase("is not a whole number"), _suggest_format(column))
            return int(number)
        return number

    return parse


def _parse_text(column: TableColumn, text: str) -> Any:
    if column.name == "id" and ("|" in text or "\n" in text):
        return CellRefusal(
            Phrase("holds a | or a line break, which an id may not"), _suggest_format(column)
        )
    return text


def _parse_bool(column: TableColumn, text: str) -> Any:
    folded = text.casefold().removesuffix(".0")
    if folded in _TRUE:
        return True
    return (
        False
        if folded in _FALSE
        else CellRefusal(Phrase("is neither true nor false"), Phrase("write true or false"))
    )


def _parse_tuple(column: TableColumn, text: str) -> Any:
    items = tuple(item.strip() for item in text.split("|"))
    if not all(items):
        return CellRefusal(
            Phrase("has an empty item"),
            Phrase("write items with one | between, like {0}", column.example),
        )
    repeated = next((item for item in items if items.count(item) > 1), None)
    if repeated is not None:
        return CellRefusal(Phrase("names {0!r} twice", repeated), Phrase("name it once"))
    return items


def _parse_moment(text: str) -> tuple[datetime, bool] | CellRefusal | None:
    """Return a date and time and whether it has a time of day; None when it is not like one."""
    if match := _ISO.fullmatch(text):
        year, month, day, *time = match.groups()
    elif match := _FRENCH.fullmatch(text):
        day, month, year, *time = match.groups()
        time += [None, None]
    else:
        return None
    hour, minute, second, fraction, offset = time
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
            tzinfo=_parse_offset(offset),
        )  # fmt: skip
    except ValueError as error:
        return CellRefusal(
            Phrase("does not exist ({0})", str(error)),
            Phrase("write a day and a time of the calendar"),
        )
    if moment.year == 1899:
        return CellRefusal(Phrase("is a time without a day"), Phrase("write the day as well"))
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        reason = Phrase("has a year outside {0}", f"{_FIRST_YEAR}-{_LAST_YEAR}")
        return CellRefusal(reason, Phrase("write the year in four digits"))
    return moment if moment.tzinfo is None else moment.astimezone(UTC), hour is not None


def _parse_offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _parse_datetime(column: TableColumn, text: str) -> Any:
    found = _parse_moment(text)
    if found is None:
        return CellRefusal(
            Phrase("is not a date and time"),
            Phrase("{0} or {1}", _suggest_format(column), "30/11/2026 08:00"),
        )
    if isinstance(found, CellRefusal):
        return found
    moment, timed = found
    return moment if timed else CellRefusal(Phrase("has no time of day"), _suggest_format(column))


def _parse_date(column: TableColumn, text: str) -> Any:
    found = _parse_moment(text)
    if found is None:
        return CellRefusal(
            Phrase("is not a date"),
            Phrase("{0} or {1}", _suggest_format(column), "30/11/2026"),
        )
    if isinstance(found, CellRefusal):
        return found
    moment, _ = found
    if moment.tzinfo is not None or (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        return CellRefusal(
            Phrase("has a time of day where a date is expected"), _suggest_format(column)
        )
    return moment.date()


_PARSERS: dict[Any, Callable[[TableColumn, str], Any]] = {
    str: _parse_text,
    bool: _parse_bool,
    date: _parse_date,
    datetime: _parse_datetime,
}
_FORMATS: dict[Any, Phrase] = {
    str: Phrase("write a text like {0}"),
    bool: Phrase("write true or false, like {0}"),
    float: Phrase("write a number like {0}"),
    int: Phrase("write a whole number like {0}"),
    date: Phrase("write a date like {0}"),
    datetime: Phrase("write a date and time like {0}"),
    tuple[str, ...]: Phrase("write names with | between them, like {0}"),
}
