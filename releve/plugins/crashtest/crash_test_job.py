"""Crash tests that users order: the order, and the work in its folder.

A crash test from its request to its results, certificate and run folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releve.files.plan_folder import read_packs
from releve.plugins.crashtest.engine import CrashResult, CrashTestError, Settings, build_result, result_to_json
from releve.plugins.crashtest.engine.ablation import Ablation
from releve.plugins.crashtest.engine.comparison import Case, Difference, compare, encode_difference
from releve.plugins.crashtest.engine.policies import Mix, apply_policies, rank_mixes
from releve.plugins.crashtest.engine.result import compute_penalties
from releve.plugins.crashtest.execution import Execution, ProgressReport, ignore_progress, run_ablation, run_case
from releve.plugins.crashtest.request import (
    CrashTestRequest,
    EventsFileError,
    build_cases,
    count_ablation_quarters,
    describe_inputs,
)
from releve.plugins.crashtest.run_folder import (
    begin_run,
    build_certificate,
    clear_step,
    digest_parts,
    list_differences,
    write_json,
    write_result,
)
from releve.runs.job_store import Job, JobKind, RunError


@dataclass(frozen=True)
class CrashTestReport:
    """What a crash test found: each case, its result, and its difference from the first case."""

    cases: tuple[Case, ...]
    results: tuple[CrashResult, ...]
    differences: tuple[Difference, ...]
    certificate: dict[str, Any]


def run_crash_test(
    request: CrashTestRequest, execution: Execution, *, resume: bool = False, report: ProgressReport = ignore_progress
) -> CrashTestReport:
    """Run what is missing of a crash test, and write its results into the run folder if any.

    ``resume`` continues the run that the folder holds. RunError or CrashTestError say what is wrong
    with the request, the folder or the inputs, and the fix.
    """
    tests = build_cases(request)
    inputs = describe_inputs(request, tests)
    if execution.folder is not None:
        begin_run(execution.folder, inputs, resume=resume)
    cases: list[Case] = []
    ablation = None
    for number, (label, test) in enumerate(tests):
        cases.append(run_case(number, label, test, execution, report))
        if number == 0:
            ablation = run_ablation(0, cases[0], request.ablation_quarters, execution, report)
    found = _summarise(cases, ablation, inputs)
    _write_report(execution, found)
    return found


def _summarise(cases: Sequence[Case], ablation: Ablation | None, inputs: Mapping[str, Any]) -> CrashTestReport:
    results = tuple(
        build_result(case.test, case.ready, case.rows, case.label, None if number else ablation)
        for number, case in enumerate(cases)
    )
    digests = {one.label: digest_parts([result_to_json(one).encode()]) for one in results}
    return CrashTestReport(
        cases=tuple(cases),
        results=results,
        differences=tuple(compare(cases[0], case) for case in cases[1:]),
        certificate=build_certificate(inputs, digests),
    )


def _write_report(execution: Execution, found: CrashTestReport) -> None:
    folder = execution.folder
    if folder is None:
        return
    for number, result in enumerate(found.results):
        write_result(folder, number, result)
    beside = [encode_difference(one) for one in found.differences]
    write_json(folder / "comparison.json", {"cases": beside})
    write_json(folder / "certificate.json", found.certificate)
    clear_step(folder)


def list_changes(found: CrashTestReport, certificate: Mapping[str, Any]) -> list[str]:
    """Return where a run differs from the certificate that it was to repeat; empty = nowhere."""
    return list_differences(certificate, json.loads(json.dumps(found.certificate)))


def find_best_mixes(
    found: CrashTestReport,
    prices: Mapping[str, float],
    budget: float,
    execution: Execution,
    report: ProgressReport = ignore_progress,
) -> tuple[Mix, ...]:
    """Simulate every mix of measures that a budget (EUR a quarter) buys, on the first case.

    ``prices`` of each measure to try, in EUR a quarter.
    """
    here = Execution(execution.threads, execution.dask)
    test = found.cases[0].test

    def measure_penalty(chosen: tuple[str, ...]) -> float:
        label = "mix: " + (", ".join(chosen) or "nothing")
        case = run_case(0, label, apply_policies(chosen, test), here, report)
        return float(compute_penalties(case.ready, case.rows).sum(axis=1).mean())

    return rank_mixes(tuple(prices), prices, budget, measure_penalty)


THREADS = 2


@dataclass(frozen=True)
class CrashTestOrder:
    """What a crash test was ordered with.

    ``version`` of the reference data; ``plan`` and ``beside`` name where the plans come from
    (``beside`` empty: no second plan).
    """

    name: str
    by: str
    at: str
    version: int
    agents: int
    plan: str
    beside: str
    policies: tuple[str, ...]
    quarters: int
    days: int
    seed: int
    hazards: bool
    nearest: bool

    @property
    def cases(self) -> int:
        """The number of cases: one for each policy, and one for a second plan."""
        return len(self.policies) + bool(self.beside)

    @property
    def work(self) -> int:
        """Agent-days to simulate, by which jobs of different sizes are compared."""
        return self.cases * self.quarters * self.days * self.agents


CrashTestJob = Job[CrashTestOrder]


def build_job_request(folder: Path, order: CrashTestOrder) -> CrashTestRequest:
    inputs = folder / "inputs"
    return CrashTestRequest(
        operator=inputs / "operator",
        plan=inputs / "plan",
        compare=inputs / order.beside if order.beside else None,
        with_hazards=order.hazards,
        rules=tuple(sorted((inputs / "rules").glob("*.yaml"))),
        packs=read_packs(inputs / "plan"),
        settings=Settings(quarters=order.quarters, days=order.days, seed=order.seed, nearest=order.nearest),
        policies=order.policies,
        ablation_quarters=count_ablation_quarters(None, order.quarters),
    )


def execute_crash_test(job: CrashTestJob) -> None:
    """Run what is missing of an ordered crash test into its run folder."""
    request = build_job_request(job.folder, job.order)
    run_ordered(request, Execution(THREADS, folder=job.run_folder), resume=True)


def run_ordered(request: CrashTestRequest, execution: Execution, *, resume: bool = False) -> CrashTestReport:
    """Run what is missing of a crash test; RunError says why it cannot go on, and quotes no event."""
    try:
        return run_crash_test(request, execution, resume=resume)
    except EventsFileError:
        raise RunError("") from None
    except CrashTestError as error:
        raise RunError(str(error)) from None


CRASH_TESTS = JobKind("crashtests", "run/certificate.json", CrashTestOrder, execute_crash_test, take_turns=True)
