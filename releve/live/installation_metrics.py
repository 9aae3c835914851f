"""The state of the installation as metrics: worker, queue, ledger, disk, clock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from releve.gate.db_clock import read_clock
from releve.ledger.chain import read_head
from releve.ledger.roots import load_last_root
from releve.live.models import DailyRun, Effect
from releve.live.outside import find_overdue_documents
from releve.live.worker_health import read_worker_health

__all__ = ["InstallationCollector"]


class InstallationCollector(Collector):
    """Reads the database at every scrape; an age or time that is not known is left out."""

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield from _collect_worker(timezone.now())
        effects = GaugeMetricFamily(
            "releve_effects", "Effects that are not done", labels=("state", "lane")
        )
        for state, lane, count in _count_effects():
            effects.add_metric((state, lane), count)
        yield effects
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
        ("releve_oldest_due_effect_seconds", "For how long the oldest effect has been due",
         health.oldest_due_at),
    ):  # fmt: skip
        yield _gauge(name, says, None if moment is None else (now - moment).total_seconds())


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
