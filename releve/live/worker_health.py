"""Whether the worker runs: each reports itself in the database, and queued effects tell the rest.

A worker writes its row every :data:`BEAT_SECONDS`. It counts as silent after
:data:`SILENT_AFTER`; an effect that is due for :data:`OVERDUE_AFTER` and that no worker has claimed
is overdue, whatever the rows say. A worker that runs on a full disk can store nothing that it does:
that is seen before anything else, in the home folder by each reader, at PostgreSQL by the worker,
which tries it at each report. A clock that was set ahead or back while a worker runs is an
alarm until it is set right or the worker is started again. After an installation workers compile
their kernels first, and a closure waits for that. A database that is behind its ledger
comes before all: no worker does anything then.

The state of the installation as metrics: worker, queue, ledger, disk, clock.

Whether the installation can do its work now: its database answers, its worker keeps up.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from releve import __version__
from releve.files.kernel_cache import is_compiling
from releve.ledger.chain import read_head
from releve.ledger.rollback import is_behind
from releve.ledger.roots import load_last_root
from releve.live.clock import read_clock, real_now
from releve.live.effect_queue import DECIDE, OUTSIDE
from releve.live.errors import is_disk_full
from releve.live.house_faults import HOUSE_FAULTS, MOST_CLOCK_STEP, encode_faults, merge_faults
from releve.live.models import DailyRun, Effect, WorkerBeat
from releve.live.outside import find_overdue_documents
from releve.live.path_faults import EVERY_PATH, PathFault, find_path_faults
from releve.live.self_test import find_last_self_tests

BEAT_SECONDS = 10.0
SILENT_AFTER = timedelta(seconds=30)
OVERDUE_AFTER = timedelta(seconds=30)
STUCK_AFTER = timedelta(minutes=5)
"""A relief takes seconds; the deciding thread that has not come round for so long hangs."""
LEAST_FREE_BYTES = 16_000_000
"""Less than this at the home folder, and the next events, letters or roots may find no room."""
_SORT = """
SELECT sum(length(t)) FROM (
    SELECT repeat('x', 8000) AS t FROM generate_series(1, 250) AS n ORDER BY n DESC OFFSET 0
) AS sorted
"""
KEPT = timedelta(days=1)
"""Rows of workers of an earlier day say nothing any more."""

WorkerAlarm = Literal["", "ledger", "disk", "stopped", "silent", "stuck", "overdue", "clock", "compiling"]


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """What is wrong with the worker, empty when nothing is, and since when.

    ``beat_at`` and ``decided_at`` are those of the worker that reported last, None where none ever
    ran; ``oldest_due_at`` is since when the effect that has waited longest has been due;
    ``clock_moved`` is by how much the clock was set ahead under a running worker, or back.
    """

    alarm: WorkerAlarm
    since: datetime | None
    beat_at: datetime | None
    decided_at: datetime | None
    oldest_due_at: datetime | None
    clock_moved: timedelta = timedelta()

    @property
    def healthy(self) -> bool:
        """Whether effects are run in time."""
        return keeps_up(self.alarm)


def keeps_up(alarm: WorkerAlarm | None) -> bool:
    """Return whether effects are run in time: under a clock that was moved they are."""
    return alarm in ("", "clock")


def has_room() -> bool:
    """Return whether PostgreSQL finds room for two megabytes; SQLite's disk is the home's.

    A sort that does not fit into its memory is written beside the database and removed at once.
    """
    if connection.vendor != "postgresql":
        return True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem TO '64kB'; SET LOCAL temp_tablespaces TO ''")
            cursor.execute(_SORT)
    except OperationalError as error:
        if is_disk_full(error):
            return False
        raise
    return True


def note_beat(
    name: str,
    *,
    started_at: datetime,
    decided_at: datetime,
    clock_moved: timedelta = timedelta(),
    room: bool = True,
    compiling: bool = False,
    faults: Sequence[PathFault] = (),
) -> None:
    """Store that a worker runs, when its deciding thread last came round, and what it found."""
    at = real_now()
    report = {
        "beat_at": at,
        "decided_at": decided_at,
        "clock_moved_seconds": clock_moved.total_seconds(),
        "has_room": room,
        "compiling": compiling,
        "faults": encode_faults(faults),
    }
    with transaction.atomic():
        WorkerBeat.objects.update_or_create(
            name=name, defaults={**report, "stopped_at": None}, create_defaults={**report, "started_at": started_at}
        )
        WorkerBeat.objects.filter(beat_at__lt=at - KEPT).delete()


def note_stop(name: str) -> None:
    """Store that a worker was stopped on purpose."""
    at = real_now()
    WorkerBeat.objects.filter(name=name).update(beat_at=at, stopped_at=at)


def find_faults(now: datetime) -> tuple[PathFault, ...]:
    """Return the paths that fail, then what the workers that run found wrong with the house."""
    return _collect_found(_load_beats(), now)


def read_worker_health(now: datetime | None = None) -> WorkerHealth:
    """Return how the workers stand at a real time, by two queries.

    Where no worker ever ran, nothing is wrong until an effect is overdue.
    """
    return _judge_health(_load_beats(), real_now() if now is None else now)


def read_health_and_faults(now: datetime) -> tuple[WorkerHealth, tuple[PathFault, ...]]:
    """Return how the workers stand, and what ``find_faults`` does, by three queries."""
    rows = _load_beats()
    return _judge_health(rows, now), _collect_found(rows, now)


def _load_beats() -> list[WorkerBeat]:
    return list(WorkerBeat.objects.order_by("-beat_at")[:50])


def _collect_found(rows: Sequence[WorkerBeat], now: datetime) -> tuple[PathFault, ...]:
    return (*find_path_faults(now), *merge_faults(row.faults for row in _list_running(rows, now)))


def _judge_health(rows: Sequence[WorkerBeat], at: datetime) -> WorkerHealth:
    due_at = _find_oldest_due(at)
    alarm, since = _judge_rows(rows, at)
    if is_behind():
        alarm, since = "ledger", None
    full = not all(row.has_room for row in _list_running(rows, at))
    if alarm != "ledger" and (full or shutil.disk_usage(settings.HOME).free < LEAST_FREE_BYTES):
        alarm, since = "disk", None
    if not alarm and due_at is not None and at - due_at > OVERDUE_AFTER:
        alarm, since = "overdue", due_at
    moved = _find_clock_step(rows, at)
    if not alarm and abs(moved) > MOST_CLOCK_STEP:
        alarm = "clock"
    newest = rows[0] if rows else None
    return WorkerHealth(
        alarm=alarm,
        since=since,
        beat_at=None if newest is None else newest.beat_at,
        decided_at=max((row.decided_at for row in rows), default=None),
        oldest_due_at=due_at,
        clock_moved=moved,
    )


def _judge_rows(rows: Sequence[WorkerBeat], at: datetime) -> tuple[WorkerAlarm, datetime | None]:
    """Return what is wrong with the workers, the newest report first: one that runs is enough."""
    if not rows:
        return "", None
    running = _list_running(rows, at)
    if not running:
        newest = rows[0]
        return ("silent" if newest.stopped_at is None else "stopped"), newest.beat_at
    able = [row for row in running if not row.compiling]
    if not able:
        return "compiling", min(row.started_at for row in running)
    decided = max(row.decided_at for row in able)
    return ("stuck", decided) if at - decided > STUCK_AFTER else ("", None)


def _list_running(rows: Sequence[WorkerBeat], at: datetime) -> list[WorkerBeat]:
    return [
        row for row in rows if row.stopped_at is None and abs(at - row.beat_at) <= SILENT_AFTER
    ]  # abs: a beat from before the clock was set back proves nothing


def _find_clock_step(rows: Sequence[WorkerBeat], at: datetime) -> timedelta:
    """Return the largest step of the clock under a worker that runs; zero where there is none."""
    steps = (timedelta(seconds=row.clock_moved_seconds) for row in _list_running(rows, at))
    return max(steps, key=abs, default=timedelta())


def _find_oldest_due(at: datetime) -> datetime | None:
    """Return since when an effect has been due that no worker holds; None when none is."""
    queued, lost = Q(state=Effect.QUEUED), Q(state=Effect.CLAIMED)
    found = Effect.objects.aggregate(
        queued=Min("next_at", filter=queued & Q(next_at__lte=at)),
        lost=Min("claimed_until", filter=lost & Q(claimed_until__lt=at)),
    )
    return min((moment for moment in found.values() if moment is not None), default=None)


class InstallationCollector(Collector):
    """Reads the database at every scrape; an age or time that is not known is left out."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield InfoMetricFamily("releve_build", "The version that runs", {"version": __version__})
        yield from _collect_worker(timezone.now())
        effects = GaugeMetricFamily("releve_effects", "Effects that are not done", labels=("state", "lane"))
        counts = {(state, lane): count for state, lane, count in _count_effects()}
        for key in product((Effect.QUEUED, Effect.CLAIMED, Effect.ASIDE), (DECIDE, OUTSIDE)):
            effects.add_metric(key, counts.get(key, 0))
        yield effects
        yield from _collect_faults(real_now())
        tests = GaugeMetricFamily("releve_last_self_test_timestamp_seconds", "When the last message to oneself went",
                                  labels=("channel",))  # fmt: skip
        for channel, at in sorted(find_last_self_tests().items()):
            tests.add_metric((channel,), at.timestamp())
        yield tests
        yield _gauge("releve_ledger_entries", "Entries of the ledger", read_head().seq)
        root, run = load_last_root(), _find_last_run()
        yield _gauge("releve_last_seal_timestamp_seconds", "When the ledger was last sealed",
                     None if root is None else root.sealed_at.timestamp())  # fmt: skip
        yield _gauge("releve_last_erasure_timestamp_seconds", "When the daily jobs, which erase "
                     "what is due, were last completed",
                     None if run is None else run.timestamp())  # fmt: skip
        yield _gauge("releve_documents_without_receipt", "Roots and parts of the journal that left "
                     "an hour ago", len(find_overdue_documents(timezone.now())))  # fmt: skip
        yield _gauge("releve_disk_free_bytes", "Free space of the home folder's disk",
                     shutil.disk_usage(settings.HOME).free)  # fmt: skip
        before, clock = timezone.now(), read_clock()
        middle = before + (timezone.now() - before) / 2
        yield _gauge("releve_clock_skew_seconds", "The database's clock less this machine's",
                     (clock - middle).total_seconds())  # fmt: skip


