"""Sparse linear programmes from numpy arrays, solved by HiGHS; cuts on the cost of a relief.

Columns and rows are added in blocks that return their indices; entries are triplets. No other
module talks to the solver. It runs without the interpreter's lock, as the kernels do: what does not
depend on each other is solved two at a time (:func:`map_in_threads`).

The least cost of a relief is convex in the people of each group on the places lost, so a solved
relief gives a cut: its cost plus its duals, times the change in those people, never exceeds the
cost for another base plan (Van Slyke and Wets, "L-shaped linear programs", SIAM J. Appl. Math.
1969).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from releve.errors import ReleveError
from releve.extras import LazyModule
from releve.kernels.arrays import Floats, Ints
from releve.network.history_grid import round_to_grid
from releve.plan.problem import DayProblem

if TYPE_CHECKING:
    import highspy
    from highspy import _core as solver
    from scipy import sparse
else:
    highspy = LazyModule("highspy")
    solver = LazyModule("highspy._core")
    sparse = LazyModule("scipy.sparse")

T = TypeVar("T")
R = TypeVar("R")

INFINITY = float("inf")
MOST_IPM_ITERATIONS = 300
"""Most steps of the interior point: HiGHS sets no limit, and two programmes did not end."""


class SolverError(ReleveError, RuntimeError):
    """The solver gave no usable answer; the message has its status."""


@dataclass
class LinearProgram:
    """min cost.x subject to row bounds and column bounds; ``integer`` marks whole columns."""

    n_columns: int = 0
    n_rows: int = 0
    _cost: list[Floats] = field(default_factory=list)
    _lower: list[Floats] = field(default_factory=list)
    _upper: list[Floats] = field(default_factory=list)
    _row_lower: list[Floats] = field(default_factory=list)
    _row_upper: list[Floats] = field(default_factory=list)
    _i: list[Ints] = field(default_factory=list)
    _j: list[Ints] = field(default_factory=list)
    _v: list[Floats] = field(default_factory=list)

    def columns(self, n: int, cost: ArrayLike = 0.0, lower: ArrayLike = 0.0, upper: ArrayLike = INFINITY) -> Ints:
        """Add ``n`` columns and return their indices."""
        for store, value in ((self._cost, cost), (self._lower, lower), (self._upper, upper)):
            store.append(np.broadcast_to(np.asarray(value, float), (n,)))
        first, self.n_columns = self.n_columns, self.n_columns + n
        return np.arange(first, first + n, dtype=np.int64)

    def rows(self, n: int, lower: ArrayLike = -INFINITY, upper: ArrayLike = INFINITY) -> Ints:
        """Add ``n`` rows and return their indices."""
        for store, value in ((self._row_lower, lower), (self._row_upper, upper)):
            store.append(np.broadcast_to(np.asarray(value, float), (n,)))
        first, self.n_rows = self.n_rows, self.n_rows + n
        return np.arange(first, first + n, dtype=np.int64)

    def add(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike = 1.0) -> None:
        """Add entries; the three arguments broadcast, entries at one place are summed."""
        i, j, v = np.broadcast_arrays(
            np.asarray(rows, np.int64), np.asarray(columns, np.int64), np.asarray(values, float)
        )
        self._i.append(i.ravel())
        self._j.append(j.ravel())
        self._v.append(v.ravel())

    def matrix(self) -> Any:
        """Return the rows x columns matrix."""
        i, j = np.concatenate([_NONE, *self._i]), np.concatenate([_NONE, *self._j])
        shape = (self.n_rows, self.n_columns)
        indices = (i, j)
        return sparse.csc_matrix((_join(self._v), indices), shape=shape)  # sums entries at one place

    def break_ties(self, cost: float, room: float, irrational: float) -> None:
        """Perturb the programme so that it has one optimum, and its dual one too.

        Each cost rises by up to ``cost`` and each limit of an inequality moves outwards by up to
        ``room``, by the fractional part of k² times ``irrational``, k counting columns or rows;
        another number picks another optimum. (With k itself, exchanges between alike columns would
        tie again.) Columns and rows added later are not perturbed. The bound of the result is not
        one of the original programme.
        """
        self._cost = [self.cost() + cost * _spread_shares(self.n_columns, irrational)]
        lower, upper = self.row_bounds()
        moved = room * _spread_shares(self.n_rows, irrational)
        open_rows = lower < upper
        self._row_lower = [np.where(open_rows, lower - moved, lower)]
        self._row_upper = [np.where(open_rows, upper + moved, upper)]

    def column_bounds(self) -> tuple[Floats, Floats]:
        """Return lower and upper bounds of the columns."""
        return _join(self._lower), _join(self._upper)

    def cost(self) -> Floats:
        """Return the cost of each column."""
        return _join(self._cost)

    def row_bounds(self) -> tuple[Floats, Floats]:
        """Return lower and upper bounds of the rows."""
        return _join(self._row_lower), _join(self._row_upper)


_NONE = np.zeros(0, dtype=np.int64)


def _spread_shares(n: int, irrational: float) -> Floats:
    k = np.arange(1.0, n + 1.0)
    return k * k * irrational % 1.0


def _join(parts: list[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


@dataclass(frozen=True)
class Solution:
    """``x`` and reduced cost ``column_dual`` of the columns, ``row_dual`` of the rows (duals of
    linear programmes only), ``objective``, ``bound`` (proved least; of a linear programme that was
    not solved to its optimum what the duals prove, whatever they are)."""

    x: Floats
    row_dual: Floats
    column_dual: Floats
    objective: float
    bound: float
    status: str


def map_in_threads(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the result of each item in their order, two at a time; the results are those of one at a time."""
    todo = list(items)
    if len(todo) < 2:
        yield from map(work, todo)
        return
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(work, todo)


