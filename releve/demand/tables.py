"""The values that pass through this floor: history, forecast, requirement.

All arrays are float64 with axes ``[interval, programme]`` unless said otherwise. An interval is
30 minutes and is named by its start in UTC. NaN means *not known*; it is never zero calls.
An interval in which a programme is closed has 0 and ``open`` False.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

__all__ = ["INTERVAL", "Floats", "Forecast", "History", "Requirement", "Truths"]

INTERVAL = timedelta(minutes=30)

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class History:
    """Half-hourly history of one programme.

    ``starts`` int64 seconds since 1970 UTC, ascending, one per half hour held by the source;
    ``offered``, ``answered`` counts and ``aht_s`` seconds of the same length, NaN = not known.
    """

    programme: str
    starts: NDArray[np.int64]
    offered: Floats
    answered: Floats
    aht_s: Floats


@dataclass(frozen=True)
class Forecast:
    """Expected volume and handling time for the intervals of one day or of several.

    ``mean`` calls; ``quantiles[level][interval, programme]`` calls at that level of probability;
    ``aht_s`` seconds; ``day_factor_cv[programme]`` coefficient of variation of the factor that a
    whole day shares (busyness), so that a day is high or low together. ``open`` says when the
    programme takes calls. A programme without a usable history has NaN throughout its open
    intervals and its reason in ``unknown``. ``assumed`` says by programme what the forecast rests
    on that neither its history nor its row says: public holidays taken to be closed or open.
    """

    programmes: tuple[str, ...]
    starts: tuple[datetime, ...]
    open: Truths
    mean: Floats
    quantiles: dict[float, Floats]
    aht_s: Floats
    day_factor_cv: Floats
    unknown: dict[str, str]
    assumed: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Requirement:
    """Agents to roster per programme and half hour of one planning day.

    ``agents`` is on-phone agents divided by (1 - shrinkage), not rounded (rounding before pooling
    inflates sums); ``on_phone`` the integer optimum before shrinkage; ``calls`` the volume it was
    computed for and ``aht_s`` its handling time. NaN = not known, with the reason in ``unknown``.
    ``starts`` covers the whole local day of the operator.
    """

    day: date
    programmes: tuple[str, ...]
    starts: tuple[datetime, ...]
    agents: Floats
    on_phone: Floats
    calls: Floats
    aht_s: Floats
    unknown: dict[str, str]
