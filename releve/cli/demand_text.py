"""Output of ``releve demand``: forecasts and requirements as lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.demand import Forecast, Requirement
from releve.demand.forecast import count_quantile
from releve.network import zone

__all__ = [
    "assumption_lines",
    "forecast_json",
    "forecast_lines",
    "requirement_json",
    "requirement_lines",
]


def _local_days(starts: Sequence[datetime], time_zone: str) -> list[date]:
    tz = zone(time_zone)
    return [start.astimezone(tz).date() for start in starts]


def forecast_lines(found: Forecast, time_zone: str, half_hours: bool) -> Iterator[str]:
    """Yield a line a programme and day, or a programme and open half hour."""
    days = np.array(_local_days(found.starts, time_zone))
    yield (
        f"{'programme':<24} {'day':<10} {'calls':>8} {'10 %':>7} {'90 %':>7} {'peak':>6}"
        f" {'at':<5} {'AHT s':>6} {'day cv':>6}"
    )
    for p, name in enumerate(found.programmes):
        for day in dict.fromkeys(days.tolist()):
            rows = (days == day) & found.open[:, p]
            if not rows.any():
                yield f"{name:<24} {day} {'closed':>8}"
            elif np.isnan(found.mean[rows, p]).any():
                yield f"{name:<24} {day} not known: {found.unknown.get(name, '')}"
            else:
                yield _day_line(found, p, name, day, rows, time_zone)
    yield from assumption_lines(found)
    if half_hours:
        yield from _half_hours(found, time_zone)


def assumption_lines(found: Forecast) -> Iterator[str]:
    """Yield a line for each assumption a forecast rests on, naming each once."""
    programmes: dict[str, list[str]] = {}
    for name, lines in found.assumed.items():
        for line in lines:
            programmes.setdefault(line, []).append(name)
    for line, names in programmes.items():
        yield f"assumption: {line} ({', '.join(names)})"


def _day_line(
    found: Forecast, p: int, name: str, day: date, rows: NDArray[np.bool_], time_zone: str
) -> str:
    mean = found.mean[:, p]
    total = np.array([mean[rows].sum()])
    variance = np.array([found.day_factor_cv[p] ** 2])
    low, high = (count_quantile(level, total, variance)[0] for level in (0.1, 0.9))
    peak = int(np.argmax(np.where(rows, mean, -1.0)))
    clock = found.starts[peak].astimezone(zone(time_zone)).strftime("%H:%M")
    weight = mean[rows] + 1e-12
    aht = float(np.average(found.aht_s[rows, p], weights=weight))
    return (
        f"{name:<24} {day} {total[0]:8.1f} {low:7.0f} {high:7.0f} {mean[peak]:6.1f} {clock:<5}"
        f" {aht:6.0f} {found.day_factor_cv[p]:6.3f}"
    )


def _half_hours(found: Forecast, time_zone: str) -> Iterator[str]:
    tz = zone(time_zone)
    levels = sorted(found.quantiles)
    yield ""
    heads = " ".join(f"{100 * level:6.0f}%" for level in levels)
    yield f"{'programme':<24} {'half hour':<16} {'calls':>8} {heads} {'AHT s':>6}"
    for p, name in enumerate(found.programmes):
        for i in np.flatnonzero(found.open[:, p]).tolist():
            cells = " ".join(f"{found.quantiles[level][i, p]:7.0f}" for level in levels)
            clock = f"{found.starts[i].astimezone(tz):%Y-%m-%d %H:%M}"
            yield (
                f"{name:<24} {clock:<16} {found.mean[i, p]:8.2f} {cells} {found.aht_s[i, p]:6.0f}"
            )


def requirement_lines(need: Requirement, time_zone: str, half_hours: bool) -> Iterator[str]:
    """Yield a line a programme, or a programme and half hour with calls."""
    tz = zone(time_zone)
    yield f"{need.day}: agents to roster, shrinkage in"
    yield f"{'programme':<24} {'calls':>8} {'AHT s':>6} {'agent hours':>11} {'peak':>7} at"
    for p, name in enumerate(need.programmes):
        if name in need.unknown:
            yield f"{name:<24} not known: {need.unknown[name]}"
            continue
        agents, calls = need.agents[:, p], need.calls[:, p]
        weight = calls + 1e-12
        aht = float(np.average(np.nan_to_num(need.aht_s[:, p]), weights=weight))
        peak = int(np.argmax(agents))
        yield (
            f"{name:<24} {calls.sum():8.1f} {aht:6.0f} {agents.sum() / 2:11.1f}"
            f" {agents[peak]:7.1f} {need.starts[peak].astimezone(tz):%H:%M}"
        )
    if half_hours:
        yield ""
        for i, start in enumerate(need.starts):
            cells = [
                f"{name} {need.agents[i, p]:.1f}"
                for p, name in enumerate(need.programmes)
                if need.agents[i, p] > 0
            ]
            if cells:
                yield f"{start.astimezone(tz):%H:%M}  " + "  ".join(cells)


def forecast_json(found: Forecast) -> str:
    """Return a forecast as JSON; what is not known is null."""
    document = {
        "programmes": list(found.programmes),
        "starts": [start.isoformat() for start in found.starts],
        "open": found.open.tolist(),
        "mean": _null_counts(found.mean),
        "quantiles": {
            f"{level:g}": _null_counts(table) for level, table in found.quantiles.items()
        },
        "aht_s": _null_counts(found.aht_s),
        "day_factor_cv": _null_counts(found.day_factor_cv),
        "unknown": found.unknown,
        "assumed": {name: list(lines) for name, lines in found.assumed.items()},
    }
    return json.dumps(document, ensure_ascii=False)


def requirement_json(need: Requirement) -> str:
    """Return a requirement as JSON; what is not known is null."""
    document = {
        "day": need.day.isoformat(),
        "programmes": list(need.programmes),
        "starts": [start.isoformat() for start in need.starts],
        "agents": _null_counts(need.agents),
        "on_phone": _null_counts(need.on_phone),
        "calls": _null_counts(need.calls),
        "aht_s": _null_counts(need.aht_s),
        "unknown": need.unknown,
    }
    return json.dumps(document, ensure_ascii=False)


def _null_counts(table: NDArray[np.float64]) -> Any:
    if table.ndim > 1:
        return [_null_counts(row) for row in table]
    return [None if value != value else round(value, 6) for value in table.tolist()]
