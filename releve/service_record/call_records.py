"""Calls as a SIP proxy records them (acc, db_flatstore), folded into intervals; retention.

A cursor moves in the transaction that files the lines, and a call is one row whatever file its
lines stand in: a kill, a rotation, a copy or a cut file loses and doubles nothing. The intervals
that the lines touch are folded in the same transaction. An interval counts once every file was read
after its end; one in which no proxy wrote any line is not known.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import F

from releve.demand.requirement import INTERVAL
from releve.erasure import Findings
from releve.errors import Phrase
from releve.network import UTC, Programme
from releve.service_record.models import (
    CallRecord,
    DayForecast,
    IntervalReport,
    PresenceReport,
    RecordCursor,
    StatisticsFile,
)
from releve.service_record.statistics import PROXY, note_fault

COLUMNS = (
    "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time", "cseq",
    "direction", "programme", "target", "began", "logged",
)  # fmt: skip
"""The columns of a line of our proxy (docs/proxy.md)."""
_LINES = 500
_LONGEST = 65536
_READER = "reader"
"""The cursor of no file: who holds it reads, and when all files were read to their ends."""
_NOTED, _FIRST_REACH = timedelta(seconds=20), timedelta(days=40)
_SKEW = timedelta(minutes=2)
_REFUSED = ("603", "503")
"""Answers of the proxy itself to a call that the gate did not allow."""
_FIELDS = ("direction", "programme", "target", "began", "set_up_at", "ended_at", "code", "filed_at")


@dataclass(slots=True)
class CallCounts:
    """Lines filed; lines that are not of a proxy of ours; lines ahead of our clock."""

    filed: int = 0
    broken: int = 0
    ahead: int = 0


@dataclass(slots=True)
class _Call:
    """What some lines say of a call: its set-up as logged last, its end as logged first."""

    fields: dict[str, object] = field(default_factory=dict)
    ended_at: datetime | None = None


def read_call_records(folders: Iterable[Path], programmes: Mapping[str, Programme], now: datetime) -> CallCounts:
    """File what the files of some folders say and was not read yet."""
    found = CallCounts()
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.is_file()):
            before = found.broken, found.ahead
            _read_file(path, programmes, now, found)
            _note_faults(path, now, found.broken - before[0], found.ahead - before[1])
    _note_ends(now)
    return found


def _note_ends(now: datetime) -> None:
    """Store that every file was read after the end of the intervals that are over."""
    reader, _ = RecordCursor.objects.get_or_create(source=_READER)
    if reader.read_at is not None and abs(now - reader.read_at) < _NOTED:
        return
    since = (reader.read_at or now - _FIRST_REACH) - 2 * INTERVAL
    with transaction.atomic():
        IntervalReport.objects.filter(
            source=PROXY, start__gte=since, start__lte=now - INTERVAL, recorded_at__lt=F("start") + INTERVAL
        ).update(recorded_at=now)
        RecordCursor.objects.filter(source=_READER).update(read_at=now)


def _note_faults(path: Path, now: datetime, broken: int, ahead: int) -> None:
    if broken:
        reason = Phrase("{0} lines are not records of a call with their instants", broken)
        fix = Phrase("make the configuration of the proxy again (releve routing kamailio config)")
        note_fault(PROXY, path.name, now, reason, fix)
    if ahead:
        reason = Phrase("{0} calls lie in the future", ahead)
        note_fault(PROXY, path.name, now, reason, Phrase("set the clock of the proxy, or ours"))


def _read_file(path: Path, programmes: Mapping[str, Programme], now: datetime, found: CallCounts) -> None:
    with path.open("rb") as stream:
        first = stream.readline(_LONGEST)
        if not first.endswith(b"\n"):
            return
        inode = os.fstat(stream.fileno()).st_ino
        source = f"{inode}:{hashlib.sha256(first).hexdigest()[:32]}"
        cursor = RecordCursor.objects.filter(source=source).first()
        if cursor is not None and cursor.offset == os.fstat(stream.fileno()).st_size:
            return
        while True:
            with transaction.atomic():
                # one reader at a time: two would fold one interval from halves of its calls
                RecordCursor.objects.select_for_update().get_or_create(source=_READER)
                cursor, _ = RecordCursor.objects.get_or_create(source=source)
                _seek(stream, cursor)
                lines = list(islice(_whole_lines(stream), _LINES))
                if not lines:
                    cursor.save(update_fields=["offset"])
                    return
                cursor.offset += sum(map(len, lines))
                cursor.file, cursor.read_at = path.name[:200], now
                cursor.save(update_fields=["offset", "file", "read_at"])
                _file_calls(_parse_lines(lines, now, found), programmes, now)


def _seek(stream: BinaryIO, cursor: RecordCursor) -> None:
    """Go to where the reading stopped; to the start of a file that was cut or written over."""
    if cursor.offset:
        stream.seek(cursor.offset - 1)
        if stream.read(1) != b"\n":
            cursor.offset = 0
    stream.seek(cursor.offset)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines that were written to their end."""
    for line in stream:
        if not line.endswith(b"\n"):
            return
        yield line


