"""Made-up programmes and histories whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from releve.demand import History
from releve.demand.localtime import SLOTS, day_to_number, local_to_utc, open_slots
from releve.network import Programme

FIRST = date(2026, 6, 1)
"""A Monday."""


def programme(name: str = "p", **changes: object) -> Programme:
    """Return an inbound programme, open Monday to Friday, its holidays France's."""
    values: dict[str, object] = {
        "id": name,
        "client": "c",
        "name": name,
        "kind": "inbound",
        "opening": "Mon-Fri 08:00-18:00",
        "aht_s": 300.0,
        "time_zone": "Europe/Paris",
        "holidays": "FR",
        **changes,
    }
    return Programme(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Truth:
    """``rate[day, slot]`` of made-up days and the day numbers."""

    numbers: NDArray[np.int64]
    rate: NDArray[np.float64]


def truth(
    row: Programme,
    days: int,
    *,
    volume: float = 1000.0,
    first: date = FIRST,
    factor: Callable[[date], float] = lambda day: 1.0,
) -> Truth:
    """Return the rates of ``days`` local days: a two-humped day, Mondays 1.3 times the others."""
    numbers = np.arange(day_to_number(first), day_to_number(first) + days, dtype=np.int64)
    opened, _ = open_slots(row, numbers)
    hours = (np.arange(SLOTS) + 0.5) / 2
    shape = np.exp(-((hours - 10.5) ** 2) / 4) + 0.8 * np.exp(-((hours - 15) ** 2) / 5)
    rate = np.where(opened, shape / shape[16:36].sum() * volume, 0.0)
    rate[(numbers + 3) % 7 == 0] *= 1.3
    rate *= np.array([factor(first + timedelta(days=i)) for i in range(days)])[:, None]
    return Truth(numbers, rate)


def history(row: Programme, table: NDArray[np.float64], numbers: NDArray[np.int64], aht_s: float = 300.0) -> History:
    """Return counts ``[day, slot]`` as a history; NaN cells are not held."""
    local = (numbers[:, None] * 86400 + np.arange(SLOTS) * 1800).ravel()
    utc, ways = local_to_utc(local, row.time_zone)
    keep = np.isfinite(table.ravel()) & (ways == 1)
    counts = table.ravel()[keep]
    return History(row.id, utc[keep], counts, counts.copy(), np.full(len(counts), aht_s))


def poisson(row: Programme, made: Truth, seed: int, cv: float = 0.0) -> History:
    """Return Poisson counts about the truth, each whole day by a gamma factor of ``cv``."""
    rng = np.random.default_rng(seed)
    shape = 1 / cv**2 if cv else 0.0
    busy = rng.gamma(shape, 1 / shape, len(made.numbers)) if cv else np.ones(len(made.numbers))
    counts = rng.poisson(made.rate * busy[:, None]).astype(np.float64)
    return history(row, counts, made.numbers)


def wape(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """Return the sum of absolute errors over the sum of counts, where counts are known."""
    known = np.isfinite(counts)
    return float(np.abs(counts - expected)[known].sum() / counts[known].sum())
