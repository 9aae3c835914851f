"""Files of statistics dropped into folders: one folder a source, with its ``mapping.toml``.

A file is read once it has been unchanged for a moment, and again when it or its mapping changes;
the instant at which it was written says which of two reports is the later one. What could not be
read is shown, with the fix, and does not keep other files from being read.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from releve.demand.import_report import ImportFault
from releve.errors import Phrase, decode_phrase, encode_phrase
from releve.network import UTC, Operator
from releve.service_record.errors import MappingFault
from releve.service_record.models import StatisticsFile
from releve.service_record.statistics import (
    FiledStatistics,
    file_statistics,
    import_statistics,
    read_mapping,
)

__all__ = [
    "MAPPING",
    "FaultyFile",
    "find_source_mapping",
    "list_faulty_files",
    "note_fault",
    "read_first_fault",
    "read_statistics_folder",
]

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
        defaults={
            "source": source, "name": name[:200], "read_at": now, "faults": _write_faults([fault])
        },
    )  # fmt: skip


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
            raise MappingFault(
                Phrase("{0} has no {1}: write what the columns of its files are", source, MAPPING)
            )
        found = import_statistics(name, data, read_mapping(mapping, operator), written)
    except ValueError as error:
        said = error.args[0] if error.args else str(error)
        fault = ImportFault("file", 0, "", "", str(said), _NOT_READ, "")
        return FiledStatistics(0, 0, 0, (replace(fault, reason=said),))
    return file_statistics(found, source[:64])


def _write_faults(faults: Sequence[ImportFault]) -> list[dict[str, Any]]:
    return [
        {name: encode_phrase(getattr(row, name)) for name in ("row", *_SAID)}
        for row in faults[:_SHOWN_FAULTS]
    ]


def read_first_fault(file: StatisticsFile) -> tuple[int, tuple[str, ...]]:
    """Return the line of a file's first fault (0: of none), and its texts that are not empty."""
    first = file.faults[0]
    return first["row"], tuple(text for name in _SAID if (text := decode_phrase(first[name])))
