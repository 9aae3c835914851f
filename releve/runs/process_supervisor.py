"""The parts of an installation as processes: started together, restarted, stopped together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

POLL_SECONDS = 0.1
STARTUP_SECONDS = 20.0
"""A part that ends with an error so soon after the first start is set up wrongly: all end."""
TRY_AGAIN = 75
"""Status of a part that waits for a person, not for other settings: the other parts go on."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
STOP_SECONDS = 40.0
"""How long the parts may take to end what they have begun; then they are killed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the installation: its name in messages, and its command."""

    name: str
    command: tuple[str, ...]


@dataclass
class _Running:
    """``process`` is None while the part waits for ``start_at``; ``failures`` in a row."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    failures: int = 0
    starts: int = 0


class ProcessSupervisor:
    """Runs parts until it is asked to stop; one that ends is started again after a growing wait."""

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None]) -> None:
        self._parts = [_Running(part) for part in parts]
        self._say = say
        self._stopping = threading.Event()

    def ask_to_stop(self) -> None:
        """End every part; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> int:
        """Run until asked to stop; return 0, or the status of a part that could not start."""
        status = 0
        try:
            while not self._stopping.is_set() and not status:
                for running in self._parts:
                    status = status or self._tend(running)
                self._stopping.wait(POLL_SECONDS)
        finally:
            self._stop_all()
        return status

    def _tend(self, running: _Running) -> int:
        """Start a part that is due, look after one that has ended; return a fatal status or 0."""
        now = time.monotonic()
        if running.process is None:
            if now >= running.start_at:
                self._start(running, now)
            return 0
        status = running.process.poll()
        if status is None:
            return 0
        running.process = None
        up = now - running.started_at
        self._say(f"{running.part.name} ended with status {status}")
        failed = status > 0 and status != TRY_AGAIN
        if failed and running.starts == 1 and up < STARTUP_SECONDS:
            return status
        running.failures = 1 if up > LONGEST_WAIT_SECONDS else running.failures + 1
        wait = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (running.failures - 1))
        running.start_at = now + wait
        self._say(f"{running.part.name} is started again in {wait:g} s")
        return 0

    def _start(self, running: _Running, now: float) -> None:
        """Start a part in a session of its own, so that a signal reaches it from here alone."""
        running.process = subprocess.Popen(running.part.command, stdin=subprocess.DEVNULL, start_new_session=True)
        running.started_at = now
        running.starts += 1
        self._say(f"{running.part.name} started (process {running.process.pid})")

    def _stop_all(self) -> None:
        alive = [row.process for row in self._parts if row.process is not None]
        for process in alive:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in alive:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"process {process.pid} does not end: killed")
                process.kill()
                process.wait()
