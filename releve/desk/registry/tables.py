"""What the pages of the tables show: the list of tables, and the rows of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.presenters.text import Text
from releve.desk.registry.answers import Now
from releve.desk.registry.values import is_number, json_row, shown
from releve.desk.registry.versions import VersionView, version_twin, version_view
from releve.desk.registry.words import about, label, table_name, unit
from releve.network import Operator, TableRow, list_columns
from releve.registry.row_text import zone_of
from releve.registry.service import operator_of
from releve.registry.storage import sheets_of
from releve.registry.tables import KINDS, key_of, kind_of, rows_of

__all__ = ["ROWS", "index_page", "index_twin", "table_page", "table_twin"]

ROWS = 50
"""Rows on a page."""


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table in the list of tables."""

    name: str
    about: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class IndexPage:
    """The current version and its tables; None and nothing before the first import."""

    version: VersionView | None
    tables: tuple[TableLine, ...]
    may_edit: bool


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column."""

    name: str
    unit: str
    number: bool


@dataclass(frozen=True, slots=True)
class RowLine:
    """A row: the number it has in the table as a file, its cells, its address."""

    number: str
    cells: tuple[tuple[str, bool], ...]
    url: str


@dataclass(frozen=True, slots=True)
class TablePage:
    """A page of the rows of a table."""

    title: str
    about: str
    summary: str
    query: str
    headings: tuple[Heading, ...]
    rows: tuple[RowLine, ...]
    position: str
    previous: str
    following: str
    add_url: str
    may_edit: bool


def index_page(now: Now | None, may_edit: bool) -> IndexPage:
    """Return the list of tables."""
    if now is None:
        return IndexPage(None, (), may_edit)
    lines = (
        TableLine(
            table_name(table),
            about(KINDS[table].doc),
            now.text.number(sheet.count),
            reverse("registry_table", args=[table]),
        )
        for table, sheet in sheets_of(now.version).items()
    )
    return IndexPage(version_view(now.version, now.text), tuple(lines), may_edit)


def index_twin(now: Now | None) -> dict[str, Any]:
    """Return the list of tables as plain values."""
    if now is None:
        return {"version": None, "tables": []}
    tables = [
        {
            "table": table,
            "rows": sheet.count,
            "json": f"{reverse('registry_table', args=[table])}?format=json",
        }
        for table, sheet in sheets_of(now.version).items()
    ]
    return {"version": version_twin(now.version), "tables": tables}


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a table that were asked for: their positions, those of the page in hand."""

    rows: tuple[TableRow, ...]
    positions: Sequence[int]
    page: int
    pages: int

    @property
    def here(self) -> Sequence[int]:
        return self.positions[(self.page - 1) * ROWS : self.page * ROWS]


def found_rows(operator: Operator, table: str, query: str, page: int) -> Found:
    """Return the rows whose key or texts hold the query; a page beyond the last is the last."""
    kind = kind_of(table)
    rows = rows_of(operator, table)
    positions: Sequence[int] = range(len(rows))
    if query:
        names = [c.name for c in list_columns(kind) if not is_number(c)]
        needle = query.casefold()
        positions = [at for at, row in enumerate(rows) if _holds(row, names, needle)]
    pages = max(1, -(-len(positions) // ROWS))
    return Found(rows, positions, min(max(page, 1), pages), pages)


def _holds(row: TableRow, names: list[str], needle: str) -> bool:
    if needle in key_of(row).casefold():
        return True
    for name in names:
        value = getattr(row, name)
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        if any(needle in text.casefold() for text in texts):
            return True
    return False


def table_page(now: Now, table: str, query: str, page: int, may_edit: bool) -> TablePage:
    """Return a page of a table's rows, those that hold ``query`` where there is one."""
    operator = operator_of(now.version)
    found = found_rows(operator, table, query, page)
    columns = list_columns(kind_of(table))
    text = now.text
    return TablePage(
        title=table_name(table),
        about=about(kind_of(table).doc),
        summary=_summary(found, query, text),
        query=query,
        headings=tuple(Heading(label(c), unit(c), is_number(c)) for c in columns),
        rows=tuple(_line(operator, table, at, text, may_edit) for at in found.here),
        position=_("Page {page} of {pages}").format(
            page=text.number(found.page), pages=text.number(found.pages)
        )
        if found.pages > 1
        else "",
        previous=_page_url(table, query, found.page - 1) if found.page > 1 else "",
        following=_page_url(table, query, found.page + 1) if found.page < found.pages else "",
        add_url="" if table == "operator" else reverse("registry_add", args=[table]),
        may_edit=may_edit,
    )


def _summary(found: Found, query: str, text: Text) -> str:
    total = text.number(len(found.rows))
    if not query:
        return ngettext("{n} row", "{n} rows", len(found.rows)).format(n=total)
    return ngettext(
        "{n} row of {total} holds “{query}”", "{n} rows of {total} hold “{query}”",
        len(found.positions),
    ).format(n=text.number(len(found.positions)), total=total, query=query)  # fmt: skip


def _line(operator: Operator, table: str, at: int, text: Text, may_edit: bool) -> RowLine:
    row = rows_of(operator, table)[at]
    zone_name = zone_of(operator, table)(row)
    cells = tuple(
        (shown(c, getattr(row, c.name), text, zone_name), is_number(c))
        for c in list_columns(type(row))
    )
    url = reverse("registry_row", args=[table, key_of(row)]) if may_edit else ""
    return RowLine(text.number(at + 2), cells, url)


def _page_url(table: str, query: str, page: int) -> str:
    values = {"q": query, "page": str(page)} if query else {"page": str(page)}
    return f"{reverse('registry_table', args=[table])}?{urlencode(values)}"


def table_twin(now: Now, table: str, query: str, page: int) -> dict[str, Any]:
    """Return a page of a table's rows as plain values."""
    found = found_rows(operator_of(now.version), table, query, page)
    return {
        "version": now.version.number,
        "table": table,
        "rows": len(found.rows),
        "found": len(found.positions),
        "page": found.page,
        "pages": found.pages,
        "data": [
            {"row": at + 2, "key": key_of(found.rows[at]), "values": json_row(found.rows[at])}
            for at in found.here
        ],
    }
