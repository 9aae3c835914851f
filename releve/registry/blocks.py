"""Rows cut into blocks, each named by the digest of its content.

A table of a version is a *sheet*: a sequence of *blocks* of about 500 rows. A row whose key has a
checksum divisible by 512 starts a block, so that a row put in or taken out changes its own block
and no other (content-defined chunking, Muthitacharoen et al. 2001, doi:10.1145/502034.502052).
Two versions share the blocks they have in common; the order of the rows is kept.

A block is canonical JSON, compressed: ``{"columns": [...], "rows": [[...], ...]}``. It names its
columns, so that a block stored before a column was added is still read: the default stands there.

What an uploaded file holds: a workbook or a zip of tables, unpacked within limits.

It needs no database, so that the process that reads an upload reads it by this alone.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from releve.errors import Phrase
from releve.network import TableColumn, TableRow, list_columns, size_limits
from releve.network.faults import Correction
from releve.network.size_limits import MAX_FILES, measure_unpacked
from releve.registry.tables import KINDS, Damaged, NotAnUpload, build_key, json_decoder, json_encoder

_STARTS = 512
"""One key in so many starts a block."""
_MOST = 4096
"""Rows of a block at most, whatever the keys."""
LEVEL = 5
"""How hard a block is compressed."""


@dataclass(frozen=True, slots=True)
class CutBlock:
    """A block of a sheet: rows ``start`` to ``start + count``, and what is stored of them.

    ``data`` is empty where the block is known to be stored already.
    """

    digest: str
    start: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True)
class CutSheet:
    """A table cut into blocks."""

    table: str
    digest: str
    count: int
    blocks: tuple[CutBlock, ...]


def cut_sheet(kind: type[TableRow], rows: Sequence[TableRow], stored: frozenset[str] = frozenset()) -> CutSheet:
    """Cut a table into blocks; the data of the ``stored`` ones (digests) are not made."""
    blocks = []
    for start, end in _ranges(rows):
        text = _encode(kind, rows[start:end])
        digest = hashlib.sha256(text).hexdigest()
        data = b"" if digest in stored else zlib.compress(text, LEVEL)
        blocks.append(CutBlock(digest, start, end - start, data))
    digest = sheet_digest(kind.table, (block.digest for block in blocks))
    return CutSheet(kind.table, digest, len(rows), tuple(blocks))


def operator_digest(sheets: Mapping[str, str]) -> str:
    """Return the digest of an operator from those of its sheets by table."""
    return _digest("releve", (f"{table} {sheets[table]}" for table in KINDS))


def sheet_digest(table: str, blocks: Iterable[str]) -> str:
    """Return the digest of a sheet from those of its blocks, in order."""
    return _digest(table, blocks)


def _digest(name: str, parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join((name, *parts)).encode()).hexdigest()


def _ranges(rows: Sequence[TableRow]) -> Iterator[tuple[int, int]]:
    start = 0
    for at, row in enumerate(rows):
        starts = zlib.crc32(build_key(row).encode()) % _STARTS == 0
        if at > start and (starts or at - start == _MOST):
            yield start, at
            start = at
    if start < len(rows):
        yield start, len(rows)


def _encode(kind: type[TableRow], rows: Sequence[TableRow]) -> bytes:
    columns = list_columns(kind)
    values = [_encoded(column, [getattr(row, column.name) for row in rows]) for column in columns]
    content = {
        "columns": [column.name for column in columns],
        "rows": list(zip(*values, strict=True)),
        "table": kind.table,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(column: TableColumn, values: list[Any]) -> list[Any]:
    convert = json_encoder(column)
    if convert is None:
        return values
    return [None if value is None else convert(value) for value in values]


def decode_block(digest: str, data: bytes) -> str:
    """Return the canonical JSON of a stored block; Damaged when it is not what was stored."""
    try:
        text = zlib.decompress(data)
    except zlib.error as error:
        raise Damaged(Phrase("block {0} of the registry cannot be read: {1}", digest[:12], str(error))) from error
    if hashlib.sha256(text).hexdigest() != digest:
        raise Damaged(Phrase("block {0} of the registry differs from its digest", digest[:12]))
    return text.decode()


def parse_rows(text: str) -> tuple[TableRow, ...]:
    """Return the rows of a block's canonical JSON."""
    content = json.loads(text)
    kind = KINDS[content["table"]]
    held = dict(zip(content["columns"], zip(*content["rows"], strict=True), strict=True))
    count = len(content["rows"])
    values = [
        _decoded(column, held[column.name]) if column.name in held else [column.default] * count
        for column in list_columns(kind)
    ]
    return tuple(kind(*row) for row in zip(*values, strict=True))


def _decoded(column: TableColumn, values: Sequence[Any]) -> Sequence[Any]:
    convert = json_decoder(column)
    if convert is None:
        return values
    return [None if value is None else convert(value) for value in values]


MOST_BYTES = 64 * 1024 * 1024
"""Size of a file that is taken in."""
KEPT_FOR = timedelta(days=1)
"""How long an upload waits for its sender, and what was read of it for a page."""
_TABLES = (".csv", ".parquet", ".xlsx")
_CORRECTIONS = "corrections.json"


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
        raise NotAnUpload(Phrase("{0!r} is neither a workbook (.xlsx) nor a zip of tables (.zip)", name))
    archive = _archive(data)
    size = _require_small(archive)
    files = _unpacked(archive)
    for name, inner in files.items():
        if name.lower().endswith(".xlsx"):
            size = _require_small(_archive(inner), size)
    return files


def correct_upload(name: str, data: bytes, corrections: Iterable[Correction]) -> tuple[str, bytes]:
    """Return the name and bytes of an upload with corrections laid beside its files, which stay as they were sent."""
    made = [*list_upload_corrections(name, data), *corrections]
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, inner in unpack_upload(name, data).items():
            archive.writestr(file, inner)
        archive.writestr(_CORRECTIONS, json.dumps([asdict(one) for one in made]))
    return (name if name.lower().endswith(".zip") else f"{name[:190]}.zip"), out.getvalue()


def list_upload_corrections(name: str, data: bytes) -> tuple[Correction, ...]:
    """Return the corrections that were laid beside the files of an upload."""
    if not name.lower().endswith(".zip"):
        return ()
    archive = _archive(data)
    if _CORRECTIONS not in archive.namelist():
        return ()
    try:
        return tuple(Correction(**row) for row in json.loads(archive.read(_CORRECTIONS)))
    except (ValueError, TypeError):
        return ()  # a file of the sender's own


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
