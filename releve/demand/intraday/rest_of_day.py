"""The rest of the day: reports folded, the forecast updated, and when the target is lost.

The service level is the contract's: counts of the whole day by the programme's definition. Known
half hours count as they came; those to come as exact Erlang A (C without a patience) gives for the
agents on the phone.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np

from releve.demand.erlang import metrics
from releve.demand.forecast import build_forecast
from releve.demand.forecast.factors import count_quantile
from releve.demand.history import STEPS_MINUTES
from releve.demand.intraday.day_law import DayLaw, assume_day_law, condition, fit_day_law
from releve.demand.localtime import local_slots
from releve.demand.requirement import INTERVAL, Forecast, History
from releve.kernels.arrays import Floats, Ints, Truths
from releve.network import Programme, Uplift, find_open_instants, list_holiday_names
from releve.network.history_grid import FINE_DECIMALS, round_to_grid
from releve.network.moments import MIDNIGHT, UTC


@dataclass(frozen=True)
class RestOfDay:
    """The day's forecast as it stands at ``now``.

    ``forecast`` holds the calls that came where ``known[interval, programme]`` (mean and quantiles
    alike), and the updated forecast elsewhere, also in past half hours without a report.
    ``factor[programme]`` is the calls still expected over those the morning expected in the same
    half hours; NaN where none are left or none were expected. ``reopened`` names the programmes that
    the morning took for closed by a public holiday and whose calls say that they are open.
    """

    now: datetime
    forecast: Forecast
    known: Truths
    factor: Floats
    reopened: frozenset[str] = frozenset()


CLOSED_DOOR_SHARE = 0.1
"""Calls below this share of an open day's are those of callers at a closed door."""
CLOSED_DOOR_LEVEL = 0.999
"""A closed day is taken for open when its calls are above this Poisson quantile of a closed door's."""
_REOPENED_VARIANCE = 1.0
"""How many call on a holiday thought closed is not known beforehand: a squared variation that the day shares."""


