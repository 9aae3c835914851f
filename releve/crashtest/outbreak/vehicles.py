"""Who rides to work with whom: vehicles filled stop by stop, or the manifests of known runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from releve.network import Operator

if TYPE_CHECKING:
    from releve.crashtest.outbreak.population import SeatedAgent

__all__ = ["Manifest", "board_vehicles", "build_csr", "fill_vehicles"]

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The agents who ride to work in one vehicle, and the minutes they share."""

    agents: tuple[str, ...]
    minutes: float


def build_csr(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return lists as pointers and flat values."""
    pointer = np.concatenate([[0], np.cumsum([len(one) for one in lists])])
    flat = np.array([at for one in lists for at in one], dtype=np.int32)
    return pointer.astype(np.int32), flat


def board_vehicles(
    seated: Sequence[SeatedAgent], manifests: Sequence[Manifest]
) -> tuple[Ints, Ints, Ints, Floats]:
    """Return what :func:`fill_vehicles` does, of runs that are known.

    An agent on several manifests rides with those of the first.
    """
    number = {place.agent.id: at for at, place in enumerate(seated)}
    vehicle = np.full(len(seated), -1, dtype=np.int32)
    lists: list[list[int]] = []
    for manifest in manifests:
        found = [number[name] for name in manifest.agents if vehicle[number[name]] < 0]
        vehicle[found] = len(lists)
        lists.append(found)
    pointer, riders = build_csr(lists)
    return vehicle, pointer, riders, np.array([one.minutes for one in manifests], dtype=np.float64)


def fill_vehicles(
    operator: Operator, seated: Sequence[SeatedAgent], seats: int
) -> tuple[Ints, Ints, Ints, Floats]:
    """Fill the vehicles of every stop and site: agents in the order of their ids.

    Returns the vehicle of every agent (-1 = none), the riders as CSR and the minutes of the ride.
    """
    site_at = {site.id: at for at, site in enumerate(operator.sites)}
    minutes_of = {(row.stop, site_at[row.site]): row.ride_minutes for row in operator.shuttles}
    waiting: dict[tuple[str, int, int], list[int]] = {}
    for at, place in enumerate(seated):
        line = (place.agent.stop, place.site)
        if line in minutes_of and not place.agent.own_transport:
            waiting.setdefault((*line, place.sitting), []).append(at)
    vehicle = np.full(len(seated), -1, dtype=np.int32)
    lists: list[list[int]] = []
    minutes: list[float] = []
    for stop, site, sitting in sorted(waiting, key=lambda k: (k[1], k[0], k[2])):
        queue = sorted(waiting[stop, site, sitting], key=lambda at: seated[at].agent.id)
        for start in range(0, len(queue), seats):
            vehicle[queue[start : start + seats]] = len(lists)
            lists.append(queue[start : start + seats])
            minutes.append(minutes_of[stop, site])
    pointer, riders = build_csr(lists)
    return vehicle, pointer, riders, np.array(minutes, dtype=np.float64)
