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

from releve.crashtest import join
from releve.crashtest.call_types import CLIENT, PROGRAMME
from releve.crashtest.estimates import ratio
from releve.crashtest.outbreak import Estimate
from releve.crashtest.settings import INTERVALS
from releve.crashtest_folder import RunFolderError, read_doing, read_parts, read_run
from releve.desk.crashtest.home import Crashed

__all__ = ["CaseDone", "Columns", "Doing", "Lost", "columns_of", "doing_of", "lost_of", "progress"]

_OFFERED, _LOST = PROGRAMME.index("offered"), PROGRAMME.index("lost")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lost:
    """Of the quarters of a part: calls offered and lost."""

    first: int
    offered: Floats
    lost: Floats


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


@dataclass(frozen=True, slots=True)
class Doing:
    """What a run does now: ``what`` is reading, preparing, running or without, at case number
    ``case``; of the quarters lived again without each cause ``done`` of ``all``."""

    what: str
    case: int = 0
    done: int = 0
    all: int = 0


def doing_of(run: Crashed) -> Doing:
    """Return what a run does: reading as long as its command has not said so."""
    try:
        tree = read_run(run.run)
    except RunFolderError:
        return Doing("reading")
    case, what = read_doing(run.run) or (0, "preparing")
    parts = sorted((run.run / "cases" / str(case)).glob("without-*.npz"))
    return Doing(what, case, sum(_length(path) for path in parts), int(tree.get("without", 0)))


@lru_cache(maxsize=4096)
def _length(path: Path) -> int:
    with np.load(path) as held:
        return len(held["penalty"])


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
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """Of every quarter of a case: calls ``lost[r, programme]``, days on which a client was
    ``served[r, client]``, ``days[r, place]`` lost, ``closures[r, place]`` by the rule, and the
    fields of the ``outbreak``."""

    lost: Floats
    served: Floats
    days: Floats
    closures: Floats
    outbreak: Floats


def columns_of(folder: Path, case: int) -> Columns:
    """Return the quarters of a finished case, read anew."""
    rows = join(read_parts(folder, case))
    return Columns(
        rows.programme[:, :, _LOST],
        rows.client[:, :, CLIENT.index("served")].astype(np.float64),
        rows.lost.sum(axis=2) / INTERVALS,
        rows.closures.astype(np.float64),
        rows.outbreak.astype(np.float64),
    )
