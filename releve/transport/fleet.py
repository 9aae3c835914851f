"""The vehicles of a day in pools of alike ones, the times they take and run, and the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from math import asin, cos, radians, sin, sqrt
from typing import Any

from releve.network import UTC, Curfew, Operator, parse_opening, zone
from releve.network.model import EARTH_KM


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """What a ride may be like; minutes."""

    max_ride_minutes: float = 60.0
    """Longest time in a vehicle."""
    earliest_minutes: float = 30.0
    """How long before a shift riders may arrive, and how long after it they may wait to leave."""
    alight_minutes: float = 5.0
    """Time from the vehicle to the seat: a run arrives at least this long before the shift."""
    boarding_minutes: float = 6.0
    """Time that boarding adds to each run."""
    road_factor: float = 1.35
    """Road kilometres per kilometre as the crow flies, where a drive is estimated."""
    speed_kmh: float = 27.0
    """Speed on the road where a drive is estimated."""
    slots: int = 3
    """Arrival times tried per run, from the latest to the earliest."""

    def __post_init__(self) -> None:
        for name in ("max_ride_minutes", "road_factor", "speed_kmh"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} > 0 does not hold, got {value!r}")
        if not 0 <= self.alight_minutes <= self.earliest_minutes:
            raise ValueError(
                "0 <= alight_minutes <= earliest_minutes does not hold, got"
                f" {self.alight_minutes!r} and {self.earliest_minutes!r}"
            )
        if self.boarding_minutes < 0 or self.slots < 1:
            raise ValueError(
                f"boarding_minutes >= 0 and slots >= 1 do not hold, got {self.boarding_minutes!r} and {self.slots!r}"
            )

    def list_margins(self) -> tuple[float, ...]:
        """Return the minutes between a run's arrival and the shift that are tried, least first."""
        first, last = self.alight_minutes, self.earliest_minutes
        if self.slots == 1 or first == last:
            return (first,)
        step = (last - first) / (self.slots - 1)
        return tuple(first + i * step for i in range(self.slots))


class TravelTimes:
    """Drives between the stops, sites and depots of an operator, in minutes.

    A drive that the table ``travel`` lacks is taken from the other direction, then from the table
    ``shuttles`` (less boarding), then estimated.
    """

    def __init__(self, operator: Operator, settings: TransportSettings) -> None:
        self._settings = settings
        self._where = {row.id: (row.lat, row.lon) for row in operator.stops}
        self._where |= {row.id: (row.lat, row.lon) for row in operator.sites}
        self._where |= {row.id: (row.lat, row.lon) for row in operator.depots}
        self._rows: dict[tuple[str, str], list[tuple[int, int, float, float | None, bool]]] = {}
        for row in operator.travel:
            found = (row.from_hour, row.to_hour, row.minutes, row.km, row.source == "estimated")
            self._rows.setdefault((row.origin, row.target), []).append(found)
        self._shuttles = {
            (row.stop, row.site): max(1.0, row.ride_minutes - settings.boarding_minutes) for row in operator.shuttles
        }
        self._known: dict[tuple[str, str, int], tuple[float, float, bool]] = {}

    def get_minutes(self, origin: str, target: str, hour: int) -> float:
        """Return the minutes of a drive that begins in an hour of the day."""
        return self._find(origin, target, hour)[0]

    def get_km(self, origin: str, target: str, hour: int) -> float:
        """Return the road kilometres of a drive."""
        return self._find(origin, target, hour)[1]

    def is_estimated(self, origin: str, target: str, hour: int) -> bool:
        """Return whether the minutes of a drive are an estimate."""
        return self._find(origin, target, hour)[2]

    def _find(self, origin: str, target: str, hour: int) -> tuple[float, float, bool]:
        key = (origin, target, hour)
        if key not in self._known:
            self._known[key] = self._look_up(origin, target, hour)
        return self._known[key]

    def _look_up(self, origin: str, target: str, hour: int) -> tuple[float, float, bool]:
        if origin == target:
            return 0.0, 0.0, False
        away = self._settings.road_factor * _measure_km(self._where[origin], self._where[target])
        for ends in ((origin, target), (target, origin)):
            for first, last, minutes, km, estimated in self._rows.get(ends, ()):
                if first <= hour < last:
                    return minutes, away if km is None else km, estimated
        for ends in ((origin, target), (target, origin)):
            if ends in self._shuttles:
                return self._shuttles[ends], away, False
        return 60.0 * away / self._settings.speed_kmh, away, True