def reforecast(
    morning: Forecast,
    programmes: Sequence[Programme],
    came: Floats,
    now: datetime,
    laws: Mapping[str, DayLaw] | None = None,
    if_open: Forecast | None = None,
) -> RestOfDay:
    """Return the ``morning`` forecast updated by the calls that came until ``now``.

    ``came[interval, programme]`` are the calls offered in the forecast's half hours and programmes,
    NaN = not known (:func:`releve.demand.intraday.fold_figures`). Half hours not over at ``now``
    are not taken for known. Each local day of a programme is updated from its own half hours.
    ``laws`` come from :func:`releve.demand.intraday.fit_day_law`; a programme without one is
    updated by the ``day_factor_cv`` of its forecast. Where no report came the morning's forecast
    stays to the last bit; where the morning knew nothing the rest of the day is not known. Calls of
    a half hour in which the programme is closed have no part in it.

    ``if_open`` is the forecast that programmes closed by a public holiday would have without it. A
    local day that the morning closes is forecast by it once the calls of its opening hours show it
    open: more than :data:`CLOSED_DOOR_SHARE` of those of an open day, by more than chance
    (:data:`CLOSED_DOOR_LEVEL`), at least six. The level of such a day is then almost that of its calls alone.

    ``day_factor_cv`` becomes that of what is left. Results are on the decimal grid of
    :func:`releve.demand.build_forecast`. ValueError for another shape, a count below 0, a
    programme that the forecast has and ``programmes`` lacks.
    """
    counts = _check_counts(morning, came)
    over = np.array([start + INTERVAL <= now for start in morning.starts], dtype=np.bool_)
    zones = {row.id: row.time_zone for row in programmes}
    closed, reopened = morning, np.zeros(morning.open.shape, dtype=np.bool_)
    if if_open is not None:
        morning, reopened = _reopen(morning, if_open, np.where(over[:, None], counts, np.nan), zones)
    known = np.isfinite(counts) & over[:, None] & morning.open
    seconds = np.array([round(start.timestamp()) for start in morning.starts], dtype=np.int64)
    mean = morning.mean.copy()
    quantiles = {level: values.copy() for level, values in morning.quantiles.items()}
    day_cv = morning.day_factor_cv.copy()
    for column in np.flatnonzero(known.any(axis=0)).tolist():
        name = morning.programmes[column]
        if name not in zones:
            raise ValueError(f"the forecast has programme {name}, which `programmes` lacks")
        law = (laws or {}).get(name) or assume_day_law(float(day_cv[column]) ** 2, np.nan)
        day, slots = local_slots(seconds, zones[name])
        left = []
        for number in np.unique(day[known[:, column]]).tolist():
            rows = np.flatnonzero((day == number) & morning.open[:, column])
            here = np.where(known[rows, column], counts[rows, column], np.nan)
            today = law
            if reopened[rows, column].any():
                today = replace(law, covariance=law.covariance + _REOPENED_VARIANCE)
            updated = update_day(today, slots[rows], morning.mean[rows, column], here)
            mean[rows, column] = updated.mean
            for level, values in quantiles.items():
                drawn = count_quantile(level, np.nan_to_num(updated.mean), updated.spread)
                drawn = np.where(np.isnan(updated.mean), np.nan, drawn)
                values[rows, column] = np.where(np.isfinite(here), here, drawn)
            left.append(updated.day_cv)
        if np.isfinite(left).any():
            day_cv[column] = np.nanmax(left)
    forecast = replace(morning, mean=mean, quantiles=quantiles, day_factor_cv=day_cv)
    before = np.where(known, 0.0, np.nan_to_num(closed.mean)).sum(axis=0)
    after = np.where(known, 0.0, np.nan_to_num(mean)).sum(axis=0)
    ratio = np.full(before.shape, np.nan)  # of the calls still expected to the morning's
    np.divide(after, before, out=ratio, where=before > 0)
    names = frozenset(morning.programmes[column] for column in np.flatnonzero(reopened.any(axis=0)).tolist())
    return RestOfDay(now, forecast, known, round_to_grid(ratio), names)


def _reopen(morning: Forecast, if_open: Forecast, counts: Floats, zones: Mapping[str, str]) -> tuple[Forecast, Truths]:
    """Return the morning's forecast with the days that their calls show open, and the half hours of these."""
    seconds = np.array([round(start.timestamp()) for start in morning.starts], dtype=np.int64)
    found = np.zeros(morning.open.shape, dtype=np.bool_)
    other = np.zeros(len(morning.programmes), dtype=np.int64)
    for place, name in enumerate(if_open.programmes):
        column = morning.programmes.index(name)
        other[column] = place
        day, _ = local_slots(seconds, zones.get(name, "UTC"))
        mean, opened = if_open.mean[:, place], if_open.open[:, place]
        for number in np.unique(day[opened]).tolist():
            rows = (day == number) & opened
            given = rows & np.isfinite(counts[:, column]) & np.isfinite(mean)
            at_the_door = np.array([max(CLOSED_DOOR_SHARE * float(mean[given].sum()), 1.0)])
            limit = count_quantile(CLOSED_DOOR_LEVEL, at_the_door, np.zeros(1))
            if not morning.open[rows, column].any() and counts[given, column].sum() > limit[0]:
                found[rows, column] = True
    which = found.any(axis=0)

    def take(before: Floats, after: Floats) -> Floats:
        return np.where(found, after[:, other], before)

    renewed = replace(
        morning,
        open=morning.open | found,
        mean=take(morning.mean, if_open.mean),
        quantiles={level: take(values, if_open.quantiles[level]) for level, values in morning.quantiles.items()},
        aht_s=take(morning.aht_s, if_open.aht_s),
        day_factor_cv=np.where(which, if_open.day_factor_cv[other], morning.day_factor_cv),
    )
    return renewed, found


