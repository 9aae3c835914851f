"""Running the cases of ``releve crashtest``: parts, progress, early estimates, a run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from releve.crashtest import CrashTest, Prepared, Quarters, Runner, join, prepare
from releve.crashtest.call_types import PROGRAMME
from releve.crashtest.comparison import Case
from releve.crashtest.estimates import ratio
from releve.crashtest_dask import spread
from releve.crashtest_folder import read_parts, write_part

__all__ = ["PART", "How", "missing_parts", "run_case"]

PART = 64
"""Quarters of a part."""

Early = Callable[[int, int, str], None]


@dataclass(frozen=True)
class How:
    """Where and how a run is made: threads here, or a Dask cluster; a run folder or none."""

    threads: int = 1
    dask: str | None = None
    folder: Path | None = None


def missing_parts(quarters: int, there: Sequence[Quarters]) -> list[tuple[int, int]]:
    """Return the parts (first, count) of a run that are not there."""
    done = {(part.first, len(part)) for part in there}
    wanted = [(first, min(PART, quarters - first)) for first in range(0, quarters, PART)]
    return [part for part in wanted if part not in done]


def run_case(number: int, label: str, test: CrashTest, how: How, early: Early) -> Case:
    """Run what is missing of a case; ``early(done, of, estimate)`` is told after each part."""
    ready = prepare(test)
    parts = read_parts(how.folder, number) if how.folder else []
    left = missing_parts(test.settings.quarters, parts)
    wanted = set(missing_parts(test.settings.quarters, ()))
    parts = [part for part in parts if (part.first, len(part)) in wanted]
    for part in _made(ready, left, how):
        if how.folder:
            write_part(how.folder, number, part)
        parts.append(part)
        early(sum(len(one) for one in parts), test.settings.quarters, _estimate(parts))
    return Case(label, test, ready, join(parts))


def _made(ready: Prepared, left: Sequence[tuple[int, int]], how: How) -> Iterator[Quarters]:
    if not left:
        return
    if how.dask is not None:
        yield from spread(ready, left, how.dask)
        return
    runner = Runner(ready)
    with ThreadPoolExecutor(how.threads) as pool:
        jobs = [pool.submit(runner.run, first, count) for first, count in left]
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
