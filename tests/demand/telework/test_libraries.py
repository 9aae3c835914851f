"""The estimators beside two libraries of econometrics, where they are installed.

Neither belongs to the environment of the tests (57 and 6 packages): ``pip install pyfixest
diff-diff`` into one of its own, and run this file there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from releve.plugins.telework.engine.panel import Panel
from releve.plugins.telework.engine.placebo import estimate_by_dummy, estimate_by_imputation
from tests.demand.telework.panels import MONDAY, Design, draw_panel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""Theirs, of the tables that they use."""

PANELS = [draw_panel(Design(growth=0.002 * seed, agents=60), seed) for seed in range(3)]


def _frame(panel: Panel) -> Any:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    first = panel.first_home
    week = np.where(first == np.iinfo(np.int64).max, 0, (first - MONDAY) // 7)
    return pandas.DataFrame(
        {
            "agent": panel.agent,
            "period": (panel.day - MONDAY) // 7,
            "home": panel.at_home.astype(int),
            "outcome": panel.outcome,
            "first": week[panel.agent],
        }
    )


@pytest.mark.parametrize("panel", PANELS)
def test_the_dummy_and_its_error_are_those_of_pyfixest(panel: Panel) -> None:
    pyfixest = pytest.importorskip("pyfixest", reason="pyfixest is not installed")
    model = pyfixest.feols("outcome ~ home | agent + period", _frame(panel), vcov={"CRV1": "agent"})
    found = estimate_by_dummy(panel)
    assert found.effect == pytest.approx(float(model.coef().iloc[0]), abs=1e-6)
    assert found.error == pytest.approx(float(model.se().iloc[0]), rel=1e-4)


@pytest.mark.parametrize("panel", PANELS)
def test_the_imputed_effect_is_that_of_diff_diff(panel: Panel) -> None:
    library = pytest.importorskip("diff_diff", reason="diff-diff is not installed")
    peer = library.ImputationDiD().fit(
        _frame(panel), outcome="outcome", unit="agent", time="period", first_treat="first"
    )
    assert estimate_by_imputation(panel).effect == pytest.approx(peer.overall_att, abs=1e-6)
