"""How often intervals of a forecast hold over half hours, days, weeks and 28 days, by one programme and summed.

At weekly origins a log is forecast 28 days ahead from the days before, and drawn twice from the same
law: each day's factor by itself, as before, and with the parts measured on those days
(:mod:`releve.demand.forecast.day_parts`). Weeks and spans that overlap are not independent; ``spans``
says how many there are without overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from bench.validate.rest_of_day import OPENING_1999, ZONE_1999, RealLog, build_programme, read_table
from releve.demand import IntervalMapping, add_observed_holidays, clean_history, import_intervals
from releve.demand.forecast import HoldoutModel, history_before, observe_outcome
from releve.demand.forecast.backtest import find_usual_days
from releve.demand.forecast.day_parts import DayParts, draw_calls, find_day_errors, measure_parts
from releve.demand.forecast.model import DEFAULT_MODEL, MODELS, ModelPrediction
from releve.demand.localtime import day_to_number, local_slots, number_to_day
from releve.kernels.arrays import Floats

LEVELS = (0.5, 0.8, 0.95)
SPANS = {"half hour": 0, "day": 1, "week": 7, "28 days": 28}
FORECAST_DAYS = 28
FIRST_DAYS = 28
"""Days of a log before the first origin."""


def load_1999_whole(folder: Path) -> RealLog:
    """Return all calls of January to July 1999, the queues together; CallLogError without their file."""
    frame = read_table(folder / "anonymousbank_1999" / "calls_6min_1999_jan_jul.parquet")
    mapping = IntervalMapping(start="start", offered="calls", programmes={"all": "all"}, minutes=6)
    report = import_intervals(frame, mapping, ZONE_1999)
    programmes = {"all": build_programme("all", OPENING_1999, ZONE_1999, "")}
    return RealLog("bank 1999, all", report, programmes, date(1999, 7, 1), date(1999, 8, 1))


@dataclass(frozen=True)
class SpanCoverage:
    """The shares of outcomes inside the intervals of :data:`LEVELS`, drawn as before and with parts.

    ``outcomes`` judged; ``spans`` of them without overlap in days."""

    log: str
    programme: str
    span: str
    outcomes: int
    spans: int
    before: tuple[float, ...]
    after: tuple[float, ...]


def validate_spans(
    log: RealLog, *, draws: int = 400, seed: int = 0, step: int = 7, first_days: int = FIRST_DAYS
) -> tuple[SpanCoverage, ...]:
    """Judge each programme of a log, and their sum, from origins ``step`` days apart after ``first_days``."""
    rows: dict[tuple[str, str], list[tuple[Floats, Floats]]] = {}
    days: dict[tuple[str, str], set[int]] = {}
    for origin, came, said, parts in _forecast_all(log, step, first_days):
        alone = dict.fromkeys(said, DayParts())
        drawn = [draw_calls(said, each, "bank", seed=seed + origin, replications=draws) for each in (alone, parts)]
        pairs = {name: (came[name], [one[name] for one in drawn]) for name in said}
        if len(said) > 1:
            total = [np.sum([np.where(np.isfinite(came[n]), one[n], 0.0) for n in said], axis=0) for one in drawn]
            known = np.any([np.isfinite(came[n]) for n in said], axis=0)
            pairs["sum"] = (np.where(known, np.nansum([came[n] for n in said], axis=0), np.nan), total)
        for name, (seen, both) in pairs.items():
            for span, length in SPANS.items():
                found = [_judge(seen, one, length) for one in both]
                rows.setdefault((name, span), []).append((found[0], found[1]))
                days.setdefault((name, span), set()).update(range(origin, origin + FORECAST_DAYS))
    out = []
    for (name, span), parts_of in rows.items():
        before, after = (np.concatenate([row[i] for row in parts_of]) for i in (0, 1))
        apart = len(days[name, span]) // max(SPANS[span], 1)
        shares = [tuple(float(x) for x in one.mean(axis=0)) for one in (before, after)]
        out.append(SpanCoverage(log.name, name, span, len(before), apart, shares[0], shares[1]))
    return tuple(out)


Forecasts = tuple[int, Mapping[str, Floats], Mapping[str, ModelPrediction], Mapping[str, DayParts]]


def _forecast_all(log: RealLog, step: int, first_days: int) -> Iterator[Forecasts]:
    """Yield by origin what came, what was said, and the parts known by then."""
    local = np.concatenate([local_slots(h.starts, log.programmes[n].time_zone)[0] for n, h in log.histories.items()])
    models: dict[object, HoldoutModel] = {}
    for origin in range(int(local.min()) + first_days, day_to_number(log.end) - FORECAST_DAYS + 1, step):
        numbers = np.arange(origin, origin + FORECAST_DAYS, dtype=np.int64)
        came, said, errors = {}, {}, {}
        for name, programme in log.programmes.items():
            history = log.histories[name]
            before = history_before(history, programme, number_to_day(origin))
            known = add_observed_holidays(programme, before)
            past = clean_history(before, known)
            usable, needed = find_usual_days(past, known)
            if not usable or usable < needed:
                continue
            model = models.setdefault(known, HoldoutModel(history, known, MODELS[DEFAULT_MODEL]))
            said[name] = model.predict(past, numbers)
            came[name] = observe_outcome(history, add_observed_holidays(programme, history), numbers)
            errors[name] = find_day_errors(past, known)
        if said:
            yield origin, came, said, measure_parts(errors)


def _judge(came: Floats, drawn: Floats, length: int) -> Floats:
    """Return the share ``[outcome, level]`` of each outcome's chance inside the central intervals.

    ``length`` days are summed over the half hours that are known; 0 = single half hours.
    """
    known = np.isfinite(came)
    if not length:
        seen, rows = came[known], drawn[:, known]
    else:
        day, each = np.where(known, came, 0.0).sum(axis=1), np.where(known, drawn, 0.0).sum(axis=2)
        spans = len(day) // length
        seen = day.reshape(spans, length).sum(axis=1)
        rows = each.reshape(len(drawn), spans, length).sum(axis=2)
        held = known.reshape(spans, -1).any(axis=1)
        seen, rows = seen[held], rows[:, held]
    return inside_shares(seen, rows)


def inside_shares(came: Floats, drawn: Floats, levels: Sequence[float] = LEVELS) -> Floats:
    """Return which part of each outcome's chance lies in the central intervals: ``[outcome, level]``."""
    room = len(drawn) + 1.0
    below, upto = (drawn < came).sum(axis=0) / room, ((drawn <= came).sum(axis=0) + 1) / room
    columns = []
    for level in levels:
        inside = np.minimum(upto, 0.5 + level / 2) - np.maximum(below, 0.5 - level / 2)
        columns.append(np.clip(inside, 0.0, None) / (upto - below))
    return np.stack(columns, axis=1)
