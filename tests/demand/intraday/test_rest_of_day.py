"""The rest of the day: reports of intervals, laws and an oracle of the forecast, time until the target is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.demand import Forecast, build_forecast, compute_requirement
from releve.demand.erlang import DEFINITIONS, metrics
from releve.demand.forecast.factors import count_quantile
from releve.demand.intraday import (
    DayFigures,
    DayLaw,
    IntervalFigures,
    IntradaySettings,
    Morning,
    TargetOutlook,
    assume_day_law,
    dump_morning,
    fit_day_law,
    fold_figures,
    forecast_morning,
    foresee_target,
    load_morning,
    merge_mornings,
    reforecast,
)
from releve.demand.intraday.day_law import condition
from releve.demand.localtime import SLOTS, day_to_number
from releve.kernels.arrays import Floats
from tests.demand import series

DAY = series.FIRST + timedelta(days=56)
ROW = series.programme()
ZONE = "Europe/Paris"
LEVELS = (0.1, 0.5, 0.9)
FIRST, OPEN = 16, 20
"""The first open half hour of the local day, and how many are open."""


def made_forecast(names: tuple[str, ...] = ("p",), calls: float = 40.0, cv: float = 0.2) -> Forecast:
    start = datetime(2026, 7, 26, 22, tzinfo=UTC)
    opened = np.zeros((SLOTS, len(names)), dtype=np.bool_)
    opened[FIRST : FIRST + OPEN] = True
    mean = np.where(opened, calls + np.arange(SLOTS)[:, None], 0.0)
    return Forecast(
        programmes=names,
        starts=tuple(start + timedelta(minutes=30 * i) for i in range(SLOTS)),
        open=opened,
        mean=mean,
        quantiles={level: count_quantile(level, mean, np.full(mean.shape, cv**2)) for level in LEVELS},
        aht_s=np.full(mean.shape, 300.0),
        day_factor_cv=np.full(len(names), cv),
        unknown={},
    )


def rows(*names: str) -> list[series.Programme]:
    return [series.programme(name) for name in names or ("p",)]


def clock(forecast: Forecast, slot: int) -> datetime:
    return forecast.starts[0] + timedelta(minutes=30 * slot)


def came_until(forecast: Forecast, slot: int, ratio: float) -> Floats:
    came = np.full(forecast.mean.shape, np.nan)
    came[FIRST:slot] = np.round(ratio * forecast.mean[FIRST:slot])
    return came


def test_where_nothing_came_the_mornings_forecast_stays_to_the_last_bit() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), np.full(morning.mean.shape, np.nan), clock(morning, 30))
    np.testing.assert_array_equal(found.forecast.mean, morning.mean)
    for level in LEVELS:
        np.testing.assert_array_equal(found.forecast.quantiles[level], morning.quantiles[level])
    np.testing.assert_array_equal(found.forecast.day_factor_cv, morning.day_factor_cv)
    assert found.factor.tolist() == [1.0]
    assert not found.known.any()


def test_where_everything_came_the_forecast_is_the_figures() -> None:
    morning = made_forecast()
    came = came_until(morning, FIRST + OPEN, 1.3)
    found = reforecast(morning, rows(), came, clock(morning, SLOTS))
    expected = np.nan_to_num(came)
    np.testing.assert_array_equal(found.forecast.mean, expected)
    for level in LEVELS:
        np.testing.assert_array_equal(found.forecast.quantiles[level], expected)
    assert np.isnan(found.factor).all()
    np.testing.assert_array_equal(found.known, morning.open)


def test_half_hours_not_over_are_not_taken_for_known() -> None:
    morning = made_forecast()
    came = came_until(morning, FIRST + OPEN, 2.0)
    until = reforecast(morning, rows(), came, clock(morning, 20) + timedelta(minutes=29))
    same = reforecast(morning, rows(), came_until(morning, 20, 2.0), clock(morning, 20))
    np.testing.assert_array_equal(until.forecast.mean, same.forecast.mean)


def test_as_expected_changes_nothing_but_the_certainty() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), came_until(morning, 24, 1.0), clock(morning, 24))
    np.testing.assert_allclose(found.forecast.mean, morning.mean, rtol=1e-6)
    assert found.forecast.day_factor_cv[0] < 0.7 * morning.day_factor_cv[0]
    width = found.forecast.quantiles[0.9] - found.forecast.quantiles[0.1]
    before = morning.quantiles[0.9] - morning.quantiles[0.1]
    assert (width[24 : FIRST + OPEN] < before[24 : FIRST + OPEN]).all()


def test_the_factor_lies_between_the_morning_and_what_came_and_grows_with_the_hours() -> None:
    morning = made_forecast()
    factors = []
    for slot in (18, 22, 28):
        came = came_until(morning, slot, 1.5)
        factors.append(reforecast(morning, rows(), came, clock(morning, slot)).factor[0])
    assert 1.1 < factors[0] < factors[1] < factors[2] < 1.5


def test_a_missing_half_hour_is_not_a_half_hour_of_no_calls() -> None:
    morning = made_forecast()
    full = came_until(morning, 24, 1.0)
    missing, zero = full.copy(), full.copy()
    missing[20], zero[20] = np.nan, 0.0
    now = clock(morning, 24)
    unknown = reforecast(morning, rows(), missing, now)
    assert unknown.factor[0] == pytest.approx(1.0, abs=1e-3)
    assert unknown.forecast.mean[20, 0] == pytest.approx(morning.mean[20, 0], rel=1e-3)
    assert not unknown.known[20, 0]
    assert reforecast(morning, rows(), zero, now).factor[0] < 0.95


def test_a_volume_a_hundred_times_as_large_is_followed_more_closely() -> None:
    """Counting noise is less there; without it the update would be of ratios alone."""
    small, large = made_forecast(calls=1.0), made_forecast(calls=1.0)
    large = replace(large, mean=100 * large.mean)
    found = [reforecast(one, rows(), came_until(one, 20, 1.5), clock(one, 20)).factor[0] for one in (small, large)]
    assert found[0] < found[1]


def test_ratios_scale_where_counting_noise_is_nothing() -> None:
    many, more = made_forecast(calls=1e7), made_forecast(calls=1e7)
    more = replace(more, mean=10 * more.mean)
    first = reforecast(many, rows(), came_until(many, 20, 1.5), clock(many, 20))
    second = reforecast(more, rows(), came_until(more, 20, 1.5), clock(more, 20))
    np.testing.assert_allclose(second.forecast.mean, 10 * first.forecast.mean, rtol=1e-5)


def test_programmes_are_updated_each_by_itself_and_in_any_order() -> None:
    names = ("a", "b", "c")
    morning = made_forecast(names)
    came = np.full(morning.mean.shape, np.nan)
    for column, ratio in enumerate((0.6, 1.0, 1.4)):
        came[FIRST:22, column] = np.round(ratio * morning.mean[FIRST:22, column])
    laws = {"b": assume_day_law(0.1, 0.05)}
    found = reforecast(morning, rows(*names), came, clock(morning, 22), laws)
    order = [2, 0, 1]
    turned = replace(morning, programmes=tuple(names[i] for i in order))
    other = reforecast(turned, rows(*names), came[:, order], clock(morning, 22), laws)
    np.testing.assert_array_equal(other.forecast.mean, found.forecast.mean[:, order])
    np.testing.assert_array_equal(other.factor, found.factor[order])
    alone = reforecast(made_forecast(("a",)), rows("a"), came[:, :1], clock(morning, 22))
    np.testing.assert_array_equal(alone.forecast.mean[:, 0], found.forecast.mean[:, 0])


def test_the_update_is_the_conditional_normal_law_found_by_elimination() -> None:
    """The oracle eliminates one known half hour after the other from the joint covariance."""
    rng = np.random.default_rng(3)
    root = rng.normal(size=(SLOTS, SLOTS)) * 0.02
    law = DayLaw(root @ root.T + 0.02 + 1e-6 * np.eye(SLOTS), 0.004)
    slots = np.arange(16, 28)
    mean = rng.uniform(5, 50, 12)
    came = np.where(np.arange(12) % 3 == 2, np.nan, np.round(mean * 1.2))
    came[8:] = np.nan
    factor, left = condition(law, slots, mean, came)
    known = np.isfinite(came)
    joint = law.covariance[np.ix_(slots, slots)].copy()
    value, mu = joint.copy(), np.ones(12)
    for i in np.flatnonzero(known):
        gain = value[:, i] / (value[i, i] + 1 / mean[i] + law.own)
        mu = mu + gain * (came[i] / mean[i] - mu[i])
        value = value - np.outer(gain, value[i])
    np.testing.assert_allclose(factor, mu, rtol=1e-9)
    np.testing.assert_allclose(left, value, atol=1e-12)


def test_a_programme_of_which_the_morning_knew_nothing_stays_unknown() -> None:
    morning = made_forecast()
    morning = replace(
        morning, mean=np.where(morning.open, np.nan, 0.0), day_factor_cv=np.array([np.nan]), unknown={"p": "no history"}
    )
    came = came_until(made_forecast(), 20, 1.0)
    found = reforecast(morning, rows(), came, clock(morning, 20))
    np.testing.assert_array_equal(found.forecast.mean[FIRST:20], came[FIRST:20])
    assert np.isnan(found.forecast.mean[20 : FIRST + OPEN]).all()
    assert np.isnan(found.forecast.quantiles[0.9][20 : FIRST + OPEN]).all()
    assert found.forecast.unknown == {"p": "no history"}


def test_the_requirement_follows_the_rest_of_the_day() -> None:
    morning = made_forecast()
    found = reforecast(morning, rows(), came_until(morning, 24, 1.4), clock(morning, 24))
    day = date(2026, 7, 27)
    before = compute_requirement(morning, rows(), day, ZONE)
    after = compute_requirement(found.forecast, rows(), day, ZONE)
    assert (after.agents[24 : FIRST + OPEN] > before.agents[24 : FIRST + OPEN]).all()


def test_each_local_day_is_updated_from_its_own_half_hours() -> None:
    """The evening before, in the programme's own zone, says nothing of its next day."""
    morning = made_forecast()
    away = [series.programme(time_zone="Asia/Tokyo")]
    came = came_until(morning, 18, 2.0)
    local_midnight = 34
    found = reforecast(morning, away, came, clock(morning, 18))
    np.testing.assert_array_equal(found.forecast.mean[local_midnight:], morning.mean[local_midnight:])
    assert (found.forecast.mean[18:local_midnight] > morning.mean[18:local_midnight]).all()


