"""Locks between processes of one machine, by a file; a process that ends gives up its own."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

__all__ = ["holding"]


def holding(path: Path) -> IO[bytes] | None:
    """Take a lock and return what holds it until it is closed; None when somebody else has it."""
    stream = path.open("ab")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream
