"""Run the cases of a crash test part by part: here or on a cluster, from where a folder stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from releve.crashtest import CrashTest, Quarters, RunArrays, Runner, build_run_arrays, join_quarters
from releve.crashtest.ablation import Ablation, join_ablations, rerun_ablated, select_lost_calls
from releve.crashtest.comparison import Case
from releve.crashtest.estimates import estimate_ratio
from releve.crashtest.kernel_types import PROGRAMME
from releve.crashtest.outbreak import Estimate
from releve.files.run_folder import read_ablations, read_parts, write_part, write_step
from releve.runs.dask_cluster import run_ablation_part, run_on_cluster, run_part

__all__ = [
    "PART_QUARTERS",
    "CaseProgress",
    "Execution",
    "ProgressReport",
    "ignore_progress",
    "missing_parts",
    "run_ablation",
    "run_case",
]

PART_QUARTERS = 64
"""Quarters of a part, the unit that is saved, resumed and sent to a machine."""

Part = TypeVar("Part", Quarters, Ablation)


@dataclass(frozen=True, slots=True)
class CaseProgress:
    """Quarters ``done`` of ``total`` of a case, and the share of calls served in them.

    ``step`` is ``running``, or ``without`` while quarters are rerun with each cause removed; then
    ``served`` is None, as it is before the first part.
    """

    label: str
    step: str
    done: int
    total: int
    served: Estimate | None = None


ProgressReport = Callable[[CaseProgress], None]


def ignore_progress(progress: CaseProgress) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Execution:
    """Where a run is made: threads of this process, or a Dask cluster; a run folder or none."""

    threads: int = 1
    dask: str | None = None
    folder: Path | None = None

    def note_step(self, case: int, step: str) -> None:
        """Write the current step into the run folder, if there is one."""
        if self.folder is not None:
            write_step(self.folder, case, step)

    def save_part(self, case: int, part: Quarters | Ablation) -> None:
        """Write a part into the run folder, if there is one."""
        if self.folder is not None:
            write_part(self.folder, case, part)


def missing_parts(quarters: int, done: Sequence[Quarters | Ablation]) -> list[tuple[int, int]]:
    """Return the parts (first, count) of a run that are not done yet."""
    there = {(part.first, len(part)) for part in done}
    wanted = [
        (first, min(PART_QUARTERS, quarters - first)) for first in range(0, quarters, PART_QUARTERS)
    ]
    return [part for part in wanted if part not in there]


def run_case(
    number: int,
    label: str,
    test: CrashTest,
    execution: Execution,
    report: ProgressReport = ignore_progress,
) -> Case:
    """Run the missing parts of a case; progress is reported at the start and after each part."""
    execution.note_step(number, "preparing")
    ready = build_run_arrays(test)
    execution.note_step(number, "running")
    quarters = test.settings.quarters
    saved = read_parts(execution.folder, number) if execution.folder else []
    parts = _select_parts(quarters, saved)

    def report_parts() -> None:
        done = sum(len(one) for one in parts)
        report(CaseProgress(label, "running", done, quarters, _estimate_served(parts)))

    report_parts()
    left = missing_parts(quarters, parts)
    for part in _run_parts(ready, left, execution, run_part, Runner(ready).run):
        execution.save_part(number, part)
        parts.append(part)
        report_parts()
    return Case(label, test, ready, join_quarters(parts))


def run_ablation(
    number: int,
    case: Case,
    quarters: int,
    execution: Execution,
    report: ProgressReport = ignore_progress,
) -> Ablation | None:
    """Rerun the first ``quarters`` of a case with each cause removed; saved parts are read."""
    if not quarters:
        return None
    execution.note_step(number, "without")
    saved = read_ablations(execution.folder, number) if execution.folder else []
    parts = _select_parts(quarters, saved)
    lost, runner = select_lost_calls(case.rows), Runner(case.ready)

    def report_parts() -> None:
        report(CaseProgress(case.label, "without", sum(len(one) for one in parts), quarters))

    def run_here(first: int, count: int) -> Ablation:
        return rerun_ablated(case.ready, runner, first, lost[first : first + count])

    report_parts()
    left = missing_parts(quarters, parts)
    for part in _run_parts(case.ready, left, execution, run_ablation_part, run_here):
        execution.save_part(number, part)
        parts.append(part)
        report_parts()
    return join_ablations(parts)


def _select_parts(quarters: int, parts: Sequence[Part]) -> list[Part]:
    """Return the saved parts that a run of so many quarters consists of."""
    wanted = set(missing_parts(quarters, ()))
    return [part for part in parts if (part.first, len(part)) in wanted]


def _run_parts(
    ready: RunArrays,
    left: Sequence[tuple[int, int]],
    execution: Execution,
    run_there: Callable[[RunArrays, int, int], Part],
    run_here: Callable[[int, int], Part],
) -> Iterator[Part]:
    """Yield parts as they are done: on the cluster if there is one, else in threads."""
    if not left:
        return
    if execution.dask is not None:
        yield from run_on_cluster(ready, left, execution.dask, run_there)
        return
    with ThreadPoolExecutor(execution.threads) as pool:
        jobs = [pool.submit(run_here, first, count) for first, count in left]
        try:
            for job in jobs:
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _estimate_served(parts: Sequence[Quarters]) -> Estimate | None:
    """Return the share of calls served so far, with its interval."""
    if not parts:
        return None
    offered, lost = (
        np.concatenate([part.programme[:, :, PROGRAMME.index(name)].sum(axis=1) for part in parts])
        for name in ("offered", "lost")
    )
    return estimate_ratio(offered - lost, offered)
