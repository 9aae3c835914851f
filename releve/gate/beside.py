"""A decider in a process of its own, beside the one that listens.

``python -m releve.gate.beside`` answers on the socket that is its standard input, and ends when the
other end is closed: with the process that listens, however that one ends.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

__all__ = ["settle", "start_beside"]

_log = logging.getLogger("releve.gate")


def start_beside(asked: socket.socket) -> Callable[[], None]:
    """Start a process that answers on a socket, which is closed here; return what kills it."""
    with asked:
        command = [sys.executable, "-m", "releve.gate.beside"]
        process = subprocess.Popen(command, stdin=asked.fileno())
    threading.Thread(target=_until_ended, args=(process,), name="decider", daemon=True).start()
    return process.kill


def settle() -> None:
    """Let what is loaded by now stay: no later collection walks through it."""
    gc.collect()
    gc.freeze()


def _until_ended(process: subprocess.Popen[bytes]) -> None:
    if status := process.wait():
        _log.warning("a decider has ended with status %d", status)


def main() -> None:
    """Answer until there is nobody left to answer."""
    for name in (signal.SIGINT, signal.SIGTERM):  # sent to all; what is being decided is told
        signal.signal(name, signal.SIG_IGN)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django

    django.setup()
    from releve.gate.answering import Decider, answer_on
    from releve.gate.app import BUDGET_SECONDS
    from releve.gate.stores import open_store
    from releve.gate.versions import rules_in_use

    decider = Decider(rules_in_use, open_store, BUDGET_SECONDS)
    decider.warm_up()
    settle()
    answer_on(socket.socket(fileno=sys.stdin.fileno()), decider)


if __name__ == "__main__":
    main()
