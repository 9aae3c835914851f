"""The largest independent set of a graph: local search, then branch and bound with HiGHS.

Formulation: maximise the vertices taken, at most one of each maximal clique. Clique rows are far
stronger than one row an edge, and in the plane there are few of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from releve.extras import LazyModule
from releve.kernels.arrays import Ints, Truths
from releve.kernels.decorators import allocating_kernel

if TYPE_CHECKING:
    import highspy
    from highspy import _core as solver
else:
    highspy = LazyModule("highspy")
    solver = LazyModule("highspy._core")


_MOST_CLIQUES = 20_000
_CROWDED = 30
"""From this many edges a vertex on, maximal cliques are not counted."""
_MOST_ENTRIES = 1_500_000
_STEPS_PER_VERTEX = 10_000
_MOST_STEPS = 20_000_000
_RARE = 16_384
"""One in this many chances to swap two vertices for one is taken: rarer finds larger sets."""


@dataclass(frozen=True)
class Graph:
    """Neighbours in compressed rows: those of v are ``ends[first[v] : first[v + 1]]``, sorted."""

    count: int
    first: Ints
    ends: Ints

    def neighbours(self, v: int) -> Ints:
        return self.ends[self.first[v] : self.first[v + 1]]


@dataclass(frozen=True)
class IndependentSet:
    """``chosen[vertex]``; no independent set has more than ``bound``."""

    chosen: Truths
    bound: int


def build_graph(count: int, pairs: Ints) -> Graph:
    """Return the graph with ``pairs[edge, 2]`` as edges, each given once."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    first = np.searchsorted(both[:, 0], np.arange(count + 1)).astype(np.int64)
    return Graph(count, first, np.ascontiguousarray(both[:, 1]))


def find_independent_set(count: int, pairs: Ints, nodes: int) -> IndependentSet:
    """Return the best independent set found and a proved bound, the search within ``nodes``."""
    graph = build_graph(count, pairs)
    steps = min(_MOST_STEPS, _STEPS_PER_VERTEX * count)
    start = search_locally(graph.first, graph.ends, steps)
    rows = _list_cliques(graph, pairs)
    cover = _count_cover(graph)
    if cover == int(start.sum()) or sum(map(len, rows)) > _MOST_ENTRIES:
        return IndependentSet(start, cover)
    answer = _solve_by_branching(count, rows, start, nodes)
    chosen = answer.chosen if answer.chosen.sum() > start.sum() else start
    if (chosen[pairs[:, 0]] & chosen[pairs[:, 1]]).any():
        chosen = start
    return IndependentSet(chosen, max(int(chosen.sum()), min(answer.bound, cover)))


def _list_cliques(graph: Graph, pairs: Ints) -> list[list[int]]:
    """Return all maximal cliques, or where they are too many enough to cover each edge."""
    near = _build_masks(graph)
    if len(pairs) <= _CROWDED * graph.count:
        found = list(islice(_find_cliques(near), _MOST_CLIQUES + 1))
        if len(found) <= _MOST_CLIQUES:
            return sorted(found)
    open_ends = list(near)
    rows = []
    for v in range(graph.count):
        while open_ends[v]:
            clique = _grow_clique(v, open_ends[v], near)
            mask = sum(1 << u for u in clique)
            for u in clique:
                open_ends[u] &= ~mask
            rows.append(clique)
    return rows


def _find_cliques(near: list[int]) -> Iterator[list[int]]:
    """Yield each maximal clique once, its vertices in order.

    By Bron and Kerbosch (1973, algorithm 457), with the pivot of Tomita et al. (2006): the vertex with the most
    neighbours among the candidates, whose own neighbours are not tried.
    """
    open_ones: list[tuple[int, int, int]] = [(0, (1 << len(near)) - 1, 0)]
    """Vertices of a clique, candidates, and vertices whose cliques were yielded; each as bits."""
    while open_ones:
        clique, candidates, done = open_ones.pop()
        if not candidates | done:
            yield list(_list_bits(clique))
            continue
        pivot = max(_list_bits(candidates | done), key=lambda u: (near[u] & candidates).bit_count())
        for v in _list_bits(candidates & ~near[pivot]):
            bit = 1 << v
            open_ones.append((clique | bit, candidates & near[v], done & near[v]))
            candidates &= ~bit
            done |= bit


