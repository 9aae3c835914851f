"""Tables of facts, from bytes to typed frames and to facts; every faulty row is named.

A table is a CSV or Parquet file, or a sheet of a workbook, read by the reader of an operator's
tables. A faulty file, row or word refuses the whole folder: a withdrawal that was dropped would let
a forbidden call out. One exception is kept and refuses later, by its own rule: a consent whose date
cannot be trusted. Columns of words are brought to their ids.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, replace
from datetime import date, datetime, time
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from releve.errors import Phrase
from releve.network import folder_reader
from releve.network.faults import MOST_SOUGHT, Fault
from releve.network.folder_reader import RawTable
from releve.network.moments import CellRefusal, parse_date_text, parse_moment, to_utc
from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_files import (
    CAMPAIGNS,
    EXAMPLES,
    KINDS,
    TABLES,
    build_layout,
    list_columns,
    may_be_empty,
    must_be_filled,
)
from releve.plugins.outbound.engine.fact_references import (
    KNOWING,
    find_doubtful_references,
    mend_postcodes,
    normalize_said_numbers,
)
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, SAID, Facts
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE
from releve.plugins.outbound.engine.numbers import NumberTable, normalize_sayer, normalize_shown_numbers
from releve.plugins.outbound.engine.vocabulary import (
    describe_unfit_word,
    get_vocabulary,
    list_word_columns,
    normalize_basis,
    normalize_word,
)


def normalize_word_columns(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose words are ids; a text that is no word stays as it is."""
    columns = {column: name for column, name in list_word_columns().get(table, {}).items() if column in frame.columns}
    words = list_distinct_words(frame, columns)
    found = (_map_words(frame[column], words[column], _build_normalizer(name)) for column, name in columns.items())
    changed = [cells for cells in found if cells is not None]
    return frame.with_columns(changed) if changed else frame


