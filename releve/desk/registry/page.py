"""What the pages of the reference data hold: versions, tables, rows, and what would change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any

from pydantic import AwareDatetime, Field

from releve.demand.import_report import ImportFault, RowCount, group_import_faults
from releve.desk.page import PageModel
from releve.desk.registry.context import RegistryContext
from releve.network import Fault, Operator
from releve.registry.call_logs import CallImport, RecognizedLog
from releve.registry.changes import RowChange, TableChanges
from releve.registry.row_search import select_rows
from releve.registry.row_text import find_zone, get_position
from releve.registry.storage import load_sheets
from releve.registry.tables import build_key, get_rows

_MOST_ROWS = 100
"""Rows of a table that a page of changes shows; the counts are of all."""


class VersionRow(PageModel):
    """A version of the reference data."""

    number: int
    made_at: AwareDatetime
    made_by: str
    comment: str
    source: str
    undoes: int | None
    digest: str
    summary: dict[str, dict[str, int]] = Field(description="Rows changed, by table")


class TableLine(PageModel):
    """A table in the list of tables."""

    table: str
    rows: int


class RegistryPage(PageModel):
    """The current version and its tables; null and none before the first import."""

    time_zone: str
    version: VersionRow | None
    tables: tuple[TableLine, ...]
    may_edit: bool


class TableRowPart(PageModel):
    """A row of a table; ``row`` is the number it has in the table as a file."""

    row: int
    key: str
    time_zone: str
    values: Any


class TablePage(PageModel):
    """A page of the rows of a table: of those ``found``, which hold ``query`` if it is given."""

    version: int
    table: str
    query: str
    total: int
    found: int
    page: int
    pages: int
    rows: tuple[TableRowPart, ...]
    may_edit: bool


class RowPage(PageModel):
    """A row, or a new one without ``key``; ``faults``: what would be wrong without the row."""

    table: str
    key: str
    version: int = Field(description="The one that the form was made from")
    time_zone: str
    values: Any
    faults: tuple[Fault, ...] = ()


class ChangedRow(PageModel):
    """A row ``added``, ``removed`` or ``changed``; null where it was not, or is not."""

    key: str
    kind: str
    time_zone: str
    before: Any
    after: Any


class ChangedTable(PageModel):
    """The changes of a table; ``more`` of them are not listed."""

    table: str
    counts: dict[str, int]
    rows: tuple[ChangedRow, ...]
    more: int


class VersionsPage(PageModel):
    """A page of the list of versions, the current one first."""

    time_zone: str
    versions: tuple[VersionRow, ...]
    page: int
    pages: int


class VersionPage(PageModel):
    """A version and what it changed; or the question whether to go back to it."""

    time_zone: str
    version: VersionRow
    tables: tuple[ChangedTable, ...]
    current: bool = False
    may_undo: bool = False
    may_restore: bool = False


class ProposalPage(PageModel):
    """What a file would change against the version ``base``, null where there is none yet."""

    name: str
    base: int | None
    tables: tuple[ChangedTable, ...]
    may_compute: bool = Field(description="The reader may compute a plan from it")


class UploadPage(PageModel):
    """The faults of the file that was sent."""

    faults: tuple[Fault, ...]


class CallsRead(PageModel):
    """What would be stored of a log: half hours ``added``, those ``replaced``, its days."""

    rows: RowCount
    added: int
    replaced: int
    first: date | None
    last: date | None
    left_out: tuple[tuple[str, date], ...] = Field(description="Half-open days of programmes")
    others: tuple[str, ...] = Field(description="Queues left out")
    faults: tuple[ImportFault, ...]


class CallLogPage(PageModel):
    """How a log is read; ``read``: with the queues that were chosen, null where one is wrong."""

    name: str
    time_zone: str
    columns: dict[str, tuple[str, ...]] = Field(description="Headers by what they mean")
    queues: dict[str, str] = Field(description="Programme of each queue; empty: left out")
    read: CallsRead | None
    refused: tuple[Fault, ...] = Field(description="Of the operator with these calls")


def registry_page(here: RegistryContext | None, may_edit: bool) -> RegistryPage:
    """Return the list of tables."""
    sheets = {} if here is None else load_sheets(here.version)
    return RegistryPage(
        time_zone="UTC" if here is None else here.time_zone,
        version=None if here is None else VersionRow.from_row(here.version),
        tables=tuple(TableLine(table=name, rows=sheet.count) for name, sheet in sheets.items()),
        may_edit=may_edit,
    )


def table_page(
    here: RegistryContext, table: str, query: str, page: int, may_edit: bool
) -> TablePage:
    """Return a page of a table's rows, those that hold ``query`` where there is one."""
    found = select_rows(here.operator, table, query, page)
    find = find_zone(here.operator, table)
    rows = ((at + 2, found.rows[at]) for at in found.here)
    return TablePage.from_row(
        found,
        version=here.version.number,
        table=table,
        query=query,
        total=len(found.rows),
        found=len(found.positions),
        rows=tuple(
            TableRowPart(row=at, key=build_key(row), time_zone=find(row), values=row)
            for at, row in rows
        ),
        may_edit=may_edit,
    )


def row_page(here: RegistryContext, table: str, key: str, seen: int) -> RowPage:
    """Return a row of a table, a new one without a key; NotThere where it has none of that key."""
    rows = get_rows(here.operator, table)
    row = rows[get_position(here.operator, table, key)] if key else None
    return RowPage(
        table=table,
        key=key,
        version=seen,
        time_zone=find_zone(here.operator, table)(row) if key else here.time_zone,
        values=row,
    )


def list_changes(
    summary: Mapping[str, dict[str, int]],
    tables: Mapping[str, TableChanges],
    operators: Collection[Operator],
) -> tuple[ChangedTable, ...]:
    """Return the changes by table: counts of all of them, the first rows of those in ``tables``.

    ``operators`` are the ones after and before, in which a row's time zone is found.
    """
    return tuple(
        _change_table(table, counts, list(islice(tables[table].rows(), _MOST_ROWS)), operators)
        if table in tables
        else ChangedTable(table=table, counts=counts, rows=(), more=0)
        for table, counts in summary.items()
    )


def _change_table(
    table: str, counts: dict[str, int], found: list[RowChange], operators: Collection[Operator]
) -> ChangedTable:
    rows = tuple(
        ChangedRow.from_row(row, time_zone=next(_find_zones(row, operators))) for row in found
    )
    total = sum(count for kind, count in counts.items() if kind != "moved")
    return ChangedTable(
        table=table, counts=counts, rows=rows, more=total - len(rows) if rows else 0
    )


def _find_zones(change: RowChange, operators: Collection[Operator]) -> Iterator[str]:
    """Yield the time zone of a row by each operator that knows its place, or its own."""
    for operator in operators:
        try:
            yield find_zone(operator, change.table)(change.after or change.before)
        except KeyError:
            continue
    yield from (operator.row.time_zone for operator in operators)


def call_log_page(
    name: str, found: RecognizedLog, read: CallImport | None, refused: tuple[Fault, ...] = ()
) -> CallLogPage:
    """Return how a log is read; ``read``: what would be stored, None where that is not known."""
    stored = read and CallsRead.from_row(
        read, rows=read.report.rows, faults=group_import_faults(read.report.faults)
    )
    time_zone = str(found.mapping["time_zone"])
    return CallLogPage.from_row(found, name=name, time_zone=time_zone, read=stored, refused=refused)
