"""Outlooks that users order: fourteen days from today's situation, as chances.

An outlook starts from cases, so its inputs are removed as soon as its process ends, however it
ends. ``found.json`` keeps the chances by site and by client.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from releve.files.atomic import try_lock, write_file
from releve.files.plan_folder import read_packs
from releve.plugins.crashtest.crash_test_job import run_ordered
from releve.plugins.crashtest.engine import CrashResult, Settings
from releve.plugins.crashtest.engine.ablation import estimate_share
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.result import read_estimates
from releve.plugins.crashtest.execution import Execution
from releve.plugins.crashtest.request import CrashTestRequest
from releve.runs.job_store import PATIENCE_S, Job, JobKind, JobStore

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


@dataclass(frozen=True, slots=True)
class OutlookHead:
    """An outlook by its days; it has no turn to wait for and is not stopped."""

    id: str
    state: Literal["running", "failed", "done"]
    by: str
    at: datetime
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class SiteChance:
    """How likely it is that a site is closed by the rule within the days."""

    site: str
    name: str
    closes: Estimate


@dataclass(frozen=True, slots=True)
class ClientChance:
    """How likely it is that a client misses a day, and its target over the days."""

    client: str
    name: str
    misses_a_day: Estimate
    breaks_target: Estimate


@dataclass(frozen=True)
class Chances:
    """The chances over so many simulated courses of the days."""

    days: int
    quarters: int
    sites: tuple[SiteChance, ...]
    clients: tuple[ClientChance, ...]


OutlookJob = Job[OutlookOrder]


def build_outlook_request(folder: Path, order: OutlookOrder) -> CrashTestRequest:
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
    result = run_ordered(request, Execution(THREADS)).results[0]
    text = json.dumps(asdict(_summarise(result)), ensure_ascii=False)
    write_file(job.folder / OUTLOOKS.result, text, durable=False)


OUTLOOKS = JobKind("outlooks", "found.json", OutlookOrder, execute_outlook, confidential=True)


def _summarise(result: CrashResult) -> Chances:
    return Chances(
        result.days,
        result.quarters,
        tuple(SiteChance(row.site, row.name, row.closes) for row in result.sites),
        tuple(
            ClientChance(row.client, row.name, _estimate_missing(row.survival[-1], result.quarters), row.breaks_target)
            for row in result.clients
        ),
    )


def _estimate_missing(survival: float, quarters: int) -> Estimate:
    """Return the chance that a day is missed, with its interval."""
    hits = round((1.0 - survival) * quarters)
    return estimate_share(np.arange(quarters) < hits)


def describe_outlook(job: OutlookJob) -> OutlookHead:
    """Return who made an outlook, for which days, and how it stands."""
    first = date.fromisoformat(job.order.first)
    done = job.state == "done"
    return OutlookHead(
        id=job.id,
        state="done" if done else "running" if job.active else "failed",
        by=job.order.by,
        at=datetime.fromisoformat(job.order.at),
        first=first,
        last=first + timedelta(days=OUTLOOK_DAYS - 1),
    )


def read_chances(job: OutlookJob) -> Chances | None:
    """Return the chances of an outlook that is done; None before, and where it failed."""
    if job.state != "done":
        return None
    tree = json.loads((job.folder / OUTLOOKS.result).read_text("utf-8"))
    return Chances(
        tree["days"],
        tree["quarters"],
        tuple(SiteChance(**read_estimates(row)) for row in tree["sites"]),
        tuple(ClientChance(**read_estimates(row)) for row in tree["clients"]),
    )


def remove_expired_outlooks(store: JobStore[OutlookOrder]) -> None:
    """Remove outlooks that are too old, and the inputs of one whose process is gone."""
    now = datetime.now(UTC)
    oldest = now - timedelta(days=KEPT_DAYS)
    for job in store.list_jobs():
        made = datetime.fromisoformat(job.order.at)
        if made < oldest:
            shutil.rmtree(job.folder, ignore_errors=True)
        elif (job.folder / "inputs").exists() and now - made > timedelta(seconds=PATIENCE_S):
            _remove_inputs(job)


def _remove_inputs(job: OutlookJob) -> None:
    """Remove the inputs that a killed process left; without a result the outlook has failed."""
    lock = try_lock(job.folder / "lock")
    if lock is None:
        return
    with lock:
        shutil.rmtree(job.folder / "inputs", ignore_errors=True)
        if not (job.folder / OUTLOOKS.result).exists():
            write_file(job.folder / "failed.json", json.dumps({"reason": ""}), durable=False)
