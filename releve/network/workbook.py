"""Workbooks in English or French: an operator's tables, and a template to fill in.

Both are the same bytes for the same input. What :func:`write_workbook` writes is read back as the
same operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from releve.errors import Phrase, ReleveError
from releve.extras import LazyModule
from releve.network.cell_text import format_cell
from releve.network.columns import TableColumn, TableRow, bare_type, list_columns
from releve.network.folder_reader import KINDS, OPTIONAL_TABLES, find_plain_rows, map_zones
from releve.network.model import TABLES
from releve.network.moments import zone
from releve.network.operator import Operator
from releve.network.parsing import format_example
from releve.network.table_words import (
    DATE_COLUMN,
    DATED_TABLES,
    get_column_naming,
    get_table_naming,
    label_header,
    list_value_labels,
)

if TYPE_CHECKING:
    import xlsxwriter
else:
    xlsxwriter = LazyModule("xlsxwriter")

WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
"""What a file of this kind is called on the web."""
_MOST_ROWS = 1_048_575
"""Rows of a sheet below its header."""
_FORM_ROWS = 2000
"""Rows of a template that have lists to choose from."""
_MOST_PROMPT, _MOST_TITLE, _MOST_LIST = 255, 32, 255
_MADE = datetime(2020, 1, 1)  # noqa: DTZ001 (Excel wants a date; a constant one keeps the bytes)
_FORMATS = {"time": "dd/mm/yyyy hh:mm", "date": "dd/mm/yyyy", "clock": "hh:mm", "share": "0.##%"}
_NO_LISTS = frozenset(("seats", "history", "shifts", "absences"))
"""Tables too long for lists of ids to help."""
_ORDER = ("operator", "sites", "clients", "programmes", "agents", "shifts", "history")


class SheetOverflow(ReleveError, ValueError):  # noqa: N818 (a table that a sheet cannot hold)
    """A table has more rows than a sheet; CSV has no such limit."""


@dataclass(frozen=True)
class _Book:
    """A workbook being written, with its formats by name."""

    out: BytesIO
    book: Any
    formats: dict[str, Any]
    language: str

    @classmethod
    def open(cls, language: str) -> _Book:
        out = BytesIO()
        book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
        book.set_properties({"created": _MADE})
        formats = {name: book.add_format({"num_format": text}) for name, text in _FORMATS.items()}
        bold = {"bold": True, "text_wrap": True, "valign": "top", "border": 1}
        formats["required"] = book.add_format({**bold, "bg_color": "#D9E8F5"})
        formats["optional"] = book.add_format({**bold, "bold": False, "bg_color": "#F2F2F2"})
        formats["title"] = book.add_format({"bold": True, "font_size": 14})
        formats["wrap"] = book.add_format({"text_wrap": True, "valign": "top"})
        return cls(out, book, formats, language)

    def add_sheet(self, name: str, header: Sequence[tuple[str, bool]]) -> Any:
        """Add a sheet with a header; True = its column must be filled."""
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for at, (text, required) in enumerate(header):
            sheet.write_string(0, at, text, self.formats["required" if required else "optional"])
            sheet.set_column(at, at, max(12, min(40, len(text) + 4)))
        return sheet

    def close(self) -> bytes:
        self.book.close()
        return self.out.getvalue()


def write_workbook(operator: Operator, language: str = "en") -> bytes:
    """Return an XLSX workbook with a sheet per table, the empty ones with their header to be filled in.

    Dates and times are Excel's own, in the time zone of their place; a time that the local clock
    does not settle is text with its offset. SheetOverflow where a table is too long.
    """
    book = _Book.open(language)
    for kind in TABLES:
        rows: tuple[TableRow, ...] = (operator.row,) if kind.table == "operator" else getattr(operator, kind.table)
        if len(rows) > _MOST_ROWS:
            raise SheetOverflow(
                Phrase(
                    "{0} has {1} rows, more than a sheet holds ({2}): export CSV",
                    get_table_naming(kind.table).label(language),
                    len(rows),
                    _MOST_ROWS,
                )
            )
        columns = list_columns(kind)
        header = [(label_header(kind.table, c.name, c.unit, language), c.required) for c in columns]
        sheet = book.add_sheet(get_table_naming(kind.table).label(language), header)
        names = [zone_of(row) for zone_of in [map_zones(operator, kind)] for row in rows]
        plain = find_plain_rows(rows, names)
        for at, column in enumerate(columns):
            _write_column(book, sheet, kind, at, column, rows, names, plain)
    return book.close()


def _write_column(
    book: _Book,
    sheet: Any,
    kind: type[TableRow],
    at: int,
    column: TableColumn,
    rows: tuple[TableRow, ...],
    names: list[str],
    plain: list[bool],
) -> None:
    for r, (row, name, bare) in enumerate(zip(rows, names, plain, strict=True), 1):
        value = getattr(row, column.name)
        if value is None or value == ():
            continue
        if isinstance(value, datetime) and bare:
            local = value.astimezone(zone(name)).replace(tzinfo=None)
            sheet.write_datetime(r, at, local, book.formats["time"])
        elif isinstance(value, date) and not isinstance(value, datetime):
            sheet.write_datetime(r, at, value, book.formats["date"])
        elif _is_exact(value):
            sheet.write_number(r, at, value, book.formats.get(column.unit))
        else:
            text = format_cell(kind.table, column, value, name, book.language, bare)
            sheet.write_string(r, at, text)


def _is_exact(value: object) -> bool:
    """Return whether a number cell is read back as the same: readers keep 9 decimals."""
    return isinstance(value, float | int) and not isinstance(value, bool) and float(f"{value:.9f}") == value


def write_template(language: str, gettext: Callable[[str], str] = str) -> bytes:
    """Return a workbook to fill in: a sheet per table, lists to choose from, and a first sheet.

    ``gettext`` translates the meanings of tables and columns into ``language``.
    """

    def say(text: str) -> str:
        return text.translate_with(gettext, language) if isinstance(text, Phrase) else gettext(text)

    book = _Book.open(language)
    first = book.book.add_worksheet("Lisez-moi" if language == "fr" else "Read me")
    _write_guide(book, first, say)
    rest = [kind.table for kind in TABLES if kind.table not in _ORDER]
    for table in (*_ORDER, *rest):
        _write_form(book, KINDS[table], say)
    return book.close()


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of a template; ``clock`` = a time of day beside a day of its own."""

    name: str
    header: str
    column: TableColumn
    clock: bool = False


