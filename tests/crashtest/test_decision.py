"""What a crash test says to the person who decides: the price of policies, and why calm quarters miss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from releve.plugins.crashtest import commands
from releve.plugins.crashtest.decision import (
    estimate_lost_calls,
    find_calm_targets,
    list_choices,
    read_calm_targets,
    write_calm_targets,
)
from releve.plugins.crashtest.engine.comparison import Case, Difference
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.result import build_result, find_broken_targets
from releve.plugins.crashtest.engine.run import run
from releve.plugins.crashtest.engine.run_arrays import CrashTest, build_run_arrays
from releve.plugins.crashtest.execution import CaseProgress
from tests.crashtest.rough_quarter import build_test


def make_case(test: CrashTest) -> Case:
    ready = build_run_arrays(test)
    return Case("as-given", test, ready, run(ready))


def demand_more(test: CrashTest, by: float) -> CrashTest:
    """Return a test whose inbound programmes owe ``by`` more calls in time."""
    rows = [
        replace(row, service_target=min(0.999, row.service_target + by)) if row.kind == "inbound" else row
        for row in test.operator.programmes
    ]
    return replace(test, operator=replace(test.operator, programmes=tuple(rows)))


@pytest.mark.slow
def test_busy_days_explain_what_calm_quarters_miss_of_a_plan_that_holds_average_days() -> None:
    even = find_calm_targets(make_case(demand_more(build_test(busyness=(0.0,) * len(build_test().busyness)), 0.3)))
    assert even, "targets beyond the plan are missed"
    for one in even:
        assert one.average_day == pytest.approx(one.mean, abs=1e-9)
        assert (one.by_plan, one.missed, one.busyness) == (True, 1.0, 0.0)
    case = make_case(demand_more(build_test(), 0.3))
    found = find_calm_targets(case)
    assert found
    broken = find_broken_targets(case.test, case.ready, case.rows, calm=True).mean(axis=0)
    of = {row.id: float(share) for row, share in zip(case.test.operator.clients, broken, strict=True)}
    assert {one.client for one in found} == {client for client, share in of.items() if share > 0}
    for one in found:
        assert one.missed <= of[one.client] + 1e-9
        assert one.mean < one.average_day, "a busy day loses more than a quiet one gives back"
        assert one.low <= one.mean <= one.high
    assert {(one.client, one.programme): one.average_day for one in even}.items() >= {
        (one.client, one.programme): one.average_day for one in found if one.by_plan and one.missed == 1.0
    }.items()


@pytest.mark.slow
def test_the_calls_that_are_lost_are_those_of_the_clients_within_the_interval_of_the_share(tmp_path: Path) -> None:
    case = make_case(build_test())
    result = build_result(case.test, case.ready, case.rows)
    lost = estimate_lost_calls(result)
    assert lost.value == pytest.approx(sum(row.lost.value for row in result.clients))
    assert lost.low <= lost.value <= lost.high
    found = find_calm_targets(case)
    assert read_calm_targets(tmp_path) is None
    write_calm_targets(tmp_path, found)
    assert read_calm_targets(tmp_path) == found


def test_the_price_of_a_measure_counts_and_the_cheapest_comes_first() -> None:
    none = Estimate(0.0, 0.0, 0.0)

    def differ(label: str, penalty: Estimate) -> Difference:
        return Difference(label, "as-given", none, penalty, none, none, 1.0, ())

    rows = [
        differ("telework", Estimate(-5_000.0, -5_500.0, -4_500.0)),  # 60 EUR an agent
        differ("masks", Estimate(-5_000.0, -5_500.0, -4_500.0)),  # 12 EUR an agent
        differ("no-rule", Estimate(100.0, -10.0, 210.0)),
    ]
    found = list_choices(rows, 100)
    assert [(one.label, one.price, one.verdict) for one in found] == [
        ("masks", 1_200.0, "better"),
        ("no-rule", 0.0, "open"),
        ("telework", 6_000.0, "worse"),
    ]
    assert found[0].net == Estimate(-3_800.0, -4_300.0, -3_300.0)
    assert np.isclose(found[2].net.value, 1_000.0)


def test_progress_in_a_file_says_at_each_tenth_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [0.0]
    monkeypatch.setattr(commands, "monotonic", lambda: clock[0])
    with commands._CaseLines(2) as lines:
        for label in ("as-given", "no-rule"):
            for done in (0, 64, 128, 192, 1000):
                lines.show(CaseProgress(label, "running", done, 1000))
                clock[0] += 30.0
    assert capsys.readouterr().err.splitlines() == [
        "as-given: 0 of 1,000 quarters",
        "as-given: 128 of 1,000 quarters, about 7 min left of this case, 15 min of all 2",
        "as-given: 1,000 of 1,000 quarters, about 0 s left of this case, 2 min of all 2",
        "no-rule: 0 of 1,000 quarters",
        "no-rule: 128 of 1,000 quarters, about 7 min left of this case, 7 min of all 2",
        "no-rule: 1,000 of 1,000 quarters, about 0 s left of this case, 0 s of all 2",
    ]
