"""Uploads: a workbook, or a zip of tables, kept until their sender confirms or discards them."""

from __future__ import annotations

import secrets
import zipfile
import zlib
from datetime import timedelta
from io import BytesIO
from pathlib import PurePosixPath

from django.db import transaction
from django.utils import timezone

from releve.errors import Phrase
from releve.network import Operator, read_operator, size_limits
from releve.network.size_limits import MAX_FILES, measure_unpacked
from releve.registry.changes import Changes
from releve.registry.errors import Conflict, NotAnUpload, NotThere
from releve.registry.models import Upload, Version
from releve.registry.service import apply_changes, preview_changes

__all__ = [
    "MOST_BYTES",
    "apply_upload",
    "discard_upload",
    "find_upload",
    "preview_upload",
    "propose_upload",
    "read_upload",
    "store_upload",
    "unpack_upload",
]

MOST_BYTES = 64 * 1024 * 1024
"""Size of a file that is taken in."""
_KEPT_FOR = timedelta(days=1)
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


def read_upload(upload: Upload) -> Operator:
    """Return the operator of an upload; OperatorFaults with all of its faults."""
    return read_operator(unpack_upload(upload.name, bytes(upload.data)))


def propose_upload(name: str, data: bytes, by: str) -> Upload:
    """Return a file kept until its changes are confirmed; NothingChanged when there are none."""
    changes = preview_changes(read_upload(Upload(name=name, data=data)))
    changes.require_any()
    return store_upload(name, data, by, changes.base)


def preview_upload(upload: Upload) -> tuple[Operator, Changes]:
    """Return the operator of an upload and its changes, which count from now on.

    Whatever was current when the file was sent: what is shown now is what is applied.
    """
    operator = read_upload(upload)
    changes = preview_changes(operator)
    if (changes.base or 0) != upload.base:
        upload.base = changes.base or 0
        upload.save(update_fields=["base"])
    return operator, changes


def store_upload(name: str, data: bytes, by: str, base: int | None) -> Upload:
    """Keep an upload shown against the version ``base``, for a day at most; older ones go."""
    now = timezone.now()
    Upload.objects.filter(made_at__lt=now - _KEPT_FOR).delete()
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


def apply_upload(upload: Upload, by: str, comment: str = "") -> Version:
    """Make an upload the current version and let go of it.

    Conflict when another version became current since its changes were shown: the upload stays,
    so that they can be looked at again.
    """
    changes = preview_changes(read_upload(upload))
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


def discard_upload(upload: Upload) -> None:
    """Let go of an upload without applying it."""
    upload.delete()
