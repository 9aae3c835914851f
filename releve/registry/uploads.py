"""Uploads: a workbook, or a zip of tables, kept until their sender confirms or discards them.

A call log as history of the operator: recognised by its headers, mapped, compared, stored.

What an uploaded file holds: a workbook or a zip of tables, unpacked within limits.

It needs no database, so that the process that reads an upload reads it by this alone.
"""

from __future__ import annotations

import secrets
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from django.db import transaction
from django.utils import timezone

from releve.demand import list_history_rows, parse_mapping
from releve.demand.call_log_file import LogTable, import_table, recognize_log
from releve.demand.import_report import ImportFault, RowCount, group_import_faults
from releve.errors import Phrase
from releve.network import HistoryRow, Operator, size_limits, zone
from releve.network.size_limits import MAX_FILES, measure_unpacked
from releve.registry.changes import Changes
from releve.registry.models import Upload, Version
from releve.registry.service import apply_changes, preview_changes
from releve.registry.tables import Conflict, NotAnUpload, NotThere


@dataclass(frozen=True)
class RecognizedLog:
    """A log and the mapping that its headers suggest.

    ``columns``: the header or headers of each meaning (``answered`` of a log of calls: the outcomes
    that mean it); ``queues``: the programme of each queue of
    the log, empty where it is none of the operator's.
    """

    log: LogTable
    mapping: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    queues: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CallSummary:
    """What would be stored of a log: half hours ``added``, those of the operator ``replaced``.

    ``rows``: where every row of the log went. ``first`` and ``last`` are days by the clock of the
    log; ``left_out``: half-open days of programmes; ``others``: queues that were left out.
    """

    rows: RowCount
    added: int
    replaced: int
    first: date | None
    last: date | None
    left_out: tuple[tuple[str, date], ...]
    others: tuple[str, ...]
    faults: tuple[ImportFault, ...]


@dataclass(frozen=True)
class CallImport:
    """What a log becomes: the operator with it, and what of it is new."""

    operator: Operator
    summary: CallSummary


def recognize_calls(name: str, log: LogTable, operator: Operator) -> RecognizedLog:
    """Return a log with the mapping of its headers; NotAnUpload where they are not recognised."""
    try:
        mapping = recognize_log(log.whole_frame(), operator)
    except (ValueError, TypeError) as error:
        raise NotAnUpload(_state_reason(error)) from error
    if mapping is None:
        raise NotAnUpload(
            Phrase(
                "the headers of {0} are not recognised: name its columns as a telephony export does"
                " (date and time, queue, and offered calls or one row a call)",
                name,
            )
        )
    columns = {
        key: (value,) if isinstance(value, str) else tuple(value)
        for key, value in mapping.items()
        if key not in ("time_zone", "programmes")
    }
    queues = {
        queue: programme if programme in operator.programme else ""
        for queue, programme in mapping["programmes"].items()
    }
    return RecognizedLog(log, mapping, columns, queues)


def import_calls(found: RecognizedLog, operator: Operator, queues: Mapping[str, str]) -> CallImport:
    """Return an operator with the calls of a log, each queue under the programme given for it.

    Of a programme the days that the log holds are replaced whole; queues whose programme is empty
    are left out. NotAnUpload where the mapping does not fit the log.
    """
    mapping = dict(found.mapping)
    zone_name = str(mapping.pop("time_zone"))
    others = {queue: f"({queue})" for queue, programme in queues.items() if not programme}
    mapping["programmes"] = {**queues, **others}
    try:
        report = import_table(found.log, parse_mapping(mapping), zone_name)
    except (ValueError, TypeError) as error:
        raise NotAnUpload(_state_reason(error)) from error
    rows, left_out = list_history_rows(report.histories, zone_name)
    kept = [row for row in rows if row.programme in operator.programme]
    days = {_find_day(row, zone_name) for row in kept}
    before = [row for row in operator.history if _find_day(row, zone_name) not in days]
    summary = CallSummary(
        rows=report.rows,
        added=len(kept),
        replaced=len(operator.history) - len(before),
        first=min((day for _programme, day in days), default=None),
        last=max((day for _programme, day in days), default=None),
        left_out=tuple(row for row in left_out if row[0] in operator.programme),
        others=tuple(others),
        faults=group_import_faults(report.faults),
    )
    return CallImport(replace(operator, history=(*before, *kept)), summary)


def _state_reason(error: Exception) -> Phrase:
    found = error.args[0] if error.args else ""
    if isinstance(found, Phrase):
        return found
    return Phrase("the file cannot be used: {0}", str(error))


def _find_day(row: HistoryRow, zone_name: str) -> tuple[str, date]:
    return row.programme, row.start.astimezone(zone(zone_name)).date()


