"""Tables of facts that are only scanned: where their columns have the types that facts have.

A register of tens of millions need not fit into memory. A table whose types differ, or in which
something that must be there is missing or has spaces around it, is not scanned: it is read whole by
:mod:`releve.outbound.fact_tables`, which parses it or names its faulty rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING
from datetime import datetime

import polars as pl

from releve.outbound.fact_tables import (
    EVENT,
    TABLES,
    build_empty_frames,
    list_columns,
    may_be_empty,
    must_be_filled,
)
from releve.outbound.vocabulary import list_word_columns
from releve.outbound.word_frames import mark_unknown_words, normalize_word_columns

__all__ = ["SCANNED", "scan_table", "tidy_table"]

SCANNED = (
    "people", "consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts",
    "listings",
)  # fmt: skip
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
            bare = normalize_word_columns(
                table, texts.with_columns(pl.col(column).str.strip_chars())
            )
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
    filled = [
        text.replace("", default)
        for text in bare
        if (default := defaults.get(text.meta.output_name()))
    ]
    return normalize_word_columns(table, frame.with_columns(bare).with_columns(filled))
