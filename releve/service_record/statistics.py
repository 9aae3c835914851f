"""Interval statistics, from tables or from files dropped into folders; the record of some hours.

Late, twice or corrected, the last report counts. Each source has a folder with its
``mapping.toml``. A file is read once it has been unchanged for a moment, and again when it or its
mapping changes; the instant at which it was written orders the reports. A faulty file is shown with
its fix and does not stop the others. Of two sources, statistics come before call records.
"""

from __future__ import annotations

import hashlib
import logging
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from django.db import transaction
from django.db.models import Model

from releve.demand.history import HistoryRows, sum_half_hours
from releve.demand.import_report import FIRST_ROW, ImportFault
from releve.demand.intraday import FIGURES, IntervalFigures, PresenceFigures, ReportImport, import_reports
from releve.demand.log_table import describe_ragged, read_log
from releve.demand.mapping import IntervalMapping, PresenceMapping, parse_report_mapping
from releve.demand.requirement import INTERVAL, History
from releve.errors import Phrase, decode_phrase, encode_phrase
from releve.network import HOME, UTC, Operator, is_known_zone
from releve.service_record.errors import MappingFault
from releve.service_record.models import IntervalReport, PresenceReport, StatisticsFile

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
        raise MappingFault(Phrase("the operator has no {0}: write the ids of its tables", ", ".join(unknown)))
    return SourceMapping(columns, time_zone)


def import_statistics(name: str, data: bytes, mapping: SourceMapping, recorded_at: datetime) -> ReportImport:
    """Read a file (CSV, Parquet, XLSX); ValueError where it is not a table or lacks a column."""
    log = read_log(name, data)
    found = import_reports(log.frame, mapping.columns, mapping.time_zone, recorded_at)
    faults = [
        replace(fault, row=int(log.rows[fault.row - FIRST_ROW])) if fault.row else fault for fault in found.faults
    ]
    if log.ragged:
        faults.append(describe_ragged(log))
    return ReportImport(found.figures, found.presence, tuple(faults), found.rows)


def import_rows(rows: Sequence[Mapping[str, Any]], mapping: SourceMapping, recorded_at: datetime) -> ReportImport:
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


def _file(model: type[_Row], rows: Iterable[_Row], keys: Sequence[str], columns: Sequence[str]) -> int:
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
    held = _select(model, source).filter(**{f"{first}__gte": min(instants), f"{first}__lte": max(instants)})
    later = {
        key
        for row in held
        if (key := tuple(getattr(row, name) for name in keys)) in newest and row.recorded_at > newest[key].recorded_at
    }
    fresh: list[Any] = [row for key, row in newest.items() if key not in later]
    model._default_manager.bulk_create(
        fresh, update_conflicts=True, unique_fields=list(keys), update_fields=list(columns), batch_size=500
    )
    return len(later)


def _select(model: type[Model], source: str) -> Any:
    return model._default_manager.filter(source=source).select_for_update()


MAPPING = "mapping.toml"
_SUFFIXES = (".csv", ".parquet", ".xlsx")
_QUIET = timedelta(seconds=2)
_SHOWN_FAULTS = 10
_SHOWN_FILES = 5
_SAID = ("column", "value", "reason", "effect", "fix")
_NOT_READ = Phrase("the file is not read")
_log = logging.getLogger("releve.service_record")
_known: dict[Path, tuple[int, int, str]] = {}
"""By file: size, time of writing and digest, so that an unchanged file is not read to hash it."""


@dataclass(frozen=True, slots=True)
class FaultyFile:
    """A file of statistics of which something was set aside: ``used`` of its ``rows`` counted.

    ``line`` of its first fault, 0 where it is of none; ``fault`` are the texts of that: where it
    stands, what was done, the fix.
    """

    file: str
    read_at: datetime
    rows: int
    used: int
    line: int
    fault: tuple[str, ...]


def read_statistics_folder(folder: Path, operator: Operator, now: datetime) -> int:
    """File what is new in the folders of every source; return how many files were read."""
    read = 0
    for path in _list_files(folder):
        try:
            read += _read_file(path, folder, operator, now)
        except OSError as error:  # it was moved away, or may not be read: the others are
            _log.warning("%s is not read: %s", path, error.strerror or error)
    return read


def find_source_mapping(folder: Path, source: str) -> str | None:
    """Return the text of a source's mapping; None where there is no such source."""
    path = folder / source / MAPPING
    plain = source and Path(source).name == source and not source.startswith(".")
    return path.read_text("utf-8", "replace") if plain and path.is_file() else None


