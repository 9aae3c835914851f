"""How late an event was recorded after it happened: the one measure that every face shows.

What concerns a day (a daily check, an attendance, a drawn visit) is on time until that day ends at
its site; anything else until LATE_MINUTES after it happened or was seen. A late record counts like
any other and shows when it was made. ``releve.ledger.verify`` measures in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from releve.network import Operator, day_bounds
from releve.situation.event import Event

LATE_MINUTES = 60
"""Minutes after what happened up to which its record is in time."""
_IN_TIME = timedelta(0)
_find_day_end = cache(lambda day, time_zone: day_bounds(day, time_zone)[1])


def measure_delay(
    happened_at: datetime, recorded_at: datetime, day: date | None = None, time_zone: str = ""
) -> timedelta:
    """Return by how long a record is late; zero where it is in time.

    Of what is about a ``day``, by the days of ``time_zone``: since that day ended. Of the rest:
    since it happened, where that is more than LATE_MINUTES.
    """
    if day is not None:
        ended: datetime = _find_day_end(day, time_zone)
        return max(recorded_at - ended, _IN_TIME)
    passed = recorded_at - happened_at
    return passed if passed > timedelta(minutes=LATE_MINUTES) else _IN_TIME


def find_time_zone(site: str, operator: Operator) -> str:
    """Return the time zone of a site; the operator's where there is no such site."""
    found = operator.site.get(site)
    return operator.row.time_zone if found is None else found.time_zone


def find_late_record(event: Event, operator: Operator) -> datetime | None:
    seen_at, day = getattr(event, "seen_at", event.happened_at), getattr(event, "day", None)
    zone_name = find_time_zone(getattr(event, "site", ""), operator)
    delay = measure_delay(seen_at, event.recorded_at, day, zone_name)
    return event.recorded_at if delay else None


def measure_entry_delay(body: Mapping[str, Any], recorded_at: datetime, operator: Operator) -> timedelta:
    """Return by how long an entry of the ledger is late; zero where it says no time of its own."""
    said = body.get("seen_at") or body.get("happened_at")
    if not isinstance(said, str):
        return _IN_TIME
    day, site = body.get("day"), body.get("site")
    return measure_delay(
        datetime.fromisoformat(said),
        recorded_at,
        date.fromisoformat(day) if isinstance(day, str) else None,
        find_time_zone(site if isinstance(site, str) else "", operator),
    )


def find_happening(body: Mapping[str, Any]) -> datetime | date:
    """Return the day that an entry of the ledger is about, or when it happened or was seen."""
    if isinstance(day := body.get("day"), str):
        return date.fromisoformat(day)
    return datetime.fromisoformat(body.get("seen_at") or body["happened_at"])


def is_recorded_within(event: Event, seen_on: date, days: int, time_zone: str) -> bool:
    """Return whether something seen on a day was recorded at most so many days later there."""
    ended: datetime = _find_day_end(seen_on + timedelta(days=days), time_zone)
    return event.recorded_at <= ended
