"""Tables of facts, from bytes to typed frames and to facts; every faulty row is named.

A table is a CSV (``,`` ``;`` or tab; UTF-8 or Windows cp1252) or a Parquet file whose columns are
the fields of a fact. A faulty file, row or word refuses the whole folder: a withdrawal that was
dropped would let a forbidden call out. One exception is kept and refuses later, by its own rule: a
consent whose date cannot be trusted.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Any, TypeVar

import polars as pl

from releve.network.faults import Fault, find_nearest, suggest_fix
from releve.outbound.errors import FactFaults
from releve.outbound.fact_files import (
    SHOWN_FAULTS,
    find_missing_tables,
    match_file_names,
    read_cells,
)
from releve.outbound.fact_references import find_doubtful_references, normalize_said_numbers
from releve.outbound.facts import (
    EVERY_CLIENT,
    SAID,
    Abandoned,
    Alias,
    Attempt,
    Callback,
    Consent,
    Contract,
    Facts,
    Listing,
    Mandate,
    Person,
    Scrub,
    SpokenRefusal,
    Watermark,
    Withdrawal,
)
from releve.outbound.number_frames import normalize_sayer, normalize_shown_numbers
from releve.outbound.numbers import NumberTable
from releve.outbound.vocabulary import describe_unfit_word, get_vocabulary, list_word_columns
from releve.outbound.word_frames import (
    list_distinct_words,
    list_unknown_words,
    mark_unknown_words,
    normalize_word_columns,
)

__all__ = [
    "EVENT",
    "TABLES",
    "build_empty_frames",
    "build_facts",
    "build_facts_on",
    "list_columns",
    "may_be_empty",
    "must_be_filled",
    "read_table",
    "read_tables",
    "resolve_references",
]  # fmt: skip

TABLES: dict[str, type] = {
    "people": Person,
    "consents": Consent,
    "withdrawals": Withdrawal,
    "contracts": Contract,
    "callbacks": Callback,
    "refusals": SpokenRefusal,
    "attempts": Attempt,
    "listings": Listing,
    "scrubs": Scrub,
    "mandates": Mandate,
    "abandoned": Abandoned,
    "feeds": Watermark,
    "clients": Alias,
}
F = TypeVar("F", bound="pl.DataFrame | pl.LazyFrame")
_ARGUMENTS = {"people": "persons", "feeds": "watermarks", "clients": "aliases"}
EVENT = {"consents": "collected_at", "callbacks": "requested_at"}
"""The column that tells when a fact came to be, where it is not ``at``: known_at when left out."""
_INSTANT = pl.Datetime("us", "UTC")
_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z")
_TRUE, _FALSE = ("1", "true", "yes", "oui"), ("0", "false", "no", "non")
_DTYPES: dict[str, Any] = {
    "text": pl.String,
    "instant": _INSTANT,
    "day": pl.Date,
    "words": pl.List(pl.String),
    "flag": pl.Boolean,
    "number": pl.Float64,
}
_WANTED = {
    "instant": ("not an instant with its offset", "write it like 2026-09-15T11:00:00+02:00"),
    "day": ("not a day", "write it like 2026-09-15"),
    "flag": ("neither true nor false", "write true or false"),
    "number": ("not a number", "write it like 12 or 12.5"),
}


@cache
def list_columns(table: str) -> Mapping[str, tuple[str, bool]]:
    """Return a table's columns: their type, and whether they must be there."""
    hints = typing.get_type_hints(TABLES[table])
    found = {}
    for field in dataclasses.fields(TABLES[table]):
        if (table, field.name) != ("consents", "unreadable"):
            must = field.default is MISSING and field.name not in ("known_at", "last")
            found[field.name] = (_infer_type(hints[field.name]), must)
    return found


def _infer_type(hint: Any) -> str:
    parts = set(typing.get_args(hint) or (hint,)) - {type(None)}
    for kind, name in ((datetime, "instant"), (date, "day"), (bool, "flag"), (float, "number")):
        if kind in parts:
            return name
    return "text" if str in parts and hint is str else "words"


def may_be_empty(table: str, column: str) -> bool:
    """Return whether an empty cell of a column that must be there says something: every client."""
    return table in SAID and column == "client"


def must_be_filled(table: str, column: str) -> bool:
    """Return whether a column may be left out, but no cell of one that is there may be empty.

    A refusal whose kind is left open may have been an objection, which holds longer.
    """
    return (table, column) == ("refusals", "kind")


def build_empty_frames() -> dict[str, pl.DataFrame]:
    """Return every table without rows."""
    return {name: _build_empty_frame(name) for name in TABLES}


@cache
def _build_empty_frame(table: str) -> pl.DataFrame:
    return pl.DataFrame(schema=_build_schema(table))


