"""Crash tests and outlooks that users order: the order, and the work in its folder.

A crash test goes from its request to its results, certificate and run folder. An outlook is of
fourteen days from today's situation, as chances. It starts from cases, so its inputs are removed as
soon as its process ends, however it ends. ``found.json`` keeps the chances by site and by client.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from releve.errors import read_reason
from releve.files.atomic import try_lock, write_file
from releve.files.plan_folder import read_packs
from releve.plugins.crashtest.decision import CalmTarget, find_calm_targets, write_calm_targets
from releve.plugins.crashtest.engine.ablation import Ablation, estimate_share
from releve.plugins.crashtest.engine.comparison import Case, Difference, compare, encode_difference
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.outbreak.curves import load_shipped_curves
from releve.plugins.crashtest.engine.policies import Mix, apply_policies, rank_mixes
from releve.plugins.crashtest.engine.result import (
    CrashResult,
    build_result,
    compute_penalties,
    read_estimates,
    result_to_json,
)
from releve.plugins.crashtest.engine.settings import CrashTestError, Settings
from releve.plugins.crashtest.execution import (
    Execution,
    ProgressReport,
    begin_run,
    build_certificate,
    clear_step,
    ignore_progress,
    list_differences,
    run_ablation,
    run_case,
    write_json,
    write_result,
)
from releve.plugins.crashtest.importation import CurveOutbreak, compare_importation, write_importation
from releve.plugins.crashtest.request import (
    CrashTestRequest,
    EventsFileError,
    build_cases,
    count_ablation_quarters,
    describe_inputs,
    digest_parts,
)
from releve.runs.job_store import PATIENCE_S, Job, JobKind, JobStore, RunError


@dataclass(frozen=True)
class CrashTestReport:
    """What a crash test found: each case, its result, and its difference from the first case; the targets that
    calm quarters of the first miss; the outbreak of the first on named curves of infections outside."""

    cases: tuple[Case, ...]
    results: tuple[CrashResult, ...]
    differences: tuple[Difference, ...]
    certificate: dict[str, Any]
    calm: tuple[CalmTarget, ...] = ()
    importation: tuple[CurveOutbreak, ...] = ()


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
        calm=find_calm_targets(cases[0]),
        importation=compare_importation(cases[0], load_shipped_curves() if inputs["illness"] == "covid" else ()),
    )


def _write_report(execution: Execution, found: CrashTestReport) -> None:
    folder = execution.folder
    if folder is None:
        return
    for number, result in enumerate(found.results):
        write_result(folder, number, result)
    write_calm_targets(folder, found.calm)
    write_importation(folder, found.importation)
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
        raise RunError(read_reason(error)) from None


CRASH_TESTS = JobKind("crashtests", "run/certificate.json", CrashTestOrder, execute_crash_test, take_turns=True)


OUTLOOK_DAYS = 14
KEPT_DAYS = 30
"""Days after which an outlook is removed: it was made from cases and reveals them."""
QUARTERS = 1000


@dataclass(frozen=True)
class OutlookOrder:
    """What an outlook was ordered with: by whom, when, of which stream, its first day."""

    by: str
    at: str
    stream: str
    first: str


@dataclass(frozen=True, slots=True)
class OutlookHead:
    """An outlook by its days; it has no turn to wait for and is not stopped."""

    id: str
    state: Literal["running", "failed", "done"]
    by: str
    at: datetime
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class SiteChance:
    """How likely it is that a site is closed by the rule within the days."""

    site: str
    name: str
    closes: Estimate


@dataclass(frozen=True, slots=True)
class ClientChance:
    """How likely it is that a client misses a day, and its target over the days."""

    client: str
    name: str
    misses_a_day: Estimate
    breaks_target: Estimate


@dataclass(frozen=True)
class Chances:
    """The chances over so many simulated courses of the days."""

    days: int
    quarters: int
    sites: tuple[SiteChance, ...]
    clients: tuple[ClientChance, ...]


OutlookJob = Job[OutlookOrder]


def build_outlook_request(folder: Path, order: OutlookOrder) -> CrashTestRequest:
    inputs = folder / "inputs"
    return CrashTestRequest(
        operator=inputs / "operator",
        plan=inputs / "plan",
        rules=tuple(sorted((inputs / "rules").glob("*.yaml"))),
        packs=read_packs(inputs / "plan"),
        outlook=inputs / "events" / "events.jsonl",
        start=date.fromisoformat(order.first),
        settings=Settings(quarters=QUARTERS, days=OUTLOOK_DAYS, nearest=True),
    )


def execute_outlook(job: OutlookJob) -> None:
    """Simulate the coming days and keep the chances."""
    request = build_outlook_request(job.folder, job.order)
    result = run_ordered(request, Execution(THREADS)).results[0]
    text = json.dumps(asdict(_summarise_chances(result)), ensure_ascii=False)
    write_file(job.folder / OUTLOOKS.result, text, durable=False)


OUTLOOKS = JobKind("outlooks", "found.json", OutlookOrder, execute_outlook, confidential=True)


def _summarise_chances(result: CrashResult) -> Chances:
    return Chances(
        result.days,
        result.quarters,
        tuple(SiteChance(row.site, row.name, row.closes) for row in result.sites),
        tuple(
            ClientChance(row.client, row.name, _estimate_missing(row.survival[-1], result.quarters), row.breaks_target)
            for row in result.clients
        ),
    )


def _estimate_missing(survival: float, quarters: int) -> Estimate:
    """Return the chance that a day is missed, with its interval."""
    hits = round((1.0 - survival) * quarters)
    return estimate_share(np.arange(quarters) < hits)


def describe_outlook(job: OutlookJob) -> OutlookHead:
    """Return who made an outlook, for which days, and how it stands."""
    first = date.fromisoformat(job.order.first)
    done = job.state == "done"
    return OutlookHead(
        id=job.id,
        state="done" if done else "running" if job.active else "failed",
        by=job.order.by,
        at=datetime.fromisoformat(job.order.at),
        first=first,
        last=first + timedelta(days=OUTLOOK_DAYS - 1),
    )


def read_chances(job: OutlookJob) -> Chances | None:
    """Return the chances of an outlook that is done; None before, and where it failed."""
    if job.state != "done":
        return None
    tree = json.loads((job.folder / OUTLOOKS.result).read_text("utf-8"))
    return Chances(
        tree["days"],
        tree["quarters"],
        tuple(SiteChance(**read_estimates(row)) for row in tree["sites"]),
        tuple(ClientChance(**read_estimates(row)) for row in tree["clients"]),
    )


def remove_expired_outlooks(store: JobStore[OutlookOrder]) -> None:
    """Remove outlooks that are too old, and the inputs of one whose process is gone."""
    now = datetime.now(UTC)
    oldest = now - timedelta(days=KEPT_DAYS)
    for job in store.list_jobs():
        made = datetime.fromisoformat(job.order.at)
        if made < oldest:
            shutil.rmtree(job.folder, ignore_errors=True)
        elif (job.folder / "inputs").exists() and now - made > timedelta(seconds=PATIENCE_S):
            _remove_inputs(job)


def _remove_inputs(job: OutlookJob) -> None:
    """Remove the inputs that a killed process left; without a result the outlook has failed."""
    lock = try_lock(job.folder / "lock")
    if lock is None:
        return
    with lock:
        shutil.rmtree(job.folder / "inputs", ignore_errors=True)
        if not (job.folder / OUTLOOKS.result).exists():
            write_file(job.folder / "failed.json", json.dumps({"reason": ""}), durable=False)
