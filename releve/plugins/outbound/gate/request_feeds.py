"""Feeds from diallers: what people said, as files dropped in a folder or as rows over HTTP.

Both end in :func:`releve.plugins.outbound.gate.person_requests.record_requests`. A cursor moves in
the transaction that records the rows, so a kill loses and doubles nothing; a faulty row is set
aside with its line, field and code, and is not tried again. A file is read once it is whole
(renamed to ``….csv``, or unchanged for some seconds), and is known by its content, whatever it is
called.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from releve.files.atomic import write_file
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.facts import Watermark as ReadAt
from releve.plugins.outbound.gate.errors import GateError
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import Cursor, FeedFaultRow, WatermarkRow
from releve.plugins.outbound.gate.person_requests import (
    PhoneRequest,
    RecordedRequest,
    RequestFault,
    RequestFaults,
    record_requests,
)

COLUMNS = ("id", "number", "said", "client", "at", "channel", "outcome", "call")
"""The columns of a row; the first four are needed. ``id`` names it for its sender."""

EVERY = "*"
"""The cell for every client; an empty cell is a fault."""

SETTLE_SECONDS = 2.0
_NEEDED = COLUMNS[:4]
_FEW = 20
"""Rows recorded at a time: on SQLite calls wait meanwhile."""
_READ_EVERY = timedelta(minutes=1)
_DONE, _ASIDE = "done", "set-aside"


class FeedMoved(GateError):  # noqa: N818 (named like the others)
    """Rows that do not follow those taken so far: ``position`` is where the feed stands."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the feed stands at {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that was set aside: its line (the first row of a feed is 1), the field, a code."""

    line: int
    field: str
    code: str


@dataclass(slots=True)
class FeedResult:
    """Numbers of rows recorded now, recorded before and set aside, and the end of the feed."""

    recorded: int = 0
    before: int = 0
    set_aside: int = 0
    position: int = 0
    faults: list[RowFault] = field(default_factory=list)


Allowed = Callable[[str], bool]
"""Whether the sender may record for a client; empty: for every client."""


def take_rows(
    feed: str, rows: Sequence[Mapping[str, str]], *, position: int, by: str, allowed: Allowed = lambda client: True
) -> FeedResult:
    """Take the rows of a feed that follow ``position``; FeedMoved where it stands elsewhere."""
    return _take_rows(f"feed:{feed}", feed, rows, position, by, allowed)


def feed_position(feed: str) -> int:
    """Return how many rows of a feed were taken."""
    row = Cursor.objects.filter(source=f"feed:{feed}").first()
    return 0 if row is None else row.offset


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """A file or a feed, and how many of its rows were read."""

    file: str
    rows: int


@dataclass(frozen=True, slots=True)
class AsideRow:
    """A row that was set aside; what it held is not kept."""

    at: datetime
    file: str
    line: int
    field: str
    code: str


def list_feed_positions(most: int) -> tuple[FeedPosition, ...]:
    """Return the latest files and feeds, the newest first, each with how many rows were read."""
    found = Cursor.objects.filter(Q(source__startswith="drop:") | Q(source__startswith="feed:"))
    rows = found.order_by("-pk").values_list("file", "offset")[:most]
    return tuple(FeedPosition(file, offset) for file, offset in rows)


def list_aside_rows(most: int) -> tuple[AsideRow, ...]:
    """Return the latest rows that were set aside, the newest first."""
    rows = FeedFaultRow.objects.order_by("-pk").values_list("at", "file", "line", "field", "code")
    return tuple(AsideRow(*row) for row in rows[:most])


def take_files(folder: Path, *, by: str, settle: float = SETTLE_SECONDS, delete: bool = False) -> FeedResult:
    """Take the rows of every whole file in a folder, and put the files away.

    To ``done``, or nowhere with ``delete``; rows that were set aside stand in ``set-aside`` under
    the same name, each with its fault.
    """
    found = FeedResult()
    for path in sorted(folder.iterdir()):
        data = _read_whole(path, settle)
        if data is None:
            continue
        try:
            one = _read_file(path, data, by)
        except FeedMoved:  # another process reads it
            continue
        found.recorded += one.recorded
        found.before += one.before
        found.set_aside += one.set_aside
        found.faults += one.faults
        _put_away(folder, path, data, delete)
    return found


def record_reading(registers: Sequence[str], *, by: str) -> None:
    """Note that a feed is where some registers are read from, and was read now."""
    now = read_clock()
    late = [
        name for name in registers if not WatermarkRow.objects.filter(feed=name, read_at__gt=now - _READ_EVERY).exists()
    ]
    if late:
        load_facts([ReadAt(name, now) for name in late], source="feed read", by=by)


def _read_whole(path: Path, settle: float) -> bytes | None:
    """Return a file's content, None where it is not a table or is being written."""
    if path.suffix.lower() != ".csv" or path.name.startswith(".") or not path.is_file():
        return None
    before = path.stat()
    if time.time() - before.st_mtime < settle:
        return None
    data = path.read_bytes()
    after = path.stat()
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return data if same and len(data) == after.st_size else None


def _source_name(data: bytes) -> str:
    return f"drop:{hashlib.sha256(data).hexdigest()[:56]}"


def _read_file(path: Path, data: bytes, by: str) -> FeedResult:
    source = _source_name(data)
    rows, fault = _parse_rows(data)
    start = Cursor.objects.filter(source=source).values_list("offset", flat=True).first() or 0
    if fault is not None:
        found = FeedResult(set_aside=1, faults=[fault])
        if start == 0:
            with transaction.atomic():
                _set_aside(source, path.name, [fault])
                Cursor.objects.create(source=source, file=path.name[:200], offset=1)
        return found
    return _take_rows(source, path.name, rows[start:], start, by, lambda client: True)