def test_a_fitted_law_follows_a_day_that_strays_and_keeps_to_the_grid() -> None:
    made = series.truth(ROW, 57)
    past = series.poisson(ROW, made, 5, cv=0.15)
    morning = build_forecast({"p": past}, [ROW], [DAY], ZONE)
    law = fit_day_law(past, ROW, DAY)
    assert law is not None
    here = made.rate[np.flatnonzero(made.numbers == day_to_number(DAY))[0]]
    came = np.round(1.4 * here)[:, None]
    found = reforecast(morning, [ROW], came, clock(morning, 22), {"p": law})
    rest = slice(22, 36)
    truth = 1.4 * here[rest].sum()
    off = abs(found.forecast.mean[rest, 0].sum() - truth)
    assert off < 0.4 * abs(morning.mean[rest, 0].sum() - truth)
    np.testing.assert_array_equal(found.forecast.mean, np.round(found.forecast.mean, 6))
    again = reforecast(morning, [ROW], came, clock(morning, 22), {"p": law})
    np.testing.assert_array_equal(again.forecast.mean, found.forecast.mean)


BASTILLE_DAY = date(2026, 7, 14)


def holiday_morning(calls: float = 1000.0) -> tuple[Morning, Floats]:
    """Return the morning of a public holiday assumed closed, and the calls of the same day if open."""
    made = series.truth(series.programme(holidays=""), 44, volume=calls)
    row = made.numbers < day_to_number(BASTILLE_DAY)
    past = series.history(ROW, np.round(made.rate[row]), made.numbers[row])
    return forecast_morning({"p": past}, [ROW], BASTILLE_DAY, ZONE), np.round(made.rate[~row])[0][:, None]


