"""Outcomes of calls, read from the files that a SIP proxy appends to (acc, db_flatstore).

The attempt was counted by the decision; a file tells its outcome, which is a further version of the
attempt, or that our proxy never placed the call. A cursor moves in
the transaction that files the rows, so a kill loses and doubles nothing. A file is known by its
inode and its first line, whatever it is called after a rotation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.db import transaction

from releve.gate.attempt_outcomes import UNKNOWN, is_more_precise, write_outcomes
from releve.gate.errors import OutcomeFault
from releve.gate.models import AttemptRow, Cursor
from releve.gate.unplaced_calls import names_unplaced, record_unplaced

__all__ = ["COLUMNS", "UNKNOWN", "OutcomeCounts", "mark_unknown", "read_outcomes"]

COLUMNS = (
    "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time", "cseq",
    "direction", "programme", "target", "began", "logged",
)  # fmt: skip
"""The columns of a line: those of acc, then the extra ones of our proxy (docs/proxy.md)."""
_FEWER = (8, 11)
"""Columns of a proxy of another kind, without what follows the CSeq, or without the instants."""

_CHUNK = 1000
_LONGEST = 65536
_BY_CODE = {
    "486": "busy", "600": "busy", "408": "no-answer", "480": "no-answer", "487": "no-answer",
    "404": "unallocated", "410": "unallocated", "604": "unallocated", "603": "declined",
}  # fmt: skip
_REFUSED = ("603", "503")
"""Answers of any proxy itself to a call that the gate did not allow."""


@dataclass(slots=True)
class OutcomeCounts:
    """Numbers: filed, no attempt of the gate, no line of acc, a refused call, one not placed."""

    filed: int = 0
    strange: int = 0
    broken: int = 0
    refused: int = 0
    withdrawn: int = 0


@dataclass(slots=True)
class _CallsOut:
    """What some lines say of calls, by their names: the last outcome of each, which were refused,
    which have a target, and when those that were not placed began."""

    outcomes: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    unplaced: dict[str, str] = field(default_factory=dict)


def classify_sip_code(code: str) -> str:
    """Return the outcome of a SIP reply code."""
    return "answered" if code.startswith("2") else _BY_CODE.get(code, "failed")


def read_outcomes(folder: Path, columns: Sequence[str] = COLUMNS) -> OutcomeCounts:
    """File what the folder's files say and was not read yet; return the counts.

    ``refused``: a call that the proxy itself refused (603 or 503 without the To tag that the called
    party would have given), as the gate had answered. ``withdrawn``: an attempt that does not count
    any more, since our proxy did not place the call. ``strange``: a call that it let through or
    tried without an attempt counted here. More of them than calls in set-up when the database was
    killed means that calls go around the gate. OutcomeFault where the columns do not name a call.
    """
    missing = {"callid", "cseq", "sip_code"} - set(columns)
    if missing:
        raise OutcomeFault(f"the columns lack {', '.join(sorted(missing))}")
    found = OutcomeCounts()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        _read_log(path, columns, found)
    return found


def _read_log(path: Path, columns: Sequence[str], found: OutcomeCounts) -> None:
    with path.open("rb") as stream:
        first = stream.readline(_LONGEST)
        if not first.endswith(b"\n"):
            return
        source = f"{path.stat().st_ino}:{hashlib.sha256(first).hexdigest()[:32]}"
        while True:
            with transaction.atomic():
                cursor, _ = Cursor.objects.select_for_update().get_or_create(source=source)
                stream.seek(cursor.offset)
                lines = list(islice(_whole_lines(stream), _CHUNK))
                if not lines:
                    return
                cursor.offset += sum(map(len, lines))
                cursor.file = path.name[:200]
                cursor.save(update_fields=["offset", "file"])
                _file_outcomes(_parse_outcomes(lines, columns, found), path.name, found)


def _whole_lines(stream: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines that were written to their end."""
    for line in stream:
        if not line.endswith(b"\n"):
            return
        yield line


def _parse_outcomes(
    lines: Sequence[bytes], columns: Sequence[str], found: OutcomeCounts
) -> _CallsOut:
    """Return what some lines say of calls out; of a call, its last line's outcome."""
    calls = _CallsOut()
    for line in lines:
        cells = line.decode("utf-8", "replace").rstrip("\n").split("|")
        row = dict(zip(columns, cells, strict=False))
        if (
            len(cells) not in (*_FEWER, len(columns))
            or not row["callid"]
            or not row["cseq"].isdecimal()
        ):
            found.broken += 1
        elif row.get("method", "INVITE") == "INVITE" and row.get("direction") != "in":
            call = f"{row['callid']}/{int(row['cseq'])}"
            calls.outcomes[call] = classify_sip_code(row["sip_code"])
            if names_unplaced(row):
                calls.unplaced[call] = row["began"]
            if row.get("target"):
                calls.placed.add(call)
            if call in calls.unplaced or (row["sip_code"] in _REFUSED and row.get("to_tag") == ""):
                calls.refused.add(call)
            else:
                calls.refused.discard(call)
    return calls


def _file_outcomes(calls: _CallsOut, name: str, found: OutcomeCounts) -> None:
    """Write the further versions of the attempts; the same outcome again is none.

    A call that was not placed has no outcome.
    """
    unplaced = record_unplaced(calls.unplaced, calls.placed, name)
    outcomes = calls.outcomes
    last: dict[tuple[str, str, str], AttemptRow] = {}
    for row in AttemptRow.objects.filter(ref__in=outcomes).order_by("pk"):
        last[row.ref, row.person, row.provider] = row
    counted = {ref for ref, *_ in last}
    uncounted = outcomes.keys() - counted
    found.refused += len(uncounted & calls.refused)
    found.strange += len(uncounted - calls.refused)
    found.withdrawn += len(counted & unplaced)
    new = [
        row
        for row in last.values()
        if row.ref not in unplaced and is_more_precise(row.outcome, outcomes[row.ref])
    ]
    write_outcomes(new, [outcomes[row.ref] for row in new], f"outcomes {name}")
    found.filed += len(new)


def mark_unknown(before: datetime) -> int:
    """Give the gate's attempts from before an instant that have no outcome one: ``unknown``.

    What a file says later counts instead.
    """
    outcomes = AttemptRow.objects.exclude(outcome="").values("ref")
    silent = list(
        AttemptRow.objects.filter(load=None, at__lt=before).exclude(ref__in=outcomes)[:_CHUNK]
    )
    with transaction.atomic():
        write_outcomes(silent, [UNKNOWN] * len(silent), "outcomes not reported")
    return len(silent)