def _collect_worker(now: datetime) -> Iterator[Metric]:
    health = read_worker_health(now)
    yield _gauge("releve_worker_healthy", "1 while effects are run in time", float(health.healthy))
    yield _gauge("releve_worker_clock_moved_seconds", "By how much the clock was set ahead under "
                 "a running worker, or back", health.clock_moved.total_seconds())  # fmt: skip
    for name, says, moment in (
        ("releve_worker_beat_age_seconds", "Since a worker last reported", health.beat_at),
        ("releve_worker_decided_age_seconds", "Since a worker last decided", health.decided_at),
        ("releve_oldest_due_effect_seconds", "For how long the oldest effect has been due", health.oldest_due_at),
    ):
        yield _gauge(name, says, None if moment is None else (now - moment).total_seconds())


def _collect_faults(now: datetime) -> Iterator[Metric]:
    since = {fault.path: fault.since for fault in find_faults(now)}
    for name, says, label, known in (
        ("releve_path_failing_seconds", "For how long a path fails, 0: it works", "path", EVERY_PATH),
        ("releve_house_fault_seconds", "For how long something is wrong with the house", "fault", HOUSE_FAULTS),
    ):
        family = GaugeMetricFamily(name, says, labels=(label,))
        for one in known:
            family.add_metric((one,), (now - since[one]).total_seconds() if one in since else 0.0)
        yield family