def list_distinct_words(frame: pl.DataFrame, columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the different words of each column, of texts or of lists of texts, in any order."""
    if not frame.height:
        return {name: [] for name in columns}
    found = frame.select(pl.col(name).explode().drop_nulls().unique().implode() for name in columns)
    return {name: found[name][0].to_list() for name in columns}


def find_word_faults(table: str, frame: pl.DataFrame) -> Iterator[Fault]:
    """Yield each word of a table that may not stand there; its first row is 2.

    The words must be ids already. A text is explained once, however many cells hold it.
    """
    columns = {column: name for column, name in list_word_columns().get(table, {}).items() if column in frame.columns}
    words = list_distinct_words(frame, columns)
    for column, name in columns.items():
        coarse = (table, column) == (CAMPAIGNS, "object")
        if not list_unknown_words(name, filter(None, words[column]), coarse=coarse):
            continue
        cells, said = frame[column], dict[str, tuple[Phrase, Phrase]]()
        several = cells.dtype == pl.List(pl.String)
        for row in mark_unknown_words(table, column, cells).arg_true().to_list():
            for text in list_unknown_words(name, cells[row], coarse=coarse):
                if text not in said:
                    near = len(said) < MOST_SOUGHT
                    fix = get_vocabulary(name).advice(text, several=several, near=near)
                    said[text] = (describe_unfit_word(name, text), fix)
                yield Fault(table, row + 2, column, text, *said[text])


def mark_unknown_words(table: str, column: str, cells: pl.Series) -> pl.Series:
    """Return which cells of a column of words hold one that may not stand there, null where empty.

    The words must be ids already.
    """
    coarse = (table, column) == (CAMPAIGNS, "object")
    ids = list(_list_ids(list_word_columns()[table][column], coarse=coarse))
    if cells.dtype == pl.List(pl.String):
        return cells.list.set_difference(pl.Series([["", *ids]])).list.len() > 0
    words = cells.str.split(":").list.first() if column == "basis" else cells
    return ~words.is_in(["", *ids])


def list_unknown_words(vocabulary_name: str, cell: Any, *, coarse: bool = False) -> list[str]:
    """Return the texts of a cell (one, or several) that a table may not hold as words.

    ``coarse``: it may hold coarse ones, like a campaign, whose purpose decides whether it may.
    """
    words = [cell] if isinstance(cell, str) else list(cell)
    heads = [word.partition(":")[0] if vocabulary_name == "basis" else word for word in words]
    ids = _list_ids(vocabulary_name, coarse=coarse)
    return [word for word in heads if word not in ids]


def _list_ids(vocabulary_name: str, *, coarse: bool) -> Collection[str]:
    found = get_vocabulary(vocabulary_name)
    return found.by_id if coarse else found.precise_ids


def _build_normalizer(vocabulary_name: str) -> Callable[[str], str]:
    if vocabulary_name == "basis":
        return normalize_basis
    return lambda text: normalize_word(vocabulary_name, text)


def _map_words(cells: pl.Series, words: list[str], spell: Callable[[str], str]) -> pl.Series | None:
    """Return texts, or lists of texts, with their different ``words`` as ids; None: all are."""
    normalized = {word: spell(word) for word in words}
    changed = {word: found for word, found in normalized.items() if word != found}
    if not changed:
        return None
    if cells.dtype == pl.List(pl.String):
        return cells.list.eval(pl.element().replace(changed))
    return cells.replace(changed)


_ARGUMENTS = {"people": "persons", "feeds": "watermarks", "clients": "aliases"}
EVENT = {"consents": "collected_at", "callbacks": "requested_at"}
"""The column that tells when a fact came to be, where it is not ``at``: known_at when left out."""
_INSTANT = pl.Datetime("us", "UTC")
_EARLY = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z")
_TRUE, _FALSE = ("1", "true", "yes", "oui", "vrai"), ("0", "false", "no", "non", "faux")
_DTYPES: dict[str, Any] = {
    "text": pl.String,
    "instant": _INSTANT,
    "day": pl.Date,
    "words": pl.List(pl.String),
    "flag": pl.Boolean,
    "number": pl.Float64,
}
_SERIAL = re.compile(r"\d{4,6}([.,]\d+)?")
_DAY_OR_MONTH_FIRST = r"^\d{1,2}[/.-]\d{1,2}[/.-]\d{4}"
_MONTH_FIRST = r"^(0?[1-9]|1[0-2])[/.-](1[3-9]|2\d|3[01])[/.-]\d{4}"
"""A date that can only have its month first: the others of its column may have it first too."""
_THOUSANDS = r"[.,]\d{3}$"
"""A count whose last three digits stand apart by what may be a decimal mark too."""
_FORMULA_ERROR = r"^#(DIV/0!|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!)$"
_KEYS = ("id", "client", "person", "number", "consent")
"""The columns by which rows refer to each other."""


@dataclass
class FactFolder:
    """Tables of facts as they were read: typed, with every fault that their files have.

    ``rows`` are the rows of a table in its file, ``sources`` the file of each table.
    ``left_out``: sheets and files that are no table, and why, where that is no fault.
    ``local`` is how many instants without offset were read on the clock of ``zone``. ``lost``: a
    table by which persons or clients are known could not be read, so that references to them say
    nothing.
    """

    frames: dict[str, pl.DataFrame]
    zone: str = LEGAL_ZONE
    language: str = "en"
    faults: list[Fault] = field(default_factory=list)
    rows: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    local: int = 0
    lost: bool = False

    def check(self, find_faults: Callable[[dict[str, pl.DataFrame]], Iterable[Fault]]) -> None:
        """Add the faults that a check finds in the frames, with the rows of their files.

        Rows whose id, client, person or number is wrong are left out: their fault is there.
        """
        frames, rows = dict(self.frames), dict(self.rows)
        for name, frame in self.frames.items():
            missing = [key for key in _KEYS if key in frame.columns and frame[key].null_count()]
            if missing:
                kept = frame.select(pl.all_horizontal(pl.col(missing).is_not_null())).to_series()
                frames[name] = frame.filter(kept)
                rows[name] = self.rows[name][kept.to_numpy()]
        for fault in find_faults(frames):
            place, index = rows.get(fault.table, ()), fault.row - 2
            if 0 <= index < len(place):
                fault = replace(fault, row=int(place[index]))
            self.faults.append(fault)

    def refuse(self) -> None:
        """Raise FactFaults where there are faults."""
        faults = tuple(dict.fromkeys(self.faults))
        if faults:
            raise FactFaults(faults, self.language, self.sources)


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
    files: Mapping[str, bytes], *, whole: bool = False, strict: bool = True, zone: str = LEGAL_ZONE
) -> dict[str, pl.DataFrame]:
    """Return every table typed; FactFaults names each faulty file, row and column, and its fix.

    ``whole``: the files are all that is known, so the tables that can forbid a call must be there.
    Without ``strict`` a file that is not named like a table is left out, and a missing table is one
    without rows. ``zone`` is the clock of instants without offset.
    """
    found = read_folder(files, whole=whole, strict=strict, zone=zone)
    found.refuse()
    return normalize_said_numbers(found.frames) if whole else found.frames


def read_folder(
    files: Mapping[str, bytes],
    *,
    whole: bool = False,
    strict: bool = True,
    zone: str = LEGAL_ZONE,
    scanned: Mapping[str, pl.LazyFrame] = MappingProxyType({}),
    campaigns: bool = False,
) -> FactFolder:
    """Return every table typed with all faults of the files, as for :func:`read_tables`.

    ``scanned`` are tables of Parquet files that are there and stay scanned. ``campaigns``: a table
    of campaigns may be there and becomes a frame.
    """
    layout = build_layout(whole and strict, campaigns=campaigns)
    raw = folder_reader.read_tables(files, layout)
    sources = raw.sources | {name: f"{name}.parquet" for name in scanned}
    found = FactFolder(build_empty_frames(), zone, raw.language, sources=sources)
    found.lost = not (raw.unreadable - scanned.keys()).isdisjoint((*KNOWING, "clients"))
    for fault in raw.faults:
        if fault.table in scanned and fault.table not in raw.sources:
            continue  # it is not missing
        if strict or fault.table in layout.forms or fault.table in raw.twice:
            found.faults.append(fault)
        else:
            found.left_out[fault.table] = fault.reason
    for name in scanned.keys() & raw.sources.keys():
        reason, fix = Phrase("the table is given twice"), Phrase("keep one file or sheet")
        found.faults.append(Fault(name, 0, "", raw.sources[name], reason, fix))
    for table in raw.tables.values():
        _Reading(table, found).read()
    known = whole and not found.lost
    found.check(lambda frames: find_doubtful_references({**frames, **scanned}, whole=known))
    return found


class _Reading:
    """One table on its way from cells to a typed frame; its faults go to the folder.

    Most tables have few rows, where each query costs more than its work: all columns are typed by
    one, and cells are looked at where counts of empty ones say that some are wrong.
    """

    def __init__(self, raw: RawTable, folder: FactFolder) -> None:
        self.table, self.folder, self.from_sheet = raw.form.table, folder, raw.from_sheet
        self.rows, self.local, self.cells = raw.rows, set[str](), raw.cells
        if raw.broken:
            kept = np.setdiff1d(np.arange(raw.cells.height), np.fromiter(raw.broken, np.int64))
            self.rows, self.cells = raw.rows[kept], raw.cells[kept]

    def read(self) -> None:
        """Type the columns, name every faulty cell and store the table in the folder."""
        frame = self._read_cells() if self.cells.height else _build_empty_frame(self.table)
        self.folder.frames[self.table], self.folder.rows[self.table] = frame, self.rows

    def _read_cells(self) -> pl.DataFrame:
        table, given = self.table, self.cells.schema
        if texts := [name for name, dtype in given.items() if dtype == pl.String]:
            stripped = pl.col(texts).str.strip_chars().replace("", None)
            self.cells = self.cells.with_columns(stripped)
        typed = self.cells.select(
            name if given[name] == _DTYPES[kind] else _parse_plainly(pl.col(name).cast(pl.String), kind).alias(name)
            for name, (kind, _) in self._columns
            if name in given
        )
        columns, filled = list[pl.Series](), list[pl.Expr]()
        for name, (kind, _) in self._columns:
            default, dtype = _find_default(table, name, kind), _DTYPES[kind]
            if name not in given:
                columns.append(pl.Series(name, [default] * self.cells.height, dtype))
                continue
            columns.append(self._read_column(typed[name], kind))
            if default is not None and columns[-1].null_count():
                filled.append(pl.col(name).fill_null(pl.lit(default, dtype)))
        frame = pl.DataFrame(columns)
        frame = frame.with_columns(filled) if filled else frame
        if table == "consents":
            good = frame["collected_at"].is_not_null()
            frame = frame.with_columns(_classify_consent_dates(self.cells, good))
        if table == "people":
            frame, faults = mend_postcodes(frame)
            self._add(faults)
        frame = normalize_word_columns(table, frame)
        self._add(find_word_faults(table, frame))
        return self._fill_known_at(frame)

    @property
    def _columns(self) -> Collection[tuple[str, tuple[str, bool]]]:
        return list_columns(self.table).items()

    def _add(self, faults: Iterable[Fault]) -> None:
        rows = self.rows
        self.folder.faults += [replace(one, row=int(rows[one.row - 2])) for one in faults]

    def _report(self, column: str, wrong: pl.Series, explain: Callable[[str | None], CellRefusal]) -> None:
        cells = self.cells[column] if column in self.cells.columns else None
        for index in wrong.arg_true().to_list():
            text = None if cells is None or cells[index] is None else str(cells[index])
            said = explain(text)
            row = int(self.rows[index])
            fault = Fault(self.table, row, column, text or "", said.reason, said.fix)
            self.folder.faults.append(fault)

    def _read_column(self, parsed: pl.Series, kind: str) -> pl.Series:
        """Return a column, typed where that is plain, with its other cells typed or reported.

        Its faults: cells that are wrong, and empty ones that must be filled.
        """
        name = parsed.name
        source, trusted = self.cells[name], (self.table, name) == ("consents", "collected_at")
        broken = pl.Series([False] * source.len(), dtype=pl.Boolean)
        if source.dtype == pl.String and self.from_sheet:
            broken = source.str.contains(_FORMULA_ERROR).fill_null(False)
            self._report(name, broken, lambda text: _FORMULA)
            source, parsed = source.set(broken, None), parsed.set(broken, None)
        refused: dict[str, CellRefusal] = {}
        if parsed.null_count() > source.null_count() and kind != "words":
            parsed, refused = self._parse_texts(source.cast(pl.String), parsed, kind, proof=trusted)
        if kind == "number":
            count = pl.col("parsed")
            odd = ~count.is_finite() | (count < 0) | (count != count.floor())
            if source.dtype == pl.String:
                odd |= pl.col("source").str.contains(_THOUSANDS)
            cells = pl.DataFrame({"parsed": parsed, "source": source})
            wrong = cells.select(odd.fill_null(False)).to_series()
            self._report(name, wrong, _explain_number)
            broken, parsed = broken | wrong, parsed.set(wrong, None)
        if trusted:  # refuses later, by a rule of its own
            return parsed
        must = must_be_filled(self.table, name) or (
            list_columns(self.table)[name][1] and not may_be_empty(self.table, name)
        )
        if parsed.null_count() > (0 if must else source.null_count()):
            wrong = parsed.is_null() & ~broken
            self._report(
                name,
                wrong if must else wrong & source.is_not_null(),
                lambda text: _EMPTY if text is None else refused.get(text, _EMPTY),
            )
        return parsed

    def _parse_texts(
        self, texts: pl.Series, parsed: pl.Series, kind: str, *, proof: bool
    ) -> tuple[pl.Series, dict[str, CellRefusal]]:
        """Return a column with texts typed that are in no plain form, and why some are not."""
        refused: dict[str, CellRefusal] = {}
        found: dict[str, Any] = {}
        self.local.clear()
        left = texts.filter(parsed.is_null()).drop_nulls().unique()
        doubtful = kind in ("instant", "day") and any(re.match(_MONTH_FIRST, one) for one in left)
        for text in left:
            value: Any = _MIXED_UP
            if not (doubtful and re.match(_DAY_OR_MONTH_FIRST, text)):
                value = self._parse_text(text, kind, proof=proof)
            if isinstance(value, CellRefusal):
                refused[text] = value
            else:
                found[text] = value
        if found:
            words = pl.Series(list(found)), pl.Series(list(found.values()), dtype=parsed.dtype)
            met = texts.replace_strict(*words, default=None, return_dtype=parsed.dtype)
            parsed = parsed.fill_null(met)
            self.folder.local += int(texts.is_in(list(self.local)).sum())
        return parsed, refused

    def _parse_text(self, text: str, kind: str, *, proof: bool) -> Any:
        """Return one value; ``proof``: a serial number of a text file does not tell a date.

        A date cell of a workbook is read with a space before its time: one with a T is a text.
        """
        fix = Phrase("write it like {0}", EXAMPLES[kind])
        if kind == "flag":
            return CellRefusal(Phrase("neither true nor false"), Phrase("write {0}", EXAMPLES[kind]))
        if kind == "number":
            return CellRefusal(Phrase("not a number"), fix)
        if kind == "day":
            day = parse_date_text(text)
            return CellRefusal(Phrase("not a day"), fix) if day is None else day
        found = parse_moment(text)
        if found is None or (proof and not self.from_sheet and _SERIAL.fullmatch(text)):
            return CellRefusal(Phrase("not a date and time"), fix)
        if isinstance(found, CellRefusal):
            return found
        moment, timed = found
        if moment.tzinfo is not None:
            return moment
        if not timed or (self.from_sheet and moment.time() == time()):
            return CellRefusal(Phrase("has no time of day"), fix)
        if re.match(r"\d{4}-", text) and not (self.from_sheet and " " in text):
            return CellRefusal(Phrase("not an instant with its offset"), fix)
        try:
            instant = to_utc(moment, self.folder.zone)
        except ValueError:
            return CellRefusal(
                Phrase("exists twice or not at all: the clocks change then"),
                Phrase("write it with its offset, like 2026-10-25T02:30:00+01:00"),
            )
        self.local.add(text)
        return instant

    def _fill_known_at(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a table with known_at where it was left out: when the fact came to be."""
        if "known_at" not in frame.columns or not frame["known_at"].null_count():
            return frame
        event, known = EVENT.get(self.table, "at"), pl.col("known_at")
        if event in frame.columns:
            known = known.fill_null(pl.col(event))
        if self.table in ("contracts", "mandates", "people", "consents"):
            known = known.fill_null(pl.lit(_EARLY, _INSTANT))
        elif event not in frame.columns:  # its own fault is reported
            self._report("known_at", frame["known_at"].is_null(), lambda text: _EMPTY)
        return frame.with_columns(known)


_EMPTY = CellRefusal(Phrase("empty"), Phrase("fill it"))
_MIXED_UP = CellRefusal(
    Phrase("stands in a column that has dates with the month first"),
    Phrase("write the dates of the whole column like {0}", "2026-09-15, 2026-09-15T11:00:00+02:00"),
)
_FORMULA = CellRefusal(Phrase("is a formula error"), Phrase("mend the formula in the workbook it comes from"))


def _explain_number(text: str | None) -> CellRefusal:
    fix = Phrase("write it like {0}", EXAMPLES["number"])
    if text and text.startswith("-") and any(character.isdigit() for character in text):
        return CellRefusal(Phrase("must be at least {0}", "0"), fix)
    if text and any(character.isdigit() for character in text):
        return CellRefusal(Phrase("must be a whole number"), fix)
    return CellRefusal(Phrase("must be a finite number"), fix)


def _parse_plainly(text: pl.Expr, kind: str) -> pl.Expr:
    """Return texts typed where they are in the forms that programs write."""
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
        bare = text.str.replace_all(r"[ \u00a0\u202f]", "").str.replace(",", ".")
        return bare.cast(pl.Float64, strict=False)
    return text


def _find_default(table: str, name: str, kind: str) -> Any:
    """Return what an empty cell of a column stands for, None where for nothing."""
    if kind == "words":
        return []
    if may_be_empty(table, name):
        return EVERY_CLIENT
    field = next(field for field in dataclasses.fields(KINDS[table]) if field.name == name)
    return None if field.default is MISSING else field.default


def _classify_consent_dates(cells: pl.DataFrame, good: pl.Series) -> pl.Series:
    """Return why a consent's date cannot be trusted, empty when it can."""
    column = cells["collected_at"] if "collected_at" in cells.columns else None
    if column is None or column.dtype == _INSTANT or good.all():
        return pl.Series("unreadable", [""] * cells.height, pl.String)
    text = pl.col("collected_at").cast(pl.String)
    serial = text.str.contains(f"^{_SERIAL.pattern}$").fill_null(False)
    doubtful = text.str.contains(_DAY_OR_MONTH_FIRST).fill_null(False)
    doubtful &= text.str.contains(_MONTH_FIRST).any()
    local = text.str.contains(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$").fill_null(False)
    return cells.select(
        pl.when(good)
        .then(pl.lit(""))
        .when(serial)
        .then(pl.lit("spreadsheet-serial"))
        .when(local)
        .then(pl.lit("no-offset"))
        .when(doubtful)
        .then(pl.lit("month-first"))
        .otherwise(pl.lit("no-date"))
        .alias("unreadable")
    ).to_series()


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
