"""An operator -> the files that :func:`releve.network.read_operator` reads back as the same."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date, datetime
from io import StringIO
from typing import Any

from releve.network.clock import zone
from releve.network.columns import TableRow, list_columns
from releve.network.folder_reader import OPTIONAL_TABLES
from releve.network.model import TABLES, Operator

__all__ = ["write_operator"]


def write_operator(operator: Operator) -> dict[str, bytes]:
    """Return one UTF-8 CSV a table (comma, decimal point), the same bytes for the same operator.

    Times carry the offset of their place (shifts: the agent's home site, history: the
    programme). Optional tables without a row are left out.
    """
    zones: dict[str, Callable[[Any], str]] = {
        "shifts": _map_shift_zones(operator),
        "history": _map_history_zones(operator),
    }
    files = {}
    for kind in TABLES:
        rows: tuple[TableRow, ...] = (
            (operator.row,) if kind.table == "operator" else getattr(operator, kind.table)
        )
        if rows or kind.table not in OPTIONAL_TABLES:
            files[f"{kind.table}.csv"] = _write_table(kind, rows, zones.get(kind.table))
    return files


def _map_shift_zones(operator: Operator) -> Callable[[Any], str]:
    zones = {agent.id: operator.site[agent.home_site].time_zone for agent in operator.agents}
    return lambda shift: zones[shift.agent]


def _map_history_zones(operator: Operator) -> Callable[[Any], str]:
    zones = {programme.id: programme.time_zone for programme in operator.programmes}
    return lambda row: zones[row.programme]


def _write_table(
    kind: type[TableRow], rows: tuple[TableRow, ...], zone_of: Callable[[Any], str] | None
) -> bytes:
    columns = list_columns(kind)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    names = None if zone_of is None else [zone_of(row) for row in rows]
    texts = []
    for column in columns:
        values = [getattr(row, column.name) for row in rows]
        if column.type is datetime and names is not None:
            texts.append(_format_times(values, names))
        else:
            texts.append([_format_value(value) for value in values])
    writer.writerows(zip(*texts, strict=True))
    return out.getvalue().encode("utf-8")


def _format_times(values: list[datetime], names: list[str]) -> list[str]:
    memo: dict[tuple[datetime, str], str] = {}
    out = []
    for value, name in zip(values, names, strict=True):
        text = memo.get((value, name))
        if text is None:
            local = value.astimezone(zone(name))
            precise = local.second or local.microsecond
            text = local.isoformat() if precise else local.isoformat(timespec="minutes")
            memo[value, name] = text
        out.append(text)
    return out


def _format_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, tuple):
        return "|".join(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
