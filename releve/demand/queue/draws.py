"""Random numbers of a call: a hash of seed, replication, programme, call, decision and ``leg``.

``leg`` is how often the caller has come. Two plans thus meet the same callers, whichever agent
answers; a programme is known by the hash of its name, so adding one changes no other draw. Ties
between groups are drawn from the group, the instant and the agent's place, so no name or order is
an advantage. The hash is the output function of SplitMix64 (Steele, Lea & Flood 2014,
doi:10.1145/2660193.2660195) on a Weyl sequence, one stream for each programme and decision.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from releve.kernels.arrays import Array
from releve.kernels.decorators import inlined_kernel, kernel

DECISIONS = 9
GAP, SERVICE, PATIENCE, REDIAL, REDIAL_DELAY, TRANSFER, BUSYNESS, TIE, STEP_ORDER = range(DECISIONS)
"""What is decided: one stream each. ``TIE`` ranks calls that wait, or agents of several groups that
are free, since the same instant; ``STEP_ORDER`` the groups whose agents change at one instant."""

EXPONENTIAL, CONSTANT, LOGNORMAL, GAMMA, SAMPLE = range(5)
"""The distributions, as :class:`releve.demand.queue.model.Distribution` numbers them."""

WEYL = np.uint64(0x9E3779B97F4A7C15)
LEG = np.uint64(0xD1342543DE82EF95)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31, S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
STEP = 2.0**-52
LN2 = math.log(2.0)
ROOT_HALF_BITS, EXPONENT_BITS = np.int64(0x3FE6A09E667F3BCD), np.int64(-(2**52))
S52 = np.int64(52)
ATANH = tuple((1.0 / (k + 2), 1.0 / k) for k in range(19, 1, -4))
"""Of the series of atanh(s) / s in s^2, two terms together, the last first: to 2^-53 where s^2
<= .0295."""


def label_key(label: str) -> int:
    """Return the 64 bits a name stands for; the same for ever and everywhere."""
    return int.from_bytes(hashlib.blake2b(label.encode(), digest_size=8).digest(), "little")


@inlined_kernel
def _mix(x: Any) -> Any:
    x = (x ^ (x >> S30)) * MIX_1
    x = (x ^ (x >> S27)) * MIX_2
    return x ^ (x >> S31)


@inlined_kernel
def uniform(stream: Any, number: int, leg: int) -> float:
    """Return the number in (0, 1) of one call; 0 and 1 never come, and 1 - u is exact."""
    if leg > 0:
        stream = _mix(stream + LEG * np.uint64(leg))
    bits = _mix(stream + WEYL * np.uint64(number + 1))
    return (float(np.int64(bits >> S12)) + 0.5) * STEP


@inlined_kernel
def time_number(time: float) -> int:
    """Return the number of an instant for :func:`uniform`: its bits."""
    return int(np.float64(time).view(np.int64))


@inlined_kernel
def exponential(u: float) -> float:
    """Return -log(1 - u) to 1e-15, the same bits on every machine.

    1 - u = 2^k m with m in [sqrt(1/2), sqrt(2)), and log m = 2 atanh((m - 1) / (m + 1)). Plain
    arithmetic, which a compiler does for four or eight numbers at a time.
    """
    bits = np.float64(1.0 - u).view(np.int64)
    above = bits - ROOT_HALF_BITS
    k = float(above >> S52)
    f = np.int64(bits - (above & EXPONENT_BITS)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    odd, even = 0.0, 0.0
    for far, near in ATANH:  # two chains, which run side by side
        odd, even = odd * (z * z) + far, even * (z * z) + near
    series = z * (even + z * odd)
    return -(k * LN2 + (2.0 * s + 2.0 * s * series))


@kernel
def fill_exponentials(stream: Any, first: int, out: Array) -> None:
    """Fill ``out`` with the exponentials of mean 1 of the calls from number ``first`` on."""
    for i in range(out.size):
        out[i] = exponential(uniform(stream, first + i, 0))


@kernel
def fill_streams(seed: Any, replication: int, keys: Array, streams: Array) -> None:
    """Fill uint64 ``streams[row, decision]`` for the ``keys`` of programmes or groups."""
    base = _mix(_mix(seed + WEYL) + WEYL * np.uint64(replication + 1))
    for p in range(keys.size):
        own = _mix(base ^ keys[p])
        for decision in range(DECISIONS):
            streams[p, decision] = _mix(own + LEG * np.uint64(decision + 1))


@kernel
def day_numbers(seed: Any, first: int, keys: Array, streams: Array, out: Array) -> None:
    """Fill ``out[replication, programme]`` with the busyness numbers in (0, 1) of the days from
    replication ``first`` on; ``streams`` is room as for :func:`fill_streams`."""
    for r in range(out.shape[0]):
        fill_streams(seed, first + r, keys, streams)
        for p in range(keys.size):
            out[r, p] = uniform(streams[p, BUSYNESS], 0, 0)


@inlined_kernel
def unit_value(
    distribution: int, shape: float, samples: Array, first: int, stream: Any, number: int, leg: int
) -> float:
    """Return the value of a distribution of mean 1 for one call.

    ``shape``: of the lognormal the standard deviation of the logarithm, of the gamma its shape, of
    the sample its size, the values standing in ``samples`` from ``first``.
    """
    if distribution == EXPONENTIAL:
        return exponential(uniform(stream, number, leg))
    return _other_value(distribution, shape, samples, first, stream, number, leg)


@kernel
def _other_value(
    distribution: int, shape: float, samples: Array, first: int, stream: Any, number: int, leg: int
) -> float:
    if distribution == CONSTANT:
        return 1.0
    if distribution == GAMMA:
        return _gamma(shape, stream, number, leg)
    u = uniform(stream, number, leg)
    if distribution == LOGNORMAL:
        return math.exp(shape * normal(u) - 0.5 * shape * shape)
    return float(samples[first + int(u * shape)])


@kernel
def _gamma(shape: float, stream: Any, number: int, leg: int) -> float:
    """Return a gamma value of mean 1 (Marsaglia & Tsang 2000, doi:10.1145/358407.358414).

    A refusal draws again from the next stream of the same call.
    """
    own = _mix(stream + WEYL * np.uint64(number + 1))
    raised = shape if shape >= 1.0 else shape + 1.0
    d = raised - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    attempt = 0
    while True:
        x = normal(uniform(own, attempt, leg))
        v = 1.0 + c * x
        attempt += 2
        if v <= 0.0:
            continue
        v = v * v * v
        u = uniform(own, attempt - 1, leg)
        if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
            break
    value = d * v
    if shape < 1.0:
        value *= uniform(own, attempt, leg) ** (1.0 / shape)
    return value / shape


@kernel
def normal(u: float) -> float:
    """Return the normal quantile to 1e-15 (Wichura 1988, algorithm AS 241)."""
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * _ratio(r, CENTRE_UP, CENTRE_DOWN)
    r = math.sqrt(-math.log(min(u, 1.0 - u)))
    x = _ratio(r - 1.6, TAIL_UP, TAIL_DOWN) if r <= 5.0 else _ratio(r - 5.0, FAR_UP, FAR_DOWN)
    return x if q > 0.0 else -x


@kernel
def _ratio(r: float, up: Any, down: Any) -> float:
    above, below = 0.0, 0.0
    for i in range(7, -1, -1):
        above = above * r + up[i]
        below = below * r + down[i]
    return above / below


CENTRE_UP = (
    3.3871328727963666080e0,
    1.3314166789178437745e2,
    1.9715909503065514427e3,
    1.3731693765509461125e4,
    4.5921953931549871457e4,
    6.7265770927008700853e4,
    3.3430575583588128105e4,
    2.5090809287301226727e3,
)
CENTRE_DOWN = (
    1.0,
    4.2313330701600911252e1,
    6.8718700749205790830e2,
    5.3941960214247511077e3,
    2.1213794301586595867e4,
    3.9307895800092710610e4,
    2.8729085735721942674e4,
    5.2264952788528545610e3,
)
TAIL_UP = (
    1.42343711074968357734e0,
    4.63033784615654529590e0,
    5.76949722146069140550e0,
    3.64784832476320460504e0,
    1.27045825245236838258e0,
    2.41780725177450611770e-1,
    2.27238449892691845833e-2,
    7.74545014278341407640e-4,
)
TAIL_DOWN = (
    1.0,
    2.05319162663775882187e0,
    1.67638483018380384940e0,
    6.89767334985100004550e-1,
    1.48103976427480074590e-1,
    1.51986665636164571966e-2,
    5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)
FAR_UP = (
    6.65790464350110377720e0,
    5.46378491116411436990e0,
    1.78482653991729133580e0,
    2.96560571828504891230e-1,
    2.65321895265761230930e-2,
    1.24266094738807843860e-3,
    2.71155556874348757815e-5,
    2.01033439929228813265e-7,
)
FAR_DOWN = (
    1.0,
    5.99832206555887937690e-1,
    1.36929880922735805310e-1,
    1.48753612908506148525e-2,
    7.86869131145613259100e-4,
    1.84631831751005468180e-5,
    1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)