def _check_counts(morning: Forecast, came: Floats) -> Floats:
    counts = np.asarray(came, dtype=np.float64)
    if counts.shape != morning.mean.shape:
        raise ValueError(f"came must have the forecast's shape {morning.mean.shape}, got {counts.shape}")
    bad = (counts < 0) | np.isinf(counts)
    if bad.any():
        raise ValueError(f"came must be counts of at least 0, got {float(counts[bad][0])!r}")
    return counts


@dataclass(frozen=True)
class DayUpdate:
    """One local day's half hours: ``mean`` calls, gamma-Poisson with the squared variation
    ``spread``; ``day_cv`` of the factor that what is left of the day shares."""

    mean: Floats
    spread: Floats
    day_cv: float


def update_day(law: DayLaw, slots: Ints, morning: Floats, here: Floats) -> DayUpdate:
    """Return half hours of one local day, of which ``here`` came (NaN = not known).

    ``slots`` 0 to 47, ``morning`` the calls that were expected of each.
    """
    expected = np.nan_to_num(morning)
    factor, covariance = condition(law, slots, expected, here)
    factor = round_to_grid(factor, FINE_DECIMALS)
    known = np.isfinite(here)
    mean = round_to_grid(np.where(known, here, morning * factor))
    shared = law.day_width * np.maximum(np.diag(covariance), 0.0) / factor**2
    spread = round_to_grid(shared + law.own_width * law.own, FINE_DECIMALS)
    rest = np.where(known, 0.0, expected)
    total = float(rest @ factor)
    if total <= 0:
        return DayUpdate(mean, spread, float("nan"))
    variance = law.day_width * max(float(rest @ covariance @ rest), 0.0) / total**2
    return DayUpdate(mean, spread, float(round_to_grid(np.sqrt(variance), FINE_DECIMALS)))


FIGURES = ("offered", "answered", "abandoned", "in_time", "short", "handled_s", "waited_s")
"""The figures of a report, in the order of :class:`DayFigures`."""
_STEP_MINUTES = 30


@dataclass(frozen=True)
class IntervalFigures:
    """One report of one interval of one programme; None = not known, which is never zero.

    ``start`` of the interval and ``recorded_at`` of the report, with a time zone; ``minutes`` is
    its length, a divisor of 30. ``in_time`` are the calls answered within the threshold of the
    contract, ``short`` those abandoned within it; ``handled_s`` and ``waited_s`` the seconds of
    work and of waiting that the answered calls took together. A report that knows nothing
    withdraws an earlier one.
    """

    programme: str
    start: datetime
    recorded_at: datetime
    offered: float | None = None
    answered: float | None = None
    abandoned: float | None = None
    in_time: float | None = None
    short: float | None = None
    handled_s: float | None = None
    waited_s: float | None = None
    minutes: int = _STEP_MINUTES

    def __post_init__(self) -> None:
        for name in ("start", "recorded_at"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"{name} must have a time zone, got {getattr(self, name)}")
        for name in FIGURES:
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise ValueError(f"{name} must be a count of at least 0, got {value!r}")
        if self.minutes not in STEPS_MINUTES:
            raise ValueError(f"minutes must divide 30, got {self.minutes}")

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class DayFigures:
    """What came, as float64 ``[interval, programme]`` of a forecast; NaN = not known.

    ``unplaced`` are the reports of another programme or interval than the forecast's, ``early``
    those of an interval that is not over yet.
    """

    offered: Floats
    answered: Floats
    abandoned: Floats
    in_time: Floats
    short: Floats
    handled_s: Floats
    waited_s: Floats
    unplaced: tuple[IntervalFigures, ...] = ()
    early: tuple[IntervalFigures, ...] = ()


