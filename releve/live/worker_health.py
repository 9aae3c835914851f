"""Whether the worker runs: each reports itself in the database, and queued effects tell the rest.

A worker writes its row every :data:`BEAT_SECONDS`. It counts as silent after
:data:`SILENT_AFTER`; an effect that is due for :data:`OVERDUE_AFTER` and that no worker has claimed
is overdue, whatever the rows say. A worker that runs on a full disk can store nothing that it does:
that is seen before anything else.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Min, Q

from releve.live.clock import real_now
from releve.live.models import Effect, WorkerBeat

__all__ = [
    "BEAT_SECONDS",
    "OVERDUE_AFTER",
    "SILENT_AFTER",
    "WorkerAlarm",
    "WorkerHealth",
    "note_beat",
    "note_stop",
    "read_worker_health",
]

BEAT_SECONDS = 5.0
SILENT_AFTER = timedelta(seconds=30)
OVERDUE_AFTER = timedelta(seconds=30)
STUCK_AFTER = timedelta(minutes=5)
"""A relief takes seconds; the deciding thread that has not come round for so long hangs."""
LEAST_FREE_BYTES = 16_000_000
"""Less than this at the home folder, and the next events, letters or roots may find no room."""
KEPT = timedelta(days=1)
"""Rows of workers of an earlier day say nothing any more."""

WorkerAlarm = Literal["", "disk", "stopped", "silent", "stuck", "overdue"]


@dataclass(frozen=True, slots=True)
class WorkerHealth:
    """What is wrong with the worker, empty when nothing is, and since when.

    ``beat_at`` and ``decided_at`` are those of the worker that reported last, None where none ever
    ran; ``oldest_due_at`` is since when the effect that has waited longest has been due.
    """

    alarm: WorkerAlarm
    since: datetime | None
    beat_at: datetime | None
    decided_at: datetime | None
    oldest_due_at: datetime | None

    @property
    def healthy(self) -> bool:
        """Whether effects are run in time."""
        return not self.alarm


def note_beat(name: str, *, started_at: datetime, decided_at: datetime) -> None:
    """Store that a worker runs, and when its deciding thread last came round."""
    at = real_now()
    WorkerBeat.objects.update_or_create(
        name=name,
        defaults={"beat_at": at, "decided_at": decided_at, "stopped_at": None},
        create_defaults={"started_at": started_at, "beat_at": at, "decided_at": decided_at},
    )
    WorkerBeat.objects.filter(beat_at__lt=at - KEPT).delete()


def note_stop(name: str) -> None:
    """Store that a worker was stopped on purpose."""
    at = real_now()
    WorkerBeat.objects.filter(name=name).update(beat_at=at, stopped_at=at)


def read_worker_health(now: datetime | None = None) -> WorkerHealth:
    """Return how the workers stand at a real time, by two queries.

    Where no worker ever ran, nothing is wrong until an effect is overdue.
    """
    at = real_now() if now is None else now
    rows = list(WorkerBeat.objects.order_by("-beat_at")[:50])
    due_at = _find_oldest_due(at)
    alarm, since = _judge_rows(rows, at)
    if shutil.disk_usage(settings.HOME).free < LEAST_FREE_BYTES:
        alarm, since = "disk", None
    if not alarm and due_at is not None and at - due_at > OVERDUE_AFTER:
        alarm, since = "overdue", due_at
    newest = rows[0] if rows else None
    return WorkerHealth(
        alarm=alarm,
        since=since,
        beat_at=None if newest is None else newest.beat_at,
        decided_at=max((row.decided_at for row in rows), default=None),
        oldest_due_at=due_at,
    )


def _judge_rows(rows: Sequence[WorkerBeat], at: datetime) -> tuple[WorkerAlarm, datetime | None]:
    """Return what is wrong with the workers, the newest report first: one that runs is enough."""
    if not rows:
        return "", None
    running = [
        row for row in rows if row.stopped_at is None and abs(at - row.beat_at) <= SILENT_AFTER
    ]  # abs: a beat from before the clock was set back proves nothing
    if not running:
        newest = rows[0]
        return ("silent" if newest.stopped_at is None else "stopped"), newest.beat_at
    decided = max(row.decided_at for row in running)
    return ("stuck", decided) if at - decided > STUCK_AFTER else ("", None)


def _find_oldest_due(at: datetime) -> datetime | None:
    """Return since when an effect has been due that no worker holds; None when none is."""
    queued, lost = Q(state=Effect.QUEUED), Q(state=Effect.CLAIMED)
    found = Effect.objects.aggregate(
        queued=Min("next_at", filter=queued & Q(next_at__lte=at)),
        lost=Min("claimed_until", filter=lost & Q(claimed_until__lt=at)),
    )
    return min((moment for moment in found.values() if moment is not None), default=None)
