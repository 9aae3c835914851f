"""Limit the requests of a user or an address per minute, counted in the database for all processes.

A process adds what it has let in to the common count a twentieth of what is allowed at a time, and
then learns what the others have let in: a write for each request would make readers wait for those
who write. So who asks several processes at once may go past the limit, by a twentieth a process.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from django.db import DatabaseError
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from releve.accounts.models import RequestCount

__all__ = ["forget", "seconds_to_wait"]

_WINDOW = timedelta(minutes=1)
_PARTS = 20
_MOST_KEPT = 10_000
_lock = Lock()
_log = logging.getLogger("releve.desk")


@dataclass
class _Count:
    """What is known here of a minute: ``common`` of all processes, ``own`` not added to it yet."""

    began: datetime
    common: int = 0
    own: int = 0


_counted: OrderedDict[str, _Count] = OrderedDict()


def seconds_to_wait(who: str, most: int, now: datetime) -> int:
    """Count a request at ``now``; return the seconds to wait, 0 while it is allowed.

    ``most`` requests are allowed in a minute that starts with the first of them.
    """
    with _lock:
        found = _row(who, now)
        if found.common + found.own >= most:
            return _wait(found, now)
        found.own += 1
        if found.common and found.own < most // _PARTS:
            return 0
        adding, found.own = found.own, 0
    try:
        began, common = _added(who, adding, now)
    except DatabaseError as error:  # a busy counter refuses no request
        _log.warning("requests are counted by this process alone: %s", error)
        began, common = found.began, found.common + adding
    with _lock:
        found.began, found.common = began, common
        return _wait(found, now) if common > most else 0


def _row(who: str, now: datetime) -> _Count:
    found = _counted.get(who)
    if found is None or abs(now - found.began) >= _WINDOW:  # abs: the clock may have been set back
        found = _counted[who] = _Count(now)
    _counted.move_to_end(who)
    while len(_counted) > _MOST_KEPT:
        _counted.popitem(last=False)
    return found


def _wait(found: _Count, now: datetime) -> int:
    return max(1, math.ceil((found.began + _WINDOW - now).total_seconds()))


def _added(who: str, count: int, now: datetime) -> tuple[datetime, int]:
    """Add to the shared count of a requester's minute; return when that began, and the count."""
    name = salted_hmac("releve.accounts.rate_limit", who, algorithm="sha256").hexdigest()
    mine = RequestCount.objects.filter(pk=name)
    runs = Q(began_at__gt=now - _WINDOW, began_at__lt=now + _WINDOW)  # later: the clock was ahead
    if not mine.filter(runs).update(count=F("count") + count):
        RequestCount.objects.exclude(runs).delete()
        RequestCount.objects.bulk_create(
            [RequestCount(name=name, began_at=now)], ignore_conflicts=True
        )
        mine.update(count=F("count") + count)
    return mine.values_list("began_at", "count").first() or (now, count)


def forget() -> None:
    """Forget what this process has counted."""
    with _lock:
        _counted.clear()
