"""The reference of an operator folder's tables, as Markdown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from releve.network.checks import CHECKS
from releve.network.columns import TableColumn, TableRow, bare_type, list_columns
from releve.network.folder_reader import OPTIONAL_TABLES
from releve.network.model import TABLES
from releve.network.table_words import get_column_naming, get_table_naming

_INTRODUCTION = """\
# The operator folder

*Written by `releve network tables --markdown`.*

What an operator gives Relève about itself, for those who fill it in: one XLSX workbook with a sheet per
table, a folder with a file per table (`sites.csv`, `Téléconseillers.csv`, `agents.parquet`), or a folder of
both.

    releve network template operator.xlsx --lang fr    # an empty workbook with lists to choose from
    releve network check operator.xlsx                 # every fault: table, row, column, value, how to mend it

On a fault nothing is loaded. To see the checks at work, write a made-up operator with 30 faults of 30 kinds:

    python -m tests.network.planted_faults FOLDER
    releve network check FOLDER

## How values are written

- **Names** of sheets, files and columns are English or French; case, accents, hyphens, spaces and a unit in
  brackets make no difference.
- **CSV** is UTF-8, UTF-16 with its byte order mark, or the French dialect of Excel: `;` between cells, a
  decimal comma, cp1252. Separator (also a first line `sep=;`), decimal mark and encoding are found for each
  file. A cell that holds the separator stands in double quotes.
- **XLSX**: the header is the first row, one name in each cell, nothing merged.
- **Parquet**: any types that hold the values; lists of text for columns with several values.
- **Empty** means the column's default. A column without default must be filled.
- **Several values** in one cell stand with `|` between them, or with `,` or `;` where there is no `|`.
- **Truth**: `true`/`false`, `vrai`/`faux`, `oui`/`non`, `yes`/`no`, `1`/`0`.
- **Words** of closed lists are ids, or their names in either language (`inbound`, `appels entrants`);
  countries are codes or names (`MA`, `Maroc`).
- **Opening hours**: `Mon-Fri 08:00-20:00; Sat 09:00-18:00`, `Lun-Ven 8h-20h ; Sam 9h-18h`,
  `du lundi au vendredi de 8h à 20h`.
- **Shares** are numbers from 0 to 1, or percentages with their sign (`80 %`).
- **Dates**: `2026-11-30` or `30/11/2026` (the day first). **Times**: `2026-11-30T08:00`, `2026-11-30 08:00`
  or `30/11/2026 08:00`; with an offset (`+01:00`, `Z`) they are taken as they stand. Excel's own dates and
  serial numbers are read. In the roster and the history the day may stand in a column `Date` of its own,
  beside `08:00` or `8h`; an end that is not after its start is then on the next day.
- Where the clocks change a local time may not exist or exist twice: there, times need an offset.
- A **history** has a row for every open interval of each day it covers (0 without a call). A day that is not
  known is left out as a whole; more than four open days in a row left out count as a lost export.
- **Seats**: planning needs their number, `seats` of a site or of its floors. List zones and seats where a
  distance between seats is in force (it needs `x_m` and `y_m`), or where the outbreak of a crash test is to
  use the real air of the zones; without them it assumes 25 m³ and 25 m³/h of fresh air a seat, and says so.
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
    french = get_table_naming(kind.table).fr
    need = "optional" if kind.table in OPTIONAL_TABLES else "required"
    lines = [
        f"### {kind.table} (« {french} », {need})",
        "",
        kind.doc,
        "",
        "| column | in French | type | default | meaning | example |",
        "|---|---|---|---|---|---|",
    ]
    lines += [_render_column(kind.table, column) for column in list_columns(kind)]
    return "\n".join([*lines, ""])


def _render_column(table: str, column: TableColumn) -> str:
    meaning = "; ".join(part for part in (column.doc, *_list_limits(column)) if part)
    cells = (
        f"`{column.name}`",
        get_column_naming(table, column.name).fr,
        _TYPES[bare_type(column)] + (f", {column.unit}" if column.unit else ""),
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
    if condition.at_least is not None and condition.at_most is not None:
        limits.append(f"{condition.at_least:g} to {condition.at_most:g}")
    elif condition.at_least is not None:
        limits.append(f"at least {condition.at_least:g}")
    elif condition.at_most is not None and condition.more_than is None:
        limits.append(f"at most {condition.at_most:g}")
    if condition.more_than is not None:
        most = "" if condition.at_most is None else f", at most {condition.at_most:g}"
        limits.append(f"more than {condition.more_than:g}{most}")
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
