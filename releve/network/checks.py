"""Read and check an operator's files as a whole; every fault is named, once.

Each check is a function of :class:`ParsedTables` that yields faults. They run in the order of
:data:`CHECKS`: references before what follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releve.errors import Phrase
from releve.network.checks_history import check_history
from releve.network.checks_places import (
    check_distance,
    check_rides,
    check_seat_numbers,
    check_seats,
    check_sites,
    check_sites_without_seat,
    check_stops,
)
from releve.network.checks_transport import check_telephony, check_transport
from releve.network.checks_work import (
    check_absences,
    check_agents,
    check_breaks,
    check_clients,
    check_contingencies,
    check_dates,
    check_operator_row,
    check_programmes,
    check_shifts,
    check_teams,
)
from releve.network.columns import TableColumn
from releve.network.corrections import correct_cells
from releve.network.date_column import join_dates
from releve.network.faults import Correction, Fault, OperatorFaults, find_nearest, suggest_fix
from releve.network.folder_reader import KINDS, OPTIONAL_TABLES, read_tables
from releve.network.model import TABLES
from releve.network.operator import Operator
from releve.network.parsed_tables import ParsedTables, build_table_fault, list_referring_columns
from releve.network.parsing import BAD, ParsedTable, parse_table
from releve.network.table_words import fold, name_column, name_table
from releve.network.worktime.own_rows import check_working_time

Progress = Callable[[str, float], None]
"""Called with the current step and the share of the work that is done (0 to 1)."""

_MOST_NAMED = 10
"""A reference to the same unknown id in more rows than this is one fault that counts them."""
_MOST_COMPARISONS = 300_000
"""Likely spellings of unknown ids are looked for when it takes a few seconds at most."""


def _ignore_progress(what: str, share: float) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """An operator without faults, or None and every fault; ``language`` is that of the files."""

    operator: Operator | None
    faults: tuple[Fault, ...]
    language: str


def read_operator(
    files: Mapping[str, bytes], progress: Progress = _ignore_progress, corrections: Sequence[Correction] = ()
) -> Operator:
    """Return the operator that ``files`` hold; OperatorFaults with every fault otherwise.

    ``files`` are named after the tables (``sites.csv``, ``agents.parquet``), or are workbooks whose
    sheets are; ``corrections`` are made in their cells first.
    """
    checked = check_files(files, progress, corrections)
    if checked.operator is None:
        raise OperatorFaults(checked.faults, checked.language)
    return checked.operator


def find_faults(
    files: Mapping[str, bytes], progress: Progress = _ignore_progress
) -> tuple[Operator | None, tuple[Fault, ...]]:
    """Return the operator and no fault, or None and every fault of ``files``."""
    checked = check_files(files, progress)
    return checked.operator, checked.faults


def check_files(
    files: Mapping[str, bytes], progress: Progress = _ignore_progress, corrections: Sequence[Correction] = ()
) -> CheckedFiles:
    """Read and check files; faults are in the order of the tables, rows and columns."""
    raw = read_tables(files, corrections=corrections)
    faults = raw.faults
    book = ParsedTables({}, raw.unreadable)
    for done, (name, table) in enumerate(raw.tables.items()):
        progress(f"reading {name}", 0.6 * done / len(raw.tables))
        dated, undated = join_dates(table)
        book.tables[name], found = parse_table(correct_cells(dated, corrections))
        faults += [*undated, *found]
    for done, check in enumerate(CHECKS):
        progress("checking", 0.6 + 0.3 * done / len(CHECKS))
        faults += check(book)
    if faults:
        return CheckedFiles(None, tuple(sorted(faults, key=_build_sort_key)), raw.language)
    progress("building", 0.9)
    return CheckedFiles(_build_operator(book.tables), (), raw.language)


def _build_sort_key(fault: Fault) -> tuple[Any, ...]:
    order = list(KINDS)
    table = order.index(fault.table) if fault.table in order else -1
    return (table, fault.table, fault.row, fault.column, fault.reason, fault.value)


def _build_operator(tables: dict[str, ParsedTable]) -> Operator:
    rows: dict[str, tuple[Any, ...]] = {
        kind.table: tuple(kind(*values) for values in zip(*tables[kind.table].values.values(), strict=True))
        if kind.table in tables
        else ()
        for kind in TABLES
    }
    (row,) = rows.pop("operator")
    return Operator(row=row, **rows)


def check_rows(book: ParsedTables) -> Iterator[Fault]:
    """Every required table has a row, and the operator's exactly one."""
    for name, table in book.tables.items():
        if not len(table) and name not in OPTIONAL_TABLES:
            book.unreadable.add(name)
            word = name.removesuffix("s") if name != "operator" else "row"
            yield build_table_fault(name, Phrase("there is no {0} at all", word), Phrase("add at least one row"))
    if "operator" in book.tables:
        for i in range(1, len(book.tables["operator"])):
            yield book.tables["operator"].fault(i, "", Phrase("is one row too many"), Phrase("keep one row"))


