"""The decorator of the kernels of this folder: numba, cached on disk, without the lock.

No fused or reordered arithmetic: the same inputs give the same bits on every machine. A kernel
allocates nothing (``_nrt`` False): arrays read out of a tuple are then not counted, which would
else cost more than the work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel", "part"]

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: F) -> F:
    """Compile ``function`` at its first call; the plain function stays as ``py_func``."""
    return cast(F, njit(**_OPTIONS)(function))


def part(function: F) -> F:
    """As :func:`kernel`, and always put into its caller."""
    return cast(F, njit(forceinline=True, **_OPTIONS)(function))
