"""How long after the call people who move are at work: by the journey that is known, or a setting.

Within a place a move takes effect at once. To another site it takes the drive that the operator's
tables ``travel`` and ``shuttles`` give, and :data:`SET_UP`; where they give none, the setting.
Who goes home is there after :data:`HOME_DELAY`, or after the run that brings them and SET_UP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from releve.demand.tables import INTERVAL
from releve.network import HOME, Operator, zone
from releve.plan.result import Placement
from releve.transport import TransportSettings, TravelTimes

__all__ = ["HOME_DELAY", "SET_UP", "SITE_DELAY", "MoveDelays", "SiteArrival", "round_up"]

HOME_DELAY = timedelta(minutes=90)
SITE_DELAY = timedelta(minutes=120)
"""Time from the call to being at work at home, or on another site, where no journey is known."""
SET_UP = timedelta(minutes=30)
"""From the vehicle to the first call: at home from the stop, on another site with the call before
the drive."""


def round_up(wait: timedelta) -> timedelta:
    """Return a time in whole half hours."""
    return ceil(wait / INTERVAL) * INTERVAL


@dataclass(frozen=True, slots=True)
class SiteArrival:
    """People sent to another site, at work ``least`` to ``most`` minutes after the call: by the
    journey that is ``known``, or by the setting."""

    target: str
    people: int
    least: int
    most: int
    known: bool


@dataclass(frozen=True)
class MoveDelays:
    """The delays of moves of an operator's agents; ``home`` and ``site`` where no run and no
    journey is known."""

    operator: Operator
    home: timedelta = HOME_DELAY
    site: timedelta = SITE_DELAY

    @cached_property
    def _travel(self) -> TravelTimes:
        return TravelTimes(self.operator, TransportSettings())

    def find_stop(self, name: str) -> str:
        """Return the stop of an agent whom a vehicle brings; empty for all others, also for those
        who are in the reference data no more."""
        agent = self.operator.agent.get(name)
        if agent is None or agent.own_transport or not self.operator.vehicles:
            return ""
        return agent.stop

    def measure_drive(
        self, stop: str, placed: Placement | None, target: str, at: datetime
    ) -> timedelta | None:
        """Return the drive to a site from the one where people are at work, or else from their
        stop; None where neither is known or the operator's tables do not give it."""
        working = placed is not None and placed.place != HOME and placed.start <= at
        origin = placed.place if placed is not None and working else stop
        hour = at.astimezone(zone(self.operator.site[target].time_zone)).hour
        if not origin or self._travel.is_estimated(origin, target, hour):
            return None
        return timedelta(minutes=self._travel.get_minutes(origin, target, hour))

    def find_site_delay(
        self, stop: str, placed: Placement | None, target: str, at: datetime
    ) -> timedelta:
        """Return how long after ``at`` people are at work on another site."""
        drive = self.measure_drive(stop, placed, target, at)
        return self.site if drive is None else round_up(drive + SET_UP)

    def list_site_arrivals(
        self, before: Mapping[str, Placement], after: Mapping[str, Placement], at: datetime
    ) -> tuple[SiteArrival, ...]:
        """Return who goes to another site, by site and by how the arrival is known; placements by
        agent."""
        found: dict[tuple[str, bool], list[timedelta]] = {}
        for agent, row in after.items():
            placed = before.get(agent)
            if row.place == HOME or (placed is not None and placed.place == row.place):
                continue
            where = (self.find_stop(agent), placed, row.place, at)
            known = self.measure_drive(*where) is not None
            found.setdefault((row.place, known), []).append(self.find_site_delay(*where))
        minute = timedelta(minutes=1)
        return tuple(
            SiteArrival(target, len(waits), min(waits) // minute, max(waits) // minute, known)
            for (target, known), waits in sorted(found.items())
        )