def _measure_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    (lat1, lon1), (lat2, lon2) = a, b
    half = (
        sin(radians(lat2 - lat1) / 2) ** 2
        + cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_KM * asin(sqrt(min(1.0, half)))


@dataclass(frozen=True)
class VehiclePool:
    """Vehicles of one depot that are alike: ``cap`` riders each, within ``windows`` of the day.

    ``permitted``: each holds a permit of its own, so that it may run inside a curfew.
    """

    depot: str
    sites: tuple[str, ...]
    seats: int
    cap: int
    windows: tuple[tuple[datetime, datetime], ...]
    permitted: bool
    vehicles: tuple[str, ...]

    def may_run(self, start: datetime, end: datetime) -> bool:
        """Return whether a run fits into the running hours."""
        return any(first <= start and end <= last for first, last in self.windows)


@dataclass(frozen=True)
class Fleet:
    """What carries the agents of a day, and between which places.

    ``riders_permitted``: the operator keeps permits of agents, so that those planned on a site
    hold one. ``since``: no vehicle can leave the place where it waits before that instant.
    """

    operator: Operator = field(repr=False)
    day: date
    settings: TransportSettings
    pools: tuple[VehiclePool, ...]
    riders_permitted: bool
    since: datetime | None = None

    @cached_property
    def travel(self) -> TravelTimes:
        """Return the drives between the operator's places."""
        return TravelTimes(self.operator, self.settings)

    @cached_property
    def partitions(self) -> dict[Any, Any]:
        """Return the waves that were put on routes, which many scenarios have in common."""
        return {}

    @cached_property
    def listed_runs(self) -> dict[Any, Any]:
        """Return the runs that were listed for a programme, which many have in common."""
        return {}

    @cached_property
    def limits(self) -> dict[tuple[str, str], float]:
        """Return the longest ride from a stop to a site, where agents there ask for a shorter one.

        Minutes, boarding included. An agent whose limit is below the direct drive cannot ride at
        all, and does not bind the others of the stop.
        """
        found: dict[tuple[str, str], float] = {}
        asking = [row for row in self.operator.agents if row.max_ride is not None and row.stop]
        for agent in asking:
            for site in self.operator.sites:
                most = agent.max_ride or 0.0
                if self.measure_direct_ride(agent.stop, site.id) <= most:
                    key = (agent.stop, site.id)
                    found[key] = min(most, found.get(key, most))
        return found

    def measure_direct_ride(self, stop: str, site: str) -> float:
        """Return the minutes of a ride without a stop in between, by the slowest hour's drive."""
        slowest = max(self.travel.get_minutes(stop, site, hour) for hour in range(24))
        return slowest + self.settings.boarding_minutes

    def get_hour(self, site: str, at: datetime) -> int:
        return at.astimezone(zone(self.operator.site[site].time_zone)).hour

    def is_under_curfew(self, site: str, start: datetime, end: datetime) -> bool:
        """Return whether a run to or from a site touches a curfew there."""
        return any(
            row.site == site and _touches_curfew(row, start, end, zone_name)
            for row in self.operator.curfews
            for zone_name in (self.operator.site[site].time_zone,)
        )

    @property
    def most_riders(self) -> int:
        """Return the riders of the vehicle that may carry the most."""
        return max((pool.cap for pool in self.pools), default=0)

    def count_vehicles(self) -> int:
        """Return the number of vehicles of the day."""
        return sum(len(pool.vehicles) for pool in self.pools)


def _touches_curfew(row: Curfew, start: datetime, end: datetime, zone_name: str) -> bool:
    tz = zone(zone_name)
    first, last = time.fromisoformat(f"{row.from_time:0>5}"), f"{row.to_time:0>5}"
    day = start.astimezone(tz).date() - timedelta(days=1)
    while day <= end.astimezone(tz).date():
        if row.valid_from <= day <= row.valid_to:
            begins = datetime.combine(day, first, tz)
            ends = datetime.combine(day, time.fromisoformat(last), tz)
            if ends <= begins:
                ends = datetime.combine(day + timedelta(days=1), ends.timetz())
            if start < ends and begins < end:
                return True
        day += timedelta(days=1)
    return False


def build_fleet(operator: Operator, day: date, *, settings: TransportSettings | None = None) -> Fleet | None:
    """Return the fleet of a day; None where the operator has no table of vehicles.

    Where the operator
    keeps permits of vehicles, one without a permit valid on the day does not run.
    """
    if not operator.vehicles:
        return None
    permits = [row for row in operator.authorisations if row.kind == "vehicle"]
    held = {row.subject for row in permits if row.valid_from <= day <= row.valid_to}
    depots = {row.id: row for row in operator.depots}
    found: dict[tuple[object, ...], list[str]] = {}
    for row in operator.vehicles:
        if permits and row.id not in held:
            continue
        sites = depots[row.depot].sites
        cap = int(row.seats * (1.0 if row.fill_cap is None else row.fill_cap) + 1e-9)
        if cap < 1:
            continue
        key = (row.depot, sites, row.seats, cap, row.hours, row.id in held)
        found.setdefault(key, []).append(row.id)
    pools = tuple(
        VehiclePool(
            str(depot), sites, seats, cap,  # type: ignore[arg-type]
            _list_windows(str(hours), day, operator.site[sites[0]].time_zone, operator),  # type: ignore[index]
            bool(permitted), tuple(vehicles),
        )
        for (depot, sites, seats, cap, hours, permitted), vehicles in found.items()
    )  # fmt: skip
    travellers = any(row.kind == "agent" for row in operator.authorisations)
    return Fleet(operator, day, settings or TransportSettings(), pools, travellers)


def _list_windows(hours: str, day: date, zone_name: str, operator: Operator) -> tuple[tuple[datetime, datetime], ...]:
    """Return the running hours around a day, in UTC; those that meet at midnight are one."""
    tz = zone(zone_name)
    opening = parse_opening(hours)
    first, last = operator.day_bounds(day)
    windows: list[tuple[datetime, datetime]] = []
    for offset in range(-1, 3):
        at = day + timedelta(days=offset)
        for start, end in opening.days[at.weekday()]:
            begins = _at_minute(at, start, tz)
            ends = _at_minute(at, end, tz)
            if windows and windows[-1][1] == begins:
                windows[-1] = (windows[-1][0], ends)
            else:
                windows.append((begins, ends))
    margin = timedelta(days=1)
    return tuple(w for w in windows if w[1] > first - margin and w[0] < last + margin)


def _at_minute(day: date, minute: int, tz: object) -> datetime:
    full, rest = divmod(minute, 24 * 60)
    clock = time(rest // 60, rest % 60)
    local = datetime.combine(day + timedelta(days=full), clock, tz)  # type: ignore[arg-type]
    return local.astimezone(UTC)
