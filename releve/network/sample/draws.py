"""Keyed streams of random numbers, built on uniform draws alone.

Every subject of the sample has a stream of its own, so that a change in one shifts no other
draws. Distributions are made from uniforms here: the raw output of PCG64 is fixed for ever, the
samplers of a library are not.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from releve.extras import OptionalModule

if TYPE_CHECKING:
    from scipy import special
else:
    special = OptionalModule("scipy.special")

__all__ = ["Draws", "split_by_weight"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HALF_STEP = 2.0**-54
"""Moves a uniform off 0, so that its normal quantile is finite."""
_SMALL_MEAN = 20.0
"""Below, Poisson counts come from exact inversion; above, from a Cornish-Fisher expansion."""


class Draws:
    """One stream, named by the seed and any number of keys (words or numbers)."""

    def __init__(self, seed: int, *keys: str | int) -> None:
        words = [zlib.crc32(str(key).encode()) for key in keys]
        self._generator = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence([seed, *words]))
        )

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return one number in [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """Return ``n`` numbers in [low, high)."""
        return low + (high - low) * self._generator.random(n)

    def whole(self, low: int, high: int) -> int:
        """Return one whole number in low..high, both included."""
        return low + int((high - low + 1) * self._generator.random())

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self._generator.random() < probability)

    def index(self, weights: Sequence[float] | Floats) -> int:
        """Return one index, drawn by weight."""
        return int(self.indices(1, weights)[0])

    def indices(self, n: int, weights: Sequence[float] | Floats) -> Ints:
        """Return ``n`` independent indices, drawn by weight."""
        steps = np.cumsum(np.asarray(weights, dtype=np.float64))
        where = np.searchsorted(steps, self._generator.random(n) * steps[-1], side="right")
        return np.asarray(np.minimum(where, len(steps) - 1), dtype=np.int64)

    def order(self, n: int) -> Ints:
        """Return the numbers 0..n-1 in random order."""
        return np.argsort(self._generator.random(n), kind="stable").astype(np.int64)

    def normals(self, n: int) -> Floats:
        """Return ``n`` standard normal numbers, by inversion."""
        out: Floats = special.ndtri(self._generator.random(n) + _HALF_STEP)
        return out

    def factors(self, n: int, cv: float) -> Floats:
        """Return ``n`` factors of mean 1, near gamma, with a coefficient of variation.

        The cube-root approximation of Wilson and Hilferty (1931), doi:10.1073/pnas.17.12.684;
        good for the CVs below 0.3 used here.
        """
        if cv <= 0:
            return np.ones(n)
        ninth = cv * cv / 9
        out: Floats = np.maximum(0.05, (1 - ninth + self.normals(n) * np.sqrt(ninth)) ** 3)
        return out

    def counts(self, means: ArrayLike) -> Floats:
        """Return one Poisson count (as float64) for each mean, one uniform each."""
        mean = np.asarray(means, dtype=np.float64)
        uniform = self._generator.random(len(mean))
        out = np.zeros(len(mean))
        small = mean < _SMALL_MEAN
        out[small] = _invert_poisson(uniform[small], mean[small])
        large = mean[~small]
        z = special.ndtri(uniform[~small] + _HALF_STEP)
        out[~small] = np.maximum(0, np.rint(large + np.sqrt(large) * z + (z * z - 1) / 6))
        return out


def _invert_poisson(uniform: Floats, mean: Floats) -> Floats:
    """Return Poisson counts of means below 20, by walking the distribution function."""
    probability = np.exp(-mean)
    reached = probability.copy()
    count = np.zeros(len(mean))
    for k in range(1, 80):
        beyond = uniform > reached
        if not beyond.any():
            break
        probability = probability * mean / k
        reached = reached + probability
        count[beyond] = k
    return count


def split_by_weight(total: int, weights: Sequence[float] | Floats, least: int = 0) -> Ints:
    """Split a whole number by weight (largest remainder), each share at least ``least``.

    Needs ``total >= least * len(weights)``.
    """
    weight = np.asarray(weights, dtype=np.float64)
    free = total - least * len(weight)
    exact = free * weight / weight.sum()
    out: Ints = np.floor(exact).astype(np.int64)
    rest = free - int(out.sum())
    first = np.argsort(-(exact - out), kind="stable")[:rest]
    out[first] += 1
    return out + least
