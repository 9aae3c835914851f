"""How long until the day's target is lost, by hand and by a walk of minutes."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from releve.demand.erlang import DEFINITIONS, metrics
from releve.demand.intraday import DayFigures, TargetOutlook, foresee_target, reforecast
from releve.kernels.arrays import Floats
from tests.demand import series
from tests.demand.intraday.test_rest_of_day import FIRST, OPEN, clock, made_forecast

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