def fold_figures(
    reports: Iterable[IntervalFigures], programmes: Sequence[str], starts: Sequence[datetime], now: datetime
) -> DayFigures:
    """Fold reports into the half hours ``starts`` of ``programmes``, as known at ``now``.

    Of several reports of the same minutes the one recorded last counts (of equal instants the last
    given). A half hour with an unknown part is not known.
    """
    rows = {start: row for row, start in enumerate(starts)}
    columns = {name: column for column, name in enumerate(programmes)}
    table = np.full((len(FIGURES), len(starts), len(programmes), _STEP_MINUTES), np.nan)
    taken = np.zeros(table.shape[1:], dtype=np.bool_)
    unplaced, early = [], []
    given = sorted(enumerate(reports), key=lambda one: (one[1].recorded_at, one[0]), reverse=True)
    for report in (one for _, one in given):
        place = _find_part(report.start, rows)
        if place is None or report.programme not in columns:
            unplaced.append(report)
            continue
        row, column, first = place[0], columns[report.programme], place[1]
        minutes = slice(first, first + report.minutes)
        if taken[row, column, minutes].any() or first % report.minutes:
            continue
        taken[row, column, minutes] = True
        if report.end > now:
            early.append(report)
            continue
        values = [getattr(report, name) for name in FIGURES]
        table[:, row, column, minutes] = 0.0
        table[:, row, column, first] = [np.nan if value is None else value for value in values]
    found = dict(zip(FIGURES, table.sum(axis=-1), strict=True))
    return DayFigures(**found, unplaced=tuple(unplaced), early=tuple(early))


def _find_part(start: datetime, rows: dict[datetime, int]) -> tuple[int, int] | None:
    """Return the half hour that a minute lies in and its place there, None where none does."""
    minute = start.minute % _STEP_MINUTES
    row = rows.get(start - timedelta(minutes=minute))
    return None if row is None else (row, minute)


_MINUTES = INTERVAL.total_seconds() / 60


@dataclass(frozen=True)
class TargetOutlook:
    """float64 ``[programme]``; NaN = not known, and not an inbound programme.

    ``level_so_far`` over the known half hours, ``level_at_end`` of the whole day if the agents stay
    as given. ``below_minutes`` until the day's level falls below its target; ``lost_minutes`` until
    it could not come back even if every later call was answered within the threshold. Minutes are
    0 when it is so already, infinite when it is not to be today.
    """

    programmes: tuple[str, ...]
    level_so_far: Floats
    level_at_end: Floats
    below_minutes: Floats
    lost_minutes: Floats


def foresee_target(
    rest: RestOfDay, figures: DayFigures, programmes: Sequence[Programme], agents: Floats
) -> TargetOutlook:
    """Return the outlook of ``programmes``, all of them in the forecast.

    ``agents[interval, programme]`` are those on the phone, in the forecast's intervals and the
    order of ``programmes``; fractions are rounded down, NaN = not known, and then what follows is
    not known either. A half hour gone by counts where all that its definition needs is known; one
    that is not over counts whole as expected; one gone by without figures counts for nothing.
    """
    gone = np.array([start + INTERVAL <= rest.now for start in rest.forecast.starts])
    found = []
    for place, programme in enumerate(programmes):
        column = rest.forecast.programmes.index(programme.id)
        if programme.kind != "inbound":
            found.append((np.nan,) * 4)
            continue
        good, counted = count_service(figures, programme, column)
        past = gone & np.isfinite(good) & np.isfinite(counted)
        so_far = float(good[past].sum()), float(counted[past].sum())
        coming = _expect(rest.forecast, programme, column, agents[:, place], ~gone)
        found.append(_foresee(programme.service_target, so_far, coming, rest, ~gone))
    table = round_to_grid(np.array(found, dtype=np.float64).reshape(-1, 4))
    return TargetOutlook(tuple(row.id for row in programmes), *table.T)


def count_service(figures: DayFigures, programme: Programme, column: int) -> tuple[Floats, Floats]:
    """Return, by interval, the calls that count as good and those they are counted against.

    Both by the definition of the programme's contract; NaN where what it needs is not known.
    """
    good, short = figures.in_time[:, column], figures.short[:, column]
    offered, answered = figures.offered[:, column], figures.answered[:, column]
    return {
        "offered": (good, offered),
        "answered": (good, answered),
        "without_short": (good, offered - short),
        "with_short": (good + short, offered),
    }[programme.service_definition]