def check_ids(book: ParsedTables) -> Iterator[Fault]:
    """No two rows of a table have the same id."""
    for name, table in book.tables.items():
        if "id" not in table.values:
            continue
        first: dict[str, int] = {}
        repeated = []
        for i, value in enumerate(table.values["id"]):
            if value is BAD:
                continue
            if first.setdefault(value, i) != i:
                repeated.append(i)
                reason = Phrase("the id is already that of row {0}", table.rows[first[value]])
                yield table.fault(i, "id", reason, Phrase("give each row an id of its own, or delete one"))
        book.repeated[name] = frozenset(repeated)


def check_references(book: ParsedTables) -> Iterator[Fault]:
    """Every reference names an id of the table it refers to."""
    absent: set[str] = set()
    for name, column in list_referring_columns():
        if name not in book.tables or column.name not in book.tables[name].cells.columns:
            continue
        known = book.find_ids(column.references)
        if known is None:
            continue
        table = book.tables[name]
        unknown = _find_unknown(table, column, known)
        explained = len(unknown) <= book.count_without_id(column.references)
        if unknown and column.references not in book.tables and column.references not in absent:
            absent.add(column.references)
            yield _report_absent_table(table, column, unknown)
        elif not explained and column.references not in absent:
            yield from _report_unknown(book, name, column, unknown)
        for i in (i for records in unknown.values() for i in records):
            table.values[column.name][i] = BAD


def _find_unknown(table: ParsedTable, column: TableColumn, known: frozenset[str]) -> dict[str, list[int]]:
    """Return the records by the unknown id that they refer to."""
    found: dict[str, list[int]] = {}
    for i, value in enumerate(table.values[column.name]):
        if value is BAD or value == column.default:
            continue
        for item in value if isinstance(value, tuple) else (value,):
            if item not in known:
                found.setdefault(item, []).append(i)
    return found


def _report_unknown(
    book: ParsedTables, name: str, column: TableColumn, unknown: dict[str, list[int]]
) -> Iterator[Fault]:
    table = book.tables[name]
    known = book.find_ids(column.references) or frozenset()
    named = _find_named_ids(book, column.references)
    meant = book.meant.setdefault((name, column.name), {})
    cheap = len(unknown) * len(known) <= _MOST_COMPARISONS
    for item, records in unknown.items():
        near = named.get(fold(item)) or (find_nearest(item, known) if cheap else [])
        for i in records:
            meant.setdefault(i, []).extend(near)
        other = name_table(column.references)
        reason = Phrase("{0!r} is not an id of the table {1}", item, other)
        fix = suggest_fix(near, Phrase("add it to {0} or write another", other))
        if len(records) > _MOST_NAMED:
            reason = Phrase(
                "{0!r} is not an id of the table {1} (so in {2} rows, to row {3})",
                item,
                other,
                len(records),
                table.rows[records[-1]],
            )
            records = records[:1]
        for i in records:
            yield table.fault(i, column.name, reason, fix, item, near)


def _find_named_ids(book: ParsedTables, name: str) -> dict[str, list[str]]:
    """Return the ids of a table by the names of its rows: other systems' exports name a site, not its id here."""
    table = book.tables.get(name)
    if table is None or "name" not in table.values:
        return {}
    found: dict[str, list[str]] = {}
    for row_id, text in zip(table.values["id"], table.values["name"], strict=True):
        if row_id is not BAD and text is not BAD and fold(text):
            found.setdefault(fold(text), []).append(row_id)
    return found


def _report_absent_table(table: ParsedTable, column: TableColumn, unknown: dict[str, list[int]]) -> Fault:
    item, records = next(iter(unknown.items()))
    rows = sum(len(found) for found in unknown.values())
    name = table.form.table
    reason = Phrase("the table is missing, but {0} rows of {1} refer to it", rows, name_table(name))
    fix = Phrase(
        "add it, or empty {0} (row {1} has {2!r})", name_column(name, column.name), table.rows[records[0]], item
    )
    return build_table_fault(column.references, reason, fix)


CHECKS: tuple[Callable[[ParsedTables], Iterable[Fault]], ...] = (
    check_rows,
    check_ids,
    check_references,
    check_operator_row,
    check_sites,
    check_seat_numbers,
    check_sites_without_seat,
    check_seats,
    check_distance,
    check_stops,
    check_transport,
    check_clients,
    check_programmes,
    check_telephony,
    check_agents,
    check_shifts,
    check_breaks,
    check_absences,
    check_teams,
    check_rides,
    check_history,
    check_dates,
    check_contingencies,
    check_working_time,
)
