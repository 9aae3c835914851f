"""Run the cases of a crash test part by part, here or on a Dask cluster, resuming from its folder.

On a cluster the test is sent once; a part is its first quarter and their number. A quarter depends
on nothing else, so the rows are the same bits everywhere. A part of a lost worker is done again
elsewhere; one that fails twice stops the run and keeps the parts done so far.

A run folder holds a crash test on the disk, whole or on its way:

==============================  ==============================================================
``run.json``                    what is run: the settings, the cases, the version, the digests of
                                the inputs
``cases/N/part-FIRST.npz``      the rows of a part of case N, from quarter FIRST on; written beside
                                and renamed, so that a killed run leaves whole parts only
``cases/N/without-FIRST.npz``   quarters of case N from FIRST on, rerun without each cause
``cases/N/result.json``         the result of a case whose parts are all there
``doing.json``                  while it is made: at which case, and what is done there
``comparison.json``             the cases beside the first, quarter by quarter
``certificate.json``            ``run.json`` and the digests of the results
==============================  ==============================================================
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from releve.files.atomic import write_file
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
from releve.plugins.crashtest.engine.result import CrashResult, result_from_json, result_to_json
from releve.plugins.crashtest.engine.run import Quarters, Runner, join_quarters
from releve.plugins.crashtest.engine.run_arrays import CrashTest, RunArrays, build_run_arrays
from releve.plugins.crashtest.engine.settings import CrashTestError
from releve.plugins.crashtest.request import ClusterError, digest_parts
from releve.runs.job_store import RunError

RUN_FORMAT = "releve-crashtest-run/1"


_DOING = "doing.json"


class RunFolderError(RunError):
    """A run folder that cannot be used as asked; the message says why and the fix."""


def begin_run(folder: Path, inputs: Mapping[str, Any], *, resume: bool) -> None:
    """Make a run folder for some inputs, or find that it holds a run of the same.

    RunFolderError when it holds another run, or holds one and ``resume`` is not asked for.
    """
    tree = {"format": RUN_FORMAT, **inputs}
    path = folder / "run.json"
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise RunFolderError(f"{folder} holds other files: name a new or an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, tree)
        return
    other = list_differences(read_run(folder), json.loads(json.dumps(tree)))
    if other:
        raise RunFolderError(f"{folder} holds another run ({'; '.join(other[:3])}): name another folder")
    if not resume:
        raise RunFolderError(f"{folder} holds this run already: --resume goes on with it")


def read_run(folder: Path) -> dict[str, Any]:
    path = folder / "run.json" if folder.is_dir() else folder
    try:
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise RunFolderError(f"{path} is not a run of a crash test: {error}") from None
    if not isinstance(tree, dict) or tree.get("format") != RUN_FORMAT:
        raise RunFolderError(f"{path} is not a run of this version: run the test again")
    return tree


def list_differences(one: Mapping[str, Any], other: Mapping[str, Any], where: str = "") -> list[str]:
    """Return the entries in which two trees differ, like ``settings.seed: 1, now 2``."""
    found: list[str] = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += list_differences(left, right, f"{where}{name}.")
        elif left != right:
            found.append(f"{where}{name}: {left}, now {right}")
    return found


def _find_case(folder: Path, case: int) -> Path:
    return folder / "cases" / str(case)


def write_part(folder: Path, case: int, part: Quarters | Ablation) -> None:
    """Write the rows of a part; a reader never sees half of it."""
    room = io.BytesIO()
    np.savez_compressed(room, **{item.name: getattr(part, item.name) for item in fields(part)})
    stem = "part" if isinstance(part, Quarters) else "without"
    _write(_find_case(folder, case) / f"{stem}-{part.first:08}.npz", room.getvalue())


def read_parts(folder: Path, case: int) -> list[Quarters]:
    paths = sorted(_find_case(folder, case).glob("part-*.npz"))
    return [Quarters(**_read_rows(path, Quarters)) for path in paths]


def read_ablations(folder: Path, case: int) -> list[Ablation]:
    """Return the saved parts of a case rerun without each cause, in order."""
    paths = sorted(_find_case(folder, case).glob("without-*.npz"))
    return [Ablation(**_read_rows(path, Ablation)) for path in paths]


def _read_rows(path: Path, kind: type[Quarters | Ablation]) -> dict[str, Any]:
    with np.load(path) as held:
        rows: dict[str, Any] = {item.name: held[item.name] for item in fields(kind)}
    return {**rows, "first": int(rows["first"])}


def write_step(folder: Path, case: int, what: str) -> None:
    """Say in a run folder what is done now: ``preparing``, ``running`` or ``without``."""
    write_json(folder / _DOING, {"case": case, "what": what})


def clear_step(folder: Path) -> None:
    """Say that nothing is done any more."""
    (folder / _DOING).unlink(missing_ok=True)


def read_step(folder: Path) -> tuple[int, str] | None:
    """Return the case that is at work and what is done there; None when it was not said."""
    try:
        tree = json.loads((folder / _DOING).read_text(encoding="utf-8"))
        return int(tree["case"]), str(tree["what"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_result(folder: Path, case: int, result: CrashResult) -> str:
    text = result_to_json(result).encode()
    _write(_find_case(folder, case) / "result.json", text)
    return digest_parts([text])


def read_result(folder: Path, case: int) -> CrashResult:
    """Return the result of a case; RunFolderError while it is not there."""
    path = _find_case(folder, case) / "result.json"
    if not path.exists():
        raise RunFolderError(f"{path} is not there: the run is on its way, or was stopped")
    return result_from_json(path.read_text(encoding="utf-8"))


def write_json(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a tree as JSON; a reader never sees half of it."""
    _write(path, json.dumps(tree, ensure_ascii=False, sort_keys=True, indent=1).encode())


def build_certificate(inputs: Mapping[str, Any], results: Mapping[str, str]) -> dict[str, Any]:
    """Return a certificate: what was run, and the digest of the result of each case by label."""
    return {"format": RUN_FORMAT, **inputs, "results": dict(results)}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)


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