@pytest.mark.parametrize("level", [1.0, 0.5])
def test_calls_reopen_a_day_that_a_holiday_was_taken_to_close(level: float) -> None:
    """By the profile of the weekday, at the level of the calls, half of the usual too."""
    morning, came = holiday_morning()
    came = np.round(level * came)
    assert morning.forecast.mean.sum() == 0
    assert morning.forecast.assumed["p"][0].startswith("2026-07-14")
    now, later = clock(morning.forecast, 22), slice(22, SLOTS)
    known = np.where(np.arange(SLOTS)[:, None] < 22, came, np.nan)
    found = reforecast(morning.forecast, rows(), known, now, morning.laws, morning.if_open)
    assert found.reopened == {"p"}
    assert found.forecast.mean[later].sum() == pytest.approx(came[later].sum(), rel=0.05)
    np.testing.assert_array_equal(found.forecast.open[:, 0], came[:, 0] > 0)
    needed = compute_requirement(found.forecast, rows(), BASTILLE_DAY, ZONE)
    assert (needed.agents[later][came[later] > 0] > 0).all()
    low, high = (found.forecast.quantiles[one][later].sum() for one in (0.1, 0.9))
    assert low < came[later].sum() < high


def test_callers_at_a_closed_door_and_chance_do_not_reopen_a_day() -> None:
    """A twelfth of the usual calls, or five of a queue of a few calls a day."""
    for calls, share in ((1000.0, 1 / 12), (15.0, 0.0)):
        morning, came = holiday_morning(calls)
        known = np.where(np.arange(SLOTS)[:, None] < 22, np.floor(share * came), np.nan)
        known[20] += 5.0 if calls == 15.0 else 0.0
        now = clock(morning.forecast, 22)
        found = reforecast(morning.forecast, rows(), known, now, morning.laws, morning.if_open)
        assert not found.reopened
        np.testing.assert_array_equal(found.forecast.mean, morning.forecast.mean)
        known[21] += 300.0
        assert reforecast(morning.forecast, rows(), known, now, morning.laws, morning.if_open).reopened


