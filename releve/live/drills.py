"""Drills: the same chain on another clock, without real messages.

A drill is a stream of its own, ``drill:7``. Its situation is that of the live stream at its start,
without the real cases, and then that of its own events, which never enter the live one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from releve.ledger import chain as ledger
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.errors import NoSuch
from releve.live.models import Effect, PreparedSwitch, Stream


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill; ``now`` is the time of its clock, None once it is over."""

    number: int
    name: str
    title: str
    by: str
    started_at: datetime
    stopped_at: datetime | None
    now: datetime | None


def start_drill(title: str, *, by: str, at: datetime | None = None) -> Stream:
    """Start a drill from the current live situation; ``at`` sets its clock (now by default).

    ValueError when ``at`` has no zone or the title is empty.
    """
    if not title.strip():
        raise ValueError("a drill needs a title")
    if at is not None and at.tzinfo is None:
        raise ValueError(f"at has a zone, got {at!r}")
    with transaction.atomic():
        seed = ledger.lock_head()
        began = real_now()
        found = Stream.objects.create(
            name="drill:new",
            title=title.strip()[:200],
            started_by=by,
            started_at=began,
            offset=timedelta() if at is None else at - began,
            seed=seed.seq,
        )
        found.name = f"drill:{found.pk}"
        found.save(update_fields=["name"])
        body = {"title": found.title, "by": by, "seed": seed.seq}
        ledger.append("drill.started", body, recorded_at=now(found.name), stream=found.name)
    return found


def move_drill(stream: str, by_how_much: timedelta, *, by: str) -> datetime:
    """Move a drill's clock forward; return its time. It never goes back."""
    if by_how_much <= timedelta():
        raise ValueError(f"a drill's clock moves forward only, got {by_how_much}")
    with transaction.atomic():
        ledger.lock_head()
        _get_running_drill(stream)
        Stream.objects.filter(name=stream).update(offset=F("offset") + by_how_much)
        at = now(stream)
        body = {"seconds": int(by_how_much.total_seconds()), "by": by}
        ledger.append("drill.moved", body, recorded_at=at, stream=stream)
    return at


def stop_drill(stream: str, *, by: str) -> None:
    """End a drill and drop its queued effects. Stopping it again changes nothing."""
    with transaction.atomic():
        ledger.lock_head()
        found = Stream.objects.filter(name=stream).first()
        if found is None or not is_drill(stream):
            raise NoSuch(f"there is no drill {stream!r}")
        if found.stopped_at is not None:
            return
        Stream.objects.filter(pk=found.pk).update(stopped_at=real_now())
        Effect.objects.filter(stream=stream, state__in=(Effect.QUEUED, Effect.CLAIMED)).update(
            state=Effect.DONE, done_at=real_now(), result={"dropped": "the drill was stopped"}
        )
        PreparedSwitch.objects.filter(stream=stream).delete()
        ledger.append("drill.stopped", {"by": by}, recorded_at=now(stream), stream=stream)


def list_drills() -> tuple[Drill, ...]:
    """Return every drill, the newest first."""
    at = real_now()
    return tuple(
        Drill(
            number=row.pk,
            name=row.name,
            title=row.title,
            by=row.started_by,
            started_at=row.started_at,
            stopped_at=row.stopped_at,
            now=None if row.stopped_at else at + row.offset,
        )
        for row in Stream.objects.exclude(name=LIVE)
    )


def list_running_streams() -> tuple[str, ...]:
    """Return the running streams: the live one and the drills that were not stopped."""
    rows = Stream.objects.exclude(name=LIVE).filter(stopped_at=None)
    return (LIVE, *rows.values_list("name", flat=True))


def _get_running_drill(stream: str) -> Stream:
    found = Stream.objects.exclude(name=LIVE).filter(name=stream).first()
    if found is None:
        raise NoSuch(f"there is no drill {stream!r}")
    if found.stopped_at is not None:
        raise NoSuch(f"the drill {found.title!r} was stopped")
    return found
