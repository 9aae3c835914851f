"""The compiled kernels do what their plain Python says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from releve.demand import DEFINITIONS, metrics, required_agents
from releve.demand.erlang import api, erlang_a, erlang_c

LOAD = np.array([0.4, 3, 17, 48, 55, 120, 210])
AHT = np.array([200, 300, 250, 420, 180, 300, 240])
PATIENCE = np.array([30, 600, 90, 240, 60, 120, 300])


def answers() -> list[np.ndarray]:
    """Return what the public functions say of a few queues, far overload among them."""
    found = [
        required_agents(LOAD, AHT, AHT),
        required_agents(LOAD, AHT, AHT, np.inf, 20, 0.9, "offered", 0, 0.8),
        required_agents([np.nan, 0, 50], 300, 300, [[np.inf], [60.0]]),
    ]
    found += [required_agents(LOAD, AHT, AHT, PATIENCE, 20, 0.8, name, 0.9, 0.95) for name in DEFINITIONS]
    for patience in (np.full(LOAD.size, np.inf), PATIENCE):
        measured = metrics(LOAD, AHT, AHT, patience, np.ceil(LOAD * 1.05), 20)
        found += [measured.p_wait, measured.mean_wait_s, measured.service_answered]
    far = metrics([900, 3e3, 40, 40], 300, 300, [9e3, 3e3, 6e3, 6e3], [30, 1200, 1, 1], [3e4, 2700, 2e4, 20])
    return [*found, far.service_with_short]


def test_compiled_and_plain_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = answers()
    replaced = 0
    for module in (api, erlang_a, erlang_c, erlang_c, erlang_a):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
                replaced += 1
    assert replaced > 15
    with np.errstate(all="ignore"):
        plain = answers()
    for fast, slow in zip(compiled, plain, strict=True):
        assert slow == pytest.approx(fast, rel=1e-10, abs=1e-13, nan_ok=True)


def test_the_exponential_keeps_its_digits_from_one_end_to_the_other() -> None:
    inside = np.concatenate([np.linspace(-64, 700, 5001), np.linspace(-1, 1, 5001), [1e-300, -0.0]])
    out = np.empty_like(inside)
    erlang_c.exp(inside, out)
    exact = np.array([math.exp(x) for x in inside])
    assert np.max(np.abs(out / exact - 1)) < 5e-16
    outside = np.array([-np.inf, -65, np.nan, 701, np.inf])
    erlang_c.exp(outside, out[:5])
    assert out[:5] == pytest.approx(np.exp([-64, -64, -64, 700, 700]), rel=1e-15)
