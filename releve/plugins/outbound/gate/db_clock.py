"""The order of what is known and what is decided: one clock, one lock.

A decision sees every load that was closed before it and none that is closed after it, so a verdict
can be replayed: decisions hold the lock shared, closing a load holds it alone, and each takes an
instant later than all that it saw. The clock is PostgreSQL's, since gates on several machines share
it; SQLite has one writer at a time, on one machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from releve.live.clock import read_clock
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.models import Decision, Load

LOADS_LOCK = 0x72656C65
"""The advisory lock of PostgreSQL that closing a load takes alone, and a decision shared."""

MAX_CLOCK_SKEW = timedelta(seconds=2)
"""By how much clocks may differ, or one may have gone back, before nothing is decided any more."""

TICK = timedelta(microseconds=1)


def later_than(now: datetime, last: datetime | None) -> datetime:
    """Return an instant later than the last; ``now`` where that is so already."""
    return now if last is None or last < now else last + TICK


def next_known_at() -> datetime:
    """Return the instant for what becomes known now, while no decision is under way.

    Inside a transaction, which holds the lock to its end. LoadRefused where the clock has gone
    back by more than ``MAX_CLOCK_SKEW``.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOADS_LOCK])
    now = read_clock()
    loads = Load.objects.exclude(known_at=None).order_by("-known_at")
    last = [loads.values_list("known_at", flat=True).first()]
    last.append(Decision.objects.order_by("-at").values_list("at", flat=True).first())
    newest = max((moment for moment in last if moment is not None), default=None)
    if newest is not None and newest > now + MAX_CLOCK_SKEW:
        raise LoadRefused(f"the clock says {now} but {newest} was recorded already: set the clock")
    return later_than(now, newest)