def _parse_lines(lines: Sequence[bytes], now: datetime, found: CallCounts) -> dict[str, _Call]:
    """Return what lines say of each call, by the digest of its Call-ID."""
    calls: dict[str, _Call] = {}
    for line in lines:
        cells = line.decode("utf-8", "replace").rstrip("\n").split("|")
        row = dict(zip(COLUMNS, cells, strict=False))
        began, logged = _parse_instant(row.get("began")), _parse_instant(row.get("logged"))
        whole = len(cells) == len(COLUMNS) and row["callid"] and row["sip_code"].isdecimal()
        if not whole or began is None or logged is None:
            found.broken += 1
            continue
        found.ahead += logged > now + _SKEW
        found.filed += 1
        call = calls.setdefault(hashlib.sha256(row["callid"].encode()).hexdigest()[:32], _Call())
        if row["method"] == "BYE":
            call.ended_at = min(logged, call.ended_at or logged)
        elif row["method"] == "INVITE" and not _is_refused(row):
            held = call.fields.get("set_up_at")
            if not isinstance(held, datetime) or logged >= held:
                call.fields = {
                    "direction": row["direction"][:3], "programme": row["programme"][:64],
                    "target": row["target"][:128], "began": began, "set_up_at": logged,
                    "code": int(row["sip_code"][:3]),
                }  # fmt: skip
    return {digest: call for digest, call in calls.items() if call.fields or call.ended_at}


def _is_refused(row: Mapping[str, str]) -> bool:
    """Return whether the proxy itself refused a call out, as the gate had answered."""
    return row["direction"] == "out" and row["sip_code"] in _REFUSED and not row["to_tag"]


def _parse_instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(text or ""), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _file_calls(calls: Mapping[str, _Call], programmes: Mapping[str, Programme], now: datetime) -> None:
    """Store calls over what was known of them, and fold the intervals that they touch again."""
    held = {row.digest: row for row in CallRecord.objects.filter(digest__in=list(calls))}
    touched: set[tuple[str, datetime]] = set()
    rows = []
    for digest, call in calls.items():
        row = held.get(digest) or CallRecord(digest=digest)
        _touch(touched, row)
        set_up = call.fields.get("set_up_at")
        if isinstance(set_up, datetime) and (row.set_up_at is None or set_up >= row.set_up_at):
            for name, value in call.fields.items():
                setattr(row, name, value)
        if call.ended_at is not None:
            row.ended_at = min(call.ended_at, row.ended_at or call.ended_at)
        row.filed_at = now
        _touch(touched, row)
        rows.append(row)
    CallRecord.objects.bulk_create(rows, update_conflicts=True, unique_fields=["digest"], update_fields=list(_FIELDS))
    _fold(touched, programmes, now)


