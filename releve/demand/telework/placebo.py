"""Whether those who moved home already drifted before: a placebo, and what a drift would explain.

A test that finds nothing proves nothing: with few movers it misses most drifts that matter. So the
drift that the weeks before leave possible is printed as a bound beside the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from releve.demand.telework.fixed_effects import FixedEffects, find_largest_component
from releve.demand.telework.imputation import STEP_DAYS
from releve.demand.telework.panel import Panel

__all__ = ["Placebo", "compute_placebo"]

STEPS_BEFORE = 2
DRAWS = 999
SEED = 20201103


@dataclass(frozen=True, slots=True)
class Placebo:
    """``before[k]``: by how much movers differed k + 1 steps of four weeks before they moved from
    longer before; ``chance`` of differences this large where there are none (1: not testable);
    ``drift`` that the largest step before would add to the effect if it went on."""

    before: tuple[float, ...]
    chance: float
    drift: float


def compute_placebo(panel: Panel) -> Placebo:
    """Return the placebo of a comparable panel, by its rows on site before each agent's move.

    The chance is counted over random signs of the agents' scores, which keeps it right with few
    agents (a wild cluster bootstrap with the null imposed).
    """
    until = panel.first_home[panel.agent] - panel.day
    rows = ~panel.at_home & (until > 0)
    site, until = panel.keep(rows), until[rows]
    agents, periods = find_largest_component(site.agent, site.period, site.agents, site.periods)
    rows = np.isin(site.agent, agents) & np.isin(site.period, periods)
    if not rows.any():
        return Placebo((), 1.0, 0.0)
    site, until = site.keep(rows), until[rows]
    step = (until - 1) // STEP_DAYS
    leads = np.stack([step == k for k in range(STEPS_BEFORE)], axis=1).astype(np.float64)
    fixed = FixedEffects(site.agent, site.period, site.agents, site.periods)
    left = np.stack([fixed.take_out(column) for column in leads.T], axis=1)
    cross = left.T @ left
    if np.linalg.matrix_rank(cross) < STEPS_BEFORE:
        return Placebo((), 1.0, 0.0)
    before = np.linalg.solve(cross, left.T @ site.outcome)
    null = fixed.take_out(site.outcome)
    score = np.zeros((site.agents, STEPS_BEFORE))
    np.add.at(score, site.agent, left * null[:, None])
    inverse = np.linalg.pinv(score.T @ score)
    signs = np.random.Generator(np.random.Philox(SEED)).choice((-1.0, 1.0), (DRAWS, site.agents))
    drawn = signs @ score
    found = score.sum(axis=0)
    extreme = np.einsum("ij,jk,ik->i", drawn, inverse, drawn) >= found @ inverse @ found - 1e-12
    steps = np.abs(np.diff([0.0, *before[::-1]])).max()
    reach = (panel.day - panel.first_home[panel.agent])[panel.at_home] / STEP_DAYS
    return Placebo(
        tuple(float(value) for value in before),
        float((1 + extreme.sum()) / (1 + DRAWS)),
        float(steps * (reach.mean() + 1)),
    )
