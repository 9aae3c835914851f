"""What a rota drawn by lot would show: the smallest effect that it finds in two months.

In a rota (:mod:`releve.demand.telework.rota`) each agent changes between home and site in blocks of
two weeks, and is compared with themselves. With variance v of the change of an agent's mean from
one block to the next, and B blocks of N agents, the effect has the variance 2 v / (B N): weeks that
follow each other are alike, which helps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from releve.demand.telework.fixed_effects import FixedEffects
from releve.demand.telework.panel import Panel, keep_connected
from releve.demand.telework.shrinkage import NORMAL_975

__all__ = ["RotaPower", "compute_rota_power"]

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