def test_a_day_that_no_holiday_closes_has_no_second_forecast() -> None:
    made = series.truth(ROW, 30)
    past = series.history(ROW, made.rate, made.numbers)
    assert forecast_morning({"p": past}, [ROW], series.FIRST + timedelta(days=30), ZONE).if_open is None


def test_the_forecast_of_a_reopened_day_is_stored_and_merged_with_others() -> None:
    morning, _ = holiday_morning()
    read_back = load_morning(dump_morning(morning))
    assert read_back.if_open is not None
    assert morning.if_open is not None
    np.testing.assert_array_equal(read_back.if_open.mean, morning.if_open.mean)
    opened = replace(morning.forecast, programmes=("q",))
    both = merge_mornings([Morning(opened, {}), morning])
    assert both.forecast.programmes == ("q", "p")
    assert both.if_open is not None
    assert both.if_open.programmes == ("p",)
    known = np.full((SLOTS, 2), np.nan)
    known[16:22] = 50.0
    found = reforecast(both.forecast, rows("q", "p"), known, clock(opened, 22), both.laws, both.if_open)
    assert found.reopened == {"p"}
    assert found.forecast.mean[22:].sum(axis=0).tolist() == [0.0, pytest.approx(715, rel=0.3)]


def test_a_law_needs_two_weeks_of_history() -> None:
    made = series.truth(ROW, 9)
    assert fit_day_law(series.poisson(ROW, made, 5), ROW, series.FIRST + timedelta(days=9)) is None


