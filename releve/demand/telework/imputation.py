"""The effect of working at home by imputation: what people did beside what they would have done.

Effects of agents and periods are fitted on the rows on site and give what each row at home would
have been there; the mean difference is the effect (Borusyak, Jaravel and Spiess 2024). Unlike a
regression on a dummy it stays right where effects grow with time and where everyone moves in the
end. Standard errors are clustered by agent; residuals at home are taken against the mean of all
movers that far into it, in steps of four weeks, since single cohorts are too few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from releve.demand.tables import Floats
from releve.demand.telework.fixed_effects import FixedEffects
from releve.demand.telework.panel import Panel

__all__ = [
    "EffectEstimate",
    "Horizon",
    "estimate_by_dummy",
    "estimate_by_imputation",
    "list_horizons",
]

STEP_DAYS = 28


@dataclass(frozen=True, slots=True)
class EffectEstimate:
    """A difference of logarithms and its standard error."""

    effect: float
    error: float


@dataclass(frozen=True, slots=True)
class Horizon:
    """The mean effect in a step of four weeks since the first day at home, of ``rows`` rows."""

    step: int
    effect: float
    error: float
    rows: int


def estimate_by_imputation(panel: Panel) -> EffectEstimate:
    """Return the mean effect over all rows at home of a comparable panel."""
    home = panel.at_home
    return _Imputed(panel).average(np.full(int(home.sum()), 1.0 / home.sum()))


def list_horizons(panel: Panel) -> tuple[Horizon, ...]:
    """Return the effect by step of four weeks since an agent's first day at home."""
    imputed = _Imputed(panel)
    found = []
    for step in np.unique(imputed.step):
        here = imputed.step == step
        one = imputed.average(here / here.sum())
        found.append(Horizon(int(step), one.effect, one.error, int(here.sum())))
    return tuple(found)


class _Imputed:
    """The rows at home beside what the rows on site say they would have been."""

    def __init__(self, panel: Panel) -> None:
        home, site = panel.at_home, ~panel.at_home
        self._panel = panel
        self._fixed = FixedEffects(
            panel.agent[site], panel.period[site], panel.agents, panel.periods
        )
        agents, periods = self._fixed.fit(panel.outcome[site])
        expected = agents[panel.agent] + periods[panel.period]
        self._residual = (panel.outcome - expected)[site]
        self._gain = (panel.outcome - expected)[home]
        self.step = (panel.day - panel.first_home[panel.agent])[home] // STEP_DAYS

    def average(self, weight: Floats) -> EffectEstimate:
        """Return the weighted sum of the effects of the rows at home."""
        panel, fixed = self._panel, self._fixed
        home, site = panel.at_home, ~panel.at_home
        treated = FixedEffects(panel.agent[home], panel.period[home], panel.agents, panel.periods)
        agents, periods = fixed.solve(*treated.add_up(weight))
        untreated = -(agents[fixed.agent] + periods[fixed.period])
        score = np.bincount(panel.agent[site], untreated * self._residual, panel.agents)
        score += np.bincount(panel.agent[home], weight * self._spread(weight), panel.agents)
        return EffectEstimate(float(weight @ self._gain), float(np.sqrt((score**2).sum())))

    def _spread(self, weight: Floats) -> Floats:
        """Return the effect of each row less the mean of its step, weighted as the variance is."""
        agent = self._panel.agent[self._panel.at_home]
        steps, cell = np.unique(self.step, return_inverse=True)
        pair, inverse = np.unique(agent * len(steps) + cell, return_inverse=True)
        of_pair = pair % len(steps)
        total = np.bincount(inverse, weight)
        gained = np.bincount(inverse, weight * self._gain)
        below = np.bincount(of_pair, total**2, len(steps))
        mean = np.bincount(of_pair, total * gained, len(steps)) / np.where(below > 0, below, 1.0)
        return self._gain - mean[cell]


def estimate_by_dummy(panel: Panel) -> EffectEstimate:
    """Return the coefficient of a dummy beside effects of agents and periods.

    Shown for comparison: it is wrong where effects grow and most people move.
    """
    fixed = FixedEffects(panel.agent, panel.period, panel.agents, panel.periods)
    dummy = fixed.take_out(panel.at_home.astype(np.float64))
    below = float(dummy @ dummy)
    effect = float(dummy @ panel.outcome) / below
    residual = fixed.take_out(panel.outcome - effect * panel.at_home)
    score = np.bincount(panel.agent, dummy * residual, panel.agents)
    rows, groups = len(panel.agent), panel.agents
    small = groups / (groups - 1) * (rows - 1) / (rows - panel.periods - 1)
    return EffectEstimate(effect, float(np.sqrt(small * (score**2).sum()) / below))
