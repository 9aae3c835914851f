"""Outlooks that users order: fourteen days from today's situation, as chances.

An outlook starts from cases, so little of it is ever on the disk: its inputs are removed as soon as
its process ends, however it ends. ``found.json`` keeps the chances by site and by client.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from releve.crashtest import CrashResult, Settings, result_to_json
from releve.crashtest.estimates import estimate_share
from releve.files.atomic import write_file
from releve.files.locks import try_lock
from releve.files.pack_file import read_packs
from releve.runs.crash_test import run_crash_test
from releve.runs.execution import Execution
from releve.runs.job_store import PATIENCE_S, Job, JobKind, JobStore
from releve.runs.request import CrashTestRequest

__all__ = [
    "KEPT_DAYS",
    "OUTLOOKS",
    "OUTLOOK_DAYS",
    "OutlookJob",
    "OutlookOrder",
    "build_outlook_request",
    "execute_outlook",
    "read_chances",
    "remove_expired_outlooks",
]

OUTLOOK_DAYS = 14
KEPT_DAYS = 30
"""Days after which an outlook is removed: it was made from cases and reveals them."""
QUARTERS = 1000
THREADS = 2


@dataclass(frozen=True)
class OutlookOrder:
    """What an outlook was ordered with: by whom, when, of which stream, its first day."""

    by: str
    at: str
    stream: str
    first: str


OutlookJob = Job[OutlookOrder]
OUTLOOKS = JobKind("outlooks", "found.json", OutlookOrder, confidential=True)


def build_outlook_request(folder: Path, order: OutlookOrder) -> CrashTestRequest:
    """Return the request of an order, on the inputs in its folder."""
    inputs = folder / "inputs"
    return CrashTestRequest(
        operator=inputs / "operator",
        plan=inputs / "plan",
        rules=tuple(sorted((inputs / "rules").glob("*.yaml"))),
        packs=read_packs(inputs / "plan"),
        outlook=inputs / "events" / "events.jsonl",
        start=date.fromisoformat(order.first),
        settings=Settings(quarters=QUARTERS, days=OUTLOOK_DAYS, nearest=True),
    )


def execute_outlook(job: OutlookJob) -> None:
    """Simulate the coming days and keep the chances."""
    request = build_outlook_request(job.folder, job.order)
    result = run_crash_test(request, Execution(THREADS)).results[0]
    text = json.dumps(_summarise(result), ensure_ascii=False)
    write_file(job.folder / OUTLOOKS.result, text, durable=False)


def _summarise(result: CrashResult) -> dict[str, Any]:
    """Return what is kept of a result."""
    tree = json.loads(result_to_json(result))
    return {
        "days": tree["days"],
        "quarters": tree["quarters"],
        "sites": [
            {"site": row["site"], "name": row["name"], "closes": row["closes"]}
            for row in tree["sites"]
        ],
        "clients": [
            {
                "client": row["client"],
                "name": row["name"],
                "misses_a_day": _estimate_missing(row["survival"][-1], tree["quarters"]),
                "breaks_target": row["breaks_target"],
            }
            for row in tree["clients"]
        ],
    }


def _estimate_missing(survival: float, quarters: int) -> dict[str, float]:
    """Return the chance that a day is missed, with its interval."""
    hits = round((1.0 - survival) * quarters)
    return asdict(estimate_share(np.arange(quarters) < hits))


def read_chances(job: OutlookJob) -> Mapping[str, Any]:
    """Return the chances of an outlook that is done; empty before, and where it failed."""
    if job.state != "done":
        return {}
    found: Mapping[str, Any] = json.loads((job.folder / OUTLOOKS.result).read_text("utf-8"))
    return found


def remove_expired_outlooks(store: JobStore[OutlookOrder]) -> None:
    """Remove outlooks that are too old, and the inputs of one whose process is gone."""
    oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    for job in store.list_jobs():
        if datetime.fromisoformat(job.order.at) < oldest:
            shutil.rmtree(job.folder, ignore_errors=True)
        elif (job.folder / "inputs").exists() and _is_old(job.folder):
            _remove_inputs(job)


def _is_old(folder: Path) -> bool:
    return time.time() - folder.stat().st_mtime > PATIENCE_S


def _remove_inputs(job: OutlookJob) -> None:
    """Remove the inputs that a killed process left; without a result the outlook has failed."""
    lock = try_lock(job.folder / "lock")
    if lock is None:
        return
    with lock:
        shutil.rmtree(job.folder / "inputs", ignore_errors=True)
        if not (job.folder / OUTLOOKS.result).exists():
            write_file(job.folder / "failed.json", json.dumps({"reason": ""}), durable=False)
