"""A history's days: what each local day is, what is not known, and public holidays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from bench.validate.rest_of_day import load_2003
from releve import demand
from releve.demand import localtime
from releve.demand.cleaning import known_median
from releve.network import Programme, list_holiday_names
from tests.demand.series import FIRST, history, poisson, programme, truth

ROW = programme()


def kind_of(found: demand.CleanHistory, day: date) -> str:
    return demand.KINDS[int(found.kind[found.days.index(day)])]


def test_closed_days_and_hours_are_missing_never_zero() -> None:
    made = truth(ROW, 28)
    table = np.where(made.rate > 0, 5.0, 0.0)
    found = demand.clean_history(history(ROW, table, made.numbers), ROW)
    assert np.isnan(found.offered[~found.open]).all()
    assert (found.offered[found.open] == 5).all()
    assert kind_of(found, date(2026, 6, 6)) == "closed"
    assert kind_of(found, date(2026, 6, 5)) == "normal"


def test_a_public_holiday_is_marked_and_its_zeros_are_not_calls() -> None:
    made = truth(ROW, 60)
    found = demand.clean_history(poisson(ROW, made, 1), ROW)
    assert kind_of(found, date(2026, 7, 14)) == "holiday"
    assert np.isnan(found.offered[found.days.index(date(2026, 7, 14))]).all()
    reason = {day.day: day.reason for day in found.named}[date(2026, 7, 14)]
    assert reason == "public holiday, closed"


def test_busy_and_quiet_days_are_named_with_their_ratio() -> None:
    odd = {date(2026, 6, 24): 1.9, date(2026, 7, 2): 0.4}
    made = truth(ROW, 70, factor=lambda day: odd.get(day, 1.0))
    found = demand.clean_history(poisson(ROW, made, 2, cv=0.04), ROW)
    named = {day.day: day for day in found.named if day.kind == "exceptional"}
    assert set(named) == set(odd)
    assert named[date(2026, 6, 24)].ratio == pytest.approx(1.9, abs=0.2)
    assert named[date(2026, 7, 2)].ratio == pytest.approx(0.4, abs=0.1)
    assert "above the usual level" in named[date(2026, 6, 24)].reason
    assert "below the usual level" in named[date(2026, 7, 2)].reason


@pytest.mark.parametrize("weeks_after", [1, 2, 5])
def test_a_lasting_change_of_level_is_no_exception(weeks_after: int) -> None:
    start = FIRST + timedelta(days=70 - 7 * weeks_after)
    made = truth(ROW, 70, factor=lambda day: 1.6 if day >= start else 1.0)
    found = demand.clean_history(poisson(ROW, made, 3, cv=0.04), ROW)
    odd = [day for day in found.named if day.kind == "exceptional"]
    assert len(odd) <= 1


def test_a_small_programme_is_not_called_strange_for_its_noise() -> None:
    made = truth(ROW, 84, volume=6.0)
    found = demand.clean_history(poisson(ROW, made, 4), ROW)
    assert not found.is_kind("exceptional").any()


def test_an_open_day_without_a_call_is_exceptional_and_not_known() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16] = 0.0
    found = demand.clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == "exceptional"
    assert np.isnan(found.offered[16]).all()
    assert [day.reason for day in found.named] == ["no call all day although open"]


def test_a_half_open_day_keeps_what_is_known() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16, 30:] = np.nan
    counts[17, 16:22] = 0.0
    found = demand.clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == kind_of(found, date(2026, 6, 18)) == "half_open"
    assert np.isnan(found.offered[16, 30:]).all()
    assert np.isnan(found.offered[17, 16:22]).all()
    assert found.offered[16, 20] == counts[16, 20]


def test_a_day_of_which_nothing_is_held_is_missing() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16] = np.nan
    found = demand.clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == "missing"


def test_calls_outside_the_opening_hours_are_counted_and_another_zone_is_suspected() -> None:
    made = truth(ROW, 28)
    counts = np.round(made.rate)
    moved = history(ROW, counts, made.numbers)
    late = demand.History("p", moved.starts + 5 * 3600, moved.offered, moved.answered, moved.aht_s)
    (note,) = demand.clean_history(late, ROW).notes
    assert "lie outside the opening hours" in note
    assert "moved by -5 h" in note
    assert demand.clean_history(moved, ROW).notes == ()


def test_an_empty_history_is_cleaned_to_no_days() -> None:
    none = np.empty(0)
    empty = demand.History("p", np.empty(0, dtype=np.int64), none, none, none)
    assert demand.clean_history(empty, ROW).days == ()


def test_the_doubled_hour_of_autumn_holds_its_mean() -> None:
    row = programme(opening="Mon-Sun 00:00-24:00", holidays="")
    starts = np.arange(0, 86400 * 2, 1800, dtype=np.int64) + 1792800000 // 86400 * 86400
    offered = np.arange(len(starts), dtype=np.float64)
    found = demand.clean_history(demand.History("p", starts, offered, offered, offered), row)
    day = found.days.index(date(2026, 10, 25))
    utc_midnight = 44  # local midnight of the 25th is 22:00 UTC of the 24th
    assert found.offered[day, 3] == utc_midnight + 3
    assert found.offered[day, 4] == utc_midnight + 5
    assert found.offered[day, 6] == utc_midnight + 8


def test_days_are_those_of_the_programme_and_not_of_the_log() -> None:
    row = programme(time_zone="Indian/Reunion", holidays="")
    made = truth(row, 21)
    found = demand.clean_history(poisson(row, made, 5), row)
    assert found.days[0] == FIRST
    assert found.offered.shape == (21, 48)
    assert found.open[0].tolist() == [16 <= slot < 36 for slot in range(48)]


def test_the_median_of_what_is_known_is_that_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for rows in range(1, 12):
        values = rng.normal(size=(rows, 6))
        values[1:][rng.random((rows - 1, 6)) < 0.3] = np.nan
        np.testing.assert_array_equal(known_median(values), np.nanmedian(values, axis=0))


ZONE = "America/New_York"
US = programme(holidays="US", time_zone=ZONE, opening="Mon-Fri 07:00-21:00")
ALL_DAYS = replace(US, holidays="")
HOLIDAYS_FIRST = date(2026, 8, 3)
COLUMBUS, VETERANS, THANKSGIVING = date(2026, 10, 12), date(2026, 11, 11), date(2026, 11, 26)
NEXT_COLUMBUS = date(2027, 10, 11)


def bank(days: int, opened: tuple[date, ...], share: float = 1.0) -> demand.History:
    """Return a bank whose doors are open on some public holidays; it holds nothing on others."""
    made = truth(ALL_DAYS, days, first=HOLIDAYS_FIRST, volume=2000.0)
    full = poisson(ALL_DAYS, made, 1)
    local, _ = localtime.local_slots(full.starts, ZONE)
    closed = [
        localtime.day_to_number(day)
        for day in (date(2026, 9, 7), COLUMBUS, VETERANS, THANKSGIVING, date(2026, 12, 25))
        if day not in opened
    ]
    keep = ~np.isin(local, closed)
    part = np.isin(local[keep], [localtime.day_to_number(day) for day in opened])
    offered = np.where(part, np.round(full.offered[keep] * share), full.offered[keep])
    return demand.History("p", full.starts[keep], offered, offered.copy(), full.aht_s[keep])


def said(made: demand.History, day: date, row: Programme = US) -> demand.Forecast:
    return demand.build_forecast({"p": made}, [row], [day], ZONE)


def test_a_holiday_that_was_open_is_forecast_open_the_next_year() -> None:
    """The country alone would close it: zero calls, no agents required."""
    made = bank(400, (COLUMBUS,))
    found = said(made, NEXT_COLUMBUS)
    assert found.mean.sum() == pytest.approx(2600, rel=0.15)  # a Monday
    assert found.open.sum() == 28
    assert demand.compute_requirement(found, [US], NEXT_COLUMBUS, ZONE).agents.sum() > 0
    assert not found.assumed


def test_a_holiday_that_was_closed_is_closed_the_next_year() -> None:
    found = said(bank(400, (COLUMBUS,)), date(2027, 9, 6))  # Labor Day
    assert found.mean.sum() == 0
    assert not found.open.any()
    assert not found.assumed


@pytest.mark.parametrize(
    ("opened", "word", "open_then"), [((), "closed", False), ((date(2026, 9, 7), COLUMBUS), "open", True)]
)
def test_a_holiday_never_seen_is_like_most_of_those_seen_and_named(
    opened: tuple[date, ...], word: str, open_then: bool
) -> None:
    found = said(bank(99, opened), VETERANS)
    assert found.open.any() == open_then
    assert found.assumed == {
        "p": (
            f"2026-11-11, Veterans Day: assumed {word}; of the 2 public holidays that the history"
            f" holds it was open on {len(opened)}",
        )
    }


def test_without_any_holiday_in_the_history_the_country_s_are_assumed_closed() -> None:
    found = said(bank(30, ()), date(2026, 9, 7))
    assert not found.open.any()
    assert found.assumed["p"] == ("2026-09-07, Labor Day: assumed closed; the history holds no public holiday",)


def test_what_the_programme_says_is_no_assumption() -> None:
    row = replace(US, open_holidays=("Veterans Day",))
    found = said(bank(99, ()), VETERANS, row)
    assert found.mean.sum() > 1000
    assert not found.assumed


def test_a_day_that_the_opening_week_closes_assumes_nothing() -> None:
    row = replace(US, opening="Mon-Tue 07:00-21:00; Thu-Fri 07:00-21:00")
    assert not localtime.describe_assumed_holidays(row, None, [VETERANS])  # a Wednesday


def test_the_last_time_counts() -> None:
    """Closed last year and open this year is open, and the other way round."""
    made = bank(400, (COLUMBUS,))
    later = truth(ALL_DAYS, 60, first=HOLIDAYS_FIRST + timedelta(days=400), volume=2000.0)
    more = poisson(ALL_DAYS, later, 2)
    local, _ = localtime.local_slots(more.starts, ZONE)
    keep = local != localtime.day_to_number(NEXT_COLUMBUS)
    both = [
        np.concatenate([getattr(made, name), getattr(more, name)[keep]])
        for name in ("starts", "offered", "answered", "aht_s")
    ]
    assert localtime.find_observed_holidays(made, US)["Columbus Day"]
    assert not localtime.find_observed_holidays(demand.History("p", *both), US)["Columbus Day"]


def test_callers_at_a_closed_door_do_not_open_it() -> None:
    assert not localtime.find_observed_holidays(bank(99, (COLUMBUS,), share=0.05), US)["Columbus Day"]
    assert localtime.find_observed_holidays(bank(99, (COLUMBUS,), share=0.3), US)["Columbus Day"]
    made = bank(99, (COLUMBUS,))
    local, _ = localtime.local_slots(made.starts, ZONE)
    answered = np.where(local == localtime.day_to_number(COLUMBUS), 0.0, made.answered)
    shut = demand.History("p", made.starts, made.offered, answered, made.aht_s)
    assert not localtime.find_observed_holidays(shut, US)["Columbus Day"]


def test_a_history_that_begins_or_ends_on_a_holiday_does_not_show_it_closed() -> None:
    made = truth(ALL_DAYS, 60, first=date(2026, 9, 7))
    table = np.where(np.arange(48) < 30, np.nan, np.where(made.rate > 0, 1.0, np.nan))
    table = np.broadcast_to(table, made.rate.shape).copy()
    table[0] = np.nan
    table[0, 20] = 0.0  # one row of Labor Day, the first of the history
    assert "Labor Day" not in localtime.find_observed_holidays(history(US, table, made.numbers), US)


def test_a_programme_without_a_country_is_left_as_it_is() -> None:
    assert localtime.add_observed_holidays(ALL_DAYS, bank(99, (COLUMBUS,))) == ALL_DAYS


def test_calls_stated_for_a_holiday_are_taken() -> None:
    """A forecast made elsewhere knows that the doors are open."""
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(420, 1260, 30)]
    starts = [f"2026-10-{day} {time}" for day in (12, 13) for time in clock]
    frame = pl.DataFrame({"start": starts, "programme": "p", "calls": 5.0})
    found = demand.read_forecast(frame, [US], [COLUMBUS, date(2026, 10, 13)], ZONE)
    assert found.mean.sum() == 2 * 28 * 5
    assert not found.unknown


def test_a_back_test_counts_the_calls_of_an_open_holiday_and_learns_of_it_afterwards() -> None:
    made = bank(480, (COLUMBUS, NEXT_COLUMBUS))
    year = {
        origin: next(score for score in demand.backtest(made, US, [origin], 1) if score.model == "profile")
        for origin in (COLUMBUS, NEXT_COLUMBUS)
    }
    assert year[COLUMBUS].calls > 2000
    assert year[COLUMBUS].wape == 1.0  # closed, by all that was known
    assert year[NEXT_COLUMBUS].wape < 0.25


def test_of_two_holidays_on_one_day_one_that_closes_is_enough() -> None:
    day = date(2008, 5, 1)
    names = ("Ascension", "Fête du Travail")
    assert set(list_holiday_names("FR", day)) == set(names)
    row = programme(opening="Mon-Fri 08:00-18:00")
    assert not said_open(replace(row, open_holidays=names[:1]), day)
    assert said_open(replace(row, open_holidays=names), day)


def said_open(row: Programme, day: date) -> bool:
    return bool(demand.build_forecast({}, [row], [day], row.time_zone).open.any())


@pytest.mark.realdata
def test_a_bank_open_on_a_holiday_is_forecast_by_its_own_history(shared_data: Path) -> None:
    """The counts of 2003, with those of the Friday before on the Fourth of July."""
    log = load_2003(shared_data)
    made, row = log.histories["bank"], log.programmes["bank"]
    assert localtime.find_observed_holidays(made, row) == {"Memorial Day": False, "Independence Day": False}
    local, _ = localtime.local_slots(made.starts, ZONE)
    week_before = local == localtime.day_to_number(date(2003, 6, 27))
    moved = made.starts[week_before] + 7 * 86400
    order = np.argsort(np.concatenate([made.starts, moved]))

    def beside(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([values, values[week_before]])[order]

    columns = (beside(values) for values in (made.offered, made.answered, made.aht_s))
    opened = demand.History("bank", np.concatenate([made.starts, moved])[order], *columns)
    assert localtime.find_observed_holidays(opened, row)["Independence Day"]
    score = next(s for s in demand.backtest(opened, row, [date(2003, 7, 4)], 1) if s.model == "profile")
    assert score.calls > 20_000
