"""The decorators of all compiled kernels: numba, cached on disk.

==========================  ======================================================================
:func:`kernel`              exact and free of the interpreter's lock; allocates nothing
:func:`inlined_kernel`      the same, always inlined into its caller
:func:`fused_kernel`        fused multiply-add allowed, for vectorised formulas
:func:`fused_finite_kernel` the same, for values that are never NaN and zeros without a sign
:func:`allocating_kernel`   exact, and may make arrays
==========================  ======================================================================

Exact kernels neither fuse nor reorder arithmetic: the same inputs give the same bits on every
machine. Division by zero gives infinity or NaN, as in numpy, except in allocating kernels, where it
raises. A process that compiles for more than two seconds warns once in the log ``releve.kernels``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import config, njit, types
from numba.core import event
from numba.core.caching import UserProvidedCacheLocator

from releve.kernels.cache import PACKAGE, compute_kernel_digest

F = TypeVar("F", bound=Callable[..., Any])

_settings, _usual, _types = cast(Any, config), cast(Any, UserProvidedCacheLocator), cast(Any, types)
_stamp = cache(compute_kernel_digest)
_log = logging.getLogger("releve.kernels")

SLOW_SECONDS = 2.0
"""Compiling that takes less is not announced."""


class KernelLocator(_usual):  # type: ignore[misc, valid-type]  # a base without types
    """Finds a compiled kernel by its place in the package and the digest of all kernels.

    numba's own goes by the path and the date of the file: a wheel, a container or a fresh clone
    would compile again what was compiled from the same files.
    """

    def __init__(self, py_func: Any, py_file: str) -> None:
        super().__init__(py_func, py_file)
        place = Path(py_file).resolve().relative_to(PACKAGE).parent
        self._cache_path = str(Path(_settings.CACHE_DIR) / place)

    def get_source_stamp(self) -> str:
        """Return the digest that the kernel was compiled from."""
        return _stamp()

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """Return the locator of a function of the package, None for one of elsewhere."""
        if not Path(py_file).resolve().is_relative_to(PACKAGE):
            return None
        return super().from_function(py_func, py_file)


def share_across_constants(dispatcher: Any) -> Any:
    """Let a call with a constant take the kernel of any number.

    numba would compile one for each constant that stands in a call, up to eight of the same
    function, a sixth of the time that a machine's first plan spends on kernels.
    """
    resolve = dispatcher.get_call_template

    def resolve_call(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        plain = {name: _types.unliteral(kind) for name, kind in kws.items()}
        return resolve(tuple(_types.unliteral(kind) for kind in args), plain)

    dispatcher.get_call_template = resolve_call
    return dispatcher


# For functions of other packages numba goes on to its own.
_others = getattr(_settings, "CACHE_LOCATOR_CLASSES", "") or (
    "UserProvidedCacheLocator,InTreeCacheLocator,UserWideCacheLocator"
)
_settings.CACHE_LOCATOR_CLASSES = f"{__name__}.KernelLocator,{_others}"


class CompileNotice(event.Listener):
    """Warns once when kernels have been compiled for SLOW_SECONDS: the first use may take minutes."""

    def __init__(self) -> None:
        self._began: list[float] = []
        self._seconds, self._said = 0.0, False

    def on_start(self, event: Any) -> None:
        """Note the start of a kernel, or of one that it calls."""
        self._began.append(time.monotonic())
        self._warn(event)

    def on_end(self, event: Any) -> None:
        """Count the time of an outermost kernel."""
        began = self._began.pop()
        if not self._began:
            self._seconds += time.monotonic() - began
        self._warn(event)

    def _warn(self, event: Any) -> None:
        running = time.monotonic() - self._began[0] if self._began else 0.0
        module = str(getattr(event.data["dispatcher"].py_func, "__module__", ""))
        if self._said or self._seconds + running < SLOW_SECONDS or not module.startswith("releve."):
            return
        self._said = True
        _log.warning("compiling kernels, once for this version and machine: it may take minutes; kept in %s",
                     _settings.CACHE_DIR)  # fmt: skip


cast(Any, event).register("numba:compile", CompileNotice())

_EXACT: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
"""Without ``_nrt``, numba's reference counting, reading an array out of a tuple is a plain load
instead of an atomic operation: the simulator of queues is twenty times faster. numba refuses the
option if it is ever withdrawn."""

unsigned = cast(Callable[[Any], int], np.uint64)
"""Converts a subscript in code that runs at every event: for signed ones numba tests each time
whether they count from the end, a tenth of the time of a simulated call."""


def kernel(function: F) -> F:
    """Compile ``function`` at its first call; the plain function stays as ``py_func``."""
    return _compile(function, **_EXACT)


def inlined_kernel(function: F) -> F:
    """Compile a part of a kernel into its caller.

    Tuples of many arrays would otherwise be copied at each call, which costs more than the work.
    """
    return _compile(function, forceinline=True, no_cfunc_wrapper=True, **_EXACT)


def fused_kernel(function: F) -> F:
    """Compile ``function`` with fused multiply-add allowed."""
    return _compile(function, cache=True, error_model="numpy", fastmath={"contract"})


def fused_finite_kernel(function: F) -> F:
    """Compile as :func:`fused_kernel`, for values that are never NaN and zeros without a sign."""
    fastmath = {"contract", "nnan", "nsz"}
    return _compile(function, cache=True, error_model="numpy", fastmath=fastmath)


def allocating_kernel(function: F) -> F:
    """Compile ``function``, which may make arrays."""
    return _compile(function, cache=True)


def _compile(function: F, **options: Any) -> F:
    return cast(F, share_across_constants(njit(**options)(function)))