def _parse_rows(data: bytes) -> tuple[list[dict[str, str]], RowFault | None]:
    """Return the rows of a CSV (``,`` ``;`` or tab; UTF-8 or cp1252), or why it is not one."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip().lower() for name in next(lines, [])]
        missing = [name for name in _NEEDED if name not in names]
        unknown = [name for name in names if name not in COLUMNS]
        if missing:
            return [], RowFault(1, missing[0], "columns.missing")
        if unknown or len(set(names)) < len(names):
            return [], RowFault(1, "", "columns.unknown")
        rows = [dict(zip(names, cells, strict=True)) if len(cells) == len(names) else {} for cells in lines if cells]
    except csv.Error:
        return [], RowFault(1, "", "row.unreadable")
    return rows, None


def _take_rows(
    source: str, name: str, rows: Sequence[Mapping[str, str]], position: int, by: str, allowed: Allowed
) -> FeedResult:
    """Record rows a few at a time, each few with the cursor."""
    found = FeedResult(position=position)
    parts = [rows[at : at + _FEW] for at in range(0, len(rows), _FEW)] or [rows]
    for part in parts:
        with transaction.atomic():
            cursor, _ = Cursor.objects.select_for_update().get_or_create(source=source)
            if cursor.offset != found.position:
                raise FeedMoved(cursor.offset)
            faults = _record_rows(part, name, found, by, allowed)
            _set_aside(source, name, faults)
            cursor.offset += len(part)
            cursor.file = name[:200]
            cursor.save(update_fields=["offset", "file"])
        found.position += len(part)
        found.set_aside += len({one.line for one in faults})
        found.faults += faults
    return found


def _record_rows(
    rows: Sequence[Mapping[str, str]], name: str, found: FeedResult, by: str, allowed: Allowed
) -> list[RowFault]:
    """Record what can be; return the faults of the rest by their lines."""
    faults: list[RowFault] = []
    requests: list[tuple[int, PhoneRequest]] = []
    for line, row in enumerate(rows, found.position + 1):
        parsed = _build_request(row, allowed)
        if isinstance(parsed, PhoneRequest):
            requests.append((line, parsed))
        else:
            faults.append(RowFault(line, parsed.field, parsed.code))
    done = record_requests([one for _, one in requests], by=by, source=f"feed {name}")
    for (line, _), one in zip(requests, done, strict=True):
        if isinstance(one, RecordedRequest):
            found.before += one.before
            found.recorded += not one.before
        elif isinstance(one, RequestFaults):
            faults += [RowFault(line, fault.field, fault.code) for fault in one.faults]
        else:
            faults.append(RowFault(line, "key", "key.reused"))
    return [
        RowFault(fault.line, "id" if fault.field == "key" else fault.field, fault.code)
        for fault in sorted(faults, key=lambda fault: fault.line)
    ]


def _build_request(row: Mapping[str, str], allowed: Allowed) -> PhoneRequest | RequestFault:
    """Return the request of a row, or the first thing that is wrong with its cells."""
    if not row:
        return RequestFault("", "row.unreadable")
    cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if not cells["client"]:
        return RequestFault("client", "client.unknown")
    client = "" if cells["client"] == EVERY else cells["client"]
    if not allowed(client):
        return RequestFault("client", "client.elsewhere")
    at: datetime | None = None
    if cells["at"]:
        try:
            at = datetime.fromisoformat(cells["at"])
        except ValueError:
            return RequestFault("at", "at.unreadable")
    return PhoneRequest(
        cells["id"], cells["number"], cells["said"], client, at,
        cells["channel"] or "dialler", cells["outcome"], cells["call"],
    )  # fmt: skip


def _set_aside(source: str, name: str, faults: Sequence[RowFault]) -> None:
    now = read_clock()
    FeedFaultRow.objects.bulk_create(
        FeedFaultRow(feed=source[:64], file=name[:200], line=one.line, field=one.field, code=one.code, at=now)
        for one in faults
    )


def _put_away(folder: Path, path: Path, data: bytes, delete: bool) -> None:
    """Write the rows that were set aside under the file's name, and move it out of the way."""
    source = _source_name(data)
    faults = FeedFaultRow.objects.filter(feed=source[:64]).order_by("line", "pk")
    codes: dict[int, list[str]] = {}
    for line, name, code in faults.values_list("line", "field", "code"):
        codes.setdefault(line, []).append(f"{name}: {code}" if name else code)
    if codes:
        _write_into(folder / _ASIDE, path.name, "".join(_aside_lines(data, codes)).encode())
    if delete:
        path.unlink(missing_ok=True)
        return
    done = folder / _DONE
    done.mkdir(exist_ok=True)
    place = done / path.name
    if place.exists() and place.read_bytes() != data:
        place = done / f"{path.stem}.{source[5:17]}{path.suffix}"
    os.replace(path, place)


def _aside_lines(data: bytes, codes: Mapping[int, Sequence[str]]) -> Iterator[str]:
    rows, fault = _parse_rows(data)
    yield f"fault;{';'.join(COLUMNS)}\n"
    if fault is not None:
        yield f"{codes[1][0]}\n"
        return
    for line, row in enumerate(rows, 1):
        if line in codes:
            buffer = io.StringIO()
            cells = [", ".join(codes[line]), *(row.get(name, "") for name in COLUMNS)]
            csv.writer(buffer, delimiter=";", lineterminator="\n").writerow(cells)
            yield buffer.getvalue()


def _write_into(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(exist_ok=True)
    write_file(folder / name, data)
