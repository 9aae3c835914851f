"""What changes, in people, from one relief to another or with a plan put in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from releve.live.lost_places import NO_LOSS
from releve.live.models import Activation, Relief
from releve.live.plans import load_day_plan
from releve.live.stream_state import list_working
from releve.network import HOME, Operator
from releve.plan import Placement, Plan

__all__ = [
    "ComparedDay",
    "PublishedDay",
    "compare_reliefs",
    "list_touching_reliefs",
    "preview_publication",
]

_Placed = Mapping[str, Placement]
Counts = Mapping[str, tuple[int, int]]
"""Place or programme -> people before and after."""


@dataclass(frozen=True, slots=True)
class ComparedDay:
    """One day of two generations: how many people work differently, and people by place."""

    day: str
    differing: int
    places: Counts
    programmes: Counts


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """What putting a plan in force changes on one day.

    ``differing`` is None where the day is not planned now; ``leaves``: it is planned now, and the
    plan lacks it.
    """

    day: str
    people: int = 0
    held: int = 0
    cells: int = 0
    differing: int | None = None
    places: Counts | None = None
    leaves: bool = False


def compare_reliefs(
    operator: Operator, first: Relief | None, second: Relief, found: Activation
) -> tuple[ComparedDay, ...]:
    """Return the days on which two generations differ; None is the plan in force itself."""
    base = found if first is None else first.activation
    days = sorted({*base.days, *second.activation.days})
    made = (_compare_day(operator, day, first, base, second) for day in days)
    return tuple(row for row in made if row.differing)


def _compare_day(
    operator: Operator, day: str, first: Relief | None, base: Activation, second: Relief
) -> ComparedDay:
    before = _load_placements(day, first, base)
    after = _load_placements(day, second, second.activation)
    programmes = [row.id for row in operator.programmes]
    return ComparedDay(
        day,
        _count_differing(before, after),
        _count_people(before, after, "place", _list_places(operator)),
        _count_people(before, after, "programme", programmes),
    )


def preview_publication(
    plans: Sequence[Plan], found: Activation | None, operator: Operator
) -> Iterator[PublishedDay]:
    """Yield what putting plans in force changes, day by day; days that leave the plan last."""
    known = {} if found is None else found.days
    for plan in plans:
        day = plan.day.isoformat()
        after = {row.agent: row for row in plan.placements}
        before = _load_placements(day, None, found) if found is not None else {}
        yield PublishedDay(
            day,
            len(after),
            sum(cell.status.is_met for cell in plan.cells),
            len(plan.cells),
            _count_differing(before, after) if day in known else None,
            _count_people(before, after, "place", _list_places(operator)),
        )
    for day in sorted(set(known) - {plan.day.isoformat() for plan in plans}):
        yield PublishedDay(day, leaves=True)


def _load_placements(day: str, relief: Relief | None, found: Activation) -> _Placed:
    """Return who works where on a day of a generation, by agent; empty on a day without a plan."""
    if day not in found.days:
        return {}
    rows = () if relief is None else relief.days.all()
    changes: Mapping[str, Sequence[Any]] = next(
        (row.changes for row in rows if row.day.isoformat() == day), {}
    )
    plan = load_day_plan(found.days[day], found.version)
    return {row.agent: row for row in list_working(plan, changes, NO_LOSS, {})}


def _count_differing(before: _Placed, after: _Placed) -> int:
    return sum(before.get(agent) != after.get(agent) for agent in {*before, *after})


def _list_places(operator: Operator) -> list[str]:
    return [HOME, *(row.id for row in operator.sites)]


def _count_people(before: _Placed, after: _Placed, by: str, keys: Sequence[str]) -> Counts:
    """Return how many work at each place, or for each programme; without those of no one."""
    had, has = (Counter(getattr(row, by) for row in rows.values()) for rows in (before, after))
    return {key: (had[key], has[key]) for key in keys if had[key] or has[key]}


def list_touching_reliefs(
    stream: str, programmes: frozenset[str], most: int
) -> Iterator[tuple[Relief, int]]:
    """Yield the last reliefs with how many people work differently for some programmes.

    Those that touch none of these are left out, but for the one in force, which is the first.
    """
    rows = Relief.objects.filter(stream=stream).select_related("activation")
    for at, relief in enumerate(rows.prefetch_related("days")[:most]):
        people = _count_touched(relief, programmes)
        if people or at == 0:
            yield relief, people


def _count_touched(relief: Relief, programmes: frozenset[str]) -> int:
    touched: set[str] = set()
    for day in relief.days.all():
        before = _load_programmes(day.plan_id, relief.activation.version)
        touched |= {
            agent
            for agent, (_reason, placed) in day.changes.items()
            if before.get(agent) in programmes or (placed is not None and placed[1] in programmes)
        }
    return len(touched)


@lru_cache(maxsize=16)
def _load_programmes(digest: str, version: int) -> Mapping[str, str]:
    return {row.agent: row.programme for row in load_day_plan(digest, version).plan.placements}
