"""The morning's work for a day: its forecast, the law by which it is updated, and their bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from releve.demand.forecast import build_forecast
from releve.demand.intraday.day_law import DayLaw, fit_day_law
from releve.demand.tables import Floats, Forecast, History
from releve.network import Programme
from releve.network.clock import UTC

__all__ = ["Morning", "dump_morning", "forecast_morning", "load_morning", "merge_mornings"]


@dataclass(frozen=True)
class Morning:
    """The forecast of a local day, and by programme the law by which it is updated."""

    forecast: Forecast
    laws: Mapping[str, DayLaw]


def forecast_morning(
    histories: Mapping[str, History], programmes: Sequence[Programme], day: date, time_zone: str
) -> Morning:
    """Forecast a local day of the operator from the days before it (half a second a programme).

    A programme with too short a history has no law, and its forecast says why it is unknown.
    """
    forecast = build_forecast(histories, programmes, [day], time_zone)
    laws = {
        row.id: fit_day_law(histories[row.id], row, day)
        for row in programmes
        if row.id in histories and row.id not in forecast.unknown
    }
    return Morning(forecast, {name: law for name, law in laws.items() if law is not None})


def dump_morning(morning: Morning) -> bytes:
    """Return a morning as compressed JSON; :func:`load_morning` reads it back to the last bit."""
    forecast = morning.forecast
    document = {
        "programmes": forecast.programmes,
        "starts": [round(start.timestamp()) for start in forecast.starts],
        "open": forecast.open.tolist(),
        "mean": forecast.mean.tolist(),
        "quantiles": [[level, values.tolist()] for level, values in forecast.quantiles.items()],
        "aht_s": forecast.aht_s.tolist(),
        "day_factor_cv": forecast.day_factor_cv.tolist(),
        "unknown": {name: str(reason) for name, reason in forecast.unknown.items()},
        "assumed": {name: list(map(str, said)) for name, said in forecast.assumed.items()},
        "laws": {
            name: [law.covariance.tolist(), law.own, law.day_width, law.own_width]
            for name, law in morning.laws.items()
        },
    }
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode())


def load_morning(content: bytes) -> Morning:
    """Return the morning that :func:`dump_morning` wrote."""
    read: dict[str, Any] = json.loads(zlib.decompress(content))
    starts = tuple(datetime.fromtimestamp(second, UTC) for second in read["starts"])
    shape = (len(starts), len(read["programmes"]))

    def table(values: object) -> Floats:
        return np.array(values, dtype=np.float64).reshape(shape)

    forecast = Forecast(
        programmes=tuple(read["programmes"]),
        starts=starts,
        open=np.array(read["open"], dtype=np.bool_).reshape(shape),
        mean=table(read["mean"]),
        quantiles={float(level): table(values) for level, values in read["quantiles"]},
        aht_s=table(read["aht_s"]),
        day_factor_cv=np.array(read["day_factor_cv"], dtype=np.float64),
        unknown=read["unknown"],
        assumed={name: tuple(said) for name, said in read["assumed"].items()},
    )
    laws = {
        name: DayLaw(np.array(covariance, dtype=np.float64), *widths)
        for name, (covariance, *widths) in read["laws"].items()
    }
    return Morning(forecast, laws)


def merge_mornings(parts: Sequence[Morning]) -> Morning:
    """Return one morning of the programmes of several, which are of one day and distinct.

    ValueError where they are not of the same half hours.
    """
    forecasts = [part.forecast for part in parts]
    if len({forecast.starts for forecast in forecasts}) != 1:
        raise ValueError("the forecasts must be of the same half hours")

    def join(arrays: Sequence[Any]) -> Any:
        return np.concatenate(arrays, axis=-1)

    forecast = Forecast(
        programmes=tuple(name for one in forecasts for name in one.programmes),
        starts=forecasts[0].starts,
        open=join([one.open for one in forecasts]),
        mean=join([one.mean for one in forecasts]),
        quantiles={
            level: join([one.quantiles[level] for one in forecasts])
            for level in forecasts[0].quantiles
        },
        aht_s=join([one.aht_s for one in forecasts]),
        day_factor_cv=join([one.day_factor_cv for one in forecasts]),
        unknown={name: said for one in forecasts for name, said in one.unknown.items()},
        assumed={name: said for one in forecasts for name, said in one.assumed.items()},
    )
    return Morning(forecast, {name: law for part in parts for name, law in part.laws.items()})
