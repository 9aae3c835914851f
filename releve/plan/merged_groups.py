"""Groups that a shuttle stop alone tells apart, as one group where no vehicle limits them.

By stop there are two to three times as many groups, in every block of the N-1 programme. Where the
vehicles carry everyone a plan sends, the stops change nothing of its optimum: people of one merged
group are spread over its groups afterwards, and a check of the vehicles says whether that held.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from releve.plan.lp import Floats, Ints
from releve.plan.problem import AgentGroup, AgentGroups, DayProblem
from releve.plan.ride_columns import Truths
from releve.plan.ride_rows import RideLayout

__all__ = ["MergedGroups", "keep_groups", "merge_groups"]


@dataclass(frozen=True)
class MergedGroups:
    """A smaller ``problem``, with the ``group[g]`` and ``assignment[j]`` of it for each of the
    ``full`` one; links and patterns are the same in both."""

    full: DayProblem
    problem: DayProblem
    group: Ints
    assignment: Ints

    def spread_in_turn(self, people: Floats) -> Floats:
        """Return people[j] of the full problem: the groups of a merged group are used up one after
        the other, assignment after assignment, so that few people are cut in parts."""
        if len(self.problem.size) == len(self.full.size):
            return people
        size, group = self.full.size.astype(float), self.full.group
        first_person = _sum_before(self.group, size)
        first_placed = _sum_before(self.problem.group, people)
        begin = np.maximum(first_person[group], first_placed[self.assignment])
        last = (first_person + size)[group], (first_placed + people)[self.assignment]
        return np.asarray(np.maximum(0.0, np.minimum(*last) - begin))

    def spread_evenly(self, people: Floats, room: Floats) -> Floats:
        """Return people[j] of the full problem in proportion to the ``room[g]`` of its groups."""
        whole = np.bincount(self.group, room, len(self.problem.size))[self.group]
        share = np.divide(room, whole, out=np.zeros_like(room), where=whole > 0)
        return people[self.assignment] * share[self.full.group]


def keep_groups(problem: DayProblem) -> MergedGroups:
    """Return a problem as it is, nothing of it merged."""
    return MergedGroups(
        problem, problem, np.arange(len(problem.size)), np.arange(len(problem.group))
    )


def merge_groups(problem: DayProblem, rides: RideLayout | None) -> MergedGroups:
    """Merge the groups of a problem that differ in their stop alone.

    Groups with a place to which, or from which, no run could bring them stay apart.
    """
    apart = np.zeros(len(problem.size), dtype=np.bool_)
    if rides is not None:
        riding = np.nonzero(rides.row >= 0)[0]
        apart[problem.group[riding[~_find_served_rows(rides)[rides.row[riding]]]]] = True
    found: dict[AgentGroup, int] = {}
    of_group = np.array(
        [
            found.setdefault(group if alone else replace(group, stop=""), len(found))
            for group, alone in zip(problem.groups.groups, apart.tolist(), strict=True)
        ],
        dtype=np.int64,
    )
    members: list[list[str]] = [[] for _ in found]
    for g, names in zip(of_group.tolist(), problem.groups.members, strict=True):
        members[g] += names
    found_pairs: dict[tuple[int, int, int], int] = {}
    pairs = zip(
        of_group[problem.group].tolist(),
        problem.place.tolist(),
        problem.programme.tolist(),
        strict=True,
    )
    assignment = np.array(
        [found_pairs.setdefault(pair, len(found_pairs)) for pair in pairs], dtype=np.int64
    )
    _, first = np.unique(assignment, return_index=True)
    _, some = np.unique(of_group, return_index=True)
    smaller = replace(
        problem,
        groups=AgentGroups(tuple(found), tuple(map(tuple, members))),
        size=np.bincount(of_group, problem.size, len(found)).astype(np.int64),
        carrier=problem.carrier[some],
        group=of_group[problem.group[first]],
        place=problem.place[first],
        programme=problem.programme[first],
        price=problem.price[first],
        link=problem.link[first],
    )
    return MergedGroups(problem, smaller, of_group, assignment)


def _find_served_rows(rides: RideLayout) -> Truths:
    """Return the ride rows with a run for both of their ways."""
    served = np.zeros(len(rides.visits), dtype=np.bool_)
    served[rides.runs.call_visit] = True
    return np.asarray(served[rides.visit_to] & served[rides.visit_from])


def _sum_before(group: Ints, amount: Floats) -> Floats:
    """Return the sum of the amounts of one group that stand before each."""
    order = np.argsort(group, kind="stable")
    before = np.cumsum(amount[order]) - amount[order]
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    counts = np.diff(np.append(starts, len(group)))
    out = np.empty(len(group))
    out[order] = before - np.repeat(before[starts], counts)
    return out
