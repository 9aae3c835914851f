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

What an operator gives Relève about itself: one XLSX workbook with a sheet per table, a folder with a file per
table (`sites.csv`, `Téléconseillers.csv`, `agents.parquet`), or both.

    releve network template operator.xlsx --lang fr    # an empty workbook with lists to choose from
    releve network check operator.xlsx                 # every fault: table, row, column, value, how to mend it

On a fault nothing is loaded. `python -m tests.network.planted_faults FOLDER` writes a made-up operator with 30
faults of 30 kinds, to try the check.

## How values are written

- **Names** of sheets, files and columns are English or French; case, accents, hyphens, spaces and a unit in
  brackets make no difference.
- **CSV**: UTF-8, UTF-16 with its byte order mark, or Excel's French dialect (`;`, decimal comma, cp1252), found for
  each file; also a first line `sep=;`. A cell that holds the separator stands in double quotes.
- **XLSX**: the header is the first row, one name in each cell, nothing merged.
- **Parquet**: any types that hold the values; lists of text for several values.
- **Empty** means the default; a column without default must be filled.
- **Several values** stand with `|` between them, or with `,` or `;` where there is no `|`.
- **Truth**: `true`/`false`, `vrai`/`faux`, `oui`/`non`, `yes`/`no`, `1`/`0`.
- **Words** of closed lists are ids, or their names in either language (`inbound`, `appels entrants`);
  countries are codes or names (`MA`, `Maroc`).
- **Opening hours**: `Mon-Fri 08:00-20:00; Sat 09:00-18:00`, `Lun-Ven 8h-20h ; Sam 9h-18h`,
  `du lundi au vendredi de 8h à 20h`.
- **Shares** are numbers from 0 to 1, or percentages with their sign (`80 %`).
- **Dates**: `2026-11-30` or `30/11/2026`, or Excel's own. **Times**: `2026-11-30T08:00`, `2026-11-30 08:00` or
  `30/11/2026 08:00`, perhaps with an offset (`+01:00`, `Z`), needed where a local time exists twice or not at all.
  In the roster and the history a column `Date` may stand beside `08:00` or `8h`; an end that is not after its start
  is on the next day.
- A **history** has a row for every open interval of each day it covers (0 without a call). An unknown day is left
  out whole; more than four open days in a row left out count as a lost export.
- **Seats**: planning needs their number, of a site or its floors. List zones and seats where a distance between
  seats is in force (it needs `x_m` and `y_m`), or for the outbreak of a crash test, which assumes 25 m³ and 25 m³/h
  of fresh air a seat without them.
"""

_EMPTY = "; empty = "
"""Before what an empty cell means, at the end of a column's sentence."""
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
    meaning, _, empty = column.doc.partition(_EMPTY)
    cells = (
        f"`{column.name}`",
        get_column_naming(table, column.name).fr,
        ", ".join(_describe_values(column)),
        "**required**" if column.required else empty or _render_default(column.default),
        meaning,
        f"`{column.example}`",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _describe_values(column: TableColumn) -> list[str]:
    """Return what a column holds: its type, unit and limits."""
    condition = column.condition
    if condition.one_of:
        return [f"`{word}`" for word in condition.one_of]
    if column.references:
        several = bare_type(column) is not str
        return [f"{'ids' if several else 'id'} of `{column.references}`"]
    least = "" if condition.at_least is None else f"{condition.at_least:g}"
    if condition.more_than is not None:
        least = f"above {condition.more_than:g}"
    most = "" if condition.at_most is None else f"to {condition.at_most:g}"
    if least and not most and condition.more_than is None:
        least += " or more"
    limits = " ".join(part for part in (least, most) if part)
    return [part for part in (_TYPES[bare_type(column)], column.unit, limits) if part]


def _render_default(value: Any) -> str:
    if value is None or value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{'|'.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