def note_fault(source: str, name: str, now: datetime, reason: Phrase, fix: Phrase) -> None:
    """Keep what is wrong with a file that is read on and on: the last of a kind and day."""
    fault = ImportFault("file", 0, "", "", reason, "", fix)
    kind = f"{source}\n{name}\n{reason.template}\n{now.date()}"
    StatisticsFile.objects.update_or_create(
        digest=hashlib.sha256(kind.encode()).hexdigest(),
        defaults={"source": source, "name": name[:200], "read_at": now, "faults": _write_faults([fault])},
    )


def list_faulty_files(since: datetime) -> list[FaultyFile]:
    """Return the files read since an instant of which something was set aside, the newest first."""
    rows = StatisticsFile.objects.filter(read_at__gte=since).exclude(faults=[])
    return [
        FaultyFile(str(row), row.read_at, row.rows, row.used, *read_first_fault(row))
        for row in rows.order_by("-read_at")[:_SHOWN_FILES]
    ]


def _list_files(folder: Path) -> Iterator[Path]:
    """Yield the tables in the folders of a folder; those of a source by their names."""
    if folder.is_dir():
        for path in sorted(folder.glob("*/*")):
            if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."):
                yield path


def _read_file(path: Path, folder: Path, operator: Operator, now: datetime) -> bool:
    """Read a file, unless it was read or is still being written; return whether it was."""
    status = path.stat()
    written = datetime.fromtimestamp(status.st_mtime, UTC)
    if now - written < _QUIET and written <= now:
        return False
    source = path.parent.name
    mapping = find_source_mapping(folder, source) or ""
    stamp = (status.st_size, status.st_mtime_ns, hashlib.sha256(mapping.encode()).hexdigest())
    if _known.get(path) == stamp:
        return False
    data = path.read_bytes()
    digest = hashlib.sha256(f"{path.name}\n{mapping}\n".encode() + data).hexdigest()
    if not StatisticsFile.objects.filter(digest=digest).exists():
        with transaction.atomic():
            found = _file_one(path.name, data, mapping, operator, min(written, now), source)
            StatisticsFile.objects.create(
                source=source[:64], name=path.name[:200], digest=digest, read_at=now,
                rows=found.rows, used=found.used, faults=_write_faults(found.faults),
            )  # fmt: skip
    _known[path] = stamp
    return True


def _file_one(
    name: str, data: bytes, mapping: str, operator: Operator, written: datetime, source: str
) -> FiledStatistics:
    try:
        if not mapping:
            raise MappingFault(Phrase("{0} has no {1}: write what the columns of its files are", source, MAPPING))
        found = import_statistics(name, data, read_mapping(mapping, operator), written)
    except ValueError as error:
        said = error.args[0] if error.args else str(error)
        fault = ImportFault("file", 0, "", "", str(said), _NOT_READ, "")
        return FiledStatistics(0, 0, 0, (replace(fault, reason=said),))
    return file_statistics(found, source[:64])


def _write_faults(faults: Sequence[ImportFault]) -> list[dict[str, Any]]:
    return [{name: encode_phrase(getattr(row, name)) for name in ("row", *_SAID)} for row in faults[:_SHOWN_FAULTS]]


def read_first_fault(file: StatisticsFile) -> tuple[int, tuple[str, ...]]:
    """Return the line of a file's first fault (0: of none), and its texts that are not empty."""
    first = file.faults[0]
    return first["row"], tuple(text for name in _SAID if (text := decode_phrase(first[name])))


PROXY = "proxy"
"""The source of what is folded from the call records of a proxy."""


def list_reports(start: datetime, end: datetime) -> list[IntervalReport]:
    rows = IntervalReport.objects.filter(start__gte=start, start__lt=end)
    return list(rows.order_by("start", "programme", "source"))


def load_reports(start: datetime, end: datetime) -> list[IntervalFigures]:
    return prefer_statistics(list_reports(start, end))


def prefer_statistics(rows: Iterable[IntervalReport]) -> list[IntervalFigures]:
    """Return the figures of rows; the records of a proxy count where no statistics came.

    An ACD sees what a proxy does not: how long a call waited in its queue, who answered it. The
    records of an interval count once they were read after its end.
    """
    step = timedelta(minutes=1)
    listed = [row for row in rows if row.source != PROXY or row.recorded_at >= row.start + row.minutes * step]
    stated = {(row.programme, _half_hour(row.start)) for row in listed if row.source != PROXY}
    return [
        IntervalFigures(
            row.programme, row.start, row.recorded_at, minutes=row.minutes,
            **{name: getattr(row, name) for name in FIGURES},
        )
        for row in listed
        if row.source != PROXY or (row.programme, row.start) not in stated
    ]  # fmt: skip