def _gauge(name: str, says: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, says)
    if value is not None:
        family.add_metric((), value)
    return family


def _count_effects() -> list[tuple[str, str, int]]:
    rows = Effect.objects.exclude(state=Effect.DONE).order_by("state", "lane")
    return list(rows.values_list("state", "lane").annotate(count=Count("pk")))


def _find_last_run() -> datetime | None:
    runs = DailyRun.objects.exclude(done_at=None).order_by("-day")
    return runs.values_list("done_at", flat=True).first()


@dataclass(frozen=True, slots=True)
class Readiness:
    """``database``: it answers and has every table; ``worker``: what is wrong with it, if known.

    ``without_receipt``: how many documents left an hour ago and are not received; ``failing``: paths out of the
    house that fail, and what else is wrong with it. Events have their effects all the same. ``compiling``: this
    process does, which makes previews.
    """

    database: bool
    worker: WorkerAlarm | None
    without_receipt: int = 0
    failing: tuple[str, ...] = ()
    compiling: bool = False

    @property
    def ready(self) -> bool:
        """Whether what is recorded now has its effects in time."""
        return self.status == "ready"

    @property
    def status(self) -> str:
        """In a word; ``compiling`` where nothing else is wrong: wait."""
        if not self.database or not (keeps_up(self.worker) or self.worker == "compiling"):
            return "not ready"
        return "compiling" if self.compiling or self.worker == "compiling" else "ready"


def check_readiness() -> Readiness:
    """Ask the database; one that does not answer is a result, never an error."""
    try:
        executor = MigrationExecutor(connection)
        complete = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not complete:
            return Readiness(database=False, worker=None)
        overdue = find_overdue_documents(real_now())
        failing = tuple(fault.path for fault in find_faults(real_now()))
        return Readiness(True, read_worker_health().alarm, len(overdue), failing, is_compiling())
    except (DatabaseError, InterfaceError):
        return Readiness(database=False, worker=None)
