"""The sample's random numbers: repeatable, keyed, and of the distributions they claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from releve.network.sample.places import Draws, split_by_weight


def test_a_stream_is_named_by_all_its_keys() -> None:
    assert Draws(1, "a", 2).uniform() == Draws(1, "a", 2).uniform()
    named = [Draws(1, "a", 2), Draws(2, "a", 2), Draws(1, "b", 2), Draws(1, "a", 3), Draws(1, "a")]
    assert len({draws.uniform() for draws in named}) == len(named)


def test_the_first_numbers_of_a_stream_never_change() -> None:
    """PCG64 is fixed; a change here changes every sample."""
    drawn = Draws(1, "frozen").uniforms(3)
    assert np.round(drawn, 6).tolist() == [0.518005, 0.075137, 0.688964]


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 19.9, 20.0, 60.0, 400.0])
def test_counts_are_poisson(mean: float) -> None:
    drawn = Draws(1, "counts", str(mean)).counts(np.full(40_000, mean))
    assert drawn.mean() == pytest.approx(mean, rel=0.02, abs=0.001)
    assert drawn.var() == pytest.approx(mean, rel=0.05, abs=0.001)
    low, high = (mean * 0.8, mean * 1.2)
    below = poisson.cdf(np.floor(low), mean) if mean else 1.0
    assert (drawn <= np.floor(low)).mean() == pytest.approx(below, abs=0.01)
    assert (drawn <= np.floor(high)).mean() == pytest.approx(
        poisson.cdf(np.floor(high), mean) if mean else 1.0, abs=0.01
    )


@pytest.mark.parametrize("cv", [0.08, 0.2])
def test_factors_have_mean_one_and_their_cv(cv: float) -> None:
    drawn = Draws(1, "factors").factors(40_000, cv)
    assert drawn.mean() == pytest.approx(1, abs=0.005)
    assert drawn.std() == pytest.approx(cv, rel=0.03)
    assert (Draws(1, "factors").factors(3, 0.0) == 1).all()


def test_indices_are_drawn_by_weight() -> None:
    drawn = Draws(1, "indices").indices(20_000, [1.0, 0.0, 3.0])
    counts = np.bincount(drawn, minlength=3) / 20_000
    assert counts[1] == 0
    assert counts[2] == pytest.approx(0.75, abs=0.02)


def test_an_order_holds_each_number_once() -> None:
    assert sorted(Draws(1, "order").order(50).tolist()) == list(range(50))


def test_whole_numbers_reach_both_ends() -> None:
    draws = Draws(1, "whole")
    assert {draws.whole(2, 4) for _ in range(200)} == {2, 3, 4}


@given(st.integers(0, 500), st.lists(st.floats(0.01, 50), min_size=1, max_size=20), st.integers(0, 5))
def test_shares_sum_to_the_whole_and_keep_the_least(extra: int, weights: list[float], least: int) -> None:
    total = extra + least * len(weights)
    out = split_by_weight(total, weights, least)
    assert out.sum() == total
    assert out.min() >= least
    exact = least + extra * np.array(weights) / sum(weights)
    assert np.abs(out - exact).max() <= 1 + 1e-6
