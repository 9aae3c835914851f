"""Photos of inspections: files named by their content, without metadata, erased on their day.

A photo stands as ``photos/SHA-256`` in the home folder; the ledger's entry holds the name. It goes
when no inspection names it within a day, or when the time of the ``retention`` rule for other
values has passed since the last inspection that does. The entry and its proofs stay. Only the
parts of a file that draw the picture are copied: place, time, device, thumbnails, comments and
colour profiles are left out, a JPEG's orientation is kept, nothing is decoded. Formats: ITU-T T.81
annex B and Exif 2.32 (JPEG), ISO/IEC 15948 (PNG), RFC 9649 (WebP).
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import time
import zlib
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from releve.errors import ReleveError
from releve.files.atomic import make_folder, write_file
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live.clock import LIVE
from releve.live.current_rules import load_installed_rules
from releve.situation import KINDS, RetentionRule, list_fields

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"))
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH"))
_WEBP_ADDED = 0x20 | 0x08 | 0x04  # flags of VP8X: profile, Exif, XMP
_EOI, _SOS, _APP0, _APP1, _APP14 = 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
_JPEG_KEPT = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, _SOS} - {0xC8})
_ORIENTATION = 0x0112


class NotAPhoto(ReleveError, ValueError):  # noqa: N818
    """The content is not a complete JPEG, PNG or WebP picture."""


def detect_photo_type(data: bytes) -> str:
    """Return the media type by the content; empty for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def remove_metadata(data: bytes) -> bytes:
    """Return a photo with what draws it and nothing else; NotAPhoto when it is none, or is cut."""
    made = {"image/jpeg": _strip_jpeg, "image/png": _strip_png, "image/webp": _strip_webp}.get(detect_photo_type(data))
    if made is None:
        raise NotAPhoto("the file is no JPEG, PNG or WebP picture")
    try:
        return made(data)
    except (struct.error, IndexError) as error:
        raise NotAPhoto("the picture is cut off") from error


def _strip_jpeg(data: bytes) -> bytes:
    head, turned, kept, drawn = b"", b"", [], False
    for marker, segment in _iter_segments(data):
        if marker == _APP0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18:
            head = head or b"\xff\xe0\0\x10" + segment[4:16] + b"\0\0"  # without its thumbnail
        elif marker == _APP1 and segment[4:10] == b"Exif\0\0":
            turned = turned or _build_orientation_segment(_read_orientation(segment[10:]))
        elif marker in _JPEG_KEPT or (marker == _APP14 and segment[4:9] == b"Adobe"):
            kept.append(segment)
            drawn = drawn or marker == _SOS
    if not drawn:
        raise NotAPhoto("the picture has nothing to draw")
    return b"".join((b"\xff\xd8", head, turned, *kept, b"\xff\xd9"))


def _iter_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the bytes of each segment up to the end of the picture."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise NotAPhoto("the picture is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _EOI:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        if length < 2 or end > len(data):
            raise NotAPhoto("the picture is cut off")
        if marker == _SOS:
            end = _find_scan_end(data, end)
        yield marker, data[at:end]
        at = end


def _find_scan_end(data: bytes, at: int) -> int:
    """Return where the coded data of a scan end: at the next marker that is not of the data."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise NotAPhoto("the picture is cut off")
        follows = data[at + 1]
        if follows != 0 and not 0xD0 <= follows <= 0xD7 and follows != 0xFF:
            return at
        at += 1 if follows == 0xFF else 2


def _read_orientation(tiff: bytes) -> int:
    """Return how a picture is to be turned, 1 to 8; 1 (not at all) where Exif does not say."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for number in range(min(count, 200)):
            tag, kind, _count, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * number)
            if tag == _ORIENTATION and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        return 1
    return 1


