"""What the relief of a loss costs at least, as a function of who works on the places lost.

The least cost of a relief is convex in the people of each group on the places lost, so every relief
that is solved gives a cut: its cost plus its duals, times the change in those people, is never
above the cost for another base plan (Van Slyke and Wets, "L-shaped linear programs", SIAM J. Appl.
Math. 1969). A base plan in whole people is searched for under these cuts instead of under prices
that hold for one step alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from releve.network.decimal_grid import round_to_grid
from releve.plan.lp import Floats, Ints
from releve.plan.problem import DayProblem

__all__ = ["Cut", "CutTable", "build_cut", "build_cut_table", "build_empty_cut_table"]


@dataclass(frozen=True)
class Cut:
    """The relief of ``loss`` costs at least ``constant + (slope * exposed).sum()``, ``exposed[g]``
    being the people of group g on the places lost; in weighted agent-intervals."""

    loss: int
    constant: float
    slope: Floats


def build_cut(
    problem: DayProblem, loss: int, cost: float, slope: Floats, lost: Ints, people: Floats
) -> Cut:
    """Return the cut of a relief that costs ``cost`` with ``people`` on the assignments ``lost``.

    ``slope[g]`` is the dual: what one more person of group g there costs.
    """
    there = float((slope[problem.group[lost]] * people).sum())
    return Cut(loss, float(round_to_grid(cost - there)), round_to_grid(slope))


@dataclass(frozen=True)
class CutTable:
    """Cuts as arrays: ``constant[loss, cut]``, ``slope[loss, cut, g]``, the first being that
    a relief costs no less than nothing. The losses that take place m away are
    ``losses[loss_pointer[m]:loss_pointer[m + 1]]``; nothing takes home away here."""

    constant: Floats
    slope: Floats
    loss_pointer: Ints
    losses: Ints


def build_empty_cut_table(problem: DayProblem) -> CutTable:
    """Return the table without a loss: reliefs cost nothing."""
    return build_cut_table(problem, (), ())


def build_cut_table(
    problem: DayProblem, lost_sites: Sequence[frozenset[str]], cuts: Sequence[Cut]
) -> CutTable:
    """Lay cuts out as arrays; ``lost_sites[loss]`` are the sites that a loss takes away."""
    count = np.bincount([cut.loss for cut in cuts], minlength=len(lost_sites)) if cuts else [0]
    constant = np.zeros((len(lost_sites), 1 + int(np.max(count))))
    slope = np.zeros((*constant.shape, len(problem.size)))
    filled = np.ones(len(lost_sites), dtype=np.int64)
    for cut in cuts:
        constant[cut.loss, filled[cut.loss]] = cut.constant
        slope[cut.loss, filled[cut.loss]] = cut.slope
        filled[cut.loss] += 1
    at = [
        [loss for loss, sites in enumerate(lost_sites) if site in sites] for site in problem.sites
    ]
    return CutTable(
        constant=constant,
        slope=slope,
        loss_pointer=np.cumsum([0, *map(len, at), 0]).astype(np.int64),
        losses=np.array([loss for here in at for loss in here], dtype=np.int64),
    )
