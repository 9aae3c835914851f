"""The reference of an operator folder, written from the tables' own declarations."""

from __future__ import annotations

from datetime import date, datetime
from types import NoneType
from typing import Any, get_args

from releve.network.checks import CHECKS
from releve.network.columns import TableColumn, TableRow, list_columns
from releve.network.folder_reader import OPTIONAL_TABLES
from releve.network.model import TABLES

__all__ = ["render_tables_markdown"]

_INTRODUCTION = """\
# The operator folder

*Written by `releve network tables --markdown`; a test keeps the two the same.*

An operator is a folder with one file per table (`sites.csv`, `agents.parquet`), or one XLSX
workbook with one sheet per table. `releve network check FOLDER` names every fault in one go: the
table, the row, the column, the value, what is wrong and how to mend it. On a fault nothing is
loaded.

## How values are written

- **CSV** is UTF-8 (with or without byte order mark), or the French dialect of Excel: `;` between
  cells, a decimal comma, Windows encoding (cp1252). Separator, decimal mark and encoding are found
  for each file. A cell that holds the separator stands in double quotes.
- **XLSX**: the header is the first row, one name in each cell, nothing merged. Dates and times may
  be Excel's own.
- **Parquet**: any types that hold the values below; lists of text for columns with several values.
- **Empty** means not given: the column's default. A column without default must be filled.
- **Several values** in one cell stand with `|` between them.
- **Truth**: `true`/`false`, `vrai`/`faux`, `oui`/`non`, `yes`/`no`, `1`/`0`.
- **Dates**: `2026-11-30` or `30/11/2026` (the day first). **Times**: `2026-11-30T08:00`,
  `2026-11-30 08:00` or `30/11/2026 08:00`; with an offset (`2026-11-30T08:00+01:00`, or `Z`) they
  are taken as they stand.
- Where the clocks change, a local time may not exist or exist twice, and the length of a shift
  across the change is in doubt: there, times need an offset.
- A **history** has a row for every open interval of each day it covers (0 without a call). A
  day that is not known is left out as a whole; more than four open days in a row left out count as
  a lost export.

## See the checks at work

    python -m tests.network.planted_faults FOLDER
    releve network check FOLDER

The first command writes a made-up operator with 30 faults of 30 kinds; the second names all 30.
"""

_TYPES: dict[Any, str] = {
    str: "text",
    bool: "truth",
    int: "whole number",
    float: "number",
    date: "date",
    datetime: "time",
    tuple[str, ...]: "texts",
}


def render_tables_markdown() -> str:
    """Return the reference of every table and column in Markdown."""
    parts = [_INTRODUCTION, "## What is checked beyond single cells", ""]
    parts += [f"- {(check.__doc__ or '').strip()}" for check in CHECKS]
    parts += ["", "## The tables", ""]
    parts += [_render_table(kind) for kind in TABLES]
    return "\n".join(parts)


def _render_table(kind: type[TableRow]) -> str:
    need = "optional" if kind.table in OPTIONAL_TABLES else "required"
    lines = [
        f"### {kind.table} ({need})",
        "",
        kind.doc,
        "",
        "| column | type | unit | default | meaning | example |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_render_column(column) for column in list_columns(kind)]
    return "\n".join([*lines, ""])


def _render_column(column: TableColumn) -> str:
    kinds = [kind for kind in get_args(column.type) if kind is not NoneType]
    bare = kinds[0] if NoneType in get_args(column.type) else column.type
    meaning = "; ".join(part for part in (column.doc, *_list_limits(column)) if part)
    cells = (
        f"`{column.name}`",
        _TYPES[bare],
        column.unit,
        "**required**" if column.required else _render_default(column.default),
        meaning,
        f"`{column.example}`",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _list_limits(column: TableColumn) -> list[str]:
    condition = column.condition
    limits = []
    if condition.one_of:
        limits.append("one of " + ", ".join(f"`{word}`" for word in condition.one_of))
    if condition.at_least is not None:
        limits.append(f"at least {condition.at_least:g}")
    if condition.more_than is not None:
        limits.append(f"more than {condition.more_than:g}")
    if condition.at_most is not None:
        limits.append(f"at most {condition.at_most:g}")
    if column.references:
        limits.append(f"an id of `{column.references}`")
    return limits


def _render_default(value: Any) -> str:
    if value is None or value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{'|'.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