@pytest.mark.parametrize(
    ("came", "message"),
    [
        (np.zeros((3, 1)), r"came must have the forecast's shape \(48, 1\), got \(3, 1\)"),
        (np.full((SLOTS, 1), -1.0), "came must be counts of at least 0, got -1.0"),
    ],
)
def test_counts_that_cannot_be_are_refused(came: Floats, message: str) -> None:
    morning = made_forecast()
    with pytest.raises(ValueError, match=message):
        reforecast(morning, rows(), came, clock(morning, 20))


def test_a_forecast_of_an_unnamed_programme_is_refused() -> None:
    morning = made_forecast()
    with pytest.raises(ValueError, match="the forecast has programme p, which `programmes` lacks"):
        reforecast(morning, rows("q"), came_until(morning, 20, 1.0), clock(morning, 20))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fading_share": 1.5}, "fading_share must be from 0 to 1, got 1.5"),
        ({"prior_days": 0.0}, "prior_days must be more than 0, got 0"),
        ({"weeks": -1}, "weeks must be at least 0, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IntradaySettings(**changes)  # type: ignore[arg-type]


FIGURES_FIRST = datetime(2026, 6, 1, 8, tzinfo=UTC)
HALF = timedelta(minutes=30)
STARTS = tuple(FIGURES_FIRST + i * HALF for i in range(4))
EVENING = FIGURES_FIRST + timedelta(hours=12)


def report(row: int, offered: float | None, recorded: int = 0, programme: str = "p", **more: float) -> IntervalFigures:
    start = FIGURES_FIRST + row * HALF
    return IntervalFigures(programme, start, EVENING + timedelta(minutes=recorded), offered, **more)


def fold(reports: list[IntervalFigures], now: datetime = EVENING) -> DayFigures:
    return fold_figures(reports, ("p", "q"), STARTS, now)


def test_an_interval_without_a_report_is_not_known_and_one_of_no_calls_is_zero() -> None:
    offered = fold([report(0, 0.0), report(2, 7.0)]).offered
    np.testing.assert_array_equal(offered[:, 0], [0.0, np.nan, 7.0, np.nan])
    assert np.isnan(offered[:, 1]).all()


def test_the_report_recorded_last_counts_whichever_comes_first() -> None:
    late, corrected = report(1, 5.0, 1), report(1, 9.0, 2)
    for order in ([late, corrected], [corrected, late], [corrected, late, corrected]):
        assert fold(order).offered[1, 0] == 9.0


def test_a_report_that_knows_nothing_withdraws_an_earlier_one() -> None:
    assert np.isnan(fold([report(1, 5.0, 1), report(1, None, 2)]).offered[1, 0])


def test_figures_that_a_source_lacks_are_not_known() -> None:
    found = fold([report(0, 5.0, answered=4.0)])
    assert (found.offered[0, 0], found.answered[0, 0]) == (5.0, 4.0)
    assert np.isnan(found.in_time[0, 0])
    assert np.isnan(found.short[0, 0])


def test_an_interval_that_is_not_over_is_not_known_and_is_named() -> None:
    running = report(1, 5.0)
    found = fold([report(0, 3.0), running], FIGURES_FIRST + timedelta(minutes=59))
    np.testing.assert_array_equal(found.offered[:, 0], [3.0, np.nan, np.nan, np.nan])
    assert found.early == (running,)
    assert fold([running], FIGURES_FIRST + timedelta(minutes=60)).offered[1, 0] == 5.0


def test_reports_of_another_programme_or_interval_are_named() -> None:
    elsewhere = [report(0, 1.0, programme="unknown"), report(9, 1.0)]
    found = fold([*elsewhere, report(0, 3.0)])
    assert set(found.unplaced) == set(elsewhere)
    assert np.nansum(found.offered) == 3.0


def test_another_zone_names_the_same_interval() -> None:
    paris = timezone(timedelta(hours=2))
    local = IntervalFigures("p", FIGURES_FIRST.astimezone(paris), EVENING, 4.0)
    assert fold([local]).offered[0, 0] == 4.0


def test_a_half_hour_of_parts_is_known_when_all_of_them_are() -> None:
    def part(number: int, offered: float) -> IntervalFigures:
        start = FIGURES_FIRST + timedelta(minutes=10 * number)
        return IntervalFigures("p", start, EVENING, offered, minutes=10)

    parts = [part(0, 1.0), part(1, 2.0), part(2, 3.0), part(3, 4.0), part(5, 5.0)]
    found = fold(parts)
    np.testing.assert_array_equal(found.offered[:, 0], [6.0, np.nan, np.nan, np.nan])


def test_a_source_that_changes_its_interval_counts_no_call_twice() -> None:
    """The half hour reported last as a whole, and the one reported last in parts."""
    quarters = [
        IntervalFigures("p", FIGURES_FIRST + timedelta(minutes=15 * i), EVENING, 2.0, minutes=15) for i in range(4)
    ]
    later = report(0, 9.0, 1)
    np.testing.assert_array_equal(fold([later, *quarters]).offered[:2, 0], [9.0, 4.0])
    earlier = report(1, 9.0, -1)
    assert fold([earlier, *quarters]).offered[1, 0] == 4.0


@given(st.permutations(range(6)))
def test_the_order_of_reports_is_of_no_account(order: list[int]) -> None:
    reports = [report(i % 3, float(i), i, "pq"[i % 2]) for i in range(6)]
    np.testing.assert_array_equal(fold([reports[i] for i in order]).offered, fold(reports).offered)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: report(0, -1.0), "offered must be a count of at least 0, got -1.0"),
        (lambda: report(0, 1.0, answered=float("nan")), "answered must be a count"),
        (lambda: IntervalFigures("p", FIGURES_FIRST.replace(tzinfo=None), EVENING), "start must have"),
        (lambda: IntervalFigures("p", FIGURES_FIRST, EVENING, minutes=7), "must divide 30, got 7"),
    ],
)
def test_what_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


