"""Runs and what they carry, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

TO_SITE, FROM_SITE = "to", "from"
"""The legs of a ride: to work, and home from it."""


@dataclass(frozen=True, slots=True, order=True)
class Wave:
    """The riders of a site whose shift starts (leg ``to``) or ends (``from``) at an instant."""

    site: str
    leg: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rider:
    """One agent who needs a seat on a wave, from or to a stop."""

    agent: str
    stop: str
    wave: Wave


@dataclass(frozen=True)
class Run:
    """One run of one vehicle for one wave.

    ``stops`` in the order of driving with ``times`` of each: when it leaves the stop on the way
    to work, when it reaches it on the way home; ``at_site`` when it is at the site. ``agents[i]``
    board or alight at ``stops[i]``. The vehicle is busy from ``busy_from`` to ``busy_until``,
    drives to and from the place where it waits included.
    """

    id: str
    vehicle: str
    wave: Wave
    stops: tuple[str, ...]
    times: tuple[datetime, ...]
    at_site: datetime
    agents: tuple[tuple[str, ...], ...]
    cap: int
    seats: int
    km: float
    estimated: bool
    busy_from: datetime
    busy_until: datetime

    @property
    def count(self) -> int:
        """Return the number of riders."""
        return sum(len(names) for names in self.agents)


@dataclass(frozen=True)
class TransportPlan:
    """The runs of a day, and the riders without a seat.

    ``trip_bound``: no way to run these waves has fewer runs (riders over the largest cap, wave by
    wave). ``vehicles`` in use, of ``fleet``.
    """

    runs: tuple[Run, ...]
    left_behind: tuple[Rider, ...]
    trip_bound: int
    vehicles: int
    fleet: int