def _build_schema(table: str) -> dict[str, Any]:
    schema = {name: _DTYPES[kind] for name, (kind, _) in list_columns(table).items()}
    return {**schema, "unreadable": pl.String} if table == "consents" else schema


def read_tables(
    files: Mapping[str, bytes], *, whole: bool = False, strict: bool = True
) -> dict[str, pl.DataFrame]:
    """Return every table typed; FactFaults names each faulty file, row and column, and its fix.

    ``whole``: the files are all that is known, so the tables that can forbid a call must be there.
    Without ``strict`` a file that is not named like a table is left out, and a missing table is one
    without rows.
    """
    frames = build_empty_frames()
    faults, tables = match_file_names(files)
    if not strict:
        faults = [fault for fault in faults if fault.table in TABLES]
    elif whole:
        faults += find_missing_tables(set(tables.values()))
    for name, table in tables.items():
        frames[table], found = read_table(table, name, files[name])
        faults += found
    if not faults:
        return resolve_references(frames, whole=whole)
    raise FactFaults("\n".join(map(str, faults[:SHOWN_FAULTS])))


def resolve_references(frames: Mapping[str, F], *, whole: bool) -> dict[str, F]:
    """Return typed tables, the numbers among persons in international form where all is known.

    FactFaults names the rows whose client, person, number or consent is none that is known. Scanned
    tables stay scanned.
    """
    faults = list(islice(find_doubtful_references(frames, whole=whole), SHOWN_FAULTS))
    if faults:
        raise FactFaults("\n".join(map(str, faults)))
    return normalize_said_numbers(frames) if whole else dict(frames)


def read_table(table: str, name: str, data: bytes) -> tuple[pl.DataFrame, tuple[Fault, ...]]:
    """Return a table typed, and the faults of its file."""
    faults = list[Fault]()
    frame = _parse_table(table, read_cells(table, name, data, faults), faults)
    return frame, tuple(faults)


def _parse_table(table: str, cells: pl.DataFrame, faults: list[Fault]) -> pl.DataFrame:
    if not cells.width:  # what is wrong with it is said already
        return pl.DataFrame(schema=_build_schema(table))
    known = list_columns(table)
    for name in cells.columns:
        if name not in known:
            fix = suggest_fix(find_nearest(name, known), "remove the column")
            faults.append(Fault(table, 1, name, "", "unknown column", fix))
    for name, (_, must) in known.items():
        if must and name not in cells.columns:
            faults.append(Fault(table, 1, name, "", "the column is missing", "add it"))
    texts = [name for name in cells.columns if cells[name].dtype == pl.String]
    cells = cells.with_columns(pl.col(texts).str.strip_chars().replace("", None))
    kinds = {name: kind for name, (kind, _) in known.items()}
    frame = cells.with_columns(
        _parse_column(name, kind, cells.schema.get(name)) for name, kind in kinds.items()
    ).select(*kinds)
    for name, (_, must) in known.items():
        if name in cells.columns:
            _report_column(table, name, must, cells[name], frame[name], faults)
    frame = frame.with_columns(
        _fill_defaults(table, name, kinds[name]) for name in kinds if frame[name].null_count()
    )
    if table == "consents":
        frame = frame.with_columns(_classify_consent_dates(cells))
    return _fill_known_at(table, _parse_words(table, frame, faults), faults)


def _parse_words(table: str, frame: pl.DataFrame, faults: list[Fault]) -> pl.DataFrame:
    """Return a table whose words are ids; each cell that holds another text is a fault."""
    frame = normalize_word_columns(table, frame)
    columns = list_word_columns().get(table, {})
    words = list_distinct_words(frame, columns)
    for column, name in columns.items():
        if not list_unknown_words(name, filter(None, words[column])):
            continue
        cells = frame[column]
        for row in mark_unknown_words(table, column, cells).arg_true().head(SHOWN_FAULTS).to_list():
            for text in list_unknown_words(name, cells[row]):
                reason = describe_unfit_word(name, text)
                fix = get_vocabulary(name).advice(text, several=not isinstance(cells[row], str))
                faults.append(Fault(table, row + 2, column, text, reason, fix))
    return frame


@cache
def _parse_column(name: str, kind: str, given: pl.DataType | None) -> pl.Expr:
    """Return a column typed, null where its cell is empty or wrong, or where it was left out."""
    if given is None:
        return pl.lit(None, _DTYPES[kind]).alias(name)
    if given == _DTYPES[kind]:
        return pl.col(name)
    return _parse_texts(pl.col(name).cast(pl.String), kind).alias(name)


