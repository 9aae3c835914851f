"""What a cause costs is the difference to the same quarters without it, quarter by quarter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from releve.plugins.crashtest.engine import CrashTest, Quarters, RunArrays, Runner, Settings, build_run_arrays
from releve.plugins.crashtest.engine.ablation import (
    Ablation,
    join_ablations,
    list_removable_causes,
    rerun_ablated,
    select_lost_calls,
)
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.result import build_result, result_from_json, result_to_json
from tests.crashtest.rough_quarter import DAYS, HAZARDS, build_test

COUNT = 12
LOST = PROGRAMME.index("lost")


def build_case() -> CrashTest:
    return build_test(settings=Settings(quarters=COUNT, days=DAYS, seed=3, nearest=True))


@cache
def rerun_case() -> tuple[RunArrays, Quarters, Ablation]:
    ready = build_run_arrays(build_case())
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    return ready, rows, rerun_ablated(ready, runner, 0, select_lost_calls(rows))


def count_lost_calls(other: CrashTest) -> np.ndarray:
    """The calls lost by client of a test that is run from nothing."""
    ready = build_run_arrays(other)
    programme = Runner(ready).run(0, COUNT).programme[:, :, LOST]
    found = np.zeros((COUNT, int(ready.demand.client.max()) + 1))
    np.add.at(found.T, ready.demand.client, programme.T)
    return found


def test_a_hazard_costs_what_a_test_without_it_loses_less() -> None:
    ready, _, found = rerun_case()
    assert list_removable_causes(ready) == ("outbreak", "closure", "power", "carrier")
    whole = count_lost_calls(build_case())
    for hazard in HAZARDS:
        at = list_removable_causes(ready).index(hazard.id)
        others = tuple(row for row in HAZARDS if row is not hazard)
        wanted = whole - count_lost_calls(replace(build_case(), hazards=others))
        assert np.allclose(found.calls[:, at], wanted, rtol=0, atol=1e-9)
        assert np.abs(wanted).max() > 1, "it cost something"


def test_the_outbreak_costs_what_a_test_without_infections_loses_less() -> None:
    _, _, found = rerun_case()
    quiet = replace(build_case(), scenario=replace(build_case().scenario, importation=None))
    assert np.allclose(found.calls[:, 0], count_lost_calls(build_case()) - count_lost_calls(quiet), rtol=0, atol=1e-9)
    assert found.calls[:, 0].max() > 1


def test_the_rule_costs_what_the_outbreak_does_not_cost_without_it() -> None:
    _, _, found = rerun_case()
    free = replace(build_case(), controls=replace(build_case().controls, closure=None))
    assert np.allclose(found.calls[:, 1], count_lost_calls(build_case()) - count_lost_calls(free), rtol=0, atol=1e-9)
    assert "closure" not in list_removable_causes(build_run_arrays(free))


def test_the_penalty_is_that_of_the_calls() -> None:
    ready, _, found = rerun_case()
    calm = replace(build_case(), hazards=(HAZARDS[1],))
    one, other = (
        Runner(build_run_arrays(test)).run(0, COUNT).programme[:, :, LOST] @ ready.demand.penalty
        for test in (build_case(), calm)
    )
    at = list_removable_causes(ready).index("power")
    assert np.allclose(found.penalty[:, at], one - other, rtol=0, atol=1e-9)


def test_a_cause_that_does_nothing_in_a_quarter_changes_no_bit_of_it() -> None:
    rare = replace(HAZARDS[0], rate_per_year=0.3)
    other = replace(build_case(), hazards=(rare,))
    ready = build_run_arrays(other)
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    found = rerun_ablated(ready, runner, 0, select_lost_calls(rows))
    struck = rows.lost[:, :, 2].any(axis=1)
    at = list_removable_causes(ready).index("power")
    assert 0 < struck.sum() < COUNT
    assert not found.changed[~struck, at].any()
    assert not found.calls[~struck, at].any()


def test_a_site_that_was_shut_before_stays_shut_without_the_outbreak() -> None:
    shut = replace(build_case(), scenario=replace(build_case().scenario, shut=((0, 5),), importation=None))
    ready = build_run_arrays(shut)
    runner = Runner(ready)
    found = rerun_ablated(ready, runner, 0, select_lost_calls(runner.run(0, 2)))
    assert not found.calls[:, 0].any()


def test_parts_change_no_bit() -> None:
    ready, _, whole = rerun_case()
    parts = []
    for first, count in ((5, 7), (0, 5)):
        runner = Runner(ready)
        parts.append(rerun_ablated(ready, runner, first, select_lost_calls(runner.run(first, count))))
    again = join_ablations(parts)
    assert np.array_equal(again.calls, whole.calls)
    assert np.array_equal(again.penalty, whole.penalty)
    assert np.array_equal(again.changed, whole.changed)
    with pytest.raises(ValueError, match="the next part begins at 5"):
        join_ablations([parts[1], parts[1]])


def test_the_result_ranks_the_causes_and_survives_its_text() -> None:
    ready, rows, found = rerun_case()
    result = build_result(build_case(), ready, rows, without=found)
    values = [row.lost.value for row in result.removed]
    assert values == sorted(values, reverse=True)
    assert result.removed_quarters == COUNT
    for row in result.removed:
        assert row.lost.low <= row.lost.value <= row.lost.high
        by_client = sum(one.value for one in row.lost_by_client.values())
        assert by_client == pytest.approx(row.lost.value)
    assert result_from_json(result_to_json(result)) == result
    plain = build_result(build_case(), ready, rows)
    assert (plain.removed, plain.removed_quarters) == ((), 0)
