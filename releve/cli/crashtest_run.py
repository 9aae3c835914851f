"""Running the cases of ``releve crashtest``: parts, progress, early estimates, a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from releve.crashtest import CrashTest, Prepared, Quarters, Runner, build_run_arrays, join
from releve.crashtest.ablation import Without, join_without, live_without, lost_of
from releve.crashtest.call_types import PROGRAMME
from releve.crashtest.comparison import Case
from releve.crashtest.estimates import ratio
from releve.crashtest_dask import run_part, spread, without_part
from releve.crashtest_folder import doing, read_parts, read_without, write_part

__all__ = ["PART", "How", "missing_parts", "run_case", "run_without"]

PART = 64
"""Quarters of a part."""

Early = Callable[[int, int, str], None]
Part = TypeVar("Part", Quarters, Without)


@dataclass(frozen=True)
class How:
    """Where and how a run is made: threads here, or a Dask cluster; a run folder or none."""

    threads: int = 1
    dask: str | None = None
    folder: Path | None = None

    def say(self, case: int, what: str) -> None:
        """Say in the run folder, if there is one, what is done now."""
        if self.folder is not None:
            doing(self.folder, case, what)

    def keep(self, case: int, part: Quarters | Without) -> None:
        """Write a part into the run folder, if there is one."""
        if self.folder is not None:
            write_part(self.folder, case, part)


def missing_parts(quarters: int, there: Sequence[Quarters | Without]) -> list[tuple[int, int]]:
    """Return the parts (first, count) of a run that are not there."""
    done = {(part.first, len(part)) for part in there}
    wanted = [(first, min(PART, quarters - first)) for first in range(0, quarters, PART)]
    return [part for part in wanted if part not in done]


def run_case(number: int, label: str, test: CrashTest, how: How, early: Early) -> Case:
    """Run what is missing of a case; ``early(done, of, estimate)`` is told after each part."""
    how.say(number, "preparing")
    ready = build_run_arrays(test)
    how.say(number, "running")
    of = test.settings.quarters
    parts = _wanted(of, read_parts(how.folder, number) if how.folder else [])
    left = missing_parts(of, parts)
    for part in _made(ready, left, how, run_part, Runner(ready).run):
        how.keep(number, part)
        parts.append(part)
        early(sum(len(one) for one in parts), of, _estimate(parts))
    return Case(label, test, ready, join(parts))


def run_without(number: int, case: Case, quarters: int, how: How, early: Early) -> Without | None:
    """Live the first ``quarters`` of a case again without each cause, what is missing of them."""
    if not quarters:
        return None
    how.say(number, "without")
    parts = _wanted(quarters, read_without(how.folder, number) if how.folder else [])
    left = missing_parts(quarters, parts)
    lost, runner = lost_of(case.rows), Runner(case.ready)

    def part_of(first: int, count: int) -> Without:
        return live_without(case.ready, runner, first, lost[first : first + count])

    for part in _made(case.ready, left, how, without_part, part_of):
        how.keep(number, part)
        parts.append(part)
        early(sum(len(one) for one in parts), quarters, "")
    return join_without(parts)


def _wanted(quarters: int, parts: Sequence[Part]) -> list[Part]:
    """Return the parts of a folder that a run of so many quarters is made of."""
    wanted = set(missing_parts(quarters, ()))
    return [part for part in parts if (part.first, len(part)) in wanted]


def _made(
    ready: Prepared,
    left: Sequence[tuple[int, int]],
    how: How,
    there: Callable[[Prepared, int, int], Part],
    here: Callable[[int, int], Part],
) -> Iterator[Part]:
    """Yield parts as they are done: ``there`` on a cluster if there is one, else ``here``."""
    if not left:
        return
    if how.dask is not None:
        yield from spread(ready, left, how.dask, there)
        return
    with ThreadPoolExecutor(how.threads) as pool:
        jobs = [pool.submit(here, first, count) for first, count in left]
        try:
            for job in jobs:
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _estimate(parts: Sequence[Quarters]) -> str:
    """Return the share of calls served so far, with its interval."""
    offered = [part.programme[:, :, PROGRAMME.index("offered")].sum(axis=1) for part in parts]
    lost = [part.programme[:, :, PROGRAMME.index("lost")].sum(axis=1) for part in parts]
    below, gone = np.concatenate(offered), np.concatenate(lost)
    found = ratio(below - gone, below)
    return f"served {found.value:.2%} ({found.low:.2%} to {found.high:.2%})"
