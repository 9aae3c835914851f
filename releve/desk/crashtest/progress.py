"""How far a run is, and what its parts say already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.call_types import PROGRAMME
from releve.crashtest.estimates import ratio
from releve.crashtest.outbreak import Estimate
from releve.desk.crashtest.home import Crashed

__all__ = ["CaseDone", "Lost", "lost_of", "progress"]

_OFFERED, _LOST = PROGRAMME.index("offered"), PROGRAMME.index("lost")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lost:
    """Of the quarters of a part: calls offered and lost, agents infected and site-days closed, and
    per client the days on which it was served, ``served[r, client]``."""

    first: int
    offered: Floats
    lost: Floats
    outbreak: Floats
    served: Floats


@dataclass(frozen=True, slots=True)
class CaseDone:
    """A case on its way: quarters done, and the share of calls served so far."""

    label: str
    done: int
    served: Estimate | None


def progress(run: Crashed) -> tuple[CaseDone, ...]:
    """Return how far each case of a run is; nothing before the run folder is there."""
    try:
        tree: dict[str, Any] = json.loads((run.run / "run.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return ()
    return tuple(_done(run.run, at, case["label"]) for at, case in enumerate(tree["cases"]))


def _done(folder: Path, at: int, label: str) -> CaseDone:
    parts = lost_of(folder, at)
    if not parts:
        return CaseDone(label, 0, None)
    offered = np.concatenate([part.offered for part in parts])
    lost = np.concatenate([part.lost for part in parts])
    return CaseDone(label, len(offered), ratio(offered - lost, offered))


def lost_of(folder: Path, case: int) -> Sequence[Lost]:
    """Return the parts of a case that are there, in order."""
    return [_part(path) for path in sorted((folder / "cases" / str(case)).glob("part-*.npz"))]


@lru_cache(maxsize=4096)
def _part(path: Path) -> Lost:
    """Return what a part says; a part never changes, so it is read once."""
    with np.load(path) as held:
        programme = held["programme"]
        return Lost(
            int(held["first"]),
            programme[:, :, _OFFERED].sum(axis=1),
            programme[:, :, _LOST].sum(axis=1),
            held["outbreak"],
            held["client"][:, :, 1],
        )
