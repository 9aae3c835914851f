"""NamedTuples that the kernels read; see the module that makes each."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Cells", "Day"]

Array = NDArray[Any]


class Day(NamedTuple):
    """A planned day and its reliefs as arrays (:func:`releve.crashtest.plan_arrays.day_of`).

    Axes: t half hours, p programmes, k patterns (a shift with its break), q pairs (pattern,
    programme), n kinds of people that nothing tells apart, m places, s scenarios (0 the base plan,
    then the reliefs of the plan).

    ``need[t, p]``; ``weight[p]`` penalty of a missing agent-interval; ``home_effect[p]``;
    ``worked[k, t]``, ``present[k, t]``; ``first[k]``, ``end[k]`` the half hours a pattern spans;
    ``pair_pattern[q]``, ``pair_programme[q]``, ``pair_of[k, p]`` (-1 = none); ``tally[n]``; the
    options of a kind, ``option_pointer[n]`` up to the next, as ``option_place`` and
    ``option_programme``; ``seats[m]`` of sites. The people of scenario s, ``cell_pointer[s]`` up
    to the next: ``cell_kind``, ``cell_place``, ``cell_pair``, ``cell_base`` (where the base plan
    has them, -1 = nowhere), ``cell_heads``; those without work, ``idle_pointer[s]``: ``idle_kind``,
    ``idle_pattern``, ``idle_base``, ``idle_heads``. ``at_place[m, t]`` effective agents of the base
    plan; ``first_busy[m]`` the half hour the first of them is due; ``damage[m]`` what their loss
    costs without relief.
    """

    need: Array
    weight: Array
    home_effect: Array
    worked: Array
    present: Array
    first: Array
    end: Array
    pair_pattern: Array
    pair_programme: Array
    pair_of: Array
    tally: Array
    option_pointer: Array
    option_place: Array
    option_programme: Array
    seats: Array
    cell_pointer: Array
    cell_kind: Array
    cell_place: Array
    cell_pair: Array
    cell_base: Array
    cell_heads: Array
    idle_pointer: Array
    idle_kind: Array
    idle_pattern: Array
    idle_base: Array
    idle_heads: Array
    at_place: Array
    first_busy: Array
    damage: Array


class Cells(NamedTuple):
    """Effective agents of a state of a day: ``heads[c]`` of tally ``tally[c]`` on the pair
    ``pair[c]``."""

    tally: Array
    pair: Array
    heads: Array
