"""The rest of the day forecast again at fixed hours, beside the morning's and a library's forecast.

Each day is forecast from the days before it alone, then updated by its own half hours up to the
hour. The constants of the update are chosen on the days before a log's held-out month, and judged
on that month. The library is statsforecast's MSTL with a weekly season on the same data.

1999: call-by-call log of an Israeli bank (Guedj & Mandelbaum, Technion), January and February.
2003: five-minute counts of a large North American bank (De Livera, Hyndman & Snyder 2011), March
to August; its time zone is not stated, New York is taken.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from releve.demand import (
    CallMapping,
    CleanHistory,
    Drop,
    ImportReport,
    IntervalMapping,
    add_observed_holidays,
    clean_history,
    import_calls,
    import_intervals,
)
from releve.demand.forecast import HoldoutModel, ModelPrediction, history_before, observe_outcome
from releve.demand.forecast.backtest import find_usual_days
from releve.demand.forecast.factors import interval_share
from releve.demand.forecast.model import DEFAULT_MODEL, MODELS, fill_gaps
from releve.demand.intraday import DayLaw, IntradaySettings, learn_day_law, update_day
from releve.demand.localtime import SLOTS, day_to_number, local_slots, number_to_day, open_week
from releve.demand.requirement import History
from releve.errors import ReleveError
from releve.kernels.arrays import Floats, Truths
from releve.network import Programme

QUEUES_1999 = {"PS": "regular", "PE": "english", "IN": "internet", "NE": "stocks", "NW": "prospects", "TT": "callback"}
CALLS_1999 = CallMapping(
    start="vru_entry",
    programme="type",
    programmes=QUEUES_1999,
    outcome="outcome",
    answered=("AGENT",),
    wait_s="q_time",
    service_s="ser_time",
    drop=(
        Drop("phantom call", {"outcome": ("PHANTOM",)}),
        Drop("hung up in the voice menu", {"outcome": ("HANG",), "q_time": (0,)}),
    ),
)
OPENING_1999 = "Mon-Thu 07:00-24:00; Fri 07:00-14:00; Sat 19:00-24:00; Sun 07:00-24:00"
ZONE_1999 = "Asia/Jerusalem"

COUNTS_2003 = IntervalMapping(start="start", offered="calls", programmes={"all": "bank"})
OPENING_2003 = "Mon-Fri 07:00-21:00"
ZONE_2003 = "America/New_York"


class CallLogError(ReleveError, ValueError):
    """A log cannot be read; names the file."""


@dataclass(frozen=True)
class RealLog:
    """A log as programmes with histories: fitted before ``origin``, judged before ``end``."""

    name: str
    report: ImportReport
    programmes: Mapping[str, Programme]
    origin: date
    end: date

    @property
    def histories(self) -> Mapping[str, History]:
        return {history.programme: history for history in self.report.histories}


def shared_folder() -> Path | None:
    """Return the folder of the real data, None when it is not there.

    It is ``RELEVE_SHARED``, or ``../shared`` beside the checkout.
    """
    checkout = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("RELEVE_SHARED", checkout.parent / "shared")) / "data"
    return folder if folder.is_dir() else None


def load_1999(folder: Path) -> RealLog:
    """Return the six queues of January and February 1999; CallLogError without their file."""
    frame = read_table(folder / "anonymousbank_1999" / "calls_1999_jan_feb.parquet")
    report = import_calls(frame, CALLS_1999, ZONE_1999)
    programmes = {name: build_programme(name, OPENING_1999, ZONE_1999, "") for name in QUEUES_1999.values()}
    return RealLog("bank 1999", report, programmes, date(1999, 2, 1), date(1999, 3, 1))


def load_2003(folder: Path) -> RealLog:
    """Return the one queue of March to August 2003; CallLogError without its file."""
    frame = read_table(folder / "bank_calls_2003" / "bank_calls_5min_mar_aug.parquet")
    report = import_intervals(frame, COUNTS_2003, ZONE_2003)
    programmes = {"bank": build_programme("bank", OPENING_2003, ZONE_2003, "US")}
    return RealLog("bank 2003", report, programmes, date(2003, 8, 1), date(2003, 8, 30))


def read_table(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CallLogError(f"{path} cannot be read: {error}") from None


def build_programme(name: str, opening: str, time_zone: str, holidays: str) -> Programme:
    return Programme(
        id=name,
        client="bank",
        name=name,
        kind="inbound",
        opening=opening,
        aht_s=180.0,
        time_zone=time_zone,
        holidays=holidays,
    )


HOURS = (9, 11, 13, 15)
WORST_SHARE = 0.2
FIRST_DAYS = 15
"""Days of a log before the first that is forecast."""

_DEFAULT = IntradaySettings()
CANDIDATES = (
    _DEFAULT,
    replace(_DEFAULT, prior_days=10.0),
    replace(_DEFAULT, prior_days=40.0),
    replace(_DEFAULT, prior_days=1e9),
    replace(_DEFAULT, fading_share=0.6),
    replace(_DEFAULT, fading_share=0.95),
    replace(_DEFAULT, half_life_slots=8.0),
    replace(_DEFAULT, half_life_slots=32.0),
)
"""What :func:`choose_settings` tries: the engine's constants, and each of them moved both ways."""

