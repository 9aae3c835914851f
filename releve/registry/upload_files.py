"""What an uploaded file holds: a workbook or a zip of tables, unpacked within limits.

It needs no database, so that the process that reads an upload reads it by this alone.
"""

from __future__ import annotations

import zipfile
import zlib
from datetime import timedelta
from io import BytesIO
from pathlib import PurePosixPath

from releve.errors import Phrase
from releve.network import size_limits
from releve.network.size_limits import MAX_FILES, measure_unpacked
from releve.registry.errors import NotAnUpload

__all__ = ["KEPT_FOR", "MOST_BYTES", "unpack_upload"]

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
