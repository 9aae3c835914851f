"""What share of its day a client is bought to miss at most, loss by loss.

Whole people miss a little more than the fractions that are bought for.
"""

from __future__ import annotations

import numpy as np

from releve.plan.lp import Floats

__all__ = ["MatrixCells", "ShortfallTargets"]

MatrixCells = frozenset[tuple[str, str]]
"""Cells, as (loss, client)."""
STEP = 0.002
"""How much further than by what was missed the aim of a cell is lowered."""


class ShortfallTargets:
    """An aim per loss (or the base day) and client: the target, until it is lowered."""

    def __init__(self, target: float, clients: int) -> None:
        self._target = target
        self._clients = clients
        self._aims: dict[str, Floats] = {}

    def find_targets(self, name: str) -> Floats:
        """Return the aim of each client under a loss (or on the base day)."""
        return self._aims.get(name, np.full(self._clients, self._target))

    def average_with(self, other: ShortfallTargets) -> ShortfallTargets:
        """Return the aims halfway to others."""
        out = ShortfallTargets(self._target, self._clients)
        for name in (*self._aims, *other._aims):
            out._aims[name] = (self.find_targets(name) + other.find_targets(name)) / 2
        return out

    def lower(self, over: dict[str, Floats]) -> ShortfallTargets:
        """Return lower aims, by ``over[id][client]`` and a step where it is more than nothing."""
        out = ShortfallTargets(self._target, self._clients)
        out._aims = dict(self._aims)
        for name, amount in over.items():
            less = np.where(amount > 0, amount + STEP, 0.0)
            out._aims[name] = np.maximum(0.0, self.find_targets(name) - less)
        return out
