"""The worst days by the simulator, beside the formula."""

from __future__ import annotations

import pytest

from releve.plugins.crashtest.engine import build_run_arrays, run
from releve.plugins.crashtest.engine.policies import replay_worst
from tests.crashtest.rough_quarter import build_test


def test_the_simulator_agrees_with_the_formula_on_the_worst_days_within_some_points() -> None:
    test = build_test()
    ready = build_run_arrays(test)
    rows = run(ready)
    found = replay_worst(test, ready, rows, days=2, replications=20)
    assert len(found) == 2 * rows.worst.shape[1]
    for row in found:
        assert 0.0 < row.simulated.low <= row.simulated.value <= row.simulated.high < 1.0
        assert row.simulated.value == pytest.approx(row.formula, abs=0.05)
    assert found[0].formula == pytest.approx(rows.worst[found[0].replication, 0], abs=0.02)
