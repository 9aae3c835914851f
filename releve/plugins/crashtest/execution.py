"""Run the cases of a crash test part by part, here or on a Dask cluster, resuming from its folder.

On a cluster the test is sent once; a part is its first quarter and their number. A quarter depends
on nothing else, so the rows are the same bits everywhere. A part of a lost worker is done again
elsewhere; one that fails twice stops the run and keeps the parts done so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from releve.plugins.crashtest.engine import (
    CrashTest,
    CrashTestError,
    Quarters,
    RunArrays,
    Runner,
    build_run_arrays,
    join_quarters,
)
from releve.plugins.crashtest.engine.ablation import (
    Ablation,
    estimate_ratio,
    join_ablations,
    rerun_ablated,
    select_lost_calls,
)
from releve.plugins.crashtest.engine.comparison import Case
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.request import ClusterError
from releve.plugins.crashtest.run_folder import read_ablations, read_parts, write_part, write_step

Found = TypeVar("Found")

CONNECT_S = 20
"""Seconds in which a scheduler must answer."""


def run_part(prepared: RunArrays, first: int, count: int) -> Quarters:
    return Runner(prepared).run(first, count)


def run_ablation_part(prepared: RunArrays, first: int, count: int) -> Ablation:
    """Run a part on a worker as it comes and without each cause."""
    runner = Runner(prepared)
    return rerun_ablated(prepared, runner, first, select_lost_calls(runner.run(first, count)))


def run_on_cluster(
    prepared: RunArrays, parts: Sequence[tuple[int, int]], address: str, work: Callable[[RunArrays, int, int], Found]
) -> Iterator[Found]:
    """Do parts (first, count) on the cluster at ``address``; yield them as they are done."""
    distributed = _library()
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler at {address}: {error}; start one (dask scheduler) and name its"
            " address, like tcp://10.0.0.5:8786"
        ) from None
    with client:
        sent = client.scatter(prepared, broadcast=True, hash=False)
        jobs = [client.submit(work, sent, first, count, pure=False, retries=1) for first, count in parts]
        for job in distributed.as_completed(jobs, loop=client.loop):
            try:
                found: Found = job.result()
            except CrashTestError:
                raise
            except Exception as error:
                raise ClusterError(f"a part failed twice on the cluster: {error}") from error
            yield found


def _library() -> Any:
    try:
        import distributed  # optional, and slow to import
    except ImportError:
        raise ClusterError("Dask is not installed: pip install 'releve[dask]', or run without --dask") from None
    return distributed


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
    wanted = [(first, min(PART_QUARTERS, quarters - first)) for first in range(0, quarters, PART_QUARTERS)]
    return [part for part in wanted if part not in there]


def run_case(
    number: int, label: str, test: CrashTest, execution: Execution, report: ProgressReport = ignore_progress
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
    number: int, case: Case, quarters: int, execution: Execution, report: ProgressReport = ignore_progress
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
