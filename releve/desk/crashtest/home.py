"""The runs of an installation, each a folder under ``crashtests`` of its home.

==================  ==========================================================================
``desk.json``       who asked for what, and when
``inputs/``         the operator, the plan and the plan compared with, while they are needed
``run/``            the run folder that ``releve crashtest`` writes
``lock``            held by the process of the run, and by the command it started
``began``           written when its turn has come: one run at a time
``stop``            somebody asked to stop it
``failed.json``     why it could not go on
==================  ==========================================================================

The state of a run is read from its folder alone, so it survives the web process. No Django here.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from releve.files.atomic import write_file
from releve.files.locks import try_lock

__all__ = ["Asked", "Crashed", "Home", "held"]

PATIENCE_S = 60.0
"""How long a process may take to appear before the run counts as broken off."""


@dataclass(frozen=True)
class Asked:
    """What a run was asked for at the desk. ``version`` of the reference data; ``plan`` and
    ``beside`` name where the plans come from (``beside`` empty: no second plan)."""

    name: str
    by: str
    at: str
    version: int
    agents: int
    plan: str
    beside: str
    policies: tuple[str, ...]
    quarters: int
    days: int
    seed: int
    hazards: bool
    nearest: bool

    @property
    def cases(self) -> int:
        return len(self.policies) + bool(self.beside)

    @property
    def work(self) -> int:
        """Agent-days to simulate, by which runs of different sizes are compared."""
        return self.cases * self.quarters * self.days * self.agents


@dataclass(frozen=True)
class Crashed:
    """A run as its folder says: ``state`` is waiting, running, stopping, stopped, broken, failed
    or done; ``seconds`` it has been at work, as far as it is known."""

    id: str
    folder: Path
    asked: Asked
    state: str
    reason: str = ""
    seconds: float = 0.0

    @property
    def run(self) -> Path:
        return self.folder / "run"


class Home:
    """The folder of an installation's runs."""

    def __init__(self, home: Path) -> None:
        self.root = home / "crashtests"

    def add(self, asked: Asked, inputs: Mapping[str, Mapping[str, bytes]]) -> Path:
        """Make the folder of a new run with the files of its inputs; return it.

        It is made beside its place and renamed, so that a reader never sees half of it.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = asked.at[:19].replace("-", "").replace(":", "").replace("T", "-")
        name = f"{stamp}-{secrets.token_hex(3)}"
        fresh = self.root / f".{name}"
        for part, files in inputs.items():
            (fresh / "inputs" / part).mkdir(parents=True)
            for file, content in files.items():
                (fresh / "inputs" / part / file).write_bytes(content)
        text = json.dumps(asdict(asked), ensure_ascii=False, indent=1)
        (fresh / "desk.json").write_text(text, encoding="utf-8")
        fresh.rename(self.root / name)
        return self.root / name

    def remove(self, run: Crashed) -> bool:
        """Remove a run, whole; False while a process is at work on it."""
        stream = try_lock(run.folder / "lock")
        if stream is None:
            return False
        with stream:
            gone = self.root / f".{run.id}"
            run.folder.rename(gone)
        shutil.rmtree(gone)
        return True

    def runs(self) -> list[Crashed]:
        """Return every run, the newest first."""
        try:
            names = sorted(os.listdir(self.root), reverse=True)
        except FileNotFoundError:
            return []
        found = (self.get(name) for name in names if not name.startswith("."))
        return [run for run in found if run is not None]

    def get(self, name: str) -> Crashed | None:
        """Return a run by its id; None when there is none of that name."""
        folder = self.root / name
        try:
            tree = json.loads((folder / "desk.json").read_text(encoding="utf-8"))
            asked = Asked(**{**tree, "policies": tuple(tree["policies"])})
        except (OSError, ValueError, TypeError):
            return None
        state, reason = _state(folder)
        return Crashed(name, folder, asked, state, reason, _seconds(folder, state))


def _state(folder: Path) -> tuple[str, str]:
    if (folder / "run" / "certificate.json").exists():
        return "done", ""
    if held(folder):
        if (folder / "stop").exists():
            return "stopping", ""
        return ("running" if (folder / "began").exists() else "waiting"), ""
    if (folder / "failed.json").exists():
        tree = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
        return "failed", str(tree["reason"])
    if (folder / "stop").exists():
        return "stopped", ""
    asked = _changed(folder / "asked")
    young = asked is not None and time.time() - asked < PATIENCE_S
    return ("waiting" if young else "broken"), ""


def _seconds(folder: Path, state: str) -> float:
    began = _changed(folder / "began")
    end = time.time() if state == "running" else _changed(folder / "run" / "certificate.json")
    return 0.0 if began is None or end is None else max(0.0, end - began)


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def held(folder: Path) -> bool:
    """Return whether a process is at work on a run."""
    stream = try_lock(folder / "lock")
    if stream is None:
        return True
    stream.close()
    return False


def now_text() -> str:
    """Return the instant as a run keeps it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a small file beside its place and put it there."""
    write_file(path, json.dumps(tree, ensure_ascii=False))