def _report_column(
    table: str, name: str, must: bool, source: pl.Series, parsed: pl.Series, faults: list[Fault]
) -> None:
    """Add the faults of a column: cells that are wrong, and empty ones that must be filled."""
    if (table, name) == ("consents", "collected_at"):  # refuses later, by a rule of its own
        return
    must = must_be_filled(table, name) or (must and not may_be_empty(table, name))
    if parsed.null_count() == (0 if must else source.null_count()):
        return
    wrong = source.is_not_null() & parsed.is_null()
    doubtful = wrong | source.is_null() if must else wrong
    for row in doubtful.arg_true().head(SHOWN_FAULTS).to_list():
        kind = list_columns(table)[name][0] if wrong[row] else ""
        reason, fix = _WANTED.get(kind, ("empty", "fill it"))
        faults.append(Fault(table, row + 2, name, str(source[row] or ""), reason, fix))


def _parse_texts(text: pl.Expr, kind: str) -> pl.Expr:
    if kind == "instant":
        iso = text.str.replace(" ", "T").str.replace("Z$", "+00:00")
        tries = [iso.str.to_datetime(f, strict=False, time_unit="us") for f in _FORMATS]
        return tries[0].fill_null(tries[1]).cast(_INSTANT)
    if kind == "day":
        return text.str.to_date("%Y-%m-%d", strict=False)
    if kind == "words":
        parts = text.str.split("|").list.eval(
            pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != "")
        )
        return pl.when(parts.list.len() > 0).then(parts)
    if kind == "flag":
        lower = text.str.to_lowercase()
        return pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False)
    if kind == "number":
        return text.str.replace(",", ".").cast(pl.Float64, strict=False)
    return text


def _fill_defaults(table: str, name: str, kind: str) -> pl.Expr:
    """Return a column with its defaults where it is empty."""
    cells = pl.col(name)
    if kind == "words":
        return cells.fill_null(pl.lit([], pl.List(pl.String)))
    field = next(field for field in dataclasses.fields(TABLES[table]) if field.name == name)
    if may_be_empty(table, name):
        return cells.fill_null(pl.lit(EVERY_CLIENT))
    if field.default is MISSING or field.default is None:
        return cells
    return cells.fill_null(pl.lit(field.default))


def _classify_consent_dates(cells: pl.DataFrame) -> pl.Series:
    """Return why a consent's date cannot be trusted, empty when it can."""
    if "collected_at" not in cells.columns or cells["collected_at"].dtype == _INSTANT:
        return pl.Series("unreadable", [""] * cells.height, pl.String)
    text = pl.col("collected_at").cast(pl.String)
    good = _parse_texts(text, "instant").is_not_null()
    serial = text.str.contains(r"^\d{4,6}([.,]\d+)?$").fill_null(False)
    local = text.str.contains(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$").fill_null(False)
    return cells.select(
        pl.when(good)
        .then(pl.lit(""))
        .when(serial)
        .then(pl.lit("spreadsheet-serial"))
        .when(local)
        .then(pl.lit("no-offset"))
        .otherwise(pl.lit("no-date"))
        .alias("unreadable")
    ).to_series()


def _fill_known_at(table: str, frame: pl.DataFrame, faults: list[Fault]) -> pl.DataFrame:
    """Return a table with known_at where it was left out: when the fact came to be."""
    if "known_at" not in frame.columns:
        return frame
    event = EVENT.get(table, "at")
    if event in frame.columns:
        frame = frame.with_columns(pl.col("known_at").fill_null(pl.col(event)))
    early = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    if table in ("contracts", "mandates", "people", "consents"):
        return frame.with_columns(pl.col("known_at").fill_null(early))
    if event in frame.columns:  # its own fault is reported
        return frame
    empty = frame["known_at"].is_null().arg_true().head(SHOWN_FAULTS).to_list()
    faults.extend(Fault(table, row + 2, "known_at", "", "empty", "fill it") for row in empty)
    return frame


def build_facts(frames: Mapping[str, pl.DataFrame]) -> Facts:
    """Return the facts that typed tables hold."""
    facts = {_ARGUMENTS.get(name, name): _iterate_facts(name, frames[name]) for name in TABLES}
    return Facts(**facts)


def build_facts_on(frames: Mapping[str, pl.DataFrame], table: NumberTable, day: date) -> Facts:
    """Return the facts of typed tables, their numbers in the form they have on a day."""
    normalized = dict(frames)
    for name in ("people", "listings", "mandates"):
        numbers = normalize_shown_numbers(normalized[name]["number"], table, day)
        normalized[name] = normalized[name].with_columns(numbers.alias("number"))
    for name in SAID:
        normalized[name] = normalized[name].with_columns(normalize_sayer(table, day))
    return build_facts(normalized)


def _iterate_facts(table: str, frame: pl.DataFrame) -> Iterable[Any]:
    kind = TABLES[table]
    words = [name for name, dtype in frame.schema.items() if dtype == pl.List(pl.String)]
    for row in frame.iter_rows(named=True):
        for name in words:
            row[name] = frozenset(row[name])
        yield kind(**row)
