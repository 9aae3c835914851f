"""What the pages of the crash test hold: runs, how far they are, what was found, in no language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from releve.crashtest import ClientResult, CrashResult, SiteResult
from releve.crashtest.cause_losses import CauseLoss, list_cause_losses
from releve.desk.page import PageModel, RunHead, StreamPage
from releve.runs.crash_test_job import CrashTestOrder
from releve.runs.installation import RunSize
from releve.runs.outlook_job import Chances, OutlookHead
from releve.runs.progress import RunProgress
from releve.runs.results import (
    ComparedCase,
    Differences,
    RunResults,
    compute_differences,
    list_differing_inputs,
)

CrashTestHead = RunHead[CrashTestOrder]


class IndexPage(PageModel):
    """Every run, the newest first; ``acts``: the reader may start one."""

    time_zone: str
    acts: bool
    runs: tuple[CrashTestHead, ...]

    @property
    def finished(self) -> tuple[CrashTestHead, ...]:
        """The runs of which two can be compared."""
        return tuple(one for one in self.runs if one.state == "done")


class StartPage(PageModel):
    """The plans that a run can take, each with its days; the size of the run that is asked for."""

    plans: dict[str, tuple[str, ...]]
    size: RunSize | None = None


class RunPage(PageModel):
    """A run that is not done."""

    run: CrashTestHead
    time_zone: str
    acts: bool
    progress: RunProgress


class RemovePage(PageModel):
    """A run to be removed; not ``possible`` while it is at work."""

    run: CrashTestHead
    time_zone: str
    possible: bool


class ResultPage(PageModel):
    """A finished run: what it found, of which the HTML shows one ``case``."""

    run: CrashTestHead
    acts: bool
    case: int
    found: RunResults

    @property
    def result(self) -> CrashResult:
        return self.found.results[self.case]

    @property
    def clients(self) -> list[ClientResult]:
        """The clients, the worst served first."""
        return sorted(self.result.clients, key=lambda row: row.calls_served.value)

    @property
    def sites(self) -> list[SiteResult]:
        """The sites, the one with most days lost first."""
        return sorted(self.result.sites, key=lambda row: -row.days_lost.value)

    @property
    def harmful(self) -> list[CauseLoss]:
        """The causes that cost calls, the costliest first."""
        return [row for row in list_cause_losses(self.result) if row.lost.value > 0]

    @property
    def helpful(self) -> list[CauseLoss]:
        """The causes that spare more than they cost."""
        return [row for row in list_cause_losses(self.result) if row.lost.high < 0]


class CertificatePage(PageModel):
    """The certificate of a run: what was run, and how anybody runs it to the same figures."""

    run: CrashTestHead
    certificate: Mapping[str, Any]


class ComparedRun(PageModel):
    """One of two runs that are compared: the ``labels`` of its cases, and the result of one."""

    run: CrashTestHead
    case: int
    labels: tuple[str, ...]
    result: CrashResult


class ComparePage(PageModel):
    """Two runs. Where ``differing`` names inputs, they have not met the same disasters."""

    sides: tuple[ComparedRun, ComparedRun]
    differing: tuple[str, ...]
    second_less_first: Differences | None

    @property
    def clients(self) -> list[tuple[ClientResult, ClientResult]]:
        """The clients of both, in both."""
        first, second = (side.result.clients for side in self.sides)
        return [(row, other) for row in first for other in second if other.client == row.client]

    @property
    def sites(self) -> list[tuple[SiteResult, SiteResult]]:
        """The sites of both, in both."""
        first, second = (side.result.sites for side in self.sides)
        return [(row, other) for row in first for other in second if other.site == row.site]


class OutlooksPage(StreamPage):
    """The outlooks of a stream; ``possible``: there is a plan to start one from."""

    outlooks: tuple[OutlookHead, ...]
    possible: bool
    days: int = Field(description="An outlook looks ahead")
    kept_days: int


class OutlookPage(StreamPage):
    """An outlook; ``chances`` once it is done, ``reason`` where it failed."""

    outlook: OutlookHead
    reason: str
    chances: Chances | None


def compare_page(sides: tuple[ComparedCase, ComparedCase]) -> ComparePage:
    """Return the page of two runs, each with one of its cases."""
    differing = list_differing_inputs(*(side.found.certificate for side in sides))
    one, two = (
        ComparedRun.from_row(
            side,
            run=CrashTestHead.from_row(side.run),
            labels=tuple(one.label for one in side.found.results),
        )
        for side in sides
    )
    return ComparePage(
        sides=(one, two),
        differing=differing,
        second_less_first=None if differing else compute_differences(sides),
    )
