"""Raw tables -> tables of typed values; a cell that has none is BAD and one fault.

Each distinct text of a column is parsed once; columns of numbers are parsed as a whole and only
what that refuses is looked at cell by cell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from releve.errors import BilingualPhrase, Phrase
from releve.network.columns import TableColumn, bare_type
from releve.network.faults import Correction, Fault, find_nearest
from releve.network.folder_reader import RawTable
from releve.network.moments import CellRefusal, parse_moment
from releve.network.opening_hours import translate_opening
from releve.network.table_words import TableForm, fold, map_value_spellings, name_value


class Bad:
    """The type of BAD: a cell without a usable value, already named or not to be judged."""

    def __repr__(self) -> str:
        return "BAD"


BAD = Bad()

_ERROR = re.compile(r"#(DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?:,\d+)?")


@dataclass
class ParsedTable:
    """A table as values: ``values[column][i]`` of record i, BAD where there is none.

    Every column of the form is there; one that the file lacks holds its default (or BAD where a
    value is required). Local times are naive until :mod:`releve.network.checks_time` sets them.
    """

    form: TableForm
    rows: list[int]
    cells: pl.DataFrame
    values: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def text(self, column: str, i: int) -> str:
        """Return a cell as it stands in the file; empty where it has no text."""
        return (self.cells[column][i] or "") if column in self.cells.columns else ""

    def fault(
        self, i: int, column: str, reason: Phrase, fix: Phrase, found: str = "", near: Sequence[str] = ()
    ) -> Fault:
        """Return a fault of one cell of record i; what corrects ``found`` in it where ``near`` is one word."""
        table = self.form.table
        correction = Correction(table, column, found, near[0]) if found and len(near) == 1 else None
        return Fault(table, self.rows[i], column, self.text(column, i), reason, fix, correction)


def parse_table(raw: RawTable) -> tuple[ParsedTable, list[Fault]]:
    """Return the values of a raw table and the faults of its cells."""
    columns = raw.form.columns
    comma = raw.comma_decimals and _writes_commas(raw, columns)
    table = ParsedTable(raw.form, raw.rows.tolist(), raw.cells, {})
    faults: list[Fault] = []
    for column in columns:
        if column.name not in raw.cells.columns:
            missing = BAD if column.required else column.default
            table.values[column.name] = [missing] * len(table)
            continue
        values, refused = _parse_column(_Cells(raw, column, comma))
        silent = raw.broken | raw.silent.get(column.name, frozenset())
        for i in silent:
            values[i] = BAD
        table.values[column.name] = values
        faults += [
            table.fault(
                i,
                column.name,
                refusal.reason,
                refusal.fix,
                table.text(column.name, i),
                [refusal.meant] * bool(refusal.meant),
            )
            for i, refusal in refused
            if i not in silent
        ]
    return table, faults


def _is_number(column: TableColumn) -> bool:
    return bare_type(column) in (float, int)


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


@dataclass(frozen=True)
class _Cells:
    """A column of a raw table with what bears on how it is written.

    ``comma``: decimals have a comma. ``words``: its values by folded spelling, if it has any.
    """

    raw: RawTable
    column: TableColumn
    comma: bool

    @property
    def texts(self) -> pl.Series:
        return self.raw.cells[self.column.name]

    @property
    def words(self) -> Mapping[str, str]:
        return map_value_spellings(self.raw.form.table, self.column.name)

    @property
    def either_decimal(self) -> bool:
        """Return whether point and comma are both decimal: a number cell beside typed text."""
        return self.raw.from_sheet and self.raw.language == "fr"

    def suggest_format(self) -> Phrase:
        """Return how to write a value, with an example in the language of the file."""
        example = format_example(self.raw.form.table, self.column, self.raw.language)
        if self.column.unit and self.column.unit != "share":
            example = f"{example} ({'°' if self.column.unit == 'degrees' else self.column.unit})"
        return Phrase(_FORMATS[bare_type(self.column)], example)

    def list_labels(self) -> str:
        """Return the allowed values as the language of the file calls them."""
        table, name, language = self.raw.form.table, self.column.name, self.raw.language
        if language == "en":
            return ", ".join(self.column.condition.one_of)
        return ", ".join(name_value(table, name, value, language) for value in self.column.condition.one_of)


def format_example(table: str, column: TableColumn, language: str) -> str:
    """Return the example of a column as a file in a language holds it."""
    if language == "en":
        return column.example
    if isinstance(column.example, BilingualPhrase):
        return column.example.french
    kind = bare_type(column)
    if kind in (float, int):
        return column.example.replace(".", ",")
    if kind in (date, datetime):
        moment = datetime.fromisoformat(column.example)
        return f"{moment:%d/%m/%Y}" if kind is date else f"{moment:%d/%m/%Y %H:%M}"
    if column.name == "opening":
        return translate_opening(column.example, language)
    items = column.example.split("|") if kind not in (str, bool) else [column.example]
    return ", ".join(name_value(table, column.name, item, language) for item in items)


def _parse_column(cells: _Cells) -> tuple[list[Any], _Refused]:
    if _is_number(cells.column):
        return _parse_numbers(cells)
    parse = _PARSERS.get(bare_type(cells.column), _parse_tuple)
    memo: dict[str | None, Any] = {None: _parse_empty(cells)}
    for text in cells.texts.unique().to_list():
        if text is not None:
            memo[text] = _judge_cell(cells, text, parse)
    values = [memo[text] for text in cells.texts.to_list()]
    if not any(isinstance(value, CellRefusal) for value in memo.values()):
        return values, []
    return _set_aside(values)


def _set_aside(values: list[Any]) -> tuple[list[Any], _Refused]:
    refused = [(i, value) for i, value in enumerate(values) if isinstance(value, CellRefusal)]
    for i, _ in refused:
        values[i] = BAD
    return values, refused


def _parse_empty(cells: _Cells) -> Any:
    if cells.column.required:
        return CellRefusal(Phrase("is empty"), cells.suggest_format())
    return cells.column.default


def _judge_cell(cells: _Cells, text: str, parse: Callable[[_Cells, str], Any]) -> Any:
    if _ERROR.fullmatch(text):
        return CellRefusal(Phrase("is a formula error"), Phrase("mend the formula in the workbook it comes from"))
    value = parse(cells, text)
    if isinstance(value, CellRefusal):
        return value
    condition = cells.column.condition
    reason = condition.fault(value)
    if reason is None:
        return value
    if not condition.one_of:
        if cells.raw.language == "fr":
            reason = reason.with_params(*(str(p).replace(".", ",") for p in reason.params))
        return CellRefusal(reason, cells.suggest_format())
    meant = cells.words.get(next(iter(find_nearest(fold(text), cells.words)), ""))
    if meant is not None:
        meant = name_value(cells.raw.form.table, cells.column.name, meant, cells.raw.language)
    return CellRefusal(
        Phrase("must be one of {0}", cells.list_labels()),
        Phrase("write {0}", meant) if meant else cells.suggest_format(),
        meant or "",
    )


def _parse_numbers(cells: _Cells) -> tuple[list[Any], _Refused]:
    """Parse a column of numbers at once; what polars refuses is parsed text by text."""
    column, texts = cells.column, cells.texts
    plain = texts
    if cells.comma and not cells.either_decimal:
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
    whole = bare_type(column) is int
    if whole:
        wrong |= array != np.floor(array)
    values: list[Any] = array.tolist()
    if whole:
        values = [value if bad else int(value) for value, bad in zip(values, wrong, strict=True)]
    absent = texts.is_null().to_numpy()
    empty = _parse_empty(cells)
    for i in np.flatnonzero(absent).tolist():
        values[i] = empty
    for i in np.flatnonzero(wrong & ~absent).tolist():
        values[i] = _judge_cell(cells, texts[i], _parse_number)
    refusals = isinstance(empty, CellRefusal) or bool(np.any(wrong & ~absent))
    return _set_aside(values) if refusals else (values, [])


def _parse_number(cells: _Cells, text: str) -> Any:
    comma = cells.comma or cells.either_decimal
    if comma and not cells.either_decimal and "." in text and "," not in text:
        return CellRefusal(Phrase("has a point where the table writes decimals with a comma"), cells.suggest_format())
    if comma and _GROUPED.fullmatch(text):
        text = re.sub("[ \u00a0\u202f]", "", text)
    digits, percent = (text[:-1].strip(), True) if text.endswith("%") else (text, False)
    try:
        number = float(digits.replace(",", ".") if comma else digits)
    except ValueError:
        if re.fullmatch(r"[+-]?\d+,\d+", text):
            return CellRefusal(Phrase("has a decimal comma where a point is expected"), cells.suggest_format())
        return CellRefusal(Phrase("is not a number"), cells.suggest_format())
    if percent:
        if cells.column.unit != "share":
            return CellRefusal(Phrase("is a percentage"), cells.suggest_format())
        return round(number / 100, 12)
    if bare_type(cells.column) is int and math.isfinite(number):
        if number != math.floor(number):
            return CellRefusal(Phrase("is not a whole number"), cells.suggest_format())
        return int(number)
    return number


def _parse_text(cells: _Cells, text: str) -> Any:
    if cells.column.name == "id" and ("|" in text or "\n" in text):
        return CellRefusal(Phrase("holds a | or a line break, which an id may not"), cells.suggest_format())
    return cells.words.get(fold(text), text) if cells.words else text


def _parse_bool(cells: _Cells, text: str) -> Any:
    value = cells.words.get(fold(text.removesuffix(".0")))
    if value is None:
        fix = Phrase("write true or false")
        if cells.raw.language == "fr":
            fix = Phrase("write {0}", "oui / non")
        return CellRefusal(Phrase("is neither true nor false"), fix)
    return value == "true"


_LIST_SEPARATORS = re.compile(r"[,;\n]")


def _parse_tuple(cells: _Cells, text: str) -> Any:
    """Split a list at its bars; where it has none, at its commas, semicolons or line breaks."""
    pieces = text.removesuffix("|").split("|") if "|" in text else _LIST_SEPARATORS.split(text)
    words = cells.words
    items = tuple(words.get(fold(item), item.strip()) for item in pieces)
    if not all(items):
        return CellRefusal(
            Phrase("has an empty item"),
            Phrase(
                "write items with one | between, like {0}",
                format_example(cells.raw.form.table, cells.column, cells.raw.language),
            ),
        )
    repeated = next((item for item in items if items.count(item) > 1), None)
    if repeated is not None:
        return CellRefusal(Phrase("names {0!r} twice", repeated), Phrase("name it once"))
    return items


def _suggest_also(cells: _Cells, french: str) -> Phrase:
    first = cells.suggest_format()
    return first if cells.raw.language == "fr" else Phrase("{0} or {1}", first, french)


def _parse_datetime(cells: _Cells, text: str) -> Any:
    found = parse_moment(text)
    if found is None:
        return CellRefusal(Phrase("is not a date and time"), _suggest_also(cells, "30/11/2026 08:00"))
    if isinstance(found, CellRefusal):
        return found
    moment, timed = found
    return moment if timed else CellRefusal(Phrase("has no time of day"), cells.suggest_format())


def _parse_date(cells: _Cells, text: str) -> Any:
    found = parse_moment(text)
    if found is None:
        return CellRefusal(Phrase("is not a date"), _suggest_also(cells, "30/11/2026"))
    if isinstance(found, CellRefusal):
        return found
    moment, _ = found
    if moment.tzinfo is not None or (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        return CellRefusal(Phrase("has a time of day where a date is expected"), cells.suggest_format())
    return moment.date()


_PARSERS: dict[Any, Callable[[_Cells, str], Any]] = {
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
