"""Files of facts: which table each is, and its cells as text; a file or a row in doubt is a fault.

Nothing is dropped or cut: a misnamed file, a row with a cell too many or too few (an unquoted
separator), a column given twice and bytes that are no text are named with their fix.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable
from io import BytesIO, StringIO

import polars as pl

from releve.network.faults import Fault, suggest_fix
from releve.outbound.vocabulary import get_vocabulary

__all__ = [
    "NEEDED", "SHOWN_FAULTS", "SUFFIXES", "find_missing_tables", "match_file_names", "read_cells",
]  # fmt: skip

SUFFIXES = ("csv", "parquet")
NEEDED = (
    "people", "withdrawals", "refusals", "attempts", "listings", "abandoned", "clients",
)  # fmt: skip
"""Tables that can forbid a call, or say whom a fact is about: a whole folder holds them all."""
_SEPARATORS = (",", ";", "\t")
SHOWN_FAULTS = 50
"""The most faults that are shown of a folder, and looked for in a column."""


def match_file_names(names: Iterable[str]) -> tuple[list[Fault], dict[str, str]]:
    """Return a fault for each file that is not named like a table, and the tables of the others."""
    faults, tables = list[Fault](), dict[str, str]()
    for name in sorted(names):
        table, _, suffix = name.rpartition(".")
        if table in get_vocabulary("table").by_id and suffix in SUFFIXES:
            tables[name] = table
            continue
        faults.append(
            Fault(name, 0, "", "", "not named like a table of facts", _suggest_name(name))
        )
    twice = [table for table, count in Counter(tables.values()).items() if count > 1]
    for table in twice:
        both = " and ".join(name for name, found in tables.items() if found == table)
        reason = f"the table is given twice, as {both}"
        faults.append(Fault(table, 0, "", "", reason, "leave one of them"))
    return faults, tables


def find_missing_tables(tables: Collection[str]) -> list[Fault]:
    """Return a fault for each table that a whole folder lacks."""
    fix = "add {}.csv; where there are no rows, with its first line only (releve outbound start)"
    return [
        Fault(table, 0, "", "", "the table is missing", fix.format(table))
        for table in NEEDED
        if table not in tables
    ]


def _suggest_name(name: str) -> str:
    """Return how a misnamed file is meant."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, suffix.lower()) if dot else (name, "")
    near = get_vocabulary("table").near(stem)
    if suffix not in SUFFIXES:
        suffix = "csv"
    meant = [f"{one}.{suffix}" for one in near]
    if len(meant) == 1:
        return f"rename it {meant[0]}"
    known = ", ".join(get_vocabulary("table").ids)
    return suggest_fix(meant, f"move it away, or name it like one of {known}")


def read_cells(table: str, name: str, data: bytes, faults: list[Fault]) -> pl.DataFrame:
    """Return the cells of a file: of a CSV all text, of a Parquet file as they are typed.

    Faults are added where it cannot be read, or a row has not as many cells as the first line.
    """
    if name.endswith("parquet"):
        try:
            return pl.read_parquet(BytesIO(data))
        except (pl.exceptions.PolarsError, OSError) as error:
            faults.append(Fault(table, 0, "", "", f"not a Parquet file: {error}", "save it again"))
            return pl.DataFrame()
    text = _decode_file(table, data, faults)
    separator = max(_SEPARATORS, key=text.split("\n", 1)[0].count)
    if '"' in text:
        return _split_quoted_rows(table, text, separator, faults)
    return _split_plain_rows(table, text, separator, faults)


def _decode_file(table: str, data: bytes, faults: list[Fault]) -> str:
    """Return the text of a file; where it is not UTF-8, each line is UTF-8 or cp1252 by itself."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        text = "\n".join(
            _decode_line(table, row, line, faults) for row, line in enumerate(lines, 1)
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_line(table: str, row: int, line: bytes, faults: list[Fault]) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    reason = "neither UTF-8 nor cp1252 text"
    faults.append(Fault(table, row, "", "", reason, "save the file as CSV in UTF-8"))
    return ""


def _split_plain_rows(table: str, text: str, separator: str, faults: list[Fault]) -> pl.DataFrame:
    """Return the cells of a text without quotation marks: a row is a line."""
    lines = pl.Series(text.rstrip("\n").split("\n"))
    columns = _read_header(table, lines[0].split(separator), faults)
    if not columns:
        return pl.DataFrame()
    found = lines[1:].str.count_matches(separator, literal=True) + 1
    if _report_uneven_rows(table, len(columns), found, faults) or not found.len():
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    body = BytesIO("\n".join(lines[1:]).encode())
    return pl.read_csv(body, separator=separator, infer_schema=False, quote_char=None,
                       has_header=False, new_columns=columns)  # fmt: skip


def _split_quoted_rows(table: str, text: str, separator: str, faults: list[Fault]) -> pl.DataFrame:
    """Return the cells of a text with quotation marks: a cell may hold separators and lines."""
    reader = csv.reader(StringIO(text.rstrip("\n"), newline=""), delimiter=separator, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        reason = f"a quotation mark is out of place ({error})"
        faults.append(Fault(table, reader.line_num, "", "", reason, "double it, or close the cell"))
        return pl.DataFrame()
    columns = _read_header(table, rows[0], faults)
    if not columns:
        return pl.DataFrame()
    found = pl.Series([len(row) for row in rows[1:]], dtype=pl.UInt32)
    schema = dict.fromkeys(columns, pl.String)
    uneven = _report_uneven_rows(table, len(columns), found, faults)
    return pl.DataFrame([] if uneven else rows[1:], schema=schema, orient="row")


def _read_header(table: str, cells: list[str], faults: list[Fault]) -> list[str]:
    """Return the names in the first line; none once what is wrong with them is said."""
    columns = [cell.strip() for cell in cells]
    if not any(columns):
        fix = "write the names of the columns (releve outbound start shows them)"
        faults.append(Fault(table, 1, "", "", "the first line is empty", fix))
        return []
    twice = [(column, count) for column, count in Counter(columns).items() if count > 1]
    for column, count in twice:
        fix = "leave one of them" if column else "name it"
        faults.append(Fault(table, 1, column, "", f"{count} columns of this name", fix))
    return [] if twice else columns


def _report_uneven_rows(table: str, width: int, found: pl.Series, faults: list[Fault]) -> bool:
    """Note the rows that have not as many cells as the first line; return whether any has."""
    wrong = found != width
    for row in wrong.arg_true().head(SHOWN_FAULTS).to_list():
        reason = f"expected {width} cells, found {found[row]}"
        fix = "quote a cell that holds a separator; write each cell, empty or not"
        faults.append(Fault(table, row + 2, "", "", reason, fix))
    return bool(wrong.any())