def _half_hour(start: datetime) -> datetime:
    step = INTERVAL.total_seconds()
    return datetime.fromtimestamp(start.timestamp() // step * step, start.tzinfo)


def sum_half_hour(rows: Iterable[IntervalReport], start: datetime) -> dict[str, tuple[float, float, float, float]]:
    """Return by programme the calls offered, answered and abandoned that rows report so far of a half hour, and the
    seconds that those answered waited.

    NaN = not known. Of several reports of the same minutes the last counts; the records of a proxy where no
    statistics came. A call counts once it was answered, given up or refused.
    """
    found = [row for row in rows if start <= row.start < start + INTERVAL]
    found.sort(key=lambda row: row.recorded_at)
    stated = {row.programme for row in found if row.source != PROXY}
    last = {(row.programme, row.start): row for row in found if row.source != PROXY or row.programme not in stated}
    sums: dict[str, tuple[float, float, float, float]] = {}
    for (programme, _), row in last.items():
        given = (row.offered, row.answered, row.abandoned, row.waited_s)
        a, b, c, d = (math.nan if one is None else one for one in given)
        before = sums.get(programme, (0.0, 0.0, 0.0, 0.0))
        sums[programme] = (before[0] + a, before[1] + b, before[2] + c, before[3] + d)
    return sums


def load_presence(since: datetime, until: datetime) -> dict[str, tuple[datetime, float]]:
    """Return by programme when agents were last counted in a period, and how many; one query.

    The places of one count are added up. A programme without a count is not in the answer.
    """
    rows = PresenceReport.objects.filter(at__gte=since, at__lte=until).order_by("at", "source")
    found: dict[str, tuple[datetime, float]] = {}
    for row in _keep_last_source(list(rows)):
        at, agents = found.get(row.programme, (row.at, 0.0))
        found[row.programme] = (at, agents + row.agents)
    return found


def _keep_last_source(rows: Sequence[PresenceReport]) -> list[PresenceReport]:
    """Return the rows of each programme's last instant, of one source where several counted."""
    last = {row.programme: (row.at, row.source) for row in rows}
    return [row for row in rows if last[row.programme] == (row.at, row.source)]


_REACH = timedelta(weeks=26)
"""How far back the record is read; the level of a forecast rests on its last weeks."""


def extend_histories(
    histories: Mapping[str, History], programmes: Sequence[str], until: datetime
) -> dict[str, History]:
    """Return the histories with the half hours of the record after them, up to ``until``."""
    found = dict(histories)
    for name in programmes:
        known = histories.get(name)
        since = until - _REACH
        if known is not None and len(known.starts):
            last = datetime.fromtimestamp(int(known.starts[-1]), UTC) + timedelta(minutes=30)
            since = max(since, last)
        rows = IntervalReport.objects.filter(programme=name, start__gte=since, start__lt=until)
        parts = _fold_rows(name, rows.order_by("start", "source"))
        if parts:
            found[name] = _join(name, [known, *parts] if known is not None else parts)
    return found


def _fold_rows(name: str, rows: Iterable[IntervalReport]) -> list[History]:
    """Return half hours of the reports, those of each length of interval apart."""
    reports = prefer_statistics(rows)
    parts = []
    for minutes in sorted({report.minutes for report in reports}):
        table = np.array(
            [
                [
                    report.start.timestamp(),
                    *(np.nan if value is None else value
                      for value in (report.offered, report.answered, report.handled_s)),
                ]
                for report in reports
                if report.minutes == minutes
            ],
            dtype=np.float64,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            aht_s = np.where(table[:, 2] > 0, table[:, 3] / table[:, 2], np.nan)
        aht_s[~(aht_s > 0)] = np.nan
        starts, first = np.unique(table[:, 0].astype(np.int64), return_index=True)
        columns = HistoryRows(starts, table[first, 1], table[first, 2], aht_s[first])
        parts.append(sum_half_hours(name, columns, minutes)[0])
    return parts


def _join(name: str, parts: Sequence[History]) -> History:
    """Return the half hours of several histories; of one that is in two the first that is known."""
    starts = np.concatenate([part.starts for part in parts])
    known = np.concatenate([np.isfinite(part.offered) for part in parts])
    order = np.lexsort((~known, starts))
    _, first = np.unique(starts[order], return_index=True)
    kept = order[first]
    columns = [
        np.concatenate([getattr(part, column) for part in parts])[kept] for column in ("offered", "answered", "aht_s")
    ]
    return History(name, starts[kept], *columns)
