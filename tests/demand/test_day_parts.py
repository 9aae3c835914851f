"""Parts of a day factor's variance: against a plain oracle, and the laws of what is drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from bench.validate.rest_of_day import load_1999, load_2003
from bench.validate.spans import inside_shares, load_1999_whole, validate_spans
from releve.demand import clean_history
from releve.demand.forecast import ModelPrediction, history_before
from releve.demand.forecast.day_parts import (
    PRIOR,
    DayErrors,
    DayParts,
    draw_calls,
    draw_day_normals,
    find_day_errors,
    measure_parts,
    measure_parts_before,
)
from releve.kernels.arrays import Floats
from tests.demand import series

DAYS, SLOTS = 28, 48
PARTS = DayParts(0.3, 0.2, 0.4)


def said(day_variance: float = 0.02, spread: float = 0.05) -> ModelPrediction:
    mean = np.full((DAYS, SLOTS), 40.0)
    return ModelPrediction(mean, np.full(DAYS, day_variance), np.full((DAYS, SLOTS), spread))


def errors_of(normals: Floats, cv: float) -> DayErrors:
    """Return errors without counting noise, one origin a replication, far apart in days."""
    return DayErrors(100 * np.arange(len(normals)), cv * normals, np.zeros(normals.shape), 100.0)


def test_the_variance_of_a_sum_follows_the_parts() -> None:
    """Of n days in w weeks: span + week / w + own / n of a day's; of two programmes, with the client's."""
    drawn = draw_day_normals({"a": PARTS, "b": PARTS}, "c", DAYS, seed=3, replications=40_000)
    for days, weeks in ((1, 1), (7, 1), (28, 4)):
        whole = PARTS.span + PARTS.week / weeks + PARTS.own / days
        mean = {name: one[:, :days].mean(axis=1) for name, one in drawn.items()}
        assert mean["a"].var() == pytest.approx(whole, rel=0.03)
        both = (mean["a"] + mean["b"]).var()
        assert both == pytest.approx(2 * whole * (1 + PARTS.client), rel=0.03)


def test_a_plain_oracle_of_the_pairs() -> None:
    """Correlations of two days, counted one by one in plain Python."""
    drawn = draw_day_normals({"a": PARTS, "b": PARTS}, "c", DAYS, seed=5, replications=20_000)
    for one, two in (("a", "a"), ("a", "b")):
        for day, other in ((0, 6), (0, 7), (3, 3), (8, 27)):
            wanted = PARTS.span + (PARTS.week if day // 7 == other // 7 else 0) + (PARTS.own if day == other else 0)
            wanted *= 1 if one == two else PARTS.client
            products = [x * y for x, y in zip(drawn[one][:, day], drawn[two][:, other], strict=True)]
            assert sum(products) / len(products) == pytest.approx(wanted, abs=0.03)


def test_a_half_hour_is_drawn_as_without_parts_and_with_the_moments_of_its_forecast() -> None:
    found = {}
    for key, one in (("alone", DayParts()), ("parts", PARTS)):
        calls = draw_calls({"a": said()}, {"a": one}, "c", seed=7, replications=20_000)["a"][:, [0, 13], 20]
        assert calls.mean() == pytest.approx(40.0, rel=0.01)
        assert calls.var() == pytest.approx(40.0 + 0.05 * 1600, rel=0.04)
        found[key] = np.quantile(calls, (0.05, 0.25, 0.5, 0.75, 0.95))
    assert np.abs(found["parts"] - found["alone"]).max() <= 1.0


def test_another_programme_beside_it_changes_no_draw() -> None:
    alone = draw_calls({"a": said()}, {"a": PARTS}, "c", seed=1, replications=5)
    beside = draw_calls({"b": said(), "a": said()}, {"a": PARTS, "b": PARTS}, "c", seed=1, replications=5)
    assert np.array_equal(alone["a"], beside["a"])
    assert not np.array_equal(beside["a"], beside["b"])


def test_parts_are_found_again_in_errors_made_with_them() -> None:
    drawn = draw_day_normals({"a": PARTS, "b": PARTS}, "c", DAYS, seed=2, replications=4000)
    found = measure_parts({name: errors_of(one, 0.1) for name, one in drawn.items()})
    for one in found.values():
        assert (one.span, one.week, one.client) == pytest.approx((0.3, 0.2, 0.4), abs=0.03)


def test_no_errors_leave_the_prior() -> None:
    nothing = DayErrors(np.arange(3), np.full((3, DAYS), np.nan), np.full((3, DAYS), np.nan), 0.0)
    assert measure_parts({"a": nothing}) == {"a": PRIOR}


def test_errors_are_those_of_the_level_known_before_the_day() -> None:
    """A history changed after an origin's horizon leaves what is shared of it small when days are independent."""
    row = series.programme()
    made = series.truth(row, 200)
    past = clean_history(series.poisson(row, made, 4, cv=0.15), row)
    one = measure_parts({"p": find_day_errors(past, row)})["p"]
    drifting = series.truth(row, 200, factor=lambda day: 1.0 + 0.3 * (((day - series.FIRST).days // 35) % 2))
    other = measure_parts({"p": find_day_errors(clean_history(series.poisson(row, drifting, 4), row), row)})["p"]
    assert other.span + other.week > one.span + one.week + 0.2


def test_parts_of_an_operator_are_measured_client_by_client_before_a_day() -> None:
    rows = [series.programme("a", client="x"), series.programme("b", client="x"), series.programme("c", client="y")]
    drifting = series.truth(rows[0], 150, factor=lambda day: 1.0 + 0.3 * (((day - series.FIRST).days // 35) % 2))
    histories = {row.id: series.poisson(row, drifting, seed) for seed, row in enumerate(rows)}
    day = series.FIRST + timedelta(days=120)
    found = measure_parts_before(histories, rows, day)
    assert {name: one.measured > 0.4 for name, one in found.items()} == {"a": True, "b": True, "c": True}
    assert found["a"].client == found["b"].client > PRIOR.client == found["c"].client
    earlier = {row.id: series.poisson(row, series.truth(row, 120), 9) for row in rows}
    assert measure_parts_before(earlier, rows, day) != found
    cut = {row.id: history_before(histories[row.id], row, day) for row in rows}
    assert measure_parts_before(cut, rows, day) == found, "what comes later is not known"


def test_without_a_history_parts_are_the_default_with_what_the_client_shares() -> None:
    row, other = series.programme("a"), series.programme("b")
    assert measure_parts_before({}, [row, other], series.FIRST) == {"a": PRIOR, "b": PRIOR}
    one_week = {"a": series.poisson(row, series.truth(row, 7), 1)}
    found = measure_parts_before(one_week, [row, other], series.FIRST + timedelta(days=7))
    assert found == {"a": PRIOR, "b": PRIOR}, "errors of one day ahead and two pairs of days say nothing"
    assert measure_parts_before({}, [], series.FIRST) == {}


def test_parts_are_refused_beyond_the_whole() -> None:
    with pytest.raises(ValueError, match=r"span \+ week"):
        DayParts(0.6, 0.5)
    with pytest.raises(ValueError, match="client must be"):
        replace(PARTS, client=1.1)


def test_an_outcome_in_the_middle_is_inside_and_one_far_off_is_not() -> None:
    drawn = np.arange(400.0)[:, None] * np.ones(2)
    assert inside_shares(np.array([200.0, 900.0]), drawn).tolist() == [[1.0] * 3, [0.0] * 3]


@pytest.mark.slow
@pytest.mark.realdata
def test_weeks_are_covered_where_days_drawn_alone_left_them_out(shared_data: Path) -> None:
    """Two banks' logs, the levels 80 % and 95 %; half hours and days hold as often as before."""
    for log in (load_1999_whole(shared_data), load_2003(shared_data)):
        rows = {row.span: row for row in validate_spans(log, draws=100)}
        for span in ("half hour", "day"):
            assert rows[span].after == pytest.approx(rows[span].before, abs=0.03)
        for level in (1, 2):
            assert rows["week"].after[level] > rows["week"].before[level] + 0.1
            assert rows["28 days"].after[level] > rows["28 days"].before[level] + 0.1
        assert 0.65 < rows["week"].after[1] < 0.88


@pytest.mark.slow
@pytest.mark.realdata
def test_queues_are_judged_one_by_one_and_summed(shared_data: Path) -> None:
    rows = validate_spans(load_1999(shared_data), draws=50)
    assert {row.programme for row in rows} >= {"regular", "sum"}
    assert all(0 <= share <= 1 for row in rows for share in (*row.before, *row.after))
