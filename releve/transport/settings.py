"""The parameters of transport, each with its condition."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TransportSettings"]


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
                "boarding_minutes >= 0 and slots >= 1 do not hold, got"
                f" {self.boarding_minutes!r} and {self.slots!r}"
            )

    def list_margins(self) -> tuple[float, ...]:
        """Return the minutes between a run's arrival and the shift that are tried, least first."""
        first, last = self.alight_minutes, self.earliest_minutes
        if self.slots == 1 or first == last:
            return (first,)
        step = (last - first) / (self.slots - 1)
        return tuple(first + i * step for i in range(self.slots))
