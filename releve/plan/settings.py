"""The parameters of a plan, each with its condition."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

RELIEF_AIMS = ("plan", "promise")


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """What a plan aims at and what it may do.

    Shares are between 0 and 1. Prices of moves are in agent-intervals of mean penalty; prices of
    purchases in EUR.
    """

    target: float = 0.05
    """Largest share of a client's day (agent-intervals) that may be missing under a contingency."""
    thin: float = 0.8
    """Coverage of an interval below which a held client is shown as thin."""
    isolated: float = 0.05
    """Share of the people exposed on a lost site who are isolated and cannot work at all."""
    max_ride_minutes: float = 60.0
    """Longest shuttle ride that makes a site reachable."""
    reach_km: float = 30.0
    """How far from the home site an agent with own transport can be placed."""
    laptop_price: float = 600.0
    """Makes one agent home-ready (laptop and line)."""
    skill_price: float = 400.0
    """Trains one agent for one more programme."""
    seat_price: float = 900.0
    """One more usable seat on a site."""
    vehicle_price: float = 2500.0
    """One more vehicle like another of its depot, with its driver, hired for a month."""
    hire_price: float | None = None
    """One more agent, hired and trained. None: hiring is not proposed, as its price is a wage that
    goes on, and it takes weeks."""
    regret_weight: float = 5.0
    """Weight of the worst regret, times the weighted requirement of an average client."""
    average_weight: float = 0.2
    """Weight of the mean penalty-weighted shortfall over the site contingencies."""
    move_price: float = 0.01
    """Price of a placement that is not the agent's own site and main programme, in the plan."""
    relief_move_price: float = 2.0
    """Price of each agent moved by a relief."""
    relief_tolerance: float = 0.005
    """Share of each client's day that a relief may cover less than the best, where it moves fewer people so."""
    relief_aim: Literal["plan", "promise"] = "plan"
    """What a planned relief holds every client within: the worst regret that the plan found, or the target itself,
    mostly with fewer moves."""

    def __post_init__(self) -> None:
        for share in ("target", "thin", "isolated", "relief_tolerance"):
            _require(0 <= getattr(self, share) <= 1, f"0 <= {share} <= 1", getattr(self, share))
        _require(self.relief_aim in RELIEF_AIMS, f"relief_aim in {RELIEF_AIMS}", self.relief_aim)
        for field in dataclasses.fields(self):
            if field.name == "relief_aim":
                continue
            value = getattr(self, field.name)
            _require(value is None or value >= 0, f"{field.name} >= 0", value)

    def list_values(self) -> dict[str, float | int | str]:
        """Return the settings by name, without a price that is not given and the aim that is usual."""
        values = {name: getattr(self, name) for name in self.__slots__}
        if self.relief_aim == "plan":
            del values["relief_aim"]
        return {name: value for name, value in values.items() if value is not None}


def _require(holds: bool, condition: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{condition} does not hold, got {value!r}")
