"""What the public functions accept: arrays by broadcasting, each with its condition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "DEFINITIONS",
    "LARGEST_LOAD",
    "check_number",
    "encode_definitions",
    "flatten",
    "require_loads",
]

DEFINITIONS = ("offered", "answered", "without_short", "with_short")
"""What the service level divides by what, as :class:`releve.network.Programme` words it: (a) to
(d)."""

LARGEST_LOAD = 1e7
"""Erlang; more is taken for a slip of the unit."""

Floats = NDArray[np.float64]


def check_number(
    name: str,
    value: ArrayLike,
    *,
    at_least: float = -math.inf,
    more_than: float = -math.inf,
    at_most: float = math.inf,
    less_than: float = math.inf,
    unknown: bool = False,
    endless: bool = False,
) -> Floats:
    """Return ``value`` as float64; ValueError quotes the condition and the first bad value.

    NaN passes where it may be ``unknown``, infinity where it may be ``endless``.
    """
    array = np.asarray(value, dtype=np.float64)
    if array.size == 0:
        return array
    low, high = float(np.min(array)), float(np.max(array))  # NaN if there is one
    if at_least <= low and more_than < low and high <= at_most and (endless or high < less_than):
        return array
    good = (array >= at_least) & (array > more_than) & (array <= at_most)
    good &= (array < less_than) | endless
    good |= np.isnan(array) & unknown
    if good.all():
        return array
    condition = _words(name, at_least, more_than, at_most, less_than, endless)
    raise ValueError(f"expected {condition}, got {float(array[~good][0])!r}")


def _words(
    name: str, at_least: float, more_than: float, at_most: float, less_than: float, endless: bool
) -> str:
    left = f"{at_least:g} <= " if at_least > -math.inf else f"{more_than:g} < "
    if at_most < math.inf:
        return f"{left}{name} <= {at_most:g}"
    if less_than < math.inf:
        return f"{left}{name} < {less_than:g}"
    return f"{left}{name}" + ("" if endless else " < inf")


def encode_definitions(definition: ArrayLike) -> NDArray[np.int64]:
    """Return the place of each definition in :data:`DEFINITIONS`; ValueError on another word."""
    words = np.asarray(definition, dtype=np.str_)
    out = np.full(words.shape, -1, dtype=np.int64)
    for code, word in enumerate(DEFINITIONS):
        out[words == word] = code
    if out.size and np.min(out) < 0:
        bad = str(words[out < 0].flat[0])
        raise ValueError(f"expected definition in {', '.join(DEFINITIONS)}, got {bad!r}")
    return out


def flatten(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return one entry for all, or one a case in C order; one array type, so one compilation."""
    whole = array if array.size == 1 or array.shape == shape else np.broadcast_to(array, shape)
    return np.require(whole, requirements=["C", "W"]).reshape(-1)


def require_loads(calls: Floats, interval_s: Floats, aht_s: Floats) -> None:
    """Refuse loads above :data:`LARGEST_LOAD`."""
    if 0 in (calls.size, interval_s.size, aht_s.size):
        return
    if np.max(calls) * np.max(aht_s) / np.min(interval_s) <= LARGEST_LOAD:
        return
    load = calls * aht_s / interval_s
    if np.any(load > LARGEST_LOAD):
        raise ValueError(
            f"expected calls * aht_s / interval_s <= {LARGEST_LOAD:g} Erlang,"
            f" got {float(np.nanmax(load)):g}"
        )
