"""The one clock of all business code: the real one, or a drill's.

A drill's clock is ahead of the real one by its stream's offset (behind, where that is negative).
Leases and retries of effects go by the real clock in every stream. What several machines compare
goes by the database's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection
from django.utils import timezone

from releve.live.errors import NoSuch
from releve.live.models import Stream

LIVE = "live"


def real_now() -> datetime:
    return timezone.now()


def now(stream: str = LIVE) -> datetime:
    """Return the time of a stream, in UTC; NoSuch for an unknown drill.

    One query for a drill, none for the live stream.
    """
    if stream == LIVE:
        return real_now()
    offset = Stream.objects.filter(name=stream).values_list("offset", flat=True).first()
    if offset is None:
        raise NoSuch(f"there is no drill {stream!r}")
    return real_now() + offset


def read_clock() -> datetime:
    """Return the time of the database's clock; this machine's where it has none."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)


def is_drill(stream: str) -> bool:
    """Return whether a stream is a drill's: it notifies no real person and routes no real call."""
    return stream != LIVE
