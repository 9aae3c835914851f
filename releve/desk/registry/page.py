"""What the pages of the reference data hold: versions, tables, rows, and what would change."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from releve.desk.page import PageModel
from releve.desk.registry.context import RegistryContext
from releve.network import Fault
from releve.registry.call_logs import CallImport, CallSummary, RecognizedLog
from releve.registry.change_list import ChangedTable
from releve.registry.row_search import NumberedRow, select_rows
from releve.registry.row_text import find_zone, get_position
from releve.registry.storage import load_sheets
from releve.registry.tables import get_rows


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


class RegistryPage(PageModel):
    """The current version and its tables; null and none before the first import."""

    time_zone: str
    version: VersionRow | None
    tables: dict[str, int] = Field(description="Rows, by table")
    may_edit: bool


class TablePage(PageModel):
    """A page of the rows of a table: of those ``found``, which hold ``query`` if it is given."""

    version: int
    table: str
    query: str
    total: int
    found: int
    page: int
    pages: int
    rows: tuple[NumberedRow, ...]
    may_edit: bool


class RowPage(PageModel):
    """A row, or a new one without ``key``; ``faults``: what would be wrong without the row."""

    table: str
    key: str
    version: int = Field(description="The one that the form was made from")
    time_zone: str
    values: Any
    faults: tuple[Fault, ...] = ()


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


class CallLogPage(PageModel):
    """How a log is read; ``read``: with the queues that were chosen, null where one is wrong."""

    name: str
    time_zone: str
    columns: dict[str, tuple[str, ...]] = Field(description="Headers by what they mean")
    queues: dict[str, str] = Field(description="Programme of each queue; empty: left out")
    read: CallSummary | None
    refused: tuple[Fault, ...] = Field(description="Of the operator with these calls")


def registry_page(here: RegistryContext | None, may_edit: bool) -> RegistryPage:
    """Return the list of tables."""
    sheets = {} if here is None else load_sheets(here.version)
    return RegistryPage(
        time_zone="UTC" if here is None else here.time_zone,
        version=None if here is None else VersionRow.from_row(here.version),
        tables={name: sheet.count for name, sheet in sheets.items()},
        may_edit=may_edit,
    )


def table_page(
    here: RegistryContext, table: str, query: str, page: int, may_edit: bool
) -> TablePage:
    """Return a page of a table's rows, those that hold ``query`` where there is one."""
    return TablePage.from_row(
        select_rows(here.operator, table, query, page),
        version=here.version.number,
        table=table,
        query=query,
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


def call_log_page(
    name: str, found: RecognizedLog, read: CallImport | None, refused: tuple[Fault, ...] = ()
) -> CallLogPage:
    """Return how a log is read; ``read``: what would be stored, None where that is not known."""
    return CallLogPage.from_row(
        found,
        name=name,
        time_zone=str(found.mapping["time_zone"]),
        read=None if read is None else read.summary,
        refused=refused,
    )
