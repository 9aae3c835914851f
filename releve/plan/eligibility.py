"""Which places and programmes an agent may be given on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import asin, cos, radians, sin, sqrt

from releve.network import HOME, Agent, Operator, Site
from releve.plan.day_fleet import build_day_fleet
from releve.plan.result import Plan
from releve.plan.settings import PlanSettings

__all__ = ["Eligibility", "count_planned_seats", "list_open_sites", "measure_distance_km"]

EARTH_RADIUS_KM = 6371.0088


def measure_distance_km(a: Site, b: Site) -> float:
    """Return the great-circle distance of two sites (haversine, mean Earth radius)."""
    half_lat = radians(b.lat - a.lat) / 2
    half_lon = radians(b.lon - a.lon) / 2
    chord = sin(half_lat) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))


def _list_permitted(operator: Operator, kind: str, day: date) -> frozenset[str] | None:
    """Return the ids with a permit valid on the day; None when the operator keeps none."""
    rows = [row for row in operator.authorisations if row.kind == kind]
    if not rows:
        return None
    return frozenset(row.subject for row in rows if row.valid_from <= day <= row.valid_to)


def list_open_sites(operator: Operator, day: date) -> frozenset[str]:
    """Return the sites that may be planned on a day."""
    permitted = _list_permitted(operator, "site", day)
    return frozenset(
        site.id for site in operator.sites if permitted is None or site.id in permitted
    )


@dataclass(frozen=True)
class _AgentKind:
    """What decides where an agent may work; agents of one kind are answered once."""

    home_site: str
    skills: tuple[str, ...]
    home_ready: bool
    stop: str
    own_transport: bool
    may_travel: bool
    max_ride: float | None


class Eligibility:
    """Answers which (place, programme) pairs an agent may be given on a day."""

    def __init__(self, operator: Operator, day: date, settings: PlanSettings) -> None:
        self._operator = operator
        self._settings = settings
        self._open = list_open_sites(operator, day)
        self._travel = _list_permitted(operator, "agent", day)
        self._rides: dict[str, set[str]] = {}
        for row in operator.shuttles:
            if row.ride_minutes <= settings.max_ride_minutes:
                self._rides.setdefault(row.stop, set()).add(row.site)
        self._near = {
            a.id: {b.id for b in operator.sites if measure_distance_km(a, b) <= settings.reach_km}
            for a in operator.sites
        }
        self._fleet = build_day_fleet(operator, day, settings)
        self._known: dict[_AgentKind, frozenset[tuple[str, str]]] = {}

    def find_pairs(self, agent: Agent) -> frozenset[tuple[str, str]]:
        """Return every legal (place, programme) of an agent."""
        kind = _AgentKind(
            agent.home_site,
            agent.skills,
            agent.home_ready,
            agent.stop,
            agent.own_transport,
            self._travel is None or agent.id in self._travel,
            agent.max_ride,
        )
        if kind not in self._known:
            self._known[kind] = self._find_pairs(kind)
        return self._known[kind]

    def find_reachable_sites(self, kind: _AgentKind) -> set[str]:
        """Return the open sites that agents of a kind can come to."""
        if not kind.may_travel:
            return set()
        sites = {kind.home_site} | self._rides.get(kind.stop, set())
        if kind.own_transport:
            sites |= self._near[kind.home_site]
        elif kind.stop and kind.max_ride is not None and self._fleet is not None:
            ride = self._fleet.measure_direct_ride
            sites = {site for site in sites if ride(kind.stop, site) <= kind.max_ride}
        return sites & self._open

    def _find_pairs(self, kind: _AgentKind) -> frozenset[tuple[str, str]]:
        found = set()
        reach = self.find_reachable_sites(kind)
        home = self._operator.site[kind.home_site].destination
        for name in kind.skills:
            programme = self._operator.programme[name]
            allowed = programme.allowed_destinations
            for site in reach:
                if not allowed or self._operator.site[site].destination in allowed:
                    found.add((site, name))
            at_home = kind.home_ready and programme.place == "home_allowed"
            if at_home and (not allowed or home in allowed):
                found.add((HOME, name))
        return frozenset(found)


def count_planned_seats(operator: Operator, plan: Plan) -> dict[str, int]:
    """Return how many people each site of a plan can hold, within a measure's most people."""
    out = {site.id: len(site.usable_seats) if site.open else 0 for site in plan.sites}
    for row in operator.measures:
        if row.kind == "max_people" and row.valid_from <= plan.day <= row.valid_to:
            out[row.site] = min(out[row.site], int(row.value))
    return out
