"""Shake the fractional optimum of the N-1 programme, as another solver or machine would.

Used by the test of the spread of plans and by ``bench.rounding``, which measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from releve.plan import n1_program
from releve.plan.lp import LinearProgram, Solution, solve_lp

NOISE = 1e-6
SPREAD = 0.0003
"""How far apart the best and the worst plan of one operator may be, as a share of the weighted
requirement, when the fractional optimum is shaken."""


def solve_permuted(lp: LinearProgram, rng: np.random.Generator, **given: object) -> Solution:
    """Solve a programme with rows and columns in a random order; the solution is in its own."""
    columns, rows = rng.permutation(lp.n_columns), rng.permutation(lp.n_rows)
    entries = lp.matrix().tocsr()[rows][:, columns].tocoo()
    (lower, upper), (least, most) = lp.column_bounds(), lp.row_bounds()
    other = LinearProgram()
    other.columns(lp.n_columns, lp.cost()[columns], lower[columns], upper[columns])
    other.rows(lp.n_rows, least[rows], most[rows])
    other.add(entries.row, entries.col, entries.data)
    found = solve_lp(other, **given)  # type: ignore[arg-type]
    x, dual = np.empty(lp.n_columns), np.empty(lp.n_rows)
    x[columns], dual[rows] = found.x, found.row_dual
    return replace(found, x=x, row_dual=dual)


@contextmanager
def shaken(seed: int, *, permuted: bool = True) -> Iterator[None]:
    """Add noise to the solution of the N-1 programme: NOISE of a person, and less to what is less.

    ``permuted`` also solves it with rows and columns in another order, which finds another point
    of the optimal face.
    """

    def solve_shaken(lp: LinearProgram, **given: object) -> Solution:
        rng = np.random.default_rng(seed)
        found = solve_permuted(lp, rng, **given) if permuted else solve_lp(lp, **given)  # type: ignore[arg-type]
        noise = rng.uniform(-NOISE, NOISE, len(found.x)) * np.minimum(1.0, found.x)
        return replace(found, x=found.x + noise)

    n1_program.solve_lp = solve_shaken  # type: ignore[attr-defined]
    try:
        yield
    finally:
        n1_program.solve_lp = solve_lp  # type: ignore[attr-defined]
