"""Where the calls of programmes go: the routes published last, and whether the telephony is seen to hold them.

Only what was published and observed is said. What a telephony system does with a call that no place takes (a queue,
an announcement) is its own setting, which no adapter reads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from releve.live.clock import LIVE, is_drill
from releve.live.models import Effect, Routes, RoutingState
from releve.live.routes import list_adapters, name_publication
from releve.routing import ConvergenceState

_MOST_GENERATIONS = 48
"""Generations looked back: routes follow people half hour by half hour, so a day or more."""
_WORST_LAST: tuple[ConvergenceState, ...] = ("confirmed", "applied", "pending", "silent", "timed_out", "diverged")


@dataclass(frozen=True, slots=True)
class ProgrammeRoute:
    """The places that calls of a programme go to, each with its share, the largest first; none: no place takes them.

    ``since``: when the telephony took the first of the generations with these places, whatever their shares; None
    where that is not known, or longer ago than is looked back.
    """

    programme: str
    places: tuple[tuple[str, float], ...]
    since: datetime | None


@dataclass(frozen=True, slots=True)
class CallRoutes:
    """The routes published last; ``state``: of the system that is furthest from them, as observed last.

    ``dead``: places of these routes that a system found not answering; it gives their calls to the others.
    """

    state: ConvergenceState
    programmes: tuple[ProgrammeRoute, ...]
    dead: tuple[str, ...]


def find_call_routes(programmes: Collection[str], stream: str = LIVE) -> CallRoutes | None:
    """Return where the calls of some programmes go, in their order; None where no routes were ever published."""
    newest = Routes.objects.filter(stream=stream)[:_MOST_GENERATIONS]
    rows = list(newest.values_list("number", "body", "valid_from"))
    if not rows:
        return None
    number, routes, _at = rows[0]
    seen = list(RoutingState.objects.filter(stream=stream))
    begun = {name: _find_beginning(name, [(row[0], row[1]) for row in rows]) for name in programmes if name in routes}
    # a drill's routes go to a file of its own, which is read back as it is written and not watched
    systems = [row.adapter for row in seen] or ([one.name for one in list_adapters(stream)] if is_drill(stream) else [])
    times = _list_taken(stream, {number, *begun.values()}, systems)
    state = _find_worst(number, seen) if seen or number not in times else "confirmed"
    if is_drill(stream):  # by its own clock
        times = {row[0]: row[2] for row in rows if row[0] in times}
    found = tuple(ProgrammeRoute(name, _list_places(name, routes), times.get(start)) for name, start in begun.items())
    used = {place for row in found for place, _share in row.places}
    return CallRoutes(state, found, tuple(sorted(used & {place for row in seen for place in row.dead})))


def _list_places(programme: str, routes: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    rows = ((place, weight) for place, _open, _people, weight in routes.get(programme, ()) if weight)
    return tuple(sorted(rows, key=lambda row: (-row[1], row[0])))


def _find_beginning(programme: str, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> int:
    """Return the first generation, of those from the newest back, since which a programme has the same places; 0 where
    it had them in all of these."""
    places = {place for place, _share in _list_places(programme, rows[0][1])}
    start = rows[0][0]
    for number, routes in rows[1:]:
        if {place for place, _share in _list_places(programme, routes)} != places:
            return start
        start = number
    return 0


def _list_taken(stream: str, numbers: Collection[int], adapters: Sequence[str]) -> dict[int, datetime]:
    """Return when the last system took each generation, of those that all took."""
    keys = {name_publication(stream, number, name): number for number in numbers for name in adapters}
    taken: dict[int, list[datetime]] = {}
    for row in Effect.objects.filter(key__in=keys, state=Effect.DONE):
        if row.done_at is not None:
            taken.setdefault(keys[row.key], []).append(row.done_at)
    return {number: max(times) for number, times in taken.items() if len(times) == len(adapters)}


def _find_worst(number: int, seen: Sequence[RoutingState]) -> ConvergenceState:
    """Return the state of the system that is furthest from a generation; one that was not observed since waits."""
    states = [cast(ConvergenceState, row.state) if row.number == number else "pending" for row in seen]
    return max(states or ["pending"], key=_WORST_LAST.index)
