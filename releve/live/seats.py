"""Seats of every site: in all, usable, taken; counted once for as long as nothing changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from releve.live.identity_cache import IdentityCache
from releve.live.stream_state import Scene
from releve.network import Operator
from releve.plan import Placement
from releve.situation import Situation

__all__ = ["SeatCount", "count_seats"]


@dataclass(frozen=True, slots=True)
class SeatCount:
    """Seats of a site; ``usable`` and ``taken`` are None where no plan is in force."""

    total: int
    usable: frozenset[str] | None
    taken: int | None

    def count_usable(self) -> int | None:
        """Return how many seats are usable; None where no plan is in force."""
        return None if self.usable is None else len(self.usable)


def count_seats(
    operator: Operator, situation: Situation, scene: Scene | None
) -> Mapping[str, SeatCount]:
    """Return the seats of every site: those of today's plan, none where a site is closed.

    ``taken`` is the most people there at once on the first planned day from now on. Counted once
    for as long as nothing changes.
    """
    if scene is None or not scene.days:
        return _seats.get("", (operator,), lambda: _count_without_plan(operator))
    day = scene.days[0]
    plan, lost = scene.day_plan(day).plan, scene.wanted[day]
    relief = scene.relief.pk if scene.relief else 0
    key = (scene.stream, scene.activation.pk, relief, day, lost.sites, lost.carriers)
    sources = (operator, situation, plan)
    return _seats.get(key, sources, lambda: _count_planned(operator, scene, day))


_seats: IdentityCache[Mapping[str, SeatCount]] = IdentityCache()


def _count_without_plan(operator: Operator) -> Mapping[str, SeatCount]:
    total = _count_all(operator)
    return {site.id: SeatCount(total.get(site.id, 0), None, None) for site in operator.sites}


def _count_all(operator: Operator) -> Mapping[str, int]:
    floor_of = {zone.id: zone.floor for zone in operator.all_zones}
    site_of = {floor.id: floor.site for floor in operator.all_floors}
    return Counter(site_of[floor_of[seat.zone]] for seat in operator.all_seats)


def _count_planned(operator: Operator, scene: Scene, day: date) -> Mapping[str, SeatCount]:
    total, lost = _count_all(operator), scene.wanted[day].sites
    usable = {
        site.id: frozenset(site.usable_seats) if site.open and site.id not in lost else frozenset()
        for site in scene.day_plan(day).plan.sites
    }
    there: dict[str, list[Placement]] = {}
    for row in scene.list_placements(day):
        there.setdefault(row.place, []).append(row)
    return {
        site.id: SeatCount(
            total.get(site.id, 0),
            usable.get(site.id, frozenset()),
            _most_at_once(there.get(site.id, ())),
        )
        for site in operator.sites
    }


def _most_at_once(rows: Iterable[Placement]) -> int:
    steps = [(row.start, 1) for row in rows] + [(row.end, -1) for row in rows]
    count = most = 0
    for _at, step in sorted(steps):
        count += step
        most = max(most, count)
    return most