NOW = 24


def made_figures(offered: Floats, answered: Floats, in_time: Floats, short: Floats) -> DayFigures:
    return DayFigures(offered, answered, offered - answered, in_time, short, offered, offered)


def outlook(
    agents: float | Floats, in_time: float = 0.9, definition: str = "offered", **changes: object
) -> TargetOutlook:
    """Return the outlook at 12:00 after calls as forecast, of which a share was in time."""
    row = series.programme(service_definition=definition, patience_s=120.0, **changes)
    morning = made_forecast()
    came = np.full(morning.mean.shape, np.nan)
    came[FIRST:NOW] = np.round(morning.mean[FIRST:NOW])
    rest = reforecast(morning, [row], came, clock(morning, NOW))
    figures = made_figures(came, 0.95 * came, in_time * came, 0.02 * came)
    there = np.broadcast_to(np.asarray(agents, dtype=np.float64), (len(morning.starts),))
    return foresee_target(rest, figures, [row], there[:, None])


def test_enough_agents_never_lose_the_target_and_no_agents_lose_it() -> None:
    kept, lost = outlook(40.0), outlook(0.0)
    assert kept.below_minutes[0] == kept.lost_minutes[0] == np.inf
    assert kept.level_at_end[0] > kept.level_so_far[0] == pytest.approx(0.9)
    assert 0 < lost.below_minutes[0] < lost.lost_minutes[0] < 600


