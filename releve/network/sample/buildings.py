"""The sample's floors, zones and seats: a little more than the busiest half hour of each site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np

from releve.network.model import Agent, Floor, Seat, Shift, Site, Zone
from releve.network.sample.draws import Draws
from releve.network.sample.layouts import CATALOGUE, FloorLayout

__all__ = ["build_floors", "count_peak_presence"]

LEAST, MOST = 1.05, 1.25
"""Seats of a site over its peak presence."""
_CEILING_M = 3.0
_MARGIN_M = 1.2
_LEAST_M2 = 4.5
"""Least floor area per desk."""
_ZONE = 75
_FLOORS = 4
_LARGEST = max(len(layout.places) for layout in CATALOGUE)


def count_peak_presence(agents: Sequence[Agent], shifts: Sequence[Shift]) -> dict[str, int]:
    """Return for each site the most of its agents present in one half hour of the roster."""
    home = {agent.id: agent.home_site for agent in agents}
    change: dict[str, Counter[float]] = {}
    for shift in shifts:
        own = change.setdefault(home[shift.agent], Counter())
        own[shift.start.timestamp()] += 1
        own[shift.end.timestamp()] -= 1
    out = {}
    for site, steps in change.items():
        out[site] = int(np.cumsum([steps[at] for at in sorted(steps)]).max())
    return out


def build_floors(
    sites: Sequence[Site], peak: Mapping[str, int], seed: int
) -> tuple[tuple[Floor, ...], tuple[Zone, ...], tuple[Seat, ...]]:
    """Return the floors, zones and seats of every site; one to four floors unless it is vast."""
    floors: list[Floor] = []
    zones: list[Zone] = []
    seats: list[Seat] = []
    choices = _list_choices()
    for site in sites:
        draws = Draws(seed, "building", site.id)
        for number, layout in enumerate(
            _choose_layouts(peak.get(site.id, 1), choices, draws), start=1
        ):
            floor = Floor(f"{site.id}-f{number}", site.id, f"Plateau {number}")
            floors.append(floor)
            own_zones, own_seats = _furnish(floor.id, layout, draws)
            zones += own_zones
            seats += own_seats
    return tuple(floors), tuple(zones), tuple(seats)


def _list_choices() -> list[tuple[int, tuple[FloorLayout, ...]]]:
    """Return every set of up to four floors with its seats."""
    return [
        (sum(len(layout.places) for layout in chosen), chosen)
        for count in range(1, _FLOORS + 1)
        for chosen in combinations_with_replacement(CATALOGUE, count)
    ]


def _choose_layouts(
    peak: int, choices: list[tuple[int, tuple[FloorLayout, ...]]], draws: Draws
) -> list[FloorLayout]:
    """Choose floors whose seats are 1.05 to 1.25 times the peak, or the least above."""
    extra = max(0, -(-(int(LEAST * peak) - 3 * _LARGEST) // _LARGEST))
    low = LEAST * peak - extra * _LARGEST
    high = MOST * peak - extra * _LARGEST
    within = [chosen for total, chosen in choices if low <= total <= high]
    if within:
        fewest = min(len(chosen) for chosen in within)
        few = [chosen for chosen in within if len(chosen) <= fewest + 1]
        picked = few[draws.whole(0, len(few) - 1)]
    else:
        picked = min((c for c in choices if c[0] >= low), key=lambda c: (c[0], len(c[1])))[1]
    vast = [layout for layout in CATALOGUE if len(layout.places) == _LARGEST][:1]
    return vast * extra + sorted(picked, key=lambda layout: -len(layout.places))


def _furnish(floor: str, layout: FloorLayout, draws: Draws) -> tuple[list[Zone], list[Seat]]:
    """Cut a floor into zones of 30 to 80 desks, as far as it has that many."""
    count = len(layout.places)
    parts = np.array_split(np.arange(count), -(-count // _ZONE))
    zones: list[Zone] = []
    seats: list[Seat] = []
    for number, part in enumerate(parts, start=1):
        places = [layout.places[i] for i in part]
        zone = f"{floor}-z{number}"
        width, depth = (max(c) - min(c) + 2 * _MARGIN_M for c in zip(*places, strict=True))
        area = max(width * depth, _LEAST_M2 * len(places))
        air = draws.whole(4, 10) / 2
        zones.append(Zone(zone, floor, float(round(area * _CEILING_M)), air))
        seats += [Seat(f"{floor}-s{int(i) + 1:03d}", zone, *layout.places[i]) for i in part]
    return zones, seats
