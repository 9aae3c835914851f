"""Interval statistics filed from tables: late, twice or corrected, the last report counts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import polars as pl
from django.db import transaction
from django.db.models import Model

from releve.demand.call_log_file import describe_ragged, read_log
from releve.demand.import_report import FIRST_ROW, ImportFault
from releve.demand.intraday import (
    FIGURES,
    PresenceFigures,
    ReportImport,
    import_reports,
)
from releve.demand.mapping import IntervalMapping, PresenceMapping, parse_report_mapping
from releve.errors import Phrase
from releve.network import HOME, Operator, is_known_zone
from releve.service_record.errors import MappingFault
from releve.service_record.models import IntervalReport, PresenceReport

__all__ = [
    "FiledStatistics",
    "SourceMapping",
    "file_statistics",
    "import_rows",
    "import_statistics",
    "read_mapping",
]

_Row = TypeVar("_Row", IntervalReport, PresenceReport)
_PRESENCE_COLUMNS = ("agents", "recorded_at")
_INTERVAL_COLUMNS = ("minutes", "recorded_at", *FIGURES)


@dataclass(frozen=True)
class SourceMapping:
    """How a source writes: the columns of its tables, and the zone of times without offset."""

    columns: IntervalMapping | PresenceMapping
    time_zone: str


@dataclass(frozen=True)
class FiledStatistics:
    """``rows`` read, ``used`` of them; ``older``: a later report was there already."""

    rows: int
    used: int
    older: int
    faults: tuple[ImportFault, ...]


def read_mapping(text: str, operator: Operator) -> SourceMapping:
    """Return the mapping that a TOML document describes; :class:`MappingFault` says what is wrong.

    Its programmes and sites must be the operator's.
    """
    try:
        table = tomllib.loads(text)
        time_zone = str(table.pop("time_zone", operator.row.time_zone))
        columns = parse_report_mapping(table)
    except (ValueError, TypeError, AttributeError) as error:
        raise MappingFault(error.args[0] if error.args else str(error)) from error
    if not is_known_zone(time_zone):
        raise MappingFault(Phrase("no time zone {0!r}: write one like Europe/Paris", time_zone))
    unknown = sorted(set(columns.programmes.values()) - set(operator.programme))
    if isinstance(columns, PresenceMapping):
        unknown += sorted(set(columns.places.values()) - {HOME, *operator.site})
    if unknown:
        raise MappingFault(
            Phrase("the operator has no {0}: write the ids of its tables", ", ".join(unknown))
        )
    return SourceMapping(columns, time_zone)


def import_statistics(
    name: str, data: bytes, mapping: SourceMapping, recorded_at: datetime
) -> ReportImport:
    """Read a file (CSV, Parquet, XLSX); ValueError where it is not a table or lacks a column."""
    log = read_log(name, data)
    found = import_reports(log.frame, mapping.columns, mapping.time_zone, recorded_at)
    faults = [
        replace(fault, row=int(log.rows[fault.row - FIRST_ROW])) if fault.row else fault
        for fault in found.faults
    ]
    if log.ragged:
        faults.append(describe_ragged(log))
    return ReportImport(found.figures, found.presence, tuple(faults), found.rows)


def import_rows(
    rows: Sequence[Mapping[str, Any]], mapping: SourceMapping, recorded_at: datetime
) -> ReportImport:
    """Read rows that a program sends, in the columns of the source; ValueError as for a file."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = {name: [_write_cell(row.get(name)) for row in rows] for name in names}
    frame = pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String))
    return import_reports(frame, mapping.columns, mapping.time_zone, recorded_at)


def _write_cell(value: object) -> str | None:
    return None if value is None else str(value)


def file_statistics(found: ReportImport, source: str) -> FiledStatistics:
    """Store what was read, in one transaction; an older report leaves a later one as it is."""
    figures = [
        IntervalReport(
            programme=row.programme, source=source, start=row.start, minutes=row.minutes,
            recorded_at=row.recorded_at, **{name: getattr(row, name) for name in FIGURES},
        )
        for row in found.figures
    ]  # fmt: skip
    presence = [_build_presence(row, source) for row in found.presence]
    with transaction.atomic():
        older = _file(IntervalReport, figures, ("start", "programme", "source"), _INTERVAL_COLUMNS)
        keys = ("at", "programme", "place", "source")
        older += _file(PresenceReport, presence, keys, _PRESENCE_COLUMNS)
    return FiledStatistics(found.rows.read, found.rows.used, older, found.faults)


def _build_presence(row: PresenceFigures, source: str) -> PresenceReport:
    return PresenceReport(
        programme=row.programme, place=row.place, source=source, at=row.at,
        recorded_at=row.recorded_at, agents=row.agents,
    )  # fmt: skip


def _file(
    model: type[_Row], rows: Iterable[_Row], keys: Sequence[str], columns: Sequence[str]
) -> int:
    """Store rows over older ones of the same keys; return how many were older than what is there.

    Writers of one source wait for each other on the rows that they share.
    """
    newest: dict[tuple[Any, ...], _Row] = {}
    for row in rows:
        key = tuple(getattr(row, name) for name in keys)
        if key not in newest or newest[key].recorded_at <= row.recorded_at:
            newest[key] = row
    if not newest:
        return 0
    first, source = keys[0], next(iter(newest.values())).source
    instants = [key[0] for key in newest]
    held = _select(model, source).filter(
        **{f"{first}__gte": min(instants), f"{first}__lte": max(instants)}
    )
    later = {
        key
        for row in held
        if (key := tuple(getattr(row, name) for name in keys)) in newest
        and row.recorded_at > newest[key].recorded_at
    }
    fresh: list[Any] = [row for key, row in newest.items() if key not in later]
    model._default_manager.bulk_create(
        fresh, update_conflicts=True, unique_fields=list(keys), update_fields=list(columns),
        batch_size=500,
    )  # fmt: skip
    return len(later)


def _select(model: type[Model], source: str) -> Any:
    return model._default_manager.filter(source=source).select_for_update()
