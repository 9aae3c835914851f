"""The process of a run: ``python -m releve.desk.crashtest.work FOLDER``.

It waits for its turn, starts ``releve crashtest`` on the inputs of the folder and watches for the
file that asks it to stop. Whole parts stay; a run that is started again goes on with them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from releve.desk.crashtest.home import Asked, Home, write
from releve.files.locks import try_lock

__all__ = ["line_of", "work"]

_PAUSE_S = 0.3
_KINDNESS = 5
"""The desk and the worker of events go first."""
_SAID = 600
"""Characters kept of what a failed run said."""


def line_of(folder: Path, asked: Asked) -> list[str]:
    """Return the arguments of ``releve`` that make a run."""
    inputs = folder / "inputs"
    line = ["crashtest", str(inputs / "operator"), "--plan", str(inputs / "plan")]
    if asked.beside:
        line += ["--compare", str(inputs / asked.beside)]
    line += ["--quarters", str(asked.quarters), "--days", str(asked.days)]
    line += ["--seed", str(asked.seed), "--policies", ",".join(asked.policies)]
    line += ["--no-hazards"] * (not asked.hazards) + ["--nearest"] * asked.nearest
    return [*line, "--out", str(folder / "run"), "--resume"]


def work(folder: Path) -> None:
    """Make the run of a folder, unless another process is at it."""
    lock = _own(folder)
    if lock is None:
        return
    with lock:
        run = Home(folder.parent.parent).get(folder.name)
        turn = _turn(folder) if run is not None and not _done(folder) else None
        if run is None or turn is None:
            return
        with turn:
            (folder / "began").touch()
            _run(folder, line_of(folder, run.asked), (lock.fileno(), turn.fileno()))


def _done(folder: Path) -> bool:
    return (folder / "run" / "certificate.json").exists()


def _own(folder: Path) -> IO[bytes] | None:
    """Take the run; None when another process has it for longer than a look at its state."""
    for _try in range(10):
        lock = try_lock(folder / "lock")
        if lock is not None:
            return lock
        time.sleep(_PAUSE_S)
    return None


def _turn(folder: Path) -> IO[bytes] | None:
    """Wait until no other run is at work; None when this one was stopped meanwhile."""
    while not (folder / "stop").exists():
        turn = try_lock(folder.parent / ".turn")
        if turn is not None:
            return turn
        time.sleep(_PAUSE_S)
    return None


def _run(folder: Path, line: list[str], locks: tuple[int, ...]) -> None:
    """Run the command; it inherits the locks, so that they hold as long as it lives."""
    said = folder / "said"
    with said.open("wb") as out:
        command = subprocess.Popen(
            [sys.executable, "-m", "releve", *line],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            pass_fds=locks,
        )
        while command.poll() is None:
            if (folder / "stop").exists():
                command.terminate()
                command.wait()
                return
            time.sleep(_PAUSE_S)
    if command.returncode == 0:
        shutil.rmtree(folder / "inputs")
        said.unlink()
        return
    text = said.read_text(encoding="utf-8", errors="replace")
    write(folder / "failed.json", {"reason": _reason(text.replace(f"{folder}/", ""))})


def _reason(text: str) -> str:
    """Return why a command failed: its error from the beginning, else the last line it said."""
    _before, found, error = text.partition("Error: ")
    lines = (error if found else text).strip().splitlines() or ["?"]
    return "\n".join(lines if found else lines[-1:])[:_SAID]


if __name__ == "__main__":
    os.nice(_KINDNESS)
    work(Path(sys.argv[1]))
