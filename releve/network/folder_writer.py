"""An operator -> the files that :func:`releve.network.read_operator` reads back as the same."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO, StringIO
from typing import Any

from releve.network.cell_text import format_cell, is_plain_time
from releve.network.clock import zone
from releve.network.columns import TableRow, list_columns
from releve.network.folder_reader import OPTIONAL_TABLES
from releve.network.model import TABLES
from releve.network.operator import Operator
from releve.network.table_words import get_table_naming, label_header

__all__ = [
    "find_plain_rows",
    "list_written_tables",
    "map_zones",
    "write_operator",
    "write_table",
    "zip_operator",
]

Zones = Callable[[Any], str]


def write_operator(operator: Operator, language: str = "en") -> dict[str, bytes]:
    """Return one CSV a table, the same bytes for the same operator; empty optional ones left out.

    In English UTF-8 with comma and decimal point, and times with the offset of their place
    (shifts: the agent's home site, history: the programme). In French what Excel opens with a
    double click: byte order mark, ``;``, decimal comma, French names and words.
    """
    return {
        _name_file(kind, language): write_table(kind, rows, map_zones(operator, kind), language)
        for kind, rows in list_written_tables(operator)
    }


def zip_operator(operator: Operator, language: str, made_at: datetime) -> bytes:
    """Return the files of an operator as a zip, the same bytes for the same operator and time."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in write_operator(operator, language).items():
            item = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            archive.writestr(item, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def list_written_tables(operator: Operator) -> list[tuple[type[TableRow], tuple[TableRow, ...]]]:
    """Return the tables that a file or sheet is written of, with their rows."""
    found: list[tuple[type[TableRow], tuple[TableRow, ...]]] = []
    for kind in TABLES:
        rows: tuple[TableRow, ...] = (
            (operator.row,) if kind.table == "operator" else getattr(operator, kind.table)
        )
        if rows or kind.table not in OPTIONAL_TABLES:
            found.append((kind, rows))
    return found


def _name_file(kind: type[TableRow], language: str) -> str:
    if language == "en":
        return f"{kind.table}.csv"
    return f"{get_table_naming(kind.table).label(language)}.csv"


def map_zones(operator: Operator, kind: type[TableRow]) -> Zones:
    """Return how to find the time zone of a row: of the agent's home site, of the programme.

    A row of another table has no times; it gets the operator's zone.
    """
    if kind.table == "shifts":
        return lambda row: operator.site[operator.agent[row.agent].home_site].time_zone
    if kind.table == "history":
        return lambda row: operator.programme[row.programme].time_zone
    return lambda row: operator.row.time_zone


def find_plain_rows(rows: Sequence[TableRow], names: list[str]) -> list[bool]:
    """Return, per row, whether all of its times are known by the local clock alone.

    A shift over a change of the clocks is not: its length would be in doubt.
    """
    if not rows:
        return []
    columns = [column.name for column in list_columns(type(rows[0])) if column.type is datetime]
    memo: dict[tuple[datetime, str], tuple[bool, Any]] = {}
    out = []
    for row, name in zip(rows, names, strict=True):
        known = []
        for column in columns:
            value = getattr(row, column)
            if (value, name) not in memo:
                offset = value.astimezone(zone(name)).utcoffset()
                memo[value, name] = is_plain_time(value, name), offset
            known.append(memo[value, name])
        out.append(all(plain for plain, _ in known) and len({offset for _, offset in known}) <= 1)
    return out


def write_table(
    kind: type[TableRow],
    rows: Sequence[TableRow],
    zone_of: Zones,
    language: str = "en",
    local: bool = True,
) -> bytes:
    """Return one table as CSV, in the forms of :func:`write_operator`.

    Without ``local`` every time has its offset, in French too: the reader's zone is not known.
    """
    columns = list_columns(kind)
    out = StringIO()
    french = language == "fr"
    writer = csv.writer(out, delimiter=";" if french else ",", lineterminator="\n")
    header = [column.name for column in columns]
    if french:
        header = [label_header(kind.table, c.name, c.unit, language) for c in columns]
    writer.writerow(header)
    names = [zone_of(row) for row in rows]
    plain = find_plain_rows(rows, names) if french and local else [False] * len(rows)
    texts = []
    for column in columns:
        values = [getattr(row, column.name) for row in rows]
        memo: dict[tuple[Any, str, bool], str] = {}
        cells = []
        for value, name, bare in zip(values, names, plain, strict=True):
            key = (value, name, bare)
            if key not in memo:
                memo[key] = format_cell(kind.table, column, value, name, language, bare)
            cells.append(memo[key])
        texts.append(cells)
    writer.writerows(zip(*texts, strict=True))
    return out.getvalue().encode("utf-8-sig" if french else "utf-8")
