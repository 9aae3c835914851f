"""How far a run is, and what its parts say already."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from releve.files.run_folder import RunFolderError, read_parts, read_run, read_step
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.crash_test_job import CrashTestJob
from releve.plugins.crashtest.engine import join_quarters
from releve.plugins.crashtest.engine.ablation import estimate_ratio
from releve.plugins.crashtest.engine.kernel_types import CLIENT, PROGRAMME
from releve.plugins.crashtest.engine.settings import INTERVALS
from releve.runs.execution import CaseProgress

_OFFERED, _LOST = PROGRAMME.index("offered"), PROGRAMME.index("lost")


@dataclass(frozen=True, slots=True)
class PartCalls:
    """Of the quarters of a part, the first of which is number ``first``: calls offered and lost."""

    first: int
    offered: Floats
    lost: Floats


@dataclass(frozen=True, slots=True)
class CurrentStep:
    """What a run does now, at case number ``case``.

    ``step`` is reading, preparing, running or without; of the quarters rerun with each cause
    removed ``done`` of ``total``.
    """

    step: str
    case: int = 0
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a crash test is: its ``cases``, and what it does now (None: it is not at work).

    ``seconds`` at work, by tens, so that a page stays the same meanwhile; ``minutes_left`` by the
    pace so far, None where that is not known.
    """

    cases: tuple[CaseProgress, ...]
    step: CurrentStep | None
    seconds: int
    minutes_left: int | None

    @property
    def begins(self) -> bool:
        """Whether the case at work has no quarter yet."""
        case = 0 if self.step is None else self.step.case
        return case >= len(self.cases) or not self.cases[case].done


def read_run_progress(job: CrashTestJob) -> RunProgress:
    """Return how far a crash test is, with what its parts say already."""
    cases = _read_cases(job)
    made, wanted = sum(one.done for one in cases), job.order.cases * job.order.quarters
    left = None
    if job.state == "running" and 0 < made < wanted:
        left = math.ceil(job.seconds / made * (wanted - made) / 60)
    return RunProgress(
        cases,
        _read_current_step(job) if job.state in ("running", "stopping") else None,
        10 * int(job.seconds / 10),
        left,
    )


def _read_cases(job: CrashTestJob) -> tuple[CaseProgress, ...]:
    """Return how far each case of a crash test is; nothing before the run folder is there."""
    folder = job.run_folder
    try:
        tree: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return ()
    return tuple(_read_case(folder, at, case["label"], job.order.quarters) for at, case in enumerate(tree["cases"]))


def _read_case(folder: Path, at: int, label: str, quarters: int) -> CaseProgress:
    parts = read_part_calls(folder, at)
    if not parts:
        return CaseProgress(label, "running", 0, quarters)
    offered = np.concatenate([part.offered for part in parts])
    lost = np.concatenate([part.lost for part in parts])
    return CaseProgress(label, "running", len(offered), quarters, estimate_ratio(offered - lost, offered))


def _read_current_step(job: CrashTestJob) -> CurrentStep:
    """Return what a crash test does now: ``reading`` until its run folder is there."""
    folder = job.run_folder
    try:
        tree = read_run(folder)
    except RunFolderError:
        return CurrentStep("reading")
    case, step = read_step(folder) or (0, "preparing")
    parts = sorted((folder / "cases" / str(case)).glob("without-*.npz"))
    done = sum(_count_quarters(path) for path in parts)
    return CurrentStep(step, case, done, int(tree.get("without", 0)))


@lru_cache(maxsize=4096)
def _count_quarters(path: Path) -> int:
    with np.load(path) as held:
        return len(held["penalty"])


def read_part_calls(folder: Path, case: int) -> Sequence[PartCalls]:
    return [_read_part(path) for path in sorted((folder / "cases" / str(case)).glob("part-*.npz"))]


@lru_cache(maxsize=4096)
def _read_part(path: Path) -> PartCalls:
    """Return the calls of a part; a part never changes, so it is read once."""
    with np.load(path) as held:
        programme = held["programme"]
        return PartCalls(int(held["first"]), programme[:, :, _OFFERED].sum(axis=1), programme[:, :, _LOST].sum(axis=1))


@dataclass(frozen=True, slots=True)
class QuarterColumns:
    """Of every quarter of a case: calls ``lost[r, programme]``, days on which a client was
    ``served[r, client]``, ``days[r, place]`` lost, ``closures[r, place]`` by the rule, and the
    fields of the ``outbreak``."""

    lost: Floats
    served: Floats
    days: Floats
    closures: Floats
    outbreak: Floats


def read_quarter_columns(folder: Path, case: int) -> QuarterColumns:
    rows = join_quarters(read_parts(folder, case))
    return QuarterColumns(
        rows.programme[:, :, _LOST],
        rows.client[:, :, CLIENT.index("served")].astype(np.float64),
        rows.lost.sum(axis=2) / INTERVALS,
        rows.closures.astype(np.float64),
        rows.outbreak.astype(np.float64),
    )
