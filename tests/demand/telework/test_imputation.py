"""The estimators beside dense least squares, on panels whose effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from releve.plugins.telework.engine.panel import FixedEffects, Panel, find_largest_component
from releve.plugins.telework.engine.placebo import (
    compute_placebo,
    estimate_by_dummy,
    estimate_by_imputation,
    list_horizons,
)
from tests.demand.telework.panels import Design, draw_panel, true_effect


def _dense(panel: Panel) -> np.ndarray:
    """The dummies of agents and of periods but the first."""
    return np.hstack(
        [
            np.equal.outer(panel.agent, np.arange(panel.agents)),
            np.equal.outer(panel.period, np.arange(1, panel.periods)),
        ]
    ).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_both_estimators_equal_dense_least_squares(seed: int) -> None:
    panel = draw_panel(Design(agents=30, weeks=15, returns=seed), seed)
    dummies, home = _dense(panel), panel.at_home
    site = dummies[~home]
    fitted, *_ = np.linalg.lstsq(site, panel.outcome[~home], rcond=None)
    gain = (panel.outcome - dummies @ fitted)[home].mean()
    assert estimate_by_imputation(panel).effect == pytest.approx(gain, abs=1e-10)
    both = np.column_stack([home, dummies])
    coefficients, *_ = np.linalg.lstsq(both, panel.outcome, rcond=None)
    found = estimate_by_dummy(panel)
    assert found.effect == pytest.approx(coefficients[0], abs=1e-10)
    # Clustered by agent, from the whole design: the definition, not the partialled form.
    residual = panel.outcome - both @ coefficients
    bread = np.linalg.pinv(both.T @ both)
    scores = np.array([both[panel.agent == one].T @ residual[panel.agent == one] for one in range(panel.agents)])
    variance = (bread @ (scores.T @ scores) @ bread)[0, 0]
    rows, groups = len(home), panel.agents
    small = groups / (groups - 1) * (rows - 1) / (rows - panel.periods - 1)
    assert found.error == pytest.approx(np.sqrt(small * variance), rel=1e-8)


def test_the_effects_add_up_over_the_steps() -> None:
    panel = draw_panel(Design(growth=0.003), 1)
    steps = list_horizons(panel)
    rows = np.array([one.rows for one in steps])
    whole = rows @ np.array([one.effect for one in steps]) / rows.sum()
    assert estimate_by_imputation(panel).effect == pytest.approx(whole)
    assert rows.sum() == panel.at_home.sum()


def test_where_effects_grow_and_all_move_the_dummy_has_the_wrong_sign() -> None:
    design = Design(agents=200, never=0.0, effect=-0.01, growth=0.004)
    found = [draw_panel(design, seed) for seed in range(20)]
    truth = np.mean([true_effect(design, panel) for panel in found])
    by_dummy = np.mean([estimate_by_dummy(panel).effect for panel in found])
    imputed = np.array([estimate_by_imputation(panel).effect for panel in found])
    assert abs(imputed.mean() - truth) < 3 * imputed.std() / np.sqrt(len(found))
    assert by_dummy < 0 < truth


def test_weaker_agents_at_home_bias_the_plain_difference_alone() -> None:
    design = Design(agents=200, selection=1.0)
    found = [draw_panel(design, seed) for seed in range(20)]
    plain = [p.outcome[p.at_home].mean() - p.outcome[~p.at_home].mean() for p in found]
    imputed = np.array([estimate_by_imputation(panel).effect for panel in found])
    assert np.mean(plain) < 0 < design.effect
    assert abs(imputed.mean() - design.effect) < 3 * imputed.std() / np.sqrt(len(found))


@pytest.mark.slow
@pytest.mark.parametrize("design", [Design(growth=0.001), Design(agents=40), Design(never=0.2)])
def test_the_intervals_cover_the_truth(design: Design) -> None:
    panels = [draw_panel(design, seed) for seed in range(100)]
    inside = 0
    for panel in panels:
        found = estimate_by_imputation(panel)
        inside += abs(found.effect - true_effect(design, panel)) <= 1.96 * found.error
    assert 90 <= inside <= 97


def test_a_drift_before_the_move_is_seen_and_priced() -> None:
    quiet = [compute_placebo(draw_panel(Design(), seed)).chance for seed in range(40)]
    drifting = [compute_placebo(draw_panel(Design(drift=-0.008), s)) for s in range(40)]
    assert np.mean(np.array(quiet) < 0.05) < 0.2
    assert np.mean([one.chance < 0.05 for one in drifting]) > 0.5
    assert np.mean([one.drift for one in drifting]) > np.mean(
        [compute_placebo(draw_panel(Design(), seed)).drift for seed in range(40)]
    )


def test_what_nothing_connects_is_not_compared() -> None:
    agent, period = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 3])
    agents, periods = find_largest_component(agent, period, 3, 4)
    assert list(agents) == [0, 1]
    assert list(periods) == [0, 1]
    fixed = FixedEffects(agent[:3], period[:3], 2, 2)
    outcome = np.array([1.0, 3.0, 4.0])
    assert fixed.take_out(outcome) == pytest.approx(np.zeros(3), abs=1e-12)