def test_without_agents_the_minutes_are_those_of_the_hand() -> None:
    """Half hours of equal calls c: 8 gone at 0.9, target 0.8: below after one more, 12 to come.

    Lost when what is still to come, all in time, leaves the day under 0.8:
    0.9 * 8 + (12 - t) < 0.8 * 20 at t = 3.2 half hours.
    """
    row = series.programme(service_target=0.8, patience_s=None)
    morning = made_forecast()
    mean = np.where(morning.open, 50.0, 0.0)
    morning = type(morning)(**{**vars(morning), "mean": mean})
    came = np.full(mean.shape, np.nan)
    came[FIRST:NOW] = 50.0
    rest = reforecast(morning, [row], came, clock(morning, NOW))
    np.testing.assert_allclose(rest.forecast.mean, mean, rtol=1e-6)
    figures = made_figures(came, came, 0.9 * came, 0 * came)
    found = foresee_target(rest, figures, [row], np.zeros(mean.shape))
    assert found.below_minutes[0] == pytest.approx(30.0, abs=1e-3)
    assert found.lost_minutes[0] == pytest.approx(3.2 * 30, abs=1e-3)
    assert found.level_at_end[0] == pytest.approx(0.9 * 8 / 20)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_the_minutes_are_those_of_a_walk_minute_by_minute(definition: str) -> None:
    found = outlook(12.0, 0.86, definition)
    calls = made_forecast().mean[:, 0]
    queue = metrics(calls[NOW : FIRST + OPEN], 1800.0, 300.0, 120.0, 12, 20.0)
    counted = {
        "offered": calls[NOW : FIRST + OPEN],
        "answered": calls[NOW : FIRST + OPEN] * (1 - queue.p_abandon),
        "without_short": calls[NOW : FIRST + OPEN] * (1 - queue.service_with_short + queue.service_offered),
        "with_short": calls[NOW : FIRST + OPEN],
    }[definition]
    past = calls[FIRST:NOW].sum()
    base = {"offered": 1.0, "answered": 0.95, "without_short": 0.98, "with_short": 1.0}[definition]
    good, total = (0.86 + 0.02 * (definition == "with_short")) * past, base * past
    assert found.level_so_far[0] == pytest.approx(good / total, rel=1e-6)
    walked = gone = np.inf
    offered = calls[NOW : FIRST + OPEN].sum()
    for i, level in enumerate(queue.service_level(definition)):
        for minute in range(30):
            if walked == np.inf and good < 0.8 * total:
                walked = 30 * i + minute
            if gone == np.inf and good + offered < 0.8 * (total + offered):
                gone = 30 * i + minute
            offered -= calls[NOW + i] / 30
            good += level * counted[i] / 30
            total += counted[i] / 30
    assert found.below_minutes[0] == pytest.approx(walked, abs=1.0)
    assert found.lost_minutes[0] == pytest.approx(gone, abs=1.0)
    assert found.level_at_end[0] == pytest.approx(good / total, rel=1e-6)


def test_one_more_agent_never_brings_the_loss_nearer() -> None:
    minutes = [outlook(float(n)).lost_minutes[0] for n in range(0, 30, 3)]
    assert minutes == sorted(minutes)


def test_a_target_missed_already_is_below_now() -> None:
    found = outlook(14.0, 0.5)
    assert found.below_minutes[0] == 0.0
    assert found.lost_minutes[0] > 0


def test_agents_not_known_leave_the_rest_not_known() -> None:
    agents = np.full(48, 30.0)
    agents[30:] = np.nan
    found = outlook(agents)
    assert np.isnan(found.below_minutes[0])
    assert np.isnan(found.level_at_end[0])
    assert found.level_so_far[0] == pytest.approx(0.9)
    agents[24:30] = 0.0
    assert outlook(agents).below_minutes[0] < 180


def test_half_hours_without_figures_count_for_nothing() -> None:
    row = series.programme()
    morning = made_forecast()
    came = np.full(morning.mean.shape, np.nan)
    rest = reforecast(morning, [row], came, clock(morning, NOW) + timedelta(minutes=7))
    figures = made_figures(came, came, came, came)
    found = foresee_target(rest, figures, [row], np.full(came.shape, 40.0))
    assert np.isnan(found.level_so_far[0])
    assert found.below_minutes[0] == np.inf


def test_a_programme_that_takes_no_calls_has_no_outlook() -> None:
    found = outlook(10.0, kind="back_office", deadline_hours=4.0)
    assert np.isnan(found.level_at_end[0])
    assert np.isnan(found.lost_minutes[0])
