"""Locks between processes of one machine, by a file; a process that ends gives up its own."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["lock", "try_lock"]


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock, after waiting for the process that holds it."""
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[bytes] | None:
    """Take a lock and return the open file that holds it until closed; None when it is taken."""
    stream = path.open("ab")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream
