"""How long a vehicle takes from place to place: imported, or estimated and marked so."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from releve.network import Operator
from releve.transport.settings import TransportSettings

__all__ = ["TravelTimes"]

_EARTH_KM = 6371.0


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
            (row.stop, row.site): max(1.0, row.ride_minutes - settings.boarding_minutes)
            for row in operator.shuttles
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
    return 2 * _EARTH_KM * asin(sqrt(min(1.0, half)))