def _touch(touched: set[tuple[str, datetime]], row: CallRecord) -> None:
    if row.began is not None:
        step = INTERVAL.total_seconds()
        start = datetime.fromtimestamp(row.began.timestamp() // step * step, UTC)
        touched.add((row.programme, start))


def _fold(touched: Iterable[tuple[str, datetime]], programmes: Mapping[str, Programme], now: datetime) -> None:
    dialled = [row.id for row in programmes.values() if row.kind == "inbound" and row.numbers]
    listed = sorted(touched, key=lambda one: (one[1], one[0]))
    reports = [_fold_interval(programmes[name], start, now) for name, start in listed if name in programmes]
    there = {(report.programme, report.start) for report in reports}
    silent = [
        _build_report(name, start, now, dict.fromkeys(_COUNTS, 0.0))
        for start in sorted({start for _, start in listed})
        for name in dialled
        if (name, start) not in there
    ]
    IntervalReport.objects.bulk_create(silent, ignore_conflicts=True)
    IntervalReport.objects.bulk_create(
        reports, update_conflicts=True, unique_fields=["start", "programme", "source"],
        update_fields=["recorded_at", "minutes", *_COUNTS],
    )  # fmt: skip


_COUNTS = ("offered", "answered", "abandoned", "in_time", "short", "handled_s", "waited_s")


def _build_report(name: str, start: datetime, now: datetime, counts: Mapping[str, float | None]) -> IntervalReport:
    minutes = round(INTERVAL.total_seconds() / 60)
    return IntervalReport(programme=name, source=PROXY, start=start, minutes=minutes, recorded_at=now, **counts)


def _fold_interval(row: Programme, start: datetime, now: datetime) -> IntervalReport:
    """Return a programme's interval from its calls, which count where they began.

    The seconds of work are not known while one of the answered calls goes on, or its end was not
    recorded; of calls out, waiting says nothing of a service.
    """
    found = CallRecord.objects.filter(
        programme=row.id, began__gte=start, began__lt=start + INTERVAL, set_up_at__isnull=False
    )
    calls = [
        (code, (set_up - began).total_seconds(), (ended - set_up).total_seconds() if ended else None)
        for code, began, set_up, ended in found.values_list("code", "began", "set_up_at", "ended_at")
        if began is not None and set_up is not None
    ]
    answered = [wait for code, wait, _ in calls if 200 <= code < 300]
    abandoned = [wait for code, wait, _ in calls if code == 487]
    talks = [talk for code, _, talk in calls if 200 <= code < 300]
    known = [talk for talk in talks if talk is not None]
    counts: dict[str, float | None] = {
        "offered": float(len(calls)),
        "answered": float(len(answered)),
        "abandoned": float(len(abandoned)),
        "in_time": float(sum(wait <= row.service_threshold_s for wait in answered)),
        "short": float(sum(wait <= row.service_threshold_s for wait in abandoned)),
        "handled_s": sum(known) if len(known) == len(talks) else None,
        "waited_s": sum(answered),
    }
    if row.kind != "inbound":
        counts |= dict.fromkeys(("abandoned", "in_time", "short", "waited_s"))
    return _build_report(row.id, start, now, counts)


CALL_DAYS = 90
"""Single calls, and what was read of files; their counts stay in the intervals."""
INTERVAL_DAYS = 1096
"""Intervals, presence and forecasts: three years, as long as a contract's figures are disputed."""


class ServiceRecordData:
    """The retention of the record; a row says nothing of any agent."""

    name = "service_record"
    tables: Sequence[str] = ()

    def find(self, agent: str) -> Findings:
        return Findings()

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {}

    def erase_due(self, now: datetime) -> int:
        calls, intervals = (now - timedelta(days=days) for days in (CALL_DAYS, INTERVAL_DAYS))
        due = (
            CallRecord.objects.filter(filed_at__lt=calls),
            StatisticsFile.objects.filter(read_at__lt=calls),
            IntervalReport.objects.filter(start__lt=intervals),
            PresenceReport.objects.filter(at__lt=intervals),
            DayForecast.objects.filter(made_at__lt=intervals),
        )
        return sum(rows.delete()[0] for rows in due)