Tick = Callable[[], None]


@dataclass(frozen=True)
class DayCase:
    """One day of one programme: what was said of it in the morning, and ``came[slot]``.

    ``past_came`` and ``past_said``, ``[day, slot]``, are of the weeks before; ``past`` the cleaned
    history that a library is given.
    """

    programme: Programme
    number: int
    said: ModelPrediction
    came: Floats
    past_came: Floats
    past_said: Floats
    past: CleanHistory

    @property
    def deviation(self) -> float:
        """Return how far the whole day strayed from the morning's forecast, as a share of it."""
        known = np.isfinite(self.came)
        expected = float(self.said.mean[0][known].sum())
        return abs(float(self.came[known].sum()) - expected) / max(expected, 1e-9)


@dataclass(frozen=True)
class RestErrors:
    """Errors over the calls that came: of half hours, and of the rest of the day as a whole.

    In the order morning, updated, library; NaN where there is no library, or no call came.
    """

    days: int
    half_hours: tuple[float, float, float]
    totals: tuple[float, float, float]


@dataclass(frozen=True)
class RestScore:
    """A programme (or ``all``) of a log at an hour, over all days and over the worst fifth.

    ``coverage`` is the share of half hours inside the updated 80 % interval, exact for counts;
    ``morning_coverage`` that of the morning's.
    """

    log: str
    programme: str
    hour: int
    calls: float
    every: RestErrors
    worst: RestErrors
    coverage: float
    morning_coverage: float


@dataclass(frozen=True)
class RestValidation:
    """The scores of the months held out, with the ``settings`` they were updated by.

    ``candidate_errors`` are those of :data:`CANDIDATES` on the months before, over the morning's
    error; empty where the engine's own settings were taken.
    """

    settings: IntradaySettings
    candidate_errors: tuple[float, ...]
    scores: tuple[RestScore, ...]


def validate_rest_of_day(
    logs: Sequence[RealLog], *, choose: bool = False, library: bool = True, tick: Tick = lambda: None
) -> RestValidation:
    """Judge the update on each log's held-out month; ``choose`` its settings on the days before.

    ``tick`` after each day collected, candidate tried and day judged.
    """
    settings = IntradaySettings()
    errors: tuple[float, ...] = ()
    if choose:
        fitted = [_collect_all(log, 0, day_to_number(log.origin), tick) for log in logs]
        settings, errors = choose_settings(fitted, tick=tick)
    scores: list[RestScore] = []
    for log in logs:
        cases = _collect_all(log, day_to_number(log.origin), day_to_number(log.end), tick)
        scores += judge(log, cases, settings, library=library, tick=tick)
    return RestValidation(settings, errors, tuple(scores))


def _collect_all(log: RealLog, first: int, last: int, tick: Tick) -> list[DayCase]:
    cases = []
    for case in collect_cases(log, first, last):
        cases.append(case)
        tick()
    return cases


def has_library() -> bool:
    return importlib.util.find_spec("statsforecast") is not None


