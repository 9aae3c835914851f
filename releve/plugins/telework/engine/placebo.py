"""The effect of telework on one programme: imputation, placebo, shrinkage, power of a rota.

Agent and period effects are fitted on the rows on site and predict each row at home; the mean
difference is the effect (Borusyak, Jaravel and Spiess 2024), right where effects grow with time and
where everyone moves in the end. Standard errors are clustered by agent, or by team where whole teams
move (:mod:`.clusters`); residuals at home are taken
against the mean of all movers that far into it, in steps of four weeks.

With few movers a placebo misses most drifts that matter, so the drift that the weeks before leave
possible stands as a bound beside the effect. The effects of programmes vary around a mean with a
variance by Paule and Mandel (1982), and each posterior is normal; under three programmes each
stands alone. In a rota of B blocks of N agents, with variance v of the change of an agent's mean
between blocks, the effect has the variance 2 v / (B N).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, log, sqrt

import numpy as np

from releve.kernels.arrays import Floats
from releve.plugins.telework.engine.panel import FixedEffects, Panel, find_largest_component, keep_connected

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
        self._fixed = FixedEffects(panel.agent[site], panel.period[site], panel.agents, panel.periods)
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
        cluster = panel.cluster
        size = int(cluster.max()) + 1
        score = np.bincount(cluster[site], untreated * self._residual, size)
        score += np.bincount(cluster[home], weight * self._spread(weight), size)
        return EffectEstimate(float(weight @ self._gain), float(np.sqrt((score**2).sum())))

    def _spread(self, weight: Floats) -> Floats:
        """Return the effect of each row less the mean of its step, weighted as the variance is."""
        cluster = self._panel.cluster[self._panel.at_home]
        steps, cell = np.unique(self.step, return_inverse=True)
        pair, inverse = np.unique(cluster * len(steps) + cell, return_inverse=True)
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
    score = np.bincount(panel.cluster, dummy * residual)
    rows, groups = len(panel.agent), len(score)
    small = groups / (groups - 1) * (rows - 1) / (rows - panel.periods - 1)
    return EffectEstimate(effect, float(np.sqrt(small * (score**2).sum()) / below))


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


NORMAL_975 = 1.959964
"""Standard errors on either side of an interval of 95 %."""
FEWEST_PROGRAMMES = 3
_HALVINGS = 200


@dataclass(frozen=True, slots=True)
class Posterior:
    """A normal belief in a difference of logarithms."""

    mean: float
    error: float

    @property
    def efficiency(self) -> float:
        """Return the mean ratio of work at home to work on site."""
        return exp(self.mean + self.error**2 / 2)

    def bound(self, z: float = NORMAL_975) -> tuple[float, float]:
        """Return the interval of the ratio, of 95 % unless said otherwise."""
        return exp(self.mean - z * self.error), exp(self.mean + z * self.error)

    def compute_chance_below(self, loss: float) -> float:
        """Return the chance that home loses less than a share of the work."""
        if self.error <= 0:
            return float(self.mean > log(1 - loss))
        return 0.5 * (1 + erf((self.mean - log(1 - loss)) / (self.error * sqrt(2))))


def shrink_effects(found: Sequence[EffectEstimate]) -> tuple[Posterior, ...]:
    """Return the posterior of each programme's effect."""
    if len(found) < FEWEST_PROGRAMMES:
        return tuple(Posterior(one.effect, one.error) for one in found)
    effect = np.array([one.effect for one in found])
    variance = np.maximum(np.array([one.error for one in found]) ** 2, 1e-12)
    between = _estimate_between(effect, variance)
    if between <= 0:
        weight = 1 / variance
        mean, error = weight @ effect / weight.sum(), 1 / sqrt(weight.sum())
        return tuple(Posterior(float(mean), error) for _ in found)
    weight = 1 / (variance + between)
    mean = weight @ effect / weight.sum()
    own = between / (between + variance)
    # The mean is itself estimated: its variance is shared by what each programme borrows.
    spread = own * variance + (1 - own) ** 2 / weight.sum()
    return tuple(
        Posterior(float(m), float(s)) for m, s in zip(own * effect + (1 - own) * mean, np.sqrt(spread), strict=True)
    )


def _estimate_between(effect: Floats, variance: Floats) -> float:
    """Return the variance between programmes at which the weighted squares meet their mean."""

    def excess(between: float) -> float:
        weight = 1 / (variance + between)
        mean = weight @ effect / weight.sum()
        return float(weight @ (effect - mean) ** 2) - (len(effect) - 1)

    if excess(0.0) <= 0:
        return 0.0
    low, high = 0.0, float(np.var(effect) * len(effect) + 1e-12)
    while excess(high) > 0:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return high


BLOCKS, BLOCK_DAYS = 4, 14
DETECTED = NORMAL_975 + 0.841621
"""Standard errors that an effect needs to be found at 5 % with a chance of 80 %."""
_FEWEST_SPARE = 20


@dataclass(frozen=True, slots=True)
class RotaPower:
    """``smallest`` difference of logarithms that a rota of ``weeks`` weeks among ``agents`` agents
    finds with a chance of 80 %."""

    agents: int
    weeks: int
    smallest: float


def compute_rota_power(panel: Panel) -> RotaPower | None:
    """Return what a rota among the agents of a panel would find; None where too little is known.

    By the rows of the place where most of them are: no comparison of places is needed.
    """
    usual = panel.keep(panel.at_home == (panel.at_home.mean() > 0.5))
    part = keep_connected(usual)
    if not len(part.agent):
        return None
    fixed = FixedEffects(part.agent, part.period, part.agents, part.periods)
    left = fixed.take_out(part.outcome)
    block = (part.day - part.day.min()) // BLOCK_DAYS
    blocks = int(block.max()) + 1
    cells, index = np.unique(part.agent * (blocks + 1) + block, return_inverse=True)
    mean = np.bincount(index, left) / np.bincount(index)
    changes = np.diff(mean)[np.diff(cells) == 1]
    spare = len(changes) - blocks
    if spare < _FEWEST_SPARE:
        return None
    error = np.sqrt(2 * (changes**2).sum() / spare / (BLOCKS * panel.agents))
    return RotaPower(panel.agents, BLOCKS * BLOCK_DAYS // 7, float(DETECTED * error))
