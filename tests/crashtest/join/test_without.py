"""What a cause costs is the difference to the same quarters without it, quarter by quarter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from releve.crashtest import CrashTest, Prepared, Quarters, Runner, Settings, build_run_arrays
from releve.crashtest.ablation import Without, causes_of, join_without, live_without, lost_of
from releve.crashtest.kernel_types import PROGRAMME
from releve.crashtest.result import result_from_json, result_of, result_to_json
from tests.crashtest.join.made import DAYS, HAZARDS, rough

COUNT = 12
LOST = PROGRAMME.index("lost")


def case() -> CrashTest:
    return rough(settings=Settings(quarters=COUNT, days=DAYS, seed=3, nearest=True))


@cache
def lived() -> tuple[Prepared, Quarters, Without]:
    ready = build_run_arrays(case())
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    return ready, rows, live_without(ready, runner, 0, lost_of(rows))


def clients_lose(other: CrashTest) -> np.ndarray:
    """The calls lost by client of a test that is run from nothing."""
    ready = build_run_arrays(other)
    programme = Runner(ready).run(0, COUNT).programme[:, :, LOST]
    found = np.zeros((COUNT, int(ready.demand.client.max()) + 1))
    np.add.at(found.T, ready.demand.client, programme.T)
    return found


def test_a_hazard_costs_what_a_test_without_it_loses_less() -> None:
    ready, _, found = lived()
    assert causes_of(ready) == ("outbreak", "closure", "power", "carrier")
    whole = clients_lose(case())
    for hazard in HAZARDS:
        at = causes_of(ready).index(hazard.id)
        others = tuple(row for row in HAZARDS if row is not hazard)
        wanted = whole - clients_lose(replace(case(), hazards=others))
        assert np.allclose(found.calls[:, at], wanted, rtol=0, atol=1e-9)
        assert np.abs(wanted).max() > 1, "it cost something"


def test_the_outbreak_costs_what_a_test_without_infections_loses_less() -> None:
    _, _, found = lived()
    quiet = replace(case(), scenario=replace(case().scenario, importation=None))
    assert np.allclose(
        found.calls[:, 0], clients_lose(case()) - clients_lose(quiet), rtol=0, atol=1e-9
    )
    assert found.calls[:, 0].max() > 1


def test_the_rule_costs_what_the_outbreak_does_not_cost_without_it() -> None:
    _, _, found = lived()
    free = replace(case(), controls=replace(case().controls, closure=None))
    assert np.allclose(
        found.calls[:, 1], clients_lose(case()) - clients_lose(free), rtol=0, atol=1e-9
    )
    assert "closure" not in causes_of(build_run_arrays(free))


def test_the_penalty_is_that_of_the_calls() -> None:
    ready, _, found = lived()
    calm = replace(case(), hazards=(HAZARDS[1],))
    one, other = (
        Runner(build_run_arrays(test)).run(0, COUNT).programme[:, :, LOST] @ ready.demand.penalty
        for test in (case(), calm)
    )
    at = causes_of(ready).index("power")
    assert np.allclose(found.penalty[:, at], one - other, rtol=0, atol=1e-9)


def test_a_cause_that_does_nothing_in_a_quarter_changes_no_bit_of_it() -> None:
    rare = replace(HAZARDS[0], rate_per_year=0.3)
    other = replace(case(), hazards=(rare,))
    ready = build_run_arrays(other)
    runner = Runner(ready)
    rows = runner.run(0, COUNT)
    found = live_without(ready, runner, 0, lost_of(rows))
    struck = rows.lost[:, :, 2].any(axis=1)
    at = causes_of(ready).index("power")
    assert 0 < struck.sum() < COUNT
    assert not found.changed[~struck, at].any()
    assert not found.calls[~struck, at].any()


def test_a_site_that_was_shut_before_stays_shut_without_the_outbreak() -> None:
    shut = replace(case(), scenario=replace(case().scenario, shut=((0, 5),), importation=None))
    ready = build_run_arrays(shut)
    runner = Runner(ready)
    found = live_without(ready, runner, 0, lost_of(runner.run(0, 2)))
    assert not found.calls[:, 0].any()


def test_parts_change_no_bit() -> None:
    ready, _, whole = lived()
    parts = []
    for first, count in ((5, 7), (0, 5)):
        runner = Runner(ready)
        parts.append(live_without(ready, runner, first, lost_of(runner.run(first, count))))
    again = join_without(parts)
    assert np.array_equal(again.calls, whole.calls)
    assert np.array_equal(again.penalty, whole.penalty)
    assert np.array_equal(again.changed, whole.changed)
    with pytest.raises(ValueError, match="the next part begins at 5"):
        join_without([parts[1], parts[1]])


def test_the_result_ranks_the_causes_and_survives_its_text() -> None:
    ready, rows, found = lived()
    result = result_of(case(), ready, rows, without=found)
    values = [row.lost.value for row in result.removed]
    assert values == sorted(values, reverse=True)
    assert result.removed_quarters == COUNT
    for row in result.removed:
        assert row.lost.low <= row.lost.value <= row.lost.high
        by_client = sum(one.value for one in row.lost_by_client.values())
        assert by_client == pytest.approx(row.lost.value)
    assert result_from_json(result_to_json(result)) == result
    plain = result_of(case(), ready, rows)
    assert (plain.removed, plain.removed_quarters) == ((), 0)
