"""A list of people to call, line by line, and tables of facts that are scanned and not loaded.

A row is one line, each in UTF-8 or Windows cp1252 by itself. A line without a number to call is
refused with its place and reason; the other rows are read. A table is scanned where its columns
have the types that facts have, no value that must be there is missing or has spaces around it;
otherwise :mod:`releve.plugins.outbound.engine.fact_tables` reads it whole, or names its faulty
rows.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from datetime import datetime

import polars as pl

from releve.network.faults import find_nearest, suggest_fix
from releve.plugins.outbound.engine.errors import ListFault
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns, may_be_empty, must_be_filled
from releve.plugins.outbound.engine.fact_tables import (
    EVENT,
    build_empty_frames,
    mark_unknown_words,
    normalize_word_columns,
)
from releve.plugins.outbound.engine.judged_call import CALLEES
from releve.plugins.outbound.engine.vocabulary import find_word_id, list_word_columns

KNOWN: dict[str, tuple[str, ...]] = {
    "number": ("numéro", "numero", "téléphone", "telephone", "phone"),
    "person": ("personne",),
    "address": ("territory", "territoire", "postcode", "code postal", "code_postal"),
    "callee": (),
}
"""The columns that screening reads, and what else a list may call them."""
BROKEN = {"line": pl.Int64, "reason": pl.String, "text": pl.String}
"""The columns of the broken rows."""
_SEPARATORS = (",", ";", "\t")
_LONGEST = 10_000
"""Characters above which a line is no row: a file that lost its line ends."""


@dataclass(frozen=True, slots=True)
class ListHeader:
    """The first line of a list: its columns as written, and which of them screening reads."""

    separator: str
    columns: tuple[str, ...]
    read: dict[str, str]


def read_header(line: bytes, reserved: Sequence[str]) -> ListHeader:
    """Return what the first line of a list says; ListFault when it names no number.

    ``reserved`` are the columns that screening writes, which a list may not have.
    """
    text = _decode_line(line.removeprefix(b"\xef\xbb\xbf"))
    if text is not None and not text.strip():
        raise ListFault("the first line is empty; write the names of the columns there")
    if text is None:
        raise ListFault("the first line is not text; save the list as CSV in UTF-8")
    separator = max(_SEPARATORS, key=text.count)
    columns = tuple(cell.strip() for cell in _split_cells(text, separator) or [text])
    for name in columns:
        if columns.count(name) > 1 or name in reserved:
            raise ListFault(f"column {name!r} is there twice or is written here; rename it")
    lower = {name.casefold(): name for name in columns}
    read = {}
    for name, others in KNOWN.items():
        if found := [lower[one] for one in (name, *others) if one in lower]:
            read[name] = found[0]
    if "number" not in read:
        fix = suggest_fix(find_nearest("number", columns), f"name one of: {', '.join(columns)[:200]}")
        raise ListFault(f"the first line has no column number; {fix}")
    return ListHeader(separator, columns, read)


def read_rows(head: ListHeader, lines: Sequence[bytes], first: int) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the rows of some lines, all text, the broken ones, and how many lines are blank.

    ``first`` is their place. The rows have ``line`` and the columns of the head; the broken ones
    are as ``BROKEN`` says.
    """
    places = pl.Series("line", range(first, first + len(lines)), pl.Int64)
    rows, rest = _split_plain_rows(head, pl.DataFrame([places, pl.Series("bytes", lines, pl.Binary)]))
    good: list[tuple[object, ...]] = []
    broken: list[tuple[int, str, str]] = []
    blank = 0
    for place, line in rest.iter_rows():
        cells = _split_row(head, line)
        if isinstance(cells, str):
            broken.append((place, cells, _shorten_line(line)))
        elif cells:
            good.append((place, *cells))
        else:
            blank += 1
    if good:
        odd = pl.DataFrame(good, schema=rows.schema, orient="row")
        rows = pl.concat([rows, odd]).sort("line")
    return rows, pl.DataFrame(broken, schema=BROKEN, orient="row"), blank