def collect_cases(log: RealLog, first: int, last: int, weeks: int = 8) -> Iterator[DayCase]:
    """Yield the days ``first`` to before ``last`` (day numbers) of every programme of a log.

    Left out are days of which nothing is known, and those with too short a history before them.
    """
    for name, programme in log.programmes.items():
        yield from _collect(log.histories[name], programme, first, last, weeks)


def _collect(history: History, programme: Programme, first: int, last: int, weeks: int) -> Iterator[DayCase]:
    local, _ = local_slots(history.starts, programme.time_zone)
    truth = add_observed_holidays(programme, history)
    models: dict[Programme, HoldoutModel] = {}
    for number in range(max(first, int(local.min()) + FIRST_DAYS), last):
        numbers = np.array([number], dtype=np.int64)
        came = observe_outcome(history, truth, numbers)[0]
        before = history_before(history, programme, number_to_day(number))
        known = add_observed_holidays(programme, before)
        past = clean_history(before, known)
        usable, needed = find_usual_days(past, known)
        if not np.isfinite(came).any() or not usable or usable < needed:
            continue
        model = models.setdefault(known, HoldoutModel(history, known, MODELS[DEFAULT_MODEL]))
        said = model.predict(past, numbers)
        yield DayCase(known, number, said, came, *model.past_weeks(number, weeks), past)


def choose_settings(
    cases: Sequence[Sequence[DayCase]], candidates: Sequence[IntradaySettings] = CANDIDATES, tick: Tick = lambda: None
) -> tuple[IntradaySettings, tuple[float, ...]]:
    """Return the candidate of least error on the cases of each log, and every candidate's error.

    The error is that of half hours over the morning's, at all hours together: the mean over logs,
    so that each counts alike. Of equals the first is taken.
    """
    found = []
    for settings in candidates:
        shares = []
        for log in cases:
            sums = _add([_measure_day(case, settings) for case in log])
            shares.append(float(sums.updated / sums.morning))
        found.append(float(np.mean(shares)))
        tick()
    return candidates[int(np.argmin(np.round(found, 6)))], tuple(found)


def _hours(case: DayCase) -> list[int]:
    """Return the hours before and after which something of the day is known."""
    return [hour for hour in HOURS if _rest(case, hour).any() and _given(case, hour).any()]


def _given(case: DayCase, hour: int) -> Truths:
    known = np.isfinite(case.came) & (case.said.mean[0] > 0)
    return np.asarray(known & (np.arange(SLOTS) < 2 * hour))


def _rest(case: DayCase, hour: int) -> Truths:
    return np.asarray(np.isfinite(case.came) & (np.arange(SLOTS) >= 2 * hour))


def _learn(case: DayCase, settings: IntradaySettings) -> DayLaw:
    rows = 7 * settings.weeks
    return learn_day_law(case.said, case.past_came[:rows], case.past_said[:rows], settings)


class _RestSums(NamedTuple):
    """Sums over the rest of a day: absolute errors of its half hours and of its total by forecast,
    what came, and the shares inside the 80 % intervals."""

    morning: float
    updated: float
    morning_total: float
    updated_total: float
    calls: float
    half_hours: float
    inside: float
    morning_inside: float
    library: float = np.nan
    library_total: float = np.nan


def _add(rows: Sequence[_RestSums]) -> _RestSums:
    return _RestSums(*np.sum(rows, axis=0))


def _measure_day(case: DayCase, settings: IntradaySettings) -> _RestSums:
    law = _learn(case, settings)
    found = [_measure(case, hour, law) for hour in _hours(case)]
    return _add(found) if found else _RestSums(*[0.0] * len(_RestSums._fields))


def _measure(case: DayCase, hour: int, law: DayLaw) -> _RestSums:
    slots = np.flatnonzero(case.said.mean[0] > 0).astype(np.int64)
    here = np.where(_given(case, hour), case.came, np.nan)[slots]
    update = update_day(law, slots, case.said.mean[0][slots], here)
    mean, spread = np.zeros(SLOTS), np.zeros(SLOTS)
    mean[slots], spread[slots] = update.mean, update.spread
    rest = _rest(case, hour)
    came, said = case.came[rest], case.said.mean[0][rest]
    inside = interval_share(came, mean[rest], spread[rest])
    before = interval_share(came, said, case.said.spread[0][rest])
    return _RestSums(
        morning=np.abs(came - said).sum(),
        updated=np.abs(came - mean[rest]).sum(),
        morning_total=abs(float((came - said).sum())),
        updated_total=abs(float((came - mean[rest]).sum())),
        calls=came.sum(),
        half_hours=len(came),
        inside=inside.sum(),
        morning_inside=before.sum(),
    )


