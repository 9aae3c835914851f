"""The rounding kernels do what a plain reading of the rule does."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from releve.plan import plan_day
from releve.plan.local_search import exchange_people, improve_state
from releve.plan.rounding import fill_patterns, round_groups, round_sum
from tests.plan import tiny_operators


def plain_round_sum(values: list[float], total: int) -> list[int]:
    """Largest remainders, one by one; too many are taken from the fullest."""
    whole = [int(np.floor(value + 1e-9)) for value in values]
    by_remainder = sorted(range(len(values)), key=lambda i: whole[i] - values[i])
    for i in range(max(0, total - sum(whole))):
        whole[by_remainder[i % len(whole)]] += 1
    while sum(whole) > total:
        whole[whole.index(max(whole))] -= 1
    return whole


amounts = st.lists(st.floats(0, 40).map(lambda x: round(x, 3)), min_size=1, max_size=12)


@settings(deadline=None)  # the first call loads or compiles the kernel
@given(amounts, st.integers(0, 300))
def test_the_kernel_rounds_as_the_rule_is_read(values: list[float], total: int) -> None:
    array: NDArray[np.float64] = np.array(values)
    assert round_sum(array, total).tolist() == plain_round_sum(values, total)


@given(amounts)
def test_nobody_is_a_whole_person_from_its_fraction_when_the_sum_is_kept(values: list[float]) -> None:
    total = round(sum(values))
    whole = round_sum(np.array(values), total)
    assert whole.sum() == total
    assert np.abs(whole - values).max() <= 1.0 + 1e-9


def test_a_problem_of_one_assignment_is_of_the_layout_that_the_kernels_are_compiled_for() -> None:
    """Without this the first user would wait a quarter of a minute for the compiler."""
    for case in (tiny_operators.two_sites_one_client(), tiny_operators.breaks_apart()):
        plan_day(case.operator, case.requirement, case.settings)
    for kernel in (round_groups, fill_patterns, improve_state, exchange_people):
        assert len(kernel.signatures) == 1
