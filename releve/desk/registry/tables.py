"""What the pages of the tables show: the list of tables, and the rows of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.registry.context import RegistryContext
from releve.desk.registry.values import format_for_reader, is_number
from releve.desk.registry.versions import build_version_twin
from releve.desk.registry.words import (
    translate_column,
    translate_doc,
    translate_table,
    translate_unit,
)
from releve.desk.text import Text
from releve.network import Operator, list_columns
from releve.registry.models import Version
from releve.registry.row_search import TableSlice, select_rows
from releve.registry.row_text import find_zone
from releve.registry.service import load_operator
from releve.registry.storage import load_sheets
from releve.registry.tables import KINDS, build_key, get_row_class, get_rows


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table in the list of tables."""

    name: str
    about: str
    count: str
    url: str


@dataclass(frozen=True, slots=True)
class RegistryIndexPage:
    """The current version and its tables; None and nothing before the first import."""

    time_zone: str
    version: Version | None
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


def build_index_page(now: RegistryContext | None, may_edit: bool) -> RegistryIndexPage:
    """Return the list of tables."""
    if now is None:
        return RegistryIndexPage("", None, (), may_edit)
    lines = (
        TableLine(
            translate_table(table),
            translate_doc(KINDS[table].doc),
            now.text.number(sheet.count),
            reverse("registry_table", args=[table]),
        )
        for table, sheet in load_sheets(now.version).items()
    )
    return RegistryIndexPage(now.text.time_zone, now.version, tuple(lines), may_edit)


def build_index_twin(now: RegistryContext | None) -> dict[str, Any]:
    """Return the list of tables as plain values."""
    if now is None:
        return {"version": None, "tables": []}
    tables = [
        {
            "table": table,
            "rows": sheet.count,
            "json": f"{reverse('registry_table', args=[table])}?format=json",
        }
        for table, sheet in load_sheets(now.version).items()
    ]
    return {"version": build_version_twin(now.version), "tables": tables}


def build_table_page(
    now: RegistryContext, table: str, query: str, page: int, may_edit: bool
) -> TablePage:
    """Return a page of a table's rows, those that hold ``query`` where there is one."""
    operator = load_operator(now.version)
    found = select_rows(operator, table, query, page)
    columns = list_columns(get_row_class(table))
    text = now.text
    return TablePage(
        title=translate_table(table),
        about=translate_doc(get_row_class(table).doc),
        summary=_summary(found, query, text),
        query=query,
        headings=tuple(
            Heading(translate_column(table, c), translate_unit(c), is_number(c)) for c in columns
        ),
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


def _summary(found: TableSlice, query: str, text: Text) -> str:
    total = text.number(len(found.rows))
    if not query:
        return ngettext("{n} row", "{n} rows", len(found.rows)).format(n=total)
    return ngettext(
        "{n} row of {total} holds “{query}”", "{n} rows of {total} hold “{query}”",
        len(found.positions),
    ).format(n=text.number(len(found.positions)), total=total, query=query)  # fmt: skip


def _line(operator: Operator, table: str, at: int, text: Text, may_edit: bool) -> RowLine:
    row = get_rows(operator, table)[at]
    zone_name = find_zone(operator, table)(row)
    cells = tuple(
        (format_for_reader(table, c, getattr(row, c.name), text, zone_name), is_number(c))
        for c in list_columns(type(row))
    )
    url = reverse("registry_row", args=[table, build_key(row)]) if may_edit else ""
    return RowLine(text.number(at + 2), cells, url)


def _page_url(table: str, query: str, page: int) -> str:
    values = {"q": query, "page": str(page)} if query else {"page": str(page)}
    return f"{reverse('registry_table', args=[table])}?{urlencode(values)}"


def build_table_twin(now: RegistryContext, table: str, query: str, page: int) -> dict[str, Any]:
    """Return a page of a table's rows as plain values."""
    found = select_rows(load_operator(now.version), table, query, page)
    return {
        "version": now.version.number,
        "table": table,
        "rows": len(found.rows),
        "found": len(found.positions),
        "page": found.page,
        "pages": found.pages,
        "data": [
            {"row": at + 2, "key": build_key(found.rows[at]), "values": found.rows[at]}
            for at in found.here
        ],
    }