def _create_quiet_highs() -> solver._Highs:
    # The public class prints a banner on stdout when first made, before any option can be set.
    highs = solver._Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    return highs


def to_highs(
    lp: LinearProgram, integer: Ints | None = None, lower: Floats | None = None, upper: Floats | None = None
) -> highspy.HighsLp:
    """Return the programme as HiGHS takes it; bounds given here replace its own."""
    matrix = lp.matrix()
    own_lower, own_upper = lp.column_bounds()
    row_lower, row_upper = lp.row_bounds()
    out = highspy.HighsLp()
    out.num_col_, out.num_row_ = lp.n_columns, lp.n_rows
    out.col_cost_ = lp.cost()
    out.col_lower_ = own_lower if lower is None else lower
    out.col_upper_ = own_upper if upper is None else upper
    out.row_lower_, out.row_upper_ = row_lower, row_upper
    out.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    out.a_matrix_.start_ = matrix.indptr
    out.a_matrix_.index_ = matrix.indices
    out.a_matrix_.value_ = matrix.data
    if integer is not None and len(integer):
        kinds = np.zeros(lp.n_columns, dtype=np.int64)
        kinds[integer] = 1
        kind = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        out.integrality_ = [kind[value] for value in kinds]
    return out


def solve_lp(
    lp: LinearProgram,
    *,
    method: str = "choose",
    crossover: bool = True,
    integer: Ints | None = None,
    lower: Floats | None = None,
    upper: Floats | None = None,
    start: Floats | None = None,
    seconds: float | None = None,
    gap: float = 1e-4,
    most: float = INFINITY,
    options: dict[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Solution:
    """Solve and return the best solution found.

    ``method``: choose, simplex, ipm (then simplex where the interior point reaches no solution).
    ``start``: a feasible point for the integer search.
    ``seconds`` bounds the integer search. ``most``: no column of some optimum is above it, where it
    has no bound of its own. Raises SolverError when there is no solution at all.
    """
    highs = _create_quiet_highs()
    highs.setOptionValue("solver", method)
    highs.setOptionValue("run_crossover", "on" if crossover else "off")
    highs.setOptionValue("ipm_iteration_limit", MOST_IPM_ITERATIONS)
    if seconds is not None:
        highs.setOptionValue("time_limit", seconds)
    if integer is not None:
        highs.setOptionValue("mip_rel_gap", gap)
    for name, value in (options or {}).items():
        highs.setOptionValue(name, value)
    if progress is not None:
        highs.setOptionValue("output_flag", True)
        highs.setOptionValue("log_to_console", False)
        log = progress
        highs.setCallback(lambda kind, message, out, into, user: log(message), None)
        highs.startCallback(highspy.cb.HighsCallbackType.kCallbackLogging)
    highs.passModel(to_highs(lp, integer, lower, upper))
    if start is not None:
        guess = highspy.HighsSolution()
        guess.col_value = start
        guess.value_valid = True
        highs.setSolution(guess)
    highs.run()
    limited = highs.getModelStatus() == highspy.HighsModelStatus.kIterationLimit
    if method == "ipm" and limited and not _has_solution(highs):
        highs.setOptionValue("solver", "simplex")
        highs.run()
    found = _read_solution(highs, integer is not None)
    if integer is not None or highs.getModelStatus() == highspy.HighsModelStatus.kOptimal:
        return found
    own = lp.column_bounds()
    lower, upper = own[0] if lower is None else lower, own[1] if upper is None else upper
    return replace(found, bound=_prove_bound(lp, found.row_dual, lower, np.minimum(upper, most)))


class RepeatedProgram:
    """A linear programme solved again and again with other upper limits of some rows, each time by
    the dual simplex from the last basis: much faster than from nothing where little changes."""

    def __init__(self, lp: LinearProgram) -> None:
        self._highs = _create_quiet_highs()
        self._highs.setOptionValue("solver", "simplex")
        self._highs.passModel(to_highs(lp))

    def solve(self, rows: Ints, upper: Floats) -> Solution:
        """Set the upper limits of ``rows`` and solve; raises SolverError without a solution."""
        for row, most in zip(rows.tolist(), upper.tolist(), strict=True):
            self._highs.changeRowBounds(row, -INFINITY, most)
        self._highs.run()
        return _read_solution(self._highs, False)


def _prove_bound(lp: LinearProgram, dual: Floats, lower: Floats, upper: Floats) -> float:
    """Return the bound that duals of the rows prove, by weak duality; minus infinity for none."""
    least, limit = lp.row_bounds()
    side = np.where(dual > 0, least, limit)
    dual = np.where(np.isfinite(side), dual, 0.0)
    reduced = lp.cost() - lp.matrix().T @ dual
    rows, columns = dual != 0, reduced != 0
    place = np.where(reduced > 0, lower, upper)
    return float((dual[rows] * side[rows]).sum() + (reduced[columns] * place[columns]).sum())


def _has_solution(highs: solver._Highs) -> bool:
    return bool(highs.getSolution().value_valid and highs.getInfo().primal_solution_status == 2)


def _read_solution(highs: solver._Highs, whole: bool) -> Solution:
    status = highs.modelStatusToString(highs.getModelStatus())
    info = highs.getInfo()
    solution = highs.getSolution()
    if not _has_solution(highs):
        raise SolverError(f"no solution: {status}")
    objective = float(info.objective_function_value)
    return Solution(
        x=np.asarray(solution.col_value),
        row_dual=np.asarray(solution.row_dual) if not whole else np.zeros(0),
        column_dual=np.asarray(solution.col_dual) if not whole else np.zeros(0),
        objective=objective,
        bound=float(info.mip_dual_bound) if whole else objective,
        status=status,
    )


@dataclass(frozen=True)
class Cut:
    """The relief of ``loss`` costs at least ``constant + (slope * exposed).sum()``, ``exposed[g]``
    being the people of group g on the places lost; in weighted agent-intervals."""

    loss: int
    constant: float
    slope: Floats


def build_cut(problem: DayProblem, loss: int, cost: float, slope: Floats, lost: Ints, people: Floats) -> Cut:
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


def build_cut_table(problem: DayProblem, lost_sites: Sequence[frozenset[str]], cuts: Sequence[Cut]) -> CutTable:
    """Lay cuts out as arrays; ``lost_sites[loss]`` are the sites that a loss takes away."""
    count = np.bincount([cut.loss for cut in cuts], minlength=len(lost_sites)) if cuts else [0]
    constant = np.zeros((len(lost_sites), 1 + int(np.max(count))))
    slope = np.zeros((*constant.shape, len(problem.size)))
    filled = np.ones(len(lost_sites), dtype=np.int64)
    for cut in cuts:
        constant[cut.loss, filled[cut.loss]] = cut.constant
        slope[cut.loss, filled[cut.loss]] = cut.slope
        filled[cut.loss] += 1
    at = [[loss for loss, sites in enumerate(lost_sites) if site in sites] for site in problem.sites]
    return CutTable(
        constant=constant,
        slope=slope,
        loss_pointer=np.cumsum([0, *map(len, at), 0]).astype(np.int64),
        losses=np.array([loss for here in at for loss in here], dtype=np.int64),
    )