def _split_plain_rows(head: ListHeader, lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split lines into the rows that are plainly one, read at once, and those to be looked at.

    Plain: UTF-8, no quotation mark, as many cells as the first line, a number, a callee that is
    one.
    """
    count = len(head.columns)
    work = lines.with_columns(_decode_lines(lines["bytes"]).str.strip_chars_end("\r\n").alias("text"))
    text = pl.col("text")
    plain = text.is_not_null() & (text.str.len_chars() <= _LONGEST)
    plain &= ~text.str.contains_any(['"', "\0"])
    plain &= text.str.count_matches(head.separator, literal=True) == count - 1
    cells = text.str.split_exact(head.separator, count - 1).struct.rename_fields(head.columns)
    work = work.with_columns(plain=plain, cells=cells)
    number = pl.col("cells").struct.field(head.read["number"])
    fit = pl.col("plain") & (number.str.strip_chars() != "")
    if "callee" in head.read:
        fit &= pl.col("cells").struct.field(head.read["callee"]).is_in(["", *CALLEES])
    work = work.with_columns(fit=fit)
    rows = work.filter("fit").select("line", "cells").unnest("cells")
    return rows, work.filter(~pl.col("fit")).select("line", "bytes")


def _decode_lines(lines: pl.Series) -> pl.Series:
    """Return lines as text, null where they are not UTF-8."""
    try:
        return lines.cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series([_decode_utf8(line) for line in lines], dtype=pl.String)


def _decode_utf8(line: bytes) -> str | None:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return None


def _split_row(head: ListHeader, line: bytes) -> list[str] | str:
    """Return the cells of a line, none for a blank one, or why it is no row."""
    text = _decode_line(line)
    if text is None:
        return "neither UTF-8 nor cp1252 text"
    if not text.strip():
        return []
    if len(text) > _LONGEST:
        return f"longer than {_LONGEST} characters"
    cells = _split_cells(text, head.separator)
    if cells is None:
        return "a quotation mark is not closed"
    if len(cells) != len(head.columns):
        return f"{len(cells)} cells where the first line has {len(head.columns)}"
    values = dict(zip(head.columns, cells, strict=True))
    if not values[head.read["number"]].strip():
        return "the number is empty"
    callee = values.get(head.read.get("callee", ""), "")
    if callee and find_word_id("person-kind", callee) is None:
        return f"callee {callee!r} is not one of {', '.join(CALLEES)}"
    return cells


def _decode_line(line: bytes) -> str | None:
    if b"\0" in line:
        return None
    bare = line.rstrip(b"\r\n")
    for encoding in ("utf-8", "cp1252"):
        try:
            return bare.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _split_cells(text: str, separator: str) -> list[str] | None:
    """Return the cells of a line, None when a quotation mark is left open."""
    if '"' not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except (csv.Error, StopIteration):
        return None


def _shorten_line(line: bytes) -> str:
    """Return a broken line as far as it can be shown."""
    return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")[:200].replace("\0", "\\x00")


SCANNED = ("people", "consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts", "listings")
"""The tables about people, which grow with them."""
_KEYS = ("client", "person", "number")
"""The columns by which facts are looked up."""
_EARLY = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def scan_table(table: str, scan: pl.LazyFrame) -> pl.LazyFrame | None:
    """Return a table ready to be looked up in, None where it must be read whole."""
    columns, given = list_columns(table), scan.collect_schema()
    wanted = build_empty_frames()[table].schema
    must = [name for name, (_, needed) in columns.items() if needed]
    filled = [name for name in given if must_be_filled(table, name)]
    if set(given) - set(columns) or set(must) - set(given):
        return None
    if any(given[name] != wanted[name] for name in given):
        return None
    texts = [name for name in must if given[name] == pl.String and not may_be_empty(table, name)]
    doubts = [pl.col(name).str.strip_chars() == "" for name in (*texts, *filled)]
    doubts += [pl.col(name).is_null() for name in (*must, *filled) if name != "collected_at"]
    keys = [pl.col(name) for name in _KEYS if name in given]
    doubts += [key.str.strip_chars().str.len_bytes() != key.str.len_bytes() for key in keys]
    found = scan.select(pl.any_horizontal(doubts).any()).collect(engine="streaming")
    doubted = found.item() or not _holds_known_words(table, scan)
    return None if doubted else _complete_columns(table, scan)


def _holds_known_words(table: str, scan: pl.LazyFrame) -> bool:
    """Return whether every cell of a column of words holds words."""
    given = scan.collect_schema()
    for column in list_word_columns().get(table, {}):
        if column in given:
            cells = pl.col(column).explode() if given[column] != pl.String else pl.col(column)
            texts = scan.select(cells.drop_nulls().unique()).collect(engine="streaming")
            bare = normalize_word_columns(table, texts.with_columns(pl.col(column).str.strip_chars()))
            if mark_unknown_words(table, column, bare[column]).any():
                return False
    return True


def _complete_columns(table: str, scan: pl.LazyFrame) -> pl.LazyFrame:
    """Return a scan with every column, its defaults where it is empty."""
    given, schema = scan.collect_schema(), build_empty_frames()[table].schema
    completed = []
    for field in dataclasses.fields(TABLES[table]):
        name = field.name
        column = pl.col(name) if name in given else pl.lit(None)
        column = column.cast(schema[name])
        if schema[name] == pl.List(pl.String):
            column = column.fill_null(pl.lit(pl.Series([[]], dtype=pl.List(pl.String))).first())
        elif field.default is not MISSING and field.default is not None:
            column = column.fill_null(field.default)
        completed.append(column.alias(name))
    event = EVENT.get(table, "at")
    known = pl.col("known_at")
    known = known.fill_null(pl.col(event)) if event in schema else known
    return scan.select(completed).with_columns(known.fill_null(_EARLY))


def tidy_table(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return what was looked up without spaces around its texts; a blank one has its default.

    Its words are ids, as far as they are words.
    """
    defaults = {
        field.name: field.default
        for field in dataclasses.fields(TABLES[table])
        if field.default is not MISSING and field.default is not None
    }
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    bare = [pl.col(name).str.strip_chars() for name in texts if name not in _KEYS]
    filled = [text.replace("", default) for text in bare if (default := defaults.get(text.meta.output_name()))]
    return normalize_word_columns(table, frame.with_columns(bare).with_columns(filled))
