"""A sparse linear programme that grows by blocks, for the textbook form alone."""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Model:
    """A linear programme that grows by blocks of columns and rows."""

    def __init__(self) -> None:
        self.cost: list[Floats] = []
        self.upper: list[Floats] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.entries: list[tuple[Ints, Ints, Floats]] = []
        self.columns = 0
        self.rows = 0

    def add_columns(self, cost: Floats, upper: Floats | float = np.inf) -> Ints:
        """Add columns from 0 up; return their numbers."""
        self.cost.append(np.asarray(cost, dtype=np.float64))
        self.upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), cost.shape))
        self.columns += len(cost)
        return np.arange(self.columns - len(cost), self.columns)

    def add_rows(self, low: Floats | float, high: Floats | float, count: int) -> Ints:
        """Add rows low <= . <= high; return their numbers."""
        for side, value in ((self.low, low), (self.high, high)):
            side.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        self.rows += count
        return np.arange(self.rows - count, self.rows)

    def enter(self, rows: Ints, columns: Ints, values: Floats | float) -> None:
        """Add entries; those of one place add up."""
        value = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        self.entries.append((rows, columns, value))

    def solve(self, method: str = "") -> tuple[float, Floats, int]:
        """Return the optimum, the columns' values and the number of nonzeros (HiGHS).

        ``method``: simplex or ipm; the one for its size when not said.
        """
        rows, columns, values = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        shape = (self.rows, self.columns)
        matrix = sparse.coo_array((values, (rows, columns)), shape=shape).tocsc()
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = self.columns, self.rows
        lp.col_cost_ = np.concatenate(self.cost)
        lp.col_lower_ = np.zeros(self.columns)
        lp.col_upper_ = np.concatenate(self.upper)
        lp.row_lower_, lp.row_upper_ = np.concatenate(self.low), np.concatenate(self.high)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_ = matrix.indptr
        lp.a_matrix_.index_ = matrix.indices
        lp.a_matrix_.value_ = matrix.data
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        if not method:
            method = "ipm" if self.columns > 2000 else "choose"
        solver.setOptionValue("solver", method)
        solver.setOptionValue("run_crossover", "on" if method == "choose" else "off")
        solver.passModel(lp)
        solver.run()
        status = solver.getModelStatus()
        assert status == highspy.HighsModelStatus.kOptimal, status
        value = np.array(solver.getSolution().col_value)
        return float(solver.getInfo().objective_function_value), value, int(matrix.nnz)