def _build_orientation_segment(orientation: int) -> bytes:
    """Return an Exif segment that says how a picture is to be turned, and nothing else."""
    if orientation == 1:
        return b""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    tiff = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _strip_png(data: bytes) -> bytes:
    kept, at, drawn = [_PNG], len(_PNG), False
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        (check,) = struct.unpack_from(">I", chunk, 8 + length)
        if zlib.crc32(chunk[4 : 8 + length]) != check:
            raise NotAPhoto("the picture is damaged")
        if kind in _PNG_KEPT:
            kept.append(chunk)
        drawn = drawn or kind == b"IDAT"
        at += 12 + length
        if kind == b"IEND":
            break
    if not drawn:
        raise NotAPhoto("the picture has nothing to draw")
    return b"".join(kept)


def _strip_webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    end, at, kept = 8 + size, 12, [b"WEBP"]
    if end > len(data):
        raise NotAPhoto("the picture is cut off")
    while at < end:
        kind, length = struct.unpack_from("<4sI", data, at)
        chunk = data[at : at + 8 + length + length % 2]
        if len(chunk) < 8 + length:
            raise NotAPhoto("the picture is cut off")
        if kind in (b"ANIM", b"ANMF"):
            raise NotAPhoto("the picture moves: send one that does not")
        if kind == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_ADDED]) + chunk[9:]
        if kind in _WEBP_KEPT:
            kept.append(chunk)
        at += 8 + length + length % 2
    if not any(part[:4] in (b"VP8 ", b"VP8L") for part in kept):
        raise NotAPhoto("the picture has nothing to draw")
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


MAX_PHOTO_BYTES, MAX_PHOTOS = 8 * 1024 * 1024, 4
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNNAMED_SECONDS = 24 * 3600


def store_photo(data: bytes) -> str:
    """Keep a photo without what the camera added; return its SHA-256. NotAPhoto when it is none."""
    data = remove_metadata(data)
    digest = hashlib.sha256(data).hexdigest()
    path = _get_folder() / digest
    make_folder(path.parent, mode=0o700)
    write_file(path, data, mode=0o600)
    return digest


def load_photo(digest: str) -> bytes | None:
    """Return a photo; None where there is none of that name, or it was erased."""
    if not has_photo(digest):
        return None
    return (_get_folder() / digest).read_bytes()


def has_photo(digest: str) -> bool:
    """Return whether a photo is kept."""
    return _DIGEST.fullmatch(digest) is not None and (_get_folder() / digest).is_file()


def erase_photos(now: datetime) -> int:
    """Erase the photos whose day has come, and those that nothing names; return how many."""
    paths = [path for path in _get_folder().glob("*") if path.is_file()]
    if not paths:
        return 0
    last = dict(_last_days())
    gone = [path for path in paths if _is_due(path, last.get(path.name), now.date())]
    for path in gone:
        path.unlink(missing_ok=True)
    named = sum(path.name in last for path in gone)
    if named:
        with transaction.atomic():
            ledger.lock_head()
            ledger.append("photos.erased", {"count": named}, recorded_at=now, stream=LIVE)
    return len(gone)


def _is_due(path: Path, last: date | None, today: date) -> bool:
    if last is None:
        return time.time() - path.stat().st_mtime > _UNNAMED_SECONDS
    return today > last


def _last_days() -> Iterator[tuple[str, date]]:
    """Yield each photo with the last day it is kept, the latest last."""

    rules = load_installed_rules()
    kinds = [kind for kind, row in KINDS.items() if "photos" in {field.name for field in list_fields(row)}]
    rows = LedgerEntry.objects.filter(kind__in=kinds).values_list("recorded_at", "body")
    found: list[tuple[date, str]] = []
    for at, written in rows.iterator(chunk_size=500):
        day = datetime.fromisoformat(at).date()
        rule = rules.one(RetentionRule, day) or RetentionRule()
        until = day + timedelta(days=rule.other_days)
        found += [(until, digest) for digest in json.loads(written).get("photos", ())]
    for until, digest in sorted(found):
        yield digest, until


def _get_folder() -> Path:
    return Path(settings.HOME) / "photos"