def _list_fields(kind: type[TableRow], language: str) -> Iterator[_Field]:
    """Yield the columns of a template; a roster and a history have the day apart."""
    columns = list_columns(kind)
    for column in columns:
        timed = bare_type(column) is datetime and kind.table in DATED_TABLES
        if timed and column.name == "start":
            header = get_column_naming(kind.table, DATE_COLUMN).label(language)
            yield _Field(DATE_COLUMN, header, column)
        header = label_header(kind.table, column.name, column.unit, language)
        yield _Field(column.name, header, column, clock=timed)


def _format_field_example(kind: type[TableRow], field: _Field, language: str) -> str:
    text = format_example(kind.table, field.column, language)
    if not (field.clock or field.name == DATE_COLUMN):
        return text
    day, _, clock = text.replace("T", " ").partition(" ")
    return clock if field.clock else day


def _write_guide(book: _Book, sheet: Any, say: Callable[[str], str]) -> None:
    sheet.set_column(0, 1, 26, book.formats["wrap"])
    sheet.set_column(2, 2, 14, book.formats["wrap"])
    sheet.set_column(3, 3, 70, book.formats["wrap"])
    sheet.set_column(4, 5, 40, book.formats["wrap"])
    sheet.write_string(0, 0, say(Phrase("Your operator in one workbook")), book.formats["title"])
    for r, line in enumerate(_GUIDE, 2):
        sheet.merge_range(r, 0, r, 5, say(line), book.formats["wrap"])
        sheet.set_row(r, 15 * (1 + len(say(line)) // 150))
    top = 3 + len(_GUIDE)
    for c, head in enumerate(_GUIDE_HEADS):
        sheet.write_string(top, c, say(head), book.formats["required"])
    r = top + 1
    rest = [kind.table for kind in TABLES if kind.table not in _ORDER]
    for table in (*_ORDER, *rest):
        kind = KINDS[table]
        name = get_table_naming(table).label(book.language)
        need = Phrase("if needed") if table in OPTIONAL_TABLES else Phrase("yes")
        for c, text in enumerate((name, "", say(need), say(kind.doc))):
            sheet.write_string(r, c, text, book.formats["required"])
        r += 1
        for field in _list_fields(kind, book.language):
            need = Phrase("yes") if field.column.required else Phrase("if needed")
            words = ", ".join(list_value_labels(table, field.column.name, book.language))
            example = _format_field_example(kind, field, book.language)
            meaning = say(_explain(field)).replace("`", "")
            for c, text in enumerate((name, field.header, say(need), meaning, example, words)):
                sheet.write_string(r, c, text, book.formats["wrap"])
            r += 1


def _explain(field: _Field) -> str:
    return Phrase("Day") if field.name == DATE_COLUMN else field.column.doc


_GUIDE = (
    Phrase("Fill in one sheet after the other; columns in blue must be filled, the others may be."),
    Phrase(
        "To plan, five sheets are enough, with a roster and some weeks of call history; the history"
        " may also stand in a file of its own, history.csv, beside the workbook."
    ),
    Phrase(
        "Seats: give the number of seats of each site. The sheets of floors, zones and seats are"
        " for the distance rule, and for an outbreak with the real air of the rooms."
    ),
    Phrase(
        "Several skills or countries stand in one cell with commas between them. Dates are like"
        " 30/11/2026, times like 08:00; opening hours like Mon-Fri 08:00-20:00; Sat 09:00-18:00."
    ),
    Phrase(
        "Agents are named by a code, never by their name. Send the workbook to Relève: every fault"
        " is named with its row and its mend, and nothing is loaded before the last is mended."
    ),
)
_GUIDE_HEADS = (
    Phrase("Sheet"),
    Phrase("Column"),
    Phrase("To be filled"),
    Phrase("Meaning"),
    Phrase("Example"),
    Phrase("Words to choose from"),
)


def _write_form(book: _Book, kind: type[TableRow], say: Callable[[str], str]) -> None:
    """Write the sheet of a table to fill in: header, formats, prompts and lists."""
    fields = list(_list_fields(kind, book.language))
    header = [(field.header, field.column.required) for field in fields]
    sheet = book.add_sheet(get_table_naming(kind.table).label(book.language), header)
    sheet.set_tab_color("#A6A6A6" if kind.table in OPTIONAL_TABLES else "#1F6FB2")
    for at, field in enumerate(fields):
        name = _choose_format(field)
        if name:
            width = max(12, min(40, len(field.header) + 4))
            sheet.set_column(at, at, width, book.formats[name])
        example = _format_field_example(kind, field, book.language)
        prompt = f"{say(_explain(field))} ({say(Phrase('for example {0}', example))})"
        options: dict[str, Any] = {
            "validate": "any",
            "input_title": field.header[:_MOST_TITLE],
            "input_message": prompt.replace("`", "")[:_MOST_PROMPT],
        }
        sheet.data_validation(1, at, _FORM_ROWS, at, options | _choose_list(book, kind, field))


def _choose_format(field: _Field) -> str:
    if field.name == DATE_COLUMN:
        return "date"
    if field.clock:
        return "clock"
    if bare_type(field.column) in (date, datetime):
        return "date" if bare_type(field.column) is date else "time"
    return "share" if field.column.unit == "share" else ""


def _choose_list(book: _Book, kind: type[TableRow], field: _Field) -> dict[str, Any]:
    """Return the list to choose from: words, or the ids of another sheet."""
    column, language = field.column, book.language
    several = bare_type(column) not in (str, bool)
    words = list_value_labels(kind.table, column.name, language)
    if words and not several and len(",".join(words)) <= _MOST_LIST:
        strict = bool(column.condition.one_of) or bare_type(column) is bool
        return {"validate": "list", "source": words, "error_type": "stop" if strict else "information"}
    if column.references and not several and column.references not in _NO_LISTS:
        other = get_table_naming(column.references).label(language).replace("'", "''")
        return {"validate": "list", "source": f"='{other}'!$A$2:$A${_FORM_ROWS + 1}", "error_type": "information"}
    return {}
