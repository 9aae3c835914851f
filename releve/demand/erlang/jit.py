"""The decorator of every kernel of this folder: numba, cached on disk, IEEE division, fused
multiply-add allowed.

numba's cache looks at a kernel's own file only. Who changes a kernel that another file calls
removes ``__pycache__`` here, or the callers go on with the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel", "kernel_of_numbers"]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` at its first call; the plain function stays as ``py_func``."""
    return _compiled(function, {"contract"})


def kernel_of_numbers(function: F) -> F:
    """Compile ``function`` likewise, for values of which none is NaN and zeros without a sign."""
    return _compiled(function, {"contract", "nnan", "nsz"})


def _compiled(function: F, fastmath: set[str]) -> F:
    return cast(F, njit(cache=True, error_model="numpy", fastmath=fastmath)(function))
