"""Clearings of the association's clerk, each in a process of its own.

The process outlives its worker: a restarted worker finds the result or waits for it, and computes
nothing twice. The inputs were fixed in the ledger before; the job keeps a copy, which names members
and prices, until it ends.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from releve.files.atomic import write_file
from releve.plugins.sector.engine import (
    Clearing,
    Openings,
    ReliefMatch,
    SectorOffer,
    SectorRequest,
    check_clearing,
    clear,
    describe_clearing,
)
from releve.runs.job_store import Job, JobKind, JobStore

CLEARING_DEADLINE = timedelta(minutes=15)
"""The work is bounded by what is counted; this is an alarm, and never changes a result."""
_FILE = "openings.json"


@dataclass(frozen=True)
class ClearingOrder:
    gate: str
    at: str


ClearingJob = Job[ClearingOrder]


def find_clearing(store: JobStore[ClearingOrder], gate: str) -> ClearingJob | None:
    return next((job for job in store.list_jobs() if job.order.gate == gate), None)


def pack_openings(openings: Openings, seed: bytes) -> dict[str, dict[str, bytes]]:
    found = {
        "offers": [asdict(one) for one in openings.offers],
        "requests": [asdict(one) for one in openings.requests],
        "approvals": sorted(openings.approvals),
        "seed": seed.hex(),
    }
    return {"openings": {_FILE: json.dumps(found, ensure_ascii=False).encode()}}


def execute_clearing(job: ClearingJob) -> None:
    text = (job.folder / "inputs" / "openings" / _FILE).read_text(encoding="utf-8")
    found = json.loads(text)
    for row in (*found["offers"], *found["requests"]):
        row["agents"] = _pairs(row["agents"])
    openings = Openings(
        tuple(SectorOffer(**row) for row in found["offers"]),
        tuple(SectorRequest(**row) for row in found["requests"]),
        frozenset((request, operator, where) for request, operator, where in found["approvals"]),
    )
    cleared = clear(openings, bytes.fromhex(found["seed"]))
    text = json.dumps(describe_clearing(cleared), ensure_ascii=False)
    write_file(job.folder / CLEARINGS.result, text)


CLEARINGS = JobKind(
    "clearings", "clearing.json", ClearingOrder, execute_clearing, take_turns=True, confidential=True,
    most_seconds=CLEARING_DEADLINE.total_seconds(),
)  # fmt: skip


def read_result(job: ClearingJob, openings: Openings) -> Clearing:
    """Return the clearing of a job that is done; SectorError where it breaks a law of one."""
    cleared = parse_clearing((job.folder / CLEARINGS.result).read_text(encoding="utf-8"))
    check_clearing(openings, cleared.matches)
    return cleared


def parse_clearing(text: str) -> Clearing:
    found = json.loads(text)
    return Clearing(
        tuple(ReliefMatch(**one) for one in found.pop("matches")),
        _pairs(found.pop("alone")),
        _pairs(found.pop("served")),
        **found,
    )


def _pairs(rows: list[list[Any]]) -> tuple[tuple[Any, int], ...]:
    return tuple((name, int(count)) for name, count in rows)
