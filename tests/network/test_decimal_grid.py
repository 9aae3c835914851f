"""Rounding to a decimal grid: what is promised of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.network.history_grid import round_to_grid

NOISE = 1e-12


def test_noise_below_the_grid_does_not_pass() -> None:
    values = np.random.default_rng(1).uniform(0.0, 3000.0, 20_000)
    noise = np.random.default_rng(2).uniform(-NOISE, NOISE, values.size)
    assert (values + noise != values).any()
    assert round_to_grid(values).tobytes() == round_to_grid(values + noise).tobytes()


@pytest.mark.parametrize("decimals", [3, 6, 9])
def test_simple_fractions_and_ordinary_ties_are_far_from_an_edge(decimals: int) -> None:
    """Means and halves would lie on the edges of ordinary rounding, where noise decides."""
    steps = 10**decimals
    simple = [k / parts / steps for parts in range(1, 9) for k in range(2 * parts)]
    values = np.array([*simple, *(1 / 2**k for k in range(1, 40))])
    margin = 0.005 / steps
    assert (round_to_grid(values - margin, decimals) == round_to_grid(values + margin, decimals)).all()


def test_a_tie_of_ordinary_rounding_goes_one_way_whatever_the_noise() -> None:
    tie = 0.0078125
    assert len({round(tie + noise, 6) for noise in (-NOISE, NOISE)}) == 2
    assert set(round_to_grid([tie - NOISE, tie, tie + NOISE]).tolist()) == {0.007813}


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_a_value_moves_by_less_than_a_step_and_then_no_more(value: float, decimals: int) -> None:
    once = round_to_grid(value, decimals)
    assert abs(float(once) - value) <= 0.62 * 10.0**-decimals + 1e-7 * (decimals > 5)
    assert round_to_grid(once, decimals).tobytes() == once.tobytes()


@given(st.integers(-(10**12), 10**12))
def test_decimals_of_the_grid_are_read_back_as_they_are_written(steps: int) -> None:
    value = float(f"{steps // 10**6}.{steps % 10**6:06d}") if steps >= 0 else steps / 10**6
    assert float(round_to_grid(value)) == value


def test_what_is_not_known_stays_so_and_zero_has_no_sign() -> None:
    values = np.array([[np.nan, np.inf], [-np.inf, -1e-12]])
    rounded = round_to_grid(values)
    assert rounded.shape == (2, 2)
    assert np.isnan(rounded[0, 0])
    assert rounded[0, 1] == np.inf
    assert rounded[1, 0] == -np.inf
    assert not np.signbit(rounded[1, 1])


def test_values_coarser_than_the_grid_pass() -> None:
    assert float(round_to_grid(2.0**60 + 2.0**10)) == 2.0**60 + 2.0**10


def test_a_grid_of_no_or_too_many_decimals_is_refused() -> None:
    for decimals in (-1, 16):
        with pytest.raises(ValueError, match=f"decimals must be from 0 to 15, got {decimals}"):
            round_to_grid(1.0, decimals)
