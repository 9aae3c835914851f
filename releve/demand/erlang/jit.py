"""The decorator of every kernel of this folder: numba, cached on disk, IEEE division, fused
multiply-add allowed.

numba's cache looks at a kernel's own file only. Who changes a kernel that another file calls
removes ``__pycache__`` here, or the callers go on with the old one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["kernel"]

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile ``function`` at its first call; the plain function stays as ``py_func``."""
    compiled = njit(cache=True, error_model="numpy", fastmath={"contract"})(function)
    return cast(F, compiled)
