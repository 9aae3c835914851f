"""The rules for one person on the planning day, stated per person and not for a solver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt

from releve.demand.tables import INTERVAL
from releve.network import HOME, Agent, Operator, Programme, Shift, Site, day_bounds, zone
from releve.plan.contingency import Contingency
from releve.plan.result import Placement
from releve.plan.settings import PlanSettings

__all__ = ["DayRules"]

EARTH_KM = 6371.0088
"""Mean radius of the Earth (IUGG R1)."""
SLACK = 1e-9
"""Rounding of figures that should be equal in exact arithmetic."""


def _list_permits(operator: Operator, kind: str, day: date) -> frozenset[str] | None:
    """Return the subjects with a permit of a kind on a day, None where no permit is kept."""
    permits = [permit for permit in operator.authorisations if permit.kind == kind]
    if not permits:
        return None
    return frozenset(p.subject for p in permits if p.valid_from <= day <= p.valid_to)


def _measure_great_circle_km(a: Site, b: Site) -> float:
    """Haversine distance of two sites (Sinnott 1984)."""
    phi_a, phi_b = radians(a.lat), radians(b.lat)
    h = sin((phi_b - phi_a) / 2) ** 2
    h += cos(phi_a) * cos(phi_b) * sin(radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))


@dataclass
class DayRules:
    """The rules of one operator on one day; every question answers with a reason or None."""

    operator: Operator
    day: date
    settings: PlanSettings
    shifts: dict[str, list[Shift]] = field(init=False)
    """Shifts that start on the operator's local day, by agent."""

    def __post_init__(self) -> None:
        self._site_permits = _list_permits(self.operator, "site", self.day)
        self._agent_permits = _list_permits(self.operator, "agent", self.day)
        self.first, self.last = day_bounds(self.day, self.operator.row.time_zone)
        self.shifts = {}
        for shift in self.operator.shifts:
            if self.first <= shift.start < self.last:
                self.shifts.setdefault(shift.agent, []).append(shift)
        self.free = not self.operator.shifts
        if self.free:
            self.shifts = {agent.id: [] for agent in self.operator.agents}
        self._ride = {(row.stop, row.site): row.ride_minutes for row in self.operator.shuttles}
        self._distance: dict[tuple[str, str], float] = {}
        self._tz = zone(self.operator.row.time_zone)

    def format_time(self, at: datetime) -> str:
        """Return a time of the day as people of the operator read it."""
        return f"{at.astimezone(self._tz):%H:%M}" if at.tzinfo else f"{at:%H:%M} (no time zone)"

    def is_site_open(self, site: str) -> bool:
        """Return whether a site may be used: if any site has a permit, each needs a valid one."""
        return self._site_permits is None or site in self._site_permits

    def may_travel(self, agent: str) -> bool:
        """Return whether an agent may go to sites: if any has a permit, each needs a valid one."""
        return self._agent_permits is None or agent in self._agent_permits

    def list_measures(self, site: str, kind: str) -> list[float]:
        """Return the values of a site's measures of a kind in force on the day."""
        return [
            row.value
            for row in self.operator.measures
            if row.site == site and row.kind == kind and row.valid_from <= self.day <= row.valid_to
        ]

    def explain_refusal(self, agent: Agent, place: str, programme: str) -> str | None:
        """Return why an agent may not do a programme at a place; None when it is allowed."""
        row = self.operator.programme.get(programme)
        if row is None:
            return f"programme {programme} does not exist"
        if programme not in agent.skills:
            return f"the agent is not skilled for {programme}"
        if place == HOME:
            return self._refuse_home(agent, row)
        site = self.operator.site.get(place)
        if site is None:
            return f"site {place} does not exist"
        return self._refuse_site(agent, site, row)

    def _refuse_home(self, agent: Agent, programme: Programme) -> str | None:
        if not agent.home_ready:
            return "the agent is not home-ready"
        if programme.place != "home_allowed":
            return f"programme {programme.id} is site-only"
        return self._refuse_destination(self.operator.site[agent.home_site], programme)

    def _refuse_site(self, agent: Agent, site: Site, programme: Programme) -> str | None:
        if not self.is_site_open(site.id):
            return f"site {site.id} has no authorisation valid on {self.day}"
        if not self.may_travel(agent.id):
            return f"the agent has no authorisation to travel valid on {self.day}"
        return self._refuse_destination(site, programme) or self._refuse_reach(agent, site)

    def _refuse_destination(self, site: Site, programme: Programme) -> str | None:
        allowed = programme.allowed_destinations
        if allowed and site.destination not in allowed:
            return f"programme {programme.id} is not allowed in {site.destination}"
        return None

    def _refuse_reach(self, agent: Agent, site: Site) -> str | None:
        if site.id == agent.home_site:
            return None
        ride = self._ride.get((agent.stop, site.id)) if agent.stop else None
        if ride is not None and ride <= self.settings.max_ride_minutes:
            return None
        distance = self._measure_distance(agent.home_site, site.id)
        if agent.own_transport and distance <= self.settings.reach_km + SLACK:
            return None
        ride_said = "no shuttle" if ride is None else f"a shuttle ride of {ride:g} min"
        car = f"own transport and {distance:.1f} km" if agent.own_transport else "no own transport"
        return f"the agent cannot reach site {site.id} ({ride_said}, {car})"

    def _measure_distance(self, a: str, b: str) -> float:
        if (a, b) not in self._distance:
            self._distance[a, b] = _measure_great_circle_km(
                self.operator.site[a], self.operator.site[b]
            )
        return self._distance[a, b]

    def explain_loss(self, agent: Agent, place: str, contingency: Contingency) -> str | None:
        """Return why a place cannot be used under a contingency; None when it can."""
        if place in contingency.sites:
            return f"site {place} is lost"
        if place == HOME and agent.carrier and agent.carrier in contingency.carriers:
            return f"the home lines of {agent.carrier} are lost"
        return None

    def find_time_faults(self, placement: Placement) -> Iterator[str]:
        """Check that a placement covers one shift of the agent on the day, break included."""
        shifts = self.shifts.get(placement.agent, [])
        if self.free and placement.agent in self.shifts:
            yield from self._find_chosen_faults(placement)
            return
        if not shifts:
            yield f"the agent has no shift that starts on {self.day}"
            return
        match = [s for s in shifts if (s.start, s.end) == (placement.start, placement.end)]
        if not match:
            said = f"{self.format_time(placement.start)}-{self.format_time(placement.end)}"
            real = " or ".join(
                f"{self.format_time(s.start)}-{self.format_time(s.end)}" for s in shifts
            )
            yield f"placed {said}, but the shift is {real}"
            return
        reasons = [self._explain_break(placement, shift) for shift in match]
        if all(reasons):
            yield str(reasons[0])

    def _find_chosen_faults(self, placement: Placement) -> Iterator[str]:
        """Check a shift without a roster: a fifth of the week plus 30 min, on the half hour."""
        hours = self.operator.agent[placement.agent].contract_hours / 5
        length = timedelta(hours=round(hours * 2) / 2 + 0.5)
        if placement.end - placement.start != length:
            yield f"the chosen shift lasts {placement.end - placement.start}, {length} is due"
        if (placement.start - self.first) % INTERVAL:
            yield "the chosen shift does not start on the half hour"
        if not self.first <= placement.start < self.last:
            yield f"the chosen shift does not start on {self.day}"
        reason = self._explain_break(
            placement, Shift(placement.agent, placement.start, placement.end)
        )
        if reason:
            yield reason

    def _explain_break(self, placement: Placement, shift: Shift) -> str | None:
        start, end = placement.break_start, placement.break_end
        if start is None or end is None:
            if start is not end:
                return "the break has only one end"
            return (
                f"the break of {shift.break_minutes:g} min is missing"
                if (shift.break_minutes)
                else None
            )
        if start.tzinfo is None or end.tzinfo is None:
            return "the break has no time zone"
        said = f"the break {self.format_time(start)}-{self.format_time(end)}"
        if end - start != timedelta(minutes=shift.break_minutes):
            return f"{said} does not last {shift.break_minutes:g} min"
        if start < shift.start or shift.end < end:
            return f"{said} is not inside the shift"
        if (start - self.first) % INTERVAL:
            return f"{said} does not start on the half hour"
        return None

    def find_placement_faults(self, placement: Placement) -> Iterator[str]:
        """Yield every reason against one placement, regardless of the others."""
        agent = self.operator.agent.get(placement.agent)
        if agent is None:
            yield "the agent does not exist"
            return
        reason = self.explain_refusal(agent, placement.place, placement.programme)
        if reason is not None:
            yield reason
        yield from self.find_time_faults(placement)
