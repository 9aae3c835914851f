"""Programmes that know little borrow from the others: the effect's posterior, and what follows.

The true effects of programmes vary around a mean with a variance that is estimated by Paule and
Mandel (1982); each programme's posterior is normal. Under three programmes there is no variance to
estimate, and each stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, log, sqrt

import numpy as np

from releve.demand.tables import Floats
from releve.demand.telework.imputation import EffectEstimate

__all__ = ["NORMAL_975", "Posterior", "shrink_effects"]

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
        Posterior(float(m), float(s))
        for m, s in zip(own * effect + (1 - own) * mean, np.sqrt(spread), strict=True)
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