def _list_bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def _build_masks(graph: Graph) -> list[int]:
    """Return the neighbours of each vertex as the bits of a number."""
    return [sum(1 << u for u in graph.neighbours(v).tolist()) for v in range(graph.count)]


def _grow_clique(v: int, first: int, near: list[int]) -> list[int]:
    """Return a maximal clique of ``v`` and a vertex of ``first``, others of ``first`` preferred."""
    clique, left = [v], near[v]
    while left:
        choice = left & first or left
        u = (choice & -choice).bit_length() - 1
        clique.append(u)
        left &= near[u]
    return sorted(clique)


def _count_cover(graph: Graph) -> int:
    """Return how many cliques, grown one after another, cover every vertex: a bound."""
    near = _build_masks(graph)
    left = (1 << graph.count) - 1
    count = 0
    while left:
        count += 1
        own = left
        while own:
            u = (own & -own).bit_length() - 1
            left &= ~(1 << u)
            own &= near[u]
    return count


def _solve_by_branching(count: int, rows: list[list[int]], start: Truths, nodes: int) -> IndependentSet:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, len(rows)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.ones(count)
    model.col_lower_, model.col_upper_ = np.zeros(count), np.ones(count)
    model.row_lower_ = np.full(len(rows), -highspy.kHighsInf)
    model.row_upper_ = np.ones(len(rows))
    lengths = np.array([len(row) for row in rows])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    model.a_matrix_.index_ = np.concatenate([np.array(row) for row in rows]).astype(np.int32)
    model.a_matrix_.value_ = np.ones(int(lengths.sum()))
    model.integrality_ = [highspy.HighsVarType.kInteger] * count
    highs = solver._Highs()  # highspy.Highs prints a banner when made
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("mip_max_nodes", nodes)
    highs.setOptionValue("mip_rel_gap", 0.0)
    highs.passModel(model)
    guess = highspy.HighsSolution()
    guess.col_value = start.astype(np.float64)
    guess.value_valid = True
    highs.setSolution(guess)
    highs.run()
    return _read_solution(highs, count)


def _read_solution(highs: solver._Highs, count: int) -> IndependentSet:
    """Return the solver's set and its bound, rounded down: the true value is a whole number."""
    info, solution = highs.getInfo(), highs.getSolution()
    bound = float(info.mip_dual_bound)
    whole = int(np.floor(bound + 1e-6)) if np.isfinite(bound) and bound < count else count
    chosen = np.zeros(count, dtype=np.bool_)
    if solution.value_valid and len(solution.col_value) == count:
        chosen = np.asarray(solution.col_value) > 0.5
    return IndependentSet(chosen, whole)


@allocating_kernel
def search_locally(first: Ints, ends: Ints, steps: int) -> Truths:  # pragma: no cover (compiled)
    """Return an independent set: walk over sets of equal size by swaps, keep the best.

    Each step looks at one vertex outside the set: without a neighbour inside it enters; with one
    it takes that one's place, unless it left a moment ago; with two it does so now and then. The
    walk is the plateau search of Pullan & Hoos (2006), doi:10.1613/jair.1815; its random numbers
    are its own, so the answer depends on the graph alone.
    """
    count = len(first) - 1
    inside = np.zeros(count, dtype=np.bool_)
    tight = np.zeros(count, dtype=np.int64)
    left_at = np.full(count, -2 * count, dtype=np.int64)
    best = inside.copy()
    size = 0
    best_size = -1
    state = np.uint64(88172645463325252)
    for step in range(-count, steps):
        if step < 0:
            v = np.int64(step + count)
        else:
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            v = np.int64((state >> np.uint64(11)) % np.uint64(count))
        if inside[v] or tight[v] > 2:
            continue
        if tight[v] == 1 and (step < 0 or step - left_at[v] < count):
            continue
        if tight[v] == 2 and (step < 0 or (state >> np.uint64(40)) % np.uint64(_RARE) != 0):
            continue
        for i in range(first[v], first[v + 1]):
            u = ends[i]
            if inside[u]:
                inside[u] = False
                left_at[u] = step
                size -= 1
                for j in range(first[u], first[u + 1]):
                    tight[ends[j]] -= 1
        inside[v] = True
        size += 1
        for i in range(first[v], first[v + 1]):
            tight[ends[i]] += 1
        if size > best_size:
            best_size = size
            best[:] = inside
    return best
