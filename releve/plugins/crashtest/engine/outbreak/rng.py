"""Random numbers by name: u(seed, replication, who, what) is the same whatever else happens.

A key is a 64-bit name of a person or a site, hashed from its id; a slot is the number of a
decision. Two rounds of splitmix64's finaliser (Steele, Lea, Flood 2014) make a number of them, so
two plans, or two splits of the work over threads, have the same luck. The kernel and its plain
version in the tests share this module and nothing else.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from releve.kernels.decorators import inlined_kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


def hash_key(*parts: str | int) -> np.uint64:
    """Return the key of a name, like ``("site", "casa-1")``; equal on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()))


@inlined_kernel
def mix(x: Any) -> Any:
    """Return splitmix64's finaliser of a uint64."""
    x = (x ^ (x >> _S30)) * _A
    x = (x ^ (x >> _S27)) * _B
    return x ^ (x >> _S31)


@inlined_kernel
def derive_replication_key(seed: int, replication: int) -> Any:
    return mix(mix(np.uint64(seed) + _GOLDEN) + np.uint64(replication) * _GOLDEN)


@inlined_kernel
def derive_key(replication: Any, key: Any) -> Any:
    """Return the key of a person or site in a replication."""
    return mix(replication ^ key)


@inlined_kernel
def draw_unit(key: Any, slot: int) -> Any:
    """Return the uniform number in (0, 1) of a decision."""
    bits = mix(key + np.uint64(slot) * _GOLDEN) >> _S11
    return (np.float64(bits) + 0.5) * 1.1102230246251565e-16


@inlined_kernel
def pick(u: float, n: int) -> Any:
    """Return a whole number below n."""
    return min(np.int64(u * n), n - 1)


def rank_keys(keys: NDArray[np.uint64], slot: int) -> NDArray[np.float64]:
    """Return a fixed uniform number per key, the same in every replication: float64[key]."""
    with np.errstate(over="ignore"):
        x = keys + np.uint64(slot) * _GOLDEN
        x = (x ^ (x >> _S30)) * _A
        x = (x ^ (x >> _S27)) * _B
        x = x ^ (x >> _S31)
    return ((x >> _S11).astype(np.float64) + 0.5) * 1.1102230246251565e-16


# Of a person.
INCUBATION: Final = 0
SYMPTOMS: Final = 1
MULTIPLIER: Final = 2
ATTEMPTS: Final = 3
HOME_MULTIPLIER: Final = 4
HOME_ATTEMPTS: Final = 5
STAYS_HOME: Final = 6
IS_TESTED: Final = 7
RESULT: Final = 8
IMMUNE: Final = 9
VISIT_RESULT: Final = 1_000  # + day
CLOSING_TEST: Final = 2_000  # + day
CLOSING_RESULT: Final = 3_000  # + day
ATTEMPT: Final = 10_000  # + 4 x attempt + one of the four:
TIME: Final = 0
LAYER: Final = 1
TARGET: Final = 2
ACCEPT: Final = 3
HOME_ATTEMPT: Final = 1 << 20  # the first attempt at home; those at work come before

# Of a site.
IMPORT_GAP: Final = 0  # + 2 x import
IMPORT_WHO: Final = 1
VISIT_GAP: Final = 1 << 24  # + visit
VISIT_DRAW: Final = 1 << 32  # + 2^20 x day + draw
VISIT_SCAN: Final = 1 << 48  # + 2^20 x day + agent

# Of a programme and of a client: a day is its own number, from 0 up to DAYS_MOST.
WEEK: Final = 1_000  # + week
WHOLE_QUARTER: Final = 2_000

# Of a replication.
FIRST_CASE: Final = 7

DAYS_MOST: Final = 900
