"""Who moves together, and the error of an effect where few do.

Errors are clustered at the level at which places were assigned (Abadie, Athey, Imbens and Wooldridge
2023): the agent, or the team where whole teams move. With few clusters the usual sandwich is too
small; there the cluster jackknife (MacKinnon, Nielsen and Webb 2023) leaves out one cluster after
another, and Student's t takes the place of the normal, with the degrees of freedom that clusters in
both places leave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from releve.errors import Phrase
from releve.extras import LazyModule
from releve.plugins.telework.engine.panel import FixedEffects, Panel
from releve.plugins.telework.engine.placebo import NORMAL_975, EffectEstimate

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = LazyModule("scipy.stats")

MOVES_TOGETHER = 0.2
"""Correlation of being at home between agents of one team from which on the team is what moves."""
FEWEST_MOVING_TEAMS = 5
MANY_CLUSTERS = 40
"""Clusters in both places from which on the sandwich holds."""

Estimator = Callable[[Panel], EffectEstimate]


def correlate_teams(panel: Panel) -> float:
    """Return the correlation of being at home, less agents and periods, between agents of a team."""
    if panel.team is None:
        return 0.0
    fixed = FixedEffects(panel.agent, panel.period, panel.agents, panel.periods)
    left = fixed.take_out(panel.at_home.astype(np.float64))
    _, cell = np.unique(panel.team * panel.periods + panel.period, return_inverse=True)
    count, total = np.bincount(cell), np.bincount(cell, left)
    pairs = float((count * (count - 1)).sum())
    if not pairs:
        return 0.0
    together = float((total**2).sum() - (left**2).sum()) / pairs
    variance = float((left**2).mean())
    return together / variance if variance > 0 else 0.0


def choose_clusters(panel: Panel) -> Panel:
    """Return the panel with the teams that move together as its clusters; else each agent is one."""
    return panel if correlate_teams(panel) >= MOVES_TOGETHER else panel.without_teams()


def count_moving(panel: Panel) -> int:
    """Return how many clusters have rows on site and at home."""
    home, site = (np.bincount(panel.cluster, rows) > 0 for rows in (panel.at_home, ~panel.at_home))
    return int((home & site).sum())


def find_few_clusters(panel: Panel) -> Phrase | None:
    """Return a refusal where too few teams moved for an interval that holds."""
    if panel.team is None:
        return None
    moving = count_moving(panel)
    if moving >= FEWEST_MOVING_TEAMS:
        return None
    return Phrase(
        "whole teams move together, and {0} worked both on site and at home: at least {1} are needed",
        str(moving),
        str(FEWEST_MOVING_TEAMS),
    )


def estimate_in_clusters(panel: Panel, estimate: Estimator, prepare: Callable[[Panel], Panel]) -> EffectEstimate:
    """Return an effect whose error times 1.96 is half its interval of 95 %.

    ``prepare`` makes what is left without a cluster fit for ``estimate``.
    """
    found = estimate(panel)
    moving = count_moving(panel)
    if moving >= MANY_CLUSTERS:
        return found
    left_out = []
    for one in np.unique(panel.cluster):
        rest = prepare(panel.keep(panel.cluster != one))
        if rest.at_home.any() and not rest.at_home.all():
            left_out.append(estimate(rest).effect)
    changes = np.array(left_out) - found.effect
    count = len(left_out)
    error = float(np.sqrt((count - 1) / count * (changes**2).sum()))
    return EffectEstimate(found.effect, error * float(stats.t.ppf(0.975, moving - 1)) / NORMAL_975)
