"""The decorators of every kernel of this folder: numba, cached on disk, without the lock.

No fused or reordered arithmetic: the same seed gives the same bits on every machine. numba's cache
looks at a kernel's own file only. Who changes a kernel that another file calls removes
``__pycache__`` here, or the callers go on with the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

__all__ = ["index", "inlined", "kernel"]

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""``_nrt`` False: a kernel allocates nothing and owns nothing, so arrays are not counted as they
are passed on. Reading one out of a tuple of arrays would else be an atomic operation, and the
simulator twenty times slower. numba refuses the option if it ever goes."""

index = cast(Callable[[Any], int], np.uint64)
"""Put round a subscript in what runs at every event. Of a signed one numba asks each time whether
it counts from the end, a tenth of a call's time; these never do."""


def kernel(function: F) -> F:
    """Compile ``function`` at its first call; the plain function stays as ``py_func``."""
    return cast(F, njit(**OPTIONS)(function))


def inlined(function: F) -> F:
    """As :func:`kernel`, and always put into its caller: for what runs at every event."""
    return cast(F, njit(forceinline=True, **OPTIONS)(function))
