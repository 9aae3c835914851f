"""The parameters of the forecast model that the data do not give."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ModelSettings"]


@dataclass(frozen=True)
class ModelSettings:
    """Constants of the model, half-lives in days.

    Chosen by rolling back-test inside January 1999 and March to July 2003 of two bank logs, and
    on the daily totals of March to July 1999 of the first. Each value is the best on those months.
    The error is flat: half or twice a value moves it by 1 %. The coverage of the months the model
    is judged on (February 1999, August 2003) was seen between rounds, so they are not wholly blind.

    ``profile_days`` ages weekday factors and shares. ``fast_days`` and ``slow_days`` age the two
    levels; ``reversion`` is how much of their distance is left a day further ahead. A programme's
    level follows another rule where that predicted its past better by ``way_margin`` of the error,
    over ``way_after_days`` days. ``stiffness`` is the prior precision of a bend of the log profile,
    ``weekday_spread`` the prior standard deviation of the factors of weekdays with the same opening
    hours. ``calendar_prior_days`` are what the priors of the calendar's features are worth, in
    their order; those of the month wait for ``month_after_days`` of history. ``day_variance`` and
    ``day_growth`` are the prior squared variation of a whole day and its growth per day ahead,
    worth ``prior_days`` and ``prior_stretches``: growth is weighed by stretches of
    ``growth_stretch_days``, because days near each other say the same about it.
    """

    profile_days: float = 56.0
    fast_days: float = 7.0
    slow_days: float = 28.0
    reversion: float = 0.98
    way_after_days: int = 42
    way_margin: float = 0.2
    stiffness: float = 20.0
    weekday_spread: float = 0.1
    calendar_prior_days: tuple[float, ...] = (1.0, 1.0, 3.0, 3.0)
    month_after_days: int = 60
    day_variance: float = 0.005
    day_growth: float = 0.0002
    prior_days: float = 3.0
    growth_stretch_days: float = 14.0
    prior_stretches: float = 1.0

    def __post_init__(self) -> None:
        positive = (
            "profile_days",
            "fast_days",
            "slow_days",
            "weekday_spread",
            "growth_stretch_days",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")
        for name in ("reversion", "way_margin"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        least = ("stiffness", "day_variance", "day_growth", "prior_days", "way_after_days")
        for name in (*least, "prior_stretches"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")
