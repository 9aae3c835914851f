"""What does not belong together is refused, and the message names the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from releve.network import sample_operator
from releve.plugins.crashtest.engine import CrashTest, CrashTestError, OtherOperator, Settings, build_run_arrays, run
from releve.plugins.crashtest.engine.outages import OutagesOverflowError, draw_outages
from releve.plugins.crashtest.engine.outbreak import PoolOverflowError, simulate
from releve.plugins.crashtest.engine.policies import apply_policies, rank_mixes
from tests.crashtest.rough_quarter import CONTROLS, DAYS, HAZARDS, build_test, plan_operator


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Settings(quarters=0), "expected quarters >= 1, got 0"),
        (lambda: Settings(days=0), "1 <= days"),
        (lambda: Settings(seed=-1), "0 <= seed"),
        (lambda: Settings(reaction_intervals=49), "reaction_intervals <= 48"),
        (lambda: Settings(target=1.0), "0 <= target < 1"),
        (lambda: build_test(settings=Settings(days=DAYS + 1)), "an outbreak of as many days as the test"),
        (lambda: build_test(plans=()), "a plan of at least one day"),
        (lambda: build_test(needs=()), "a requirement for each plan"),
        (lambda: build_test(busyness=(0.1, 0.2, 0.3)), "busyness of"),
        (lambda: build_test(busyness=(-0.1,) * len(plan_operator()[1].programmes)), "0 <= busyness < 3"),
        (lambda: run(build_run_arrays(build_test()), count=0), "expected quarters >= 1, got 0"),
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(CrashTestError, match=message):
        wrong()


def test_a_programme_without_calls_is_held_to_the_target_of_its_plan() -> None:
    _, plan = plan_operator()
    own = replace(plan, settings={**plan.settings, "target": 0.2})
    strict = build_test(plans=(own,), settings=Settings(quarters=2, days=DAYS, target=0.01))
    assert build_test(plans=(own,)).target == 0.2
    assert strict.target == 0.01
    least = build_run_arrays(build_test(plans=(own,))).demand.least
    kinds = [row.kind for row in build_test().programmes]
    assert {round(least[p], 9) for p, kind in enumerate(kinds) if kind != "inbound"} <= {0.8}
    test = build_test(plans=(own,))
    with pytest.raises(CrashTestError, match=r"different targets \(0.2 and 0.3\): say what"):
        replace(test, plans=(own, replace(own, settings={**own.settings, "target": 0.3})), needs=test.needs * 2)


def test_a_plan_of_another_operator_is_refused() -> None:
    _, plan = plan_operator()
    with pytest.raises(OtherOperator, match=r"another operator: its name .*plan this operator again"):
        build_test(sample_operator(120, 4, 9), plan)
    stranger = replace(plan.placements[0], agent="unknown")
    with pytest.raises(OtherOperator, match="places agent unknown"):
        build_test(plans=(replace(plan, placements=(stranger,)),))


def test_the_requirement_of_another_day_and_a_day_of_46_half_hours_are_refused() -> None:
    _, plan = plan_operator()
    test = build_test()
    other = replace(test.needs[0], day=plan.day.replace(day=1))
    with pytest.raises(CrashTestError, match="forecast the day of the plan"):
        build_test(needs=(other,))
    short = replace(plan, starts=plan.starts[:46])
    with pytest.raises(CrashTestError, match="because the clocks change"):
        build_test(plans=(short,))


def test_a_zone_without_volume_is_refused() -> None:
    operator, _ = plan_operator()
    with pytest.raises(ValueError, match=r"zones.volume_m3 must be more than 0, got 0.0"):
        replace(operator.zones[0], volume_m3=0.0)


def test_too_little_room_raises_and_nothing_is_dropped() -> None:
    test = build_test()
    with pytest.raises(PoolOverflowError, match="give a larger pool"):
        simulate(test.scenario, CONTROLS, replications=20, pool=2)
    places = build_run_arrays(test).numbers.places
    with pytest.raises(OutagesOverflowError, match="outages <= 3"):
        draw_outages(HAZARDS, places, days=DAYS, seed=1, replications=20, most=3)


def test_a_weekday_without_a_plan_is_left_out_and_named() -> None:
    test = build_test(settings=Settings(quarters=2, days=DAYS))
    ready = build_run_arrays(test)
    assert ready.unplanned == (1, 2, 3, 4, 5, 6)
    days = run(ready).client[:, :, 0]
    assert days.max() == 6, "six Mondays in forty days from a Monday"


def test_a_programme_whose_volume_is_not_known_is_named_and_has_no_calls() -> None:
    test: CrashTest = build_test()
    calls = test.needs[0].calls.copy()
    calls[:, 0] = float("nan")
    name = test.programmes[0].id
    ready = build_run_arrays(replace(test, needs=(replace(test.needs[0], calls=calls, unknown={name: "x"}),)))
    assert ready.unknown == (name,)
    assert not run(ready, count=2).programme[:, 0].any()


def test_the_best_mix_is_the_one_with_the_least_penalty_that_the_budget_buys() -> None:
    prices = {"masks": 10.0, "air": 20.0, "visits": 5.0}
    saves = {"masks": 30.0, "air": 50.0, "visits": 0.0}

    def penalty_of(chosen: tuple[str, ...]) -> float:
        return 100.0 - sum(saves[name] for name in chosen)

    assert rank_mixes(tuple(prices), prices, 30.0, penalty_of)[0].measures == ("masks", "air")
    assert rank_mixes(tuple(prices), prices, 25.0, penalty_of)[0].measures == ("air",)
    assert [one.measures for one in rank_mixes(tuple(prices), prices, 4.0, penalty_of)] == [()]
    with pytest.raises(CrashTestError, match="policy is one of as-given"):
        apply_policies(("prayer",), build_test())
