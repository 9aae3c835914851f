"""Crash tests that users order: the order, and the work in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from releve.crashtest import Settings
from releve.files.pack_file import read_packs
from releve.runs.crash_test import run_crash_test
from releve.runs.execution import Execution
from releve.runs.job_store import Job, JobKind
from releve.runs.request import CrashTestRequest, count_ablation_quarters

__all__ = [
    "CRASH_TESTS",
    "CrashTestJob",
    "CrashTestOrder",
    "build_job_request",
    "execute_crash_test",
]

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
CRASH_TESTS = JobKind("crashtests", "run/certificate.json", CrashTestOrder, take_turns=True)


def build_job_request(folder: Path, order: CrashTestOrder) -> CrashTestRequest:
    """Return the request of an order, on the inputs in its folder."""
    inputs = folder / "inputs"
    return CrashTestRequest(
        operator=inputs / "operator",
        plan=inputs / "plan",
        compare=inputs / order.beside if order.beside else None,
        with_hazards=order.hazards,
        rules=tuple(sorted((inputs / "rules").glob("*.yaml"))),
        packs=read_packs(inputs / "plan"),
        settings=Settings(
            quarters=order.quarters, days=order.days, seed=order.seed, nearest=order.nearest
        ),
        policies=order.policies,
        ablation_quarters=count_ablation_quarters(None, order.quarters),
    )


def execute_crash_test(job: CrashTestJob) -> None:
    """Run what is missing of an ordered crash test into its run folder."""
    request = build_job_request(job.folder, job.order)
    run_crash_test(request, Execution(THREADS, folder=job.run_folder), resume=True)
