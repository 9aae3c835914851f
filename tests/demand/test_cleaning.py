"""Cleaning: what each local day is, and what is not known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from releve.demand import KINDS, CleanHistory, History, clean_history
from releve.demand.cleaning import known_median
from tests.demand.series import FIRST, history, poisson, programme, truth

ROW = programme()


def kind_of(found: CleanHistory, day: date) -> str:
    return KINDS[int(found.kind[found.days.index(day)])]


def test_closed_days_and_hours_are_missing_never_zero() -> None:
    made = truth(ROW, 28)
    table = np.where(made.rate > 0, 5.0, 0.0)
    found = clean_history(history(ROW, table, made.numbers), ROW)
    assert np.isnan(found.offered[~found.open]).all()
    assert (found.offered[found.open] == 5).all()
    assert kind_of(found, date(2026, 6, 6)) == "closed"
    assert kind_of(found, date(2026, 6, 5)) == "normal"


def test_a_public_holiday_is_marked_and_its_zeros_are_not_calls() -> None:
    made = truth(ROW, 60)
    found = clean_history(poisson(ROW, made, 1), ROW)
    assert kind_of(found, date(2026, 7, 14)) == "holiday"
    assert np.isnan(found.offered[found.days.index(date(2026, 7, 14))]).all()
    reason = {day.day: day.reason for day in found.named}[date(2026, 7, 14)]
    assert reason == "public holiday, closed"


def test_busy_and_quiet_days_are_named_with_their_ratio() -> None:
    odd = {date(2026, 6, 24): 1.9, date(2026, 7, 2): 0.4}
    made = truth(ROW, 70, factor=lambda day: odd.get(day, 1.0))
    found = clean_history(poisson(ROW, made, 2, cv=0.04), ROW)
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
    found = clean_history(poisson(ROW, made, 3, cv=0.04), ROW)
    odd = [day for day in found.named if day.kind == "exceptional"]
    assert len(odd) <= 1


def test_a_small_programme_is_not_called_strange_for_its_noise() -> None:
    made = truth(ROW, 84, volume=6.0)
    found = clean_history(poisson(ROW, made, 4), ROW)
    assert not found.is_kind("exceptional").any()


def test_an_open_day_without_a_call_is_exceptional_and_not_known() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16] = 0.0
    found = clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == "exceptional"
    assert np.isnan(found.offered[16]).all()
    assert [day.reason for day in found.named] == ["no call all day although open"]


def test_a_half_open_day_keeps_what_is_known() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16, 30:] = np.nan
    counts[17, 16:22] = 0.0
    found = clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == kind_of(found, date(2026, 6, 18)) == "half_open"
    assert np.isnan(found.offered[16, 30:]).all()
    assert np.isnan(found.offered[17, 16:22]).all()
    assert found.offered[16, 20] == counts[16, 20]


def test_a_day_of_which_nothing_is_held_is_missing() -> None:
    made = truth(ROW, 42)
    counts = np.round(made.rate)
    counts[16] = np.nan
    found = clean_history(history(ROW, counts, made.numbers), ROW)
    assert kind_of(found, date(2026, 6, 17)) == "missing"


def test_calls_outside_the_opening_hours_are_counted_and_another_zone_is_suspected() -> None:
    made = truth(ROW, 28)
    counts = np.round(made.rate)
    moved = history(ROW, counts, made.numbers)
    late = History("p", moved.starts + 5 * 3600, moved.offered, moved.answered, moved.aht_s)
    (note,) = clean_history(late, ROW).notes
    assert "lie outside the opening hours" in note
    assert "moved by -5 h" in note
    assert clean_history(moved, ROW).notes == ()


def test_an_empty_history_is_cleaned_to_no_days() -> None:
    none = np.empty(0)
    empty = History("p", np.empty(0, dtype=np.int64), none, none, none)
    assert clean_history(empty, ROW).days == ()


def test_the_doubled_hour_of_autumn_holds_its_mean() -> None:
    row = programme(opening="Mon-Sun 00:00-24:00", holidays="")
    starts = np.arange(0, 86400 * 2, 1800, dtype=np.int64) + 1792800000 // 86400 * 86400
    offered = np.arange(len(starts), dtype=np.float64)
    found = clean_history(History("p", starts, offered, offered, offered), row)
    day = found.days.index(date(2026, 10, 25))
    utc_midnight = 44  # local midnight of the 25th is 22:00 UTC of the 24th
    assert found.offered[day, 3] == utc_midnight + 3
    assert found.offered[day, 4] == utc_midnight + 5
    assert found.offered[day, 6] == utc_midnight + 8


def test_days_are_those_of_the_programme_and_not_of_the_log() -> None:
    row = programme(time_zone="Indian/Reunion", holidays="")
    made = truth(row, 21)
    found = clean_history(poisson(row, made, 5), row)
    assert found.days[0] == FIRST
    assert found.offered.shape == (21, 48)
    assert found.open[0].tolist() == [16 <= slot < 36 for slot in range(48)]


def test_the_median_of_what_is_known_is_that_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for rows in range(1, 12):
        values = rng.normal(size=(rows, 6))
        values[1:][rng.random((rows - 1, 6)) < 0.3] = np.nan
        np.testing.assert_array_equal(known_median(values), np.nanmedian(values, axis=0))