def judge(
    log: RealLog,
    cases: Sequence[DayCase],
    settings: IntradaySettings | None = None,
    *,
    library: bool = True,
    tick: Tick = lambda: None,
) -> tuple[RestScore, ...]:
    """Score every programme of a log, and all together, at each hour of :data:`HOURS`.

    Days of which nothing is known before the hour, or nothing after it, are left out. The worst
    fifth are a programme's days that strayed furthest from the morning's forecast.
    """
    settings = settings or IntradaySettings()
    rows: dict[tuple[str, int], list[tuple[float, _RestSums]]] = {}
    for case in cases:
        law = _learn(case, settings)
        for hour in _hours(case):
            sums = _measure(case, hour, law)
            if library:
                sums = _add_library(sums, case, hour)
            rows.setdefault((case.programme.id, hour), []).append((case.deviation, sums))
        tick()
    out = []
    for name in [*log.programmes, "all"]:
        for hour in HOURS:
            parts = [rows.get((one, hour), []) for one in log.programmes if name in (one, "all")]
            if any(parts):
                out.append(_score(log.name, name, hour, [part for part in parts if part]))
    return tuple(out)


def _score(log: str, programme: str, hour: int, parts: Sequence[Sequence[tuple[float, _RestSums]]]) -> RestScore:
    every = [sums for part in parts for _, sums in part]
    worst = []
    for part in parts:
        ranked = sorted(part, key=lambda row: -row[0])
        worst += [sums for _, sums in ranked[: max(1, round(WORST_SHARE * len(part)))]]
    total = _add(every)
    return RestScore(
        log=log,
        programme=programme,
        hour=hour,
        calls=float(total.calls),
        every=_errors(every),
        worst=_errors(worst),
        coverage=float(total.inside / total.half_hours),
        morning_coverage=float(total.morning_inside / total.half_hours),
    )


def _errors(sums: Sequence[_RestSums]) -> RestErrors:
    total = _add(sums)
    calls = total.calls if total.calls > 0 else np.nan
    share = _RestSums(*(float(one / calls) for one in total))
    return RestErrors(
        len(sums),
        half_hours=(share.morning, share.updated, share.library),
        totals=(share.morning_total, share.updated_total, share.library_total),
    )


def _add_library(sums: _RestSums, case: DayCase, hour: int) -> _RestSums:
    """Return the sums with the absolute errors of the library's forecast."""
    found = _forecast_by_library(case, hour)
    rest = _rest(case, hour)
    off = case.came[rest] - found[rest]
    return sums._replace(library=np.abs(off).sum(), library_total=abs(float(off.sum())))


def _forecast_by_library(case: DayCase, hour: int) -> Floats:
    """Return MSTL's forecast ``[slot]`` of the day, given its half hours before ``hour``.

    Its series are the open half hours one after the other; gaps hold the mean of their weekday's
    half hour. The morning's forecast stands in where the series is shorter than two weeks.
    """
    opened = open_week(case.programme)
    today = opened[(case.number + 3) % 7]
    series = fill_gaps(case.past)[opened[(case.past.numbers + 3) % 7]]
    given = today & (np.arange(SLOTS) < 2 * hour)
    started = np.where(np.isfinite(case.came), case.came, case.said.mean[0])[given]
    series = np.concatenate([series, started])
    week, ahead = int(opened.sum()), int((today & ~given).sum())
    if len(series) < 2 * week:
        return np.asarray(case.said.mean[0], dtype=np.float64)
    library = importlib.import_module("statsforecast.models")
    model = library.MSTL(season_length=week, trend_forecaster=library.AutoETS(model="ZZN"))
    out = np.zeros(SLOTS)
    out[today & ~given] = np.maximum(model.forecast(y=series, h=ahead)["mean"], 0.0)
    return out