MOST_BYTES = 64 * 1024 * 1024
"""Size of a file that is taken in."""
KEPT_FOR = timedelta(days=1)
"""How long an upload waits for its sender, and what was read of it for a page."""
_TABLES = (".csv", ".parquet", ".xlsx")


def unpack_upload(name: str, data: bytes) -> dict[str, bytes]:
    """Return the operator's files in an upload, by name; NotAnUpload says what it should be.

    A zip may hold its files in a folder; what is no table (a README, system files) is left out.
    """
    if len(data) > MOST_BYTES:
        raise NotAnUpload(Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2))
    suffix = PurePosixPath(name.lower()).suffix
    if suffix == ".xlsx":
        _require_small(_archive(data))
        return {"operator.xlsx": data}
    if suffix != ".zip":
        raise NotAnUpload(
            Phrase("{0!r} is neither a workbook (.xlsx) nor a zip of tables (.zip)", name)
        )
    archive = _archive(data)
    size = _require_small(archive)
    files = _unpacked(archive)
    for name, inner in files.items():
        if name.lower().endswith(".xlsx"):
            size = _require_small(_archive(inner), size)
    return files


def _archive(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile as error:
        raise NotAnUpload(Phrase("the file is damaged: it cannot be unpacked")) from error


def _require_small(archive: zipfile.ZipFile, within: int = 0) -> int:
    """Return the bytes that a zip unpacks to; refuse what would fill the memory, before unpacking.

    ``within``: the bytes that the zip around it unpacks to.
    """
    try:
        size = within + measure_unpacked(archive)
    except zipfile.BadZipFile as error:
        raise NotAnUpload(Phrase("the file is damaged: it cannot be unpacked")) from error
    if size > size_limits.MAX_UNPACKED_BYTES or len(archive.infolist()) > MAX_FILES:
        raise NotAnUpload(
            Phrase(
                "the file unpacks to more than {0} MB or {1} files",
                size_limits.MAX_UNPACKED_BYTES // 1024**2,
                MAX_FILES,
            )
        )
    return size


def _unpacked(archive: zipfile.ZipFile) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for item in archive.infolist():
        path = PurePosixPath(item.filename)
        hidden = path.name.startswith((".", "~$")) or "__MACOSX" in path.parts
        if item.is_dir() or hidden or path.suffix.lower() not in _TABLES:
            continue
        if path.name in files:
            raise NotAnUpload(Phrase("the zip holds {0} twice, in two folders", path.name))
        try:
            files[path.name] = archive.read(item)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
            raise NotAnUpload(Phrase("{0} cannot be unpacked: {1}", path.name, error)) from error
    if not files:
        raise NotAnUpload(Phrase("the zip holds no CSV, Parquet or XLSX file"))
    return files


def preview_upload(upload: Upload, operator: Operator) -> Changes:
    """Return the changes by the operator that an upload holds; they count from now on.

    Whatever was current when the file was sent: what is shown now is what is applied.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        upload.base = changes.base or 0
        upload.save(update_fields=["base"])
    return changes


def store_upload(name: str, data: bytes, by: str, base: int | None) -> Upload:
    """Keep an upload shown against the version ``base``, for a day at most; older ones go."""
    now = timezone.now()
    remove_expired(now)
    return Upload.objects.create(
        token=secrets.token_urlsafe(32),
        name=name[:200],
        data=data,
        base=base or 0,
        made_at=now,
        made_by=by,
    )


def find_upload(token: str, by: str) -> Upload:
    """Return a user's own upload; NotThere when it was applied, discarded or is a day old."""
    found = Upload.objects.filter(token=token, made_by=by).first()
    if found is None:
        raise NotThere(Phrase("this upload is no longer there: send the file again"))
    return found


def apply_upload(upload: Upload, operator: Operator, by: str, comment: str = "") -> Version:
    """Make the operator that an upload holds the current version and let go of the upload.

    Conflict when another version became current since its changes were shown: the upload stays,
    so that they can be looked at again.
    """
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        raise Conflict(
            Phrase(
                "these changes were shown against version {0}, but version {1} is current now;"
                " nothing was stored: look at them again",
                upload.base or "none",
                changes.base,
            )
        )
    with transaction.atomic():
        made = apply_changes(changes, by, comment, source=upload.name)
        upload.delete()
    return made


def remove_expired(now: datetime) -> None:
    """Remove the uploads that were neither confirmed nor discarded in time."""
    Upload.objects.filter(made_at__lt=now - KEPT_FOR).delete()


def discard_upload(upload: Upload) -> None:
    """Let go of an upload without applying it."""
    upload.delete()