def _expect(forecast: Forecast, programme: Programme, column: int, agents: Floats, coming: Floats) -> Floats:
    """Return good, counted and offered calls expected, ``[interval to come, 3]``."""
    calls, aht_s = forecast.mean[coming, column], forecast.aht_s[coming, column]
    aht_s = np.where(np.isnan(aht_s), programme.aht_s, aht_s)
    there = np.floor(agents[coming] + 1e-9)
    patience_s = np.inf if programme.patience_s is None else programme.patience_s
    queue = metrics(
        calls, INTERVAL.total_seconds(), aht_s, patience_s, np.nan_to_num(there), programme.service_threshold_s
    )
    short = queue.service_with_short - queue.service_offered
    share = {
        "offered": np.ones_like(calls),
        "answered": 1 - queue.p_abandon,
        "without_short": 1 - short,
        "with_short": np.ones_like(calls),
    }[programme.service_definition]
    counted = calls * share
    good = counted * queue.service_level(programme.service_definition)
    table = np.stack([good, counted, calls], axis=1)
    table[np.isnan(there) & (calls > 0)] = np.nan
    return np.asarray(np.where((calls == 0)[:, None], 0.0, table), dtype=np.float64)


def _foresee(
    target: float, so_far: tuple[float, float], coming: Floats, rest: RestOfDay, which: Floats
) -> tuple[float, float, float, float]:
    good, counted = so_far
    level = good / counted if counted > 0 else np.nan
    total = counted + coming[:, 1].sum()
    end = (good + coming[:, 0].sum()) / total if total > 0 else np.nan
    starts = [start for start, take in zip(rest.forecast.starts, which, strict=True) if take]
    minutes = [(start - rest.now).total_seconds() / 60 for start in starts]
    margin = good - target * counted
    change = coming[:, 0] - target * coming[:, 1]
    below = _find_crossing(margin, change, minutes)
    saved = (1 - target) * coming[:, 2]
    lost = _find_crossing(margin + float(saved.sum()), change - saved, minutes)
    return level, float(end), below, lost


def _find_crossing(margin: float, change: Floats, minutes: Sequence[float]) -> float:
    """Return when the margin falls below 0, changing evenly within each half hour from now on.

    0 when it is below already, infinite when it stays; NaN when it is not known before.
    """
    if margin < 0 or np.isnan(margin):
        return 0.0 if margin < 0 else float("nan")
    for step, start in zip(change.tolist(), minutes, strict=True):
        if np.isnan(step):
            return float("nan")
        if margin + step < 0:
            return max(start + _MINUTES * margin / -float(step), 0.0)
        margin += step
    return float("inf")


@dataclass(frozen=True)
class Morning:
    """The forecast of a local day, and by programme the law by which it is updated.

    ``if_open`` is the forecast of the programmes that a public holiday closes on the day, as if it
    did not; None where it closes none.
    """

    forecast: Forecast
    laws: Mapping[str, DayLaw]
    if_open: Forecast | None = None


def forecast_morning(
    histories: Mapping[str, History],
    programmes: Sequence[Programme],
    day: date,
    time_zone: str,
    day_start: time = MIDNIGHT,
    uplifts: Sequence[Uplift] = (),
) -> Morning:
    """Forecast a local day of the operator from the days before it (half a second a programme).

    A programme with too short a history has no law, and its forecast says why it is unknown.
    """
    forecast = build_forecast(histories, programmes, [day], time_zone, day_start=day_start, uplifts=uplifts)
    closed = {
        row.id: _open_on_holidays(row, day)
        for column, row in enumerate(programmes)
        if (find_open_instants(replace(row, holidays=""), forecast.starts) & ~forecast.open[:, column]).any()
    }
    if_open = None
    if closed:
        rows = list(closed.values())
        if_open = build_forecast(histories, rows, [day], time_zone, day_start=day_start, uplifts=uplifts)
    laws = {
        row.id: fit_day_law(histories[row.id], closed.get(row.id, row), day)
        for row in programmes
        if row.id in histories and row.id not in forecast.unknown
    }
    return Morning(forecast, {name: law for name, law in laws.items() if law is not None}, if_open)


