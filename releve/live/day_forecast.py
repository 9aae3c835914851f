"""The morning's forecast of the running day: made once by the worker, kept for every reader."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import date, datetime

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from releve.demand.history import build_histories
from releve.demand.intraday import (
    Morning,
    dump_morning,
    forecast_morning,
    load_morning,
    merge_mornings,
)
from releve.live.identity_cache import IdentityCache
from releve.network import Operator, Programme, day_bounds, zone
from releve.service_record.history import extend_histories
from releve.service_record.models import DayForecast

__all__ = ["find_day", "find_morning", "prepare_day"]


def find_day(operator: Operator, at: datetime) -> date:
    """Return the local day of an instant at the operator."""
    return at.astimezone(zone(operator.row.time_zone)).date()


def prepare_day(operator: Operator, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Make the forecast of the running day for the programmes that have none as they stand.

    From the operator's history and, after it, the service record, both before the day. Returns how
    many were made, half a second each; ``stop`` is asked before each.
    """
    day = find_day(operator, now)
    made = set(DayForecast.objects.filter(day=day).values_list("programme", "digest"))
    missing = [row for row in operator.programmes if (row.id, _digest(row)) not in made]
    if not missing:
        return 0
    time_zone = operator.row.time_zone
    start = day_bounds(day, time_zone)[0]
    histories = extend_histories(build_histories(operator), [row.id for row in missing], start)
    for number, row in enumerate(missing):
        if stop():
            return number
        content = dump_morning(forecast_morning(histories, [row], day, time_zone))
        DayForecast.objects.update_or_create(
            day=day,
            programme=row.id,
            defaults={"digest": _digest(row), "made_at": timezone.now(), "content": content},
        )
    return len(missing)


def _digest(row: Programme) -> str:
    return hashlib.sha256(repr(row).encode()).hexdigest()


def find_morning(day: date, programmes: Collection[str]) -> Morning | None:
    """Return the forecasts of programmes on a day; None where none was made.

    One query, two when one is new.
    """
    rows = DayForecast.objects.filter(day=day)
    stamp = rows.aggregate(rows=Count("pk"), last=Max("made_at"), number=Max("pk"))
    if not stamp["rows"]:
        return None
    key = (day, *stamp.values())
    return _known.get(key, (programmes,), lambda: _load(rows, programmes))


def _load(rows: QuerySet[DayForecast], programmes: Collection[str]) -> Morning | None:
    contents = rows.order_by("programme").values_list("programme", "content")
    mornings = [load_morning(bytes(content)) for name, content in contents if name in programmes]
    return merge_mornings(mornings) if mornings else None


_known: IdentityCache[Morning | None] = IdentityCache(3)
