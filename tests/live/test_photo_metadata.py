"""What is copied of a photo: what draws it; where, when and by what it was taken is left out."""

from __future__ import annotations

import struct
import zlib

import pytest

from releve.live.photos import NotAPhoto, detect_photo_type, remove_metadata

SECRET = b"33.5731 N 7.5898 W"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def exif(orientation: int, order: str = "<") -> bytes:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(f"{order}HHI", 0x010F, 2, 18) + struct.pack(f"{order}I", 38)
    entries += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = mark + struct.pack(f"{order}IH", 8, 2) + entries + struct.pack(f"{order}I", 0) + SECRET
    return segment(0xE1, b"Exif\0\0" + tiff)


SCAN = segment(0xDA, b"\x01\x01\0\0?\0") + b"\x12\xff\0\x34\xff\xd0\x56"
JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x01" + SECRET)


def jpeg(*parts: bytes, scan: bytes = SCAN, end: bytes = b"\xff\xd9") -> bytes:
    tables = segment(0xDB, bytes(65)) + segment(0xC0, bytes(11)) + segment(0xC4, bytes(17))
    return b"\xff\xd8" + b"".join(parts) + tables + scan + end


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + data + chunk(b"IEND", b"")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


PICTURES = [
    jpeg(JFIF, exif(1), segment(0xFE, SECRET), segment(0xE2, SECRET), segment(0xED, SECRET)),
    jpeg(exif(6), exif(1)) + SECRET,
    jpeg(exif(8, ">"), end=segment(0xC4, bytes(17)) + SCAN + b"\xff\xd9"),
    png(chunk(b"tEXt", SECRET), chunk(b"eXIf", SECRET), chunk(b"iCCP", SECRET)) + SECRET,
    webp((b"VP8X", b"\x2c\0\0\0" + bytes(6)), (b"VP8L", b"abc"), (b"EXIF", SECRET), (b"XMP ", SECRET)),
]


@pytest.mark.parametrize("data", PICTURES)
def test_nothing_but_the_picture_is_left_and_once_more_changes_nothing(data: bytes) -> None:
    assert SECRET in data
    found = remove_metadata(data)
    assert SECRET not in found
    assert SECRET[:6] not in found
    assert detect_photo_type(found) == detect_photo_type(data)
    assert remove_metadata(found) == found


@pytest.mark.parametrize(("order", "turned"), [("<", 6), (">", 3), ("<", 8)])
def test_a_photo_keeps_how_it_is_to_be_turned(order: str, turned: int) -> None:
    found = remove_metadata(jpeg(exif(turned, order)))
    assert struct.pack(">HHIH", 0x0112, 3, 1, turned) in found
    assert b"Exif" not in remove_metadata(jpeg(exif(1, order)))


def test_every_scan_of_a_photo_is_copied_whole() -> None:
    bare = jpeg(end=segment(0xC4, bytes(17)) + SCAN + b"\xff\xd9")
    assert remove_metadata(bare) == bare


def test_a_webp_says_no_more_that_it_has_what_was_taken_out() -> None:
    found = remove_metadata(PICTURES[-1])
    assert found[20] == 0
    assert struct.unpack_from("<I", found, 4)[0] == len(found) - 8


@pytest.mark.parametrize("data", PICTURES)
def test_a_cut_picture_is_refused_wherever_it_is_cut(data: bytes) -> None:
    whole = remove_metadata(data)
    for size in range(len(whole)):
        with pytest.raises(NotAPhoto):
            remove_metadata(whole[:size])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"GIF89a",
        b"\xff\xd8\xff\xd9",
        png().replace(b"IDAT", b"IDAX"),
        webp((b"VP8X", bytes(10)), (b"ANIM", bytes(6))),
        webp((b"EXIF", SECRET)),
    ],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPhoto):
        remove_metadata(data)