def _open_on_holidays(programme: Programme, day: date) -> Programme:
    """Return the programme as open on the public holidays about a day: its calendar still knows them."""
    names = {name for days in (-1, 0, 1) for name in list_holiday_names(programme.holidays, day + timedelta(days))}
    return replace(programme, open_holidays=tuple(sorted(names.union(programme.open_holidays))))


def dump_morning(morning: Morning) -> bytes:
    """Return a morning as compressed JSON; :func:`load_morning` reads it back to the last bit."""
    document = {
        **_dump_forecast(morning.forecast),
        "laws": {
            name: [law.covariance.tolist(), law.own, law.day_width, law.own_width] for name, law in morning.laws.items()
        },
        "if_open": None if morning.if_open is None else _dump_forecast(morning.if_open),
    }
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode())


def _dump_forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "programmes": forecast.programmes,
        "starts": [round(start.timestamp()) for start in forecast.starts],
        "open": forecast.open.tolist(),
        "mean": forecast.mean.tolist(),
        "quantiles": [[level, values.tolist()] for level, values in forecast.quantiles.items()],
        "aht_s": forecast.aht_s.tolist(),
        "day_factor_cv": forecast.day_factor_cv.tolist(),
        "unknown": {name: str(reason) for name, reason in forecast.unknown.items()},
        "assumed": {name: list(map(str, said)) for name, said in forecast.assumed.items()},
    }


def load_morning(content: bytes) -> Morning:
    """Return the morning that :func:`dump_morning` wrote; an earlier version's has no ``if_open``."""
    read: dict[str, Any] = json.loads(zlib.decompress(content))
    laws = {
        name: DayLaw(np.array(covariance, dtype=np.float64), *widths)
        for name, (covariance, *widths) in read["laws"].items()
    }
    other = read.get("if_open")
    return Morning(_load_forecast(read), laws, None if other is None else _load_forecast(other))


def _load_forecast(read: Mapping[str, Any]) -> Forecast:
    starts = tuple(datetime.fromtimestamp(second, UTC) for second in read["starts"])
    shape = (len(starts), len(read["programmes"]))

    def table(values: object) -> Floats:
        return np.array(values, dtype=np.float64).reshape(shape)

    return Forecast(
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


def merge_mornings(parts: Sequence[Morning]) -> Morning:
    """Return one morning of the programmes of several, which are of one day and distinct.

    ValueError where they are not of the same half hours.
    """
    others = [part.if_open for part in parts if part.if_open is not None]
    return Morning(
        _merge_forecasts([part.forecast for part in parts]),
        {name: law for part in parts for name, law in part.laws.items()},
        _merge_forecasts(others) if others else None,
    )


def _merge_forecasts(forecasts: Sequence[Forecast]) -> Forecast:
    if len({forecast.starts for forecast in forecasts}) != 1:
        raise ValueError("the forecasts must be of the same half hours")

    def join(arrays: Sequence[Any]) -> Any:
        return np.concatenate(arrays, axis=-1)

    return Forecast(
        programmes=tuple(name for one in forecasts for name in one.programmes),
        starts=forecasts[0].starts,
        open=join([one.open for one in forecasts]),
        mean=join([one.mean for one in forecasts]),
        quantiles={level: join([one.quantiles[level] for one in forecasts]) for level in forecasts[0].quantiles},
        aht_s=join([one.aht_s for one in forecasts]),
        day_factor_cv=join([one.day_factor_cv for one in forecasts]),
        unknown={name: said for one in forecasts for name, said in one.unknown.items()},
        assumed={name: said for one in forecasts for name, said in one.assumed.items()},
    )
