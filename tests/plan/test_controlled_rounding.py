"""Rounding that keeps every total within one of what was planned, at the least price."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.kernels.arrays import Floats, Ints
from releve.plan.problem import DayProblem
from releve.plan.rounding import NEARNESS, round_controlled
from tests.plan.planner_parts import problem_of
from tests.plan.test_planner import by_chance
from tests.plan.tiny_operators import two_sites_one_client

SEEDS = st.integers(0, 2**32 - 1)


@cache
def some_problem(seed: int) -> DayProblem:
    return problem_of(by_chance(seed))


def drawn(problem: DayProblem, seed: int) -> tuple[Floats, Floats]:
    """Return fractions and prices of people on the assignments of a problem."""
    stream = np.random.default_rng(seed)
    count = len(problem.group)
    people = stream.uniform(0.0, 2.5, count) * (stream.uniform(size=count) < 0.6)
    return people, stream.uniform(0.0, 5.0, count)


def totals(problem: DayProblem) -> list[tuple[object, ...]]:
    """Return the totals that each assignment counts in, as a plain list of names."""
    out: list[tuple[object, ...]] = []
    for g, m, p, link in zip(problem.group, problem.place, problem.programme, problem.link, strict=True):
        names: list[object] = [("group", g), ("link", link), ("programme in a place", m, p), ("place", m)]
        if m != problem.home:
            names.append(("group on sites", g))
        out.append(tuple(names))
    return out


def kept(problem: DayProblem, people: Floats, whole: Ints) -> bool:
    """Return whether each number and each total was rounded down or up, and no further."""
    planned: dict[object, float] = {}
    rounded: dict[object, float] = {}
    for j, names in enumerate(totals(problem)):
        for name in (*names, ("assignment", j)):
            planned[name] = planned.get(name, 0.0) + float(people[j])
            rounded[name] = rounded.get(name, 0.0) + float(whole[j])
    return all(np.floor(value + 1e-6) <= rounded[name] <= np.ceil(value - 1e-6) for name, value in planned.items())


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 9), SEEDS)
def test_every_total_is_rounded_down_or_up_and_no_further(case: int, seed: int) -> None:
    problem = some_problem(case)
    people, price = drawn(problem, seed)
    assert kept(problem, people, round_controlled(problem, people, price))


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_cheapest_of_all_such_roundings(seed: int) -> None:
    """Against every way to round up or down, one by one."""
    problem = problem_of(two_sites_one_client())
    people, price = drawn(problem, seed)
    free = np.nonzero(people % 1.0)[0]

    def cost(whole: Ints) -> float:
        up = whole - np.floor(people)
        return float(up @ (price + NEARNESS * (1.0 - 2.0 * (people % 1.0))))

    least = np.inf
    for ups in product((0, 1), repeat=len(free)):
        whole = np.floor(people).astype(np.int64)
        whole[free] += ups
        if kept(problem, people, whole):
            least = min(least, cost(whole))
    assert cost(round_controlled(problem, people, price)) == pytest.approx(least)


def test_whole_people_stay_as_they_are() -> None:
    problem = some_problem(0)
    people = np.arange(len(problem.group)) % 4
    found = round_controlled(problem, people.astype(float), np.ones(len(people)))
    assert found.tolist() == people.tolist()
