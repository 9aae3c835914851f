"""How far a run is, and what its parts say already.

What finished crash tests found, read from their folders, and two of them compared.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from releve.kernels.arrays import Floats
from releve.plugins.crashtest.crash_test_job import CrashTestJob
from releve.plugins.crashtest.engine.ablation import estimate_mean, estimate_ratio
from releve.plugins.crashtest.engine.comparison import Difference, decode_difference
from releve.plugins.crashtest.engine.kernel_types import CLIENT, PROGRAMME
from releve.plugins.crashtest.engine.outbreak import FIELDS, Estimate
from releve.plugins.crashtest.engine.result import CrashResult
from releve.plugins.crashtest.engine.run import join_quarters
from releve.plugins.crashtest.engine.settings import INTERVALS
from releve.plugins.crashtest.execution import (
    CaseProgress,
    RunFolderError,
    read_parts,
    read_result,
    read_run,
    read_step,
)
from releve.plugins.crashtest.importation import CurveOutbreak, read_importation

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
    parts = [_read_part(path) for path in sorted((folder / "cases" / str(at)).glob("part-*.npz"))]
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


_SAME: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "seed": lambda tree: tree["settings"]["seed"],
    "days": lambda tree: tree["settings"]["days"],
    "quarters": lambda tree: tree["settings"]["quarters"],
    "start": lambda tree: tree["start"] or tree["cases"][0]["days"][0],
    "operator": lambda tree: tree["inputs"]["operator"],
    "hazards": lambda tree: (tree["hazards"], tree["inputs"].get("hazards")),
    "outbreak": lambda tree: (
        tree["illness"],
        tree["reproduction"],
        tree["outside"],
        tree.get("curves"),
        tree["inputs"].get("incidence"),
        tree["inputs"].get("events"),
    ),
}
"""What must be the same for two runs to have met the same disasters."""
_RULE_CASES = ("as-given", "no-tests", "no-rule")
"""The closure rule with tests of people with symptoms, without them, and no rule."""


@dataclass(frozen=True)
class RunResults:
    """What a run found: the result of each case, the others beside the first, and the outbreak on named curves."""

    results: tuple[CrashResult, ...]
    comparison: tuple[Difference, ...]
    certificate: Mapping[str, Any]
    importation: tuple[CurveOutbreak, ...] = ()

    @property
    def rule_cases(self) -> list[CrashResult]:
        known = {one.label: one for one in self.results}
        return [known[label] for label in _RULE_CASES if label in known]

    @property
    def rule_differences(self) -> list[Difference]:
        """The cases without the rule or its tests less the one with both."""
        first, *others = _RULE_CASES
        rows = (row for row in self.comparison if row.against == first)
        return [row for row in rows if row.label in others]


@dataclass(frozen=True, slots=True)
class ComparedCase:
    """One of the two: a run, what it found, and which of its cases is compared."""

    run: CrashTestJob
    found: RunResults
    case: int

    @property
    def result(self) -> CrashResult:
        return self.found.results[self.case]

    @property
    def columns(self) -> QuarterColumns:
        rows = join_quarters(read_parts(self.run.run_folder, self.case))
        return QuarterColumns(
            rows.programme[:, :, _LOST],
            rows.client[:, :, CLIENT.index("served")].astype(np.float64),
            rows.lost.sum(axis=2) / INTERVALS,
            rows.closures.astype(np.float64),
            rows.outbreak.astype(np.float64),
        )

    @property
    def clients_of(self) -> list[str] | None:
        """The client of each programme; None in a run of an earlier version, which lacks it."""
        rows = self.found.certificate["cases"][self.case].get("programmes")
        return None if rows is None else [client for _programme, client in rows]


Differences = Mapping[str, Mapping[str, Estimate]]


def load_run_results(run: CrashTestJob) -> RunResults:
    certificate = read_run(run.run_folder / "certificate.json")
    results = tuple(read_result(run.run_folder, at) for at in range(len(certificate["cases"])))
    beside = json.loads((run.run_folder / "comparison.json").read_text(encoding="utf-8"))
    differences = tuple(decode_difference(row) for row in beside["cases"])
    return RunResults(results, differences, certificate, read_importation(run.run_folder))


def list_differing_inputs(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs of that which decides luck, by name."""
    return tuple(name for name, of in _SAME.items() if of(one) != of(other))


def compute_differences(sides: tuple[ComparedCase, ComparedCase]) -> Differences:
    """Return the second less the first, quarter by quarter, with intervals: ``total`` by measure,
    ``lost`` calls and ``served`` days by client, ``days`` lost and ``closures`` by site."""
    one, two = (side.columns for side in sides)
    total = {"lost": estimate_mean(two.lost.sum(axis=1) - one.lost.sum(axis=1))}
    for name in ("site_days_closed", "infected"):
        column = FIELDS.index(name)
        total[name] = estimate_mean(two.outbreak[:, column] - one.outbreak[:, column])
    clients = [row.client for row in sides[0].result.clients]
    sites = [row.site for row in sides[0].result.sites]
    return {
        "total": total,
        "lost": _compare_lost_calls(sides, (one, two), clients),
        "served": {c: estimate_mean(two.served[:, i] - one.served[:, i]) for i, c in enumerate(clients)},
        "days": {s: estimate_mean(two.days[:, i] - one.days[:, i]) for i, s in enumerate(sites)},
        "closures": {s: estimate_mean(two.closures[:, i] - one.closures[:, i]) for i, s in enumerate(sites)},
    }


def _compare_lost_calls(
    sides: tuple[ComparedCase, ComparedCase], columns: tuple[QuarterColumns, QuarterColumns], clients: Sequence[str]
) -> dict[str, Estimate]:
    """Return the difference in calls lost by client; nothing where a run does not say whose a
    programme is."""
    owners = [side.clients_of for side in sides]
    if owners[0] is None or owners[1] is None:
        return {}
    found = {}
    for client in clients:
        lost = [
            part.lost[:, [owner == client for owner in of]].sum(axis=1)
            for part, of in zip(columns, (owners[0], owners[1]), strict=True)
        ]
        found[client] = estimate_mean(lost[1] - lost[0])
    return found
