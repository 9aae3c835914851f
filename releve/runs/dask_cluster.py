"""Spread the parts of a crash test over the machines of a Dask cluster.

The test is sent once; a part is its first quarter and their number. What a quarter gives depends
on nothing else, so the rows are the same bits wherever they are made. A part of a lost worker is
done again elsewhere; one that fails twice stops the run, with the parts done so far kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from releve.crashtest import CrashTestError, Quarters, RunArrays, Runner
from releve.crashtest.ablation import Ablation, rerun_ablated, select_lost_calls
from releve.runs.errors import ClusterError

__all__ = ["run_ablation_part", "run_on_cluster", "run_part"]

Found = TypeVar("Found")

CONNECT_S = 20
"""Seconds in which a scheduler must answer."""


def run_part(prepared: RunArrays, first: int, count: int) -> Quarters:
    """Run a part on a worker."""
    return Runner(prepared).run(first, count)


def run_ablation_part(prepared: RunArrays, first: int, count: int) -> Ablation:
    """Run a part on a worker as it comes and without each cause."""
    runner = Runner(prepared)
    return rerun_ablated(prepared, runner, first, select_lost_calls(runner.run(first, count)))


def run_on_cluster(
    prepared: RunArrays,
    parts: Sequence[tuple[int, int]],
    address: str,
    work: Callable[[RunArrays, int, int], Found],
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
        jobs = [
            client.submit(work, sent, first, count, pure=False, retries=1) for first, count in parts
        ]
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
        raise ClusterError(
            "Dask is not installed: pip install 'releve[dask]', or run without --dask"
        ) from None
    return distributed
