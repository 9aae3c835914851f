"""The outlooks of an installation: ``python -m releve.desk.crashtest.ahead FOLDER`` makes one.

An outlook starts from cases, so little of it is ever on the disk: its inputs are removed as soon as
its process ends, however it ends, and what is kept are chances by site and by client. Each is a
folder under ``outlooks`` of the home folder:

=================  =============================================================================
``desk.json``      who asked for it, when, of which stream, from which day on
``inputs/``        the operator, the plan and the cases, while it is made
``lock``           held by its process
``found.json``     the chances, or why there are none
=================  =============================================================================

No Django here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from releve.crashtest.estimates import share
from releve.desk.crashtest.home import write
from releve.files.locks import try_lock

__all__ = ["DAYS", "KEPT_DAYS", "Ahead", "Look", "Outlooks", "make"]

DAYS = 14
KEPT_DAYS = 30
"""Days after which an outlook is removed: it was made from cases, and tells of them."""
QUARTERS = 1000
_PATIENCE_S = 60.0
_KINDNESS = 5


@dataclass(frozen=True)
class Ahead:
    """What an outlook was asked for: by whom, when, of which stream, its first day."""

    by: str
    at: str
    stream: str
    first: str


@dataclass(frozen=True)
class Look:
    """An outlook as its folder says: ``state`` is running, failed or done."""

    id: str
    asked: Ahead
    state: str
    found: Mapping[str, Any]


class Outlooks:
    """The folder of an installation's outlooks."""

    def __init__(self, home: Path) -> None:
        self.root = home / "outlooks"

    def add(self, asked: Ahead, inputs: Mapping[str, Mapping[str, bytes]]) -> Path:
        """Make the folder of a new outlook with its inputs; return it."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = asked.at[:19].replace("-", "").replace(":", "").replace("T", "-")
        name = f"{stamp}-{secrets.token_hex(3)}"
        fresh = self.root / f".{name}"
        fresh.mkdir(mode=0o700)
        for part, files in inputs.items():
            (fresh / "inputs" / part).mkdir(parents=True)
            for file, content in files.items():
                (fresh / "inputs" / part / file).write_bytes(content)
        write(fresh / "desk.json", asdict(asked))
        fresh.rename(self.root / name)
        return self.root / name

    def looks(self) -> list[Look]:
        """Return every outlook, the newest first."""
        names = sorted(os.listdir(self.root), reverse=True) if self.root.is_dir() else []
        found = (self.get(name) for name in names if not name.startswith("."))
        return [look for look in found if look is not None]

    def get(self, name: str) -> Look | None:
        """Return an outlook by its id; None when there is none."""
        folder = self.root / name
        try:
            asked = Ahead(**json.loads((folder / "desk.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        found = _found(folder)
        if found is None:
            return Look(name, asked, "running", {})
        return Look(name, asked, "failed" if "reason" in found else "done", found)

    def sweep(self) -> None:
        """Remove what is too old, and the inputs of an outlook whose process is gone."""
        oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
        for look in self.looks():
            folder = self.root / look.id
            if datetime.fromisoformat(look.asked.at) < oldest:
                shutil.rmtree(folder, ignore_errors=True)
            elif time.time() - folder.stat().st_mtime > _PATIENCE_S:
                _abandon(folder)


def _found(folder: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads((folder / "found.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _abandon(folder: Path) -> None:
    """Remove the inputs that a process left behind when it was killed."""
    lock = try_lock(folder / "lock")
    if lock is None:
        return
    with lock:
        shutil.rmtree(folder / "inputs", ignore_errors=True)
        if _found(folder) is None:
            write(folder / "found.json", {"reason": ""})


def make(folder: Path, asked: Ahead) -> None:
    """Make an outlook and keep its chances; remove its inputs whatever happens."""
    lock = try_lock(folder / "lock")
    if lock is None:
        return
    with lock:
        try:
            write(folder / "found.json", _chances(folder, asked))
        finally:
            shutil.rmtree(folder / "inputs", ignore_errors=True)


def line_of(folder: Path, asked: Ahead) -> list[str]:
    """Return the arguments of ``releve`` that make an outlook."""
    inputs = folder / "inputs"
    line = ["crashtest", str(inputs / "operator"), "--plan", str(inputs / "plan")]
    line += ["--outlook", str(inputs / "events" / "events.jsonl"), "--start", asked.first]
    return [*line, "--quarters", str(QUARTERS), "--nearest", "--without", "0", "--json"]


def _chances(folder: Path, asked: Ahead) -> dict[str, Any]:
    """Return what is kept of the command's result: it stands in no file."""
    done = subprocess.run(
        [sys.executable, "-m", "releve", *line_of(folder, asked)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"reason": _reason(done.stderr.replace(f"{folder}/", ""))}
    result = json.loads(done.stdout)["results"][0]
    return {
        "days": result["days"],
        "quarters": result["quarters"],
        "sites": [
            {"site": row["site"], "name": row["name"], "closes": row["closes"]}
            for row in result["sites"]
        ],
        "clients": [
            {
                "client": row["client"],
                "name": row["name"],
                "misses_a_day": _missing(row["survival"][-1], result["quarters"]),
                "breaks_target": row["breaks_target"],
            }
            for row in result["clients"]
        ],
    }


def _missing(survival: float, quarters: int) -> dict[str, float]:
    """Return the chance that a day is missed, with its interval."""
    hits = round((1.0 - survival) * quarters)
    return asdict(share(np.arange(quarters) < hits))


def _reason(said: str) -> str:
    """Return why a command failed; nothing where it speaks of the cases."""
    _before, found, error = said.partition("Error: ")
    lines = (error if found else said).strip().splitlines() or [""]
    text = "\n".join(lines if found else lines[-1:])[:600]
    return "" if "events.jsonl" in text else text


if __name__ == "__main__":
    os.nice(_KINDNESS)
    place = Path(sys.argv[1])
    make(place, Ahead(**json.loads((place / "desk.json").read_text(encoding="utf-8"))))
