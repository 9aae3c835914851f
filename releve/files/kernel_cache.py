"""Fill the folder of compiled kernels before a closure needs them.

A worker and a desk do so when they start, beside their work; ``releve warm`` does it at installation. Of
the processes that share a folder one compiles, which may take minutes; the others wait, then load.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from releve.files.atomic import lock

RETRY_SECONDS = 60.0
_log = logging.getLogger("releve.kernels")
_begun, _done = Event(), Event()


def fill_kernel_cache(progress: Callable[[str], None] = lambda step: None) -> None:
    """Compile what a closure can need, or load what is in the folder; ``progress`` receives each step."""
    from releve.plan.warm_up import compile_kernels

    with _take_turn(Path(os.environ["NUMBA_CACHE_DIR"])):
        compile_kernels(progress)
    _done.set()


@contextmanager
def _take_turn(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder; one that cannot be written to needs none, as nothing is stored there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".lock").touch()
    except OSError:
        yield
        return
    with lock(folder / ".lock"):
        yield


def is_compiling() -> bool:
    """Return whether this process has begun to compile beside its work and has not done."""
    return _begun.is_set() and not _done.is_set()


def fill_in_background() -> None:
    """Start to fill the folder in a thread that keeps no process from ending, once in a process."""
    if not _begun.is_set():
        _begun.set()
        Thread(target=_fill_until_done, name="releve-kernels", daemon=True).start()


def _fill_until_done() -> None:
    while not _done.is_set():
        try:
            began = time.monotonic()
            fill_kernel_cache()
            _log.info("the kernels are compiled after %.0f s", time.monotonic() - began)
        except Exception:  # a full disk, a folder without rights: mended outside, and not ready until then
            _log.exception("the kernels could not be compiled; tried again in %.0f s", RETRY_SECONDS)
            time.sleep(RETRY_SECONDS)
