"""What the verdict page of a plan holds, in no language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from typing import Any, Literal

import numpy as np
from pydantic import Field, PrivateAttr

from releve.desk.page import PageModel, known
from releve.desk.plan.proof import PlannedPurchases, PlanProof, build_proof, find_purchases
from releve.desk.plan.shown import ShownPlan
from releve.live.api import IdentityCache
from releve.plan.contingency import Contingency
from releve.plan.result import BASE, SINGLE, ClientVerdict, ReliefCell, Status
from releve.plan.settings import PlanSettings

SEVERITY: tuple[Status, ...] = ("missed", "contract", "unknown", "thin", "held")
"""Statuses of a client or a cell, the gravest first."""
KINDS = (BASE, *SINGLE, "destination", "named")
"""Kinds of contingency in the order of the columns: the loss of one place, then larger losses."""

_MAX_CHIPS = 3
_NOTHING_TO_SAVE = 0.9995
"""Floor from which no part of a client's day can be saved."""
_FIGURES = ("worst_coverage", "shortfall", "floor", "regret", "calls_lost")


class PlanHead(PageModel):
    """Whose plan it is, of which day, and the days planned beside it."""

    operator: str
    synthetic: bool
    day: date
    days: tuple[date, ...]
    time_zone: str
    version: str


class PlannedLoss(PageModel):
    """A contingency; the first one is the base, in which nothing is lost."""

    id: str
    kind: str = Field(description="base, site, destination, carrier or named")
    name: str = Field(description="Of a destination: its country's code")
    sites: tuple[str, ...]
    carriers: tuple[str, ...]
    exposed: bool
    held: int = Field(description="Clients of those seen that are held")
    moves: int | None = Field(description="Agents who move; null for a client")


class PlannedCell(PageModel):
    """A client under a contingency; its figures are null where the requirement is not known."""

    client: str
    contingency: str
    status: Status
    worst_coverage: float | None
    worst_interval: int | None
    worst_start: datetime | None
    shortfall: float | None
    floor: float | None
    regret: float | None
    calls_lost: float | None
    cured: bool = Field(description="The purchases under “missing” make it hold")
    url: str

    @property
    def covered(self) -> float | None:
        """The share of the day's requirement that is covered."""
        return None if self.shortfall is None else 1 - self.shortfall

    @property
    def idle(self) -> bool:
        """Whether nothing is required on that day: there is nothing to hold."""
        return self.status == "held" and self.worst_start is None


class Reason(PageModel):
    """Why a client or a cell has its status; what a code does not use is empty."""

    code: Literal[
        "idle", "covered", "worst", "unknown", "missed",
        "contract.cured", "contract.one_site", "contract.floor",
    ]  # fmt: skip
    contingencies: tuple[str, ...] = ()
    coverage: float | None = Field(default=None, description="Of the worst half hour")
    start: datetime | None = Field(default=None, description="Of the worst half hour")
    missing: float | None = Field(default=None, description="Share of the day, or least possible")
    programmes: tuple[str, ...] = ()
    others: int = Field(default=0, description="Further contingencies that are missed")


class PlannedClient(PageModel):
    """Whether a client is served whatever single place is lost."""

    client: str
    name: str
    status: Status
    secure: bool
    contract_problem: bool
    worst: str
    missed: tuple[str, ...]
    thin: tuple[str, ...]
    contract: tuple[str, ...]
    unknown: bool
    beyond: tuple[str, ...]
    rounding: tuple[str, ...]
    reason: Reason
    short: int = Field(description="Cells to show first: the worst that are short, three at most")
    ranking: tuple[str, ...] = Field(description="Contingencies, the client's worst first")


class VerdictCounts(PageModel):
    """The verdict in numbers; agents are null for a client."""

    status: Status = Field(description="The gravest of the clients")
    clients: int
    secure: int
    contingencies: int
    placed: int | None
    reserve: int | None


class PlannedProgramme(PageModel):
    """A programme and whose it is."""

    id: str
    client: str
    name: str


class PlannedPage(PageModel):
    """What every page of a plan holds."""

    plan: PlanHead
    url: str = Field(description="This page for people")
    home: str = Field(description="The verdict page of the day")
    whole: bool = Field(description="False: narrowed to the clients that the reader may see")
    contingencies: tuple[PlannedLoss, ...] = Field(description="In the order of the columns")

    _worded: dict[tuple[str, str, str], Any] = PrivateAttr(default_factory=dict)
    """Cells in words by (language, client, contingency): written once, shown twice."""

    @property
    def worded_cells(self) -> dict[tuple[str, str, str], Any]:
        return self._worded

    @cached_property
    def openings(self) -> frozenset[str]:
        """The contingencies that open a group of columns."""
        groups = groupby(self.contingencies, key=lambda loss: loss.kind)
        return frozenset(next(members).id for _kind, members in groups)

    @cached_property
    def loss_by_id(self) -> dict[str, PlannedLoss]:
        return {loss.id: loss for loss in self.contingencies}


class PlanPage(PlannedPage):
    """The verdict, the relief matrix, what is missing and the proof; no last two for a client."""

    verdict: VerdictCounts
    clients: tuple[PlannedClient, ...] = Field(description="The gravest first, then by name")
    programmes: tuple[PlannedProgramme, ...]
    target: float = Field(description="Share of the day that may be missing")
    thin: float = Field(description="Coverage of a half hour below which it is thin")
    matrix: tuple[PlannedCell, ...]
    missing: PlannedPurchases | None = Field(description="null: not computed, or for a client")
    proof: PlanProof | None

    @cached_property
    def cells(self) -> dict[tuple[str, str], PlannedCell]:
        return {(cell.client, cell.contingency): cell for cell in self.matrix}

    @cached_property
    def client_names(self) -> dict[str, str]:
        return {client.client: client.name for client in self.clients}

    @cached_property
    def work_names(self) -> dict[str, str]:
        """Programmes with their clients: ``Sinistres auto (Azur Assurances)``."""
        names = self.client_names
        return {row.id: f"{row.name} ({names[row.client]})" for row in self.programmes}

    @cached_property
    def place_names(self) -> dict[str, str]:
        return {} if self.proof is None else {site.id: site.name for site in self.proof.sites}


def plan_page(shown: ShownPlan) -> PlanPage:
    """Return the verdict page of a plan; the same object for as long as the plan is."""
    key = (shown.plan.day, shown.days, shown.whole, tuple(shown.client_names))
    return _pages.get(key, (shown,), lambda: _build(shown))


_pages: IdentityCache[PlanPage] = IdentityCache()


def _build(shown: ShownPlan) -> PlanPage:
    plan = shown.plan
    clients = [_client(shown, verdict) for verdict in plan.verdicts]
    statuses = {client.status for client in clients}
    defaults = PlanSettings()
    return PlanPage(
        **page_base(shown, shown.url("verdict")),
        verdict=VerdictCounts(
            status=next((status for status in SEVERITY if status in statuses), "held"),
            clients=len(clients),
            secure=sum(client.secure for client in clients),
            contingencies=len(plan.contingencies),
            placed=len(plan.placements) if shown.whole else None,
            reserve=len(plan.reserve) if shown.whole else None,
        ),
        clients=tuple(sorted(clients, key=lambda row: (SEVERITY.index(row.status), row.name))),
        programmes=tuple(
            PlannedProgramme(id=key, client=client, name=name)
            for key, client, name in plan.programmes
        ),
        target=float(plan.settings.get("target", defaults.target)),
        thin=float(plan.settings.get("thin", defaults.thin)),
        matrix=tuple(cell_facts(shown, cell) for cell in plan.cells),
        missing=find_purchases(shown),
        proof=build_proof(shown) if shown.whole else None,
    )


def page_base(shown: ShownPlan, url: str) -> dict[str, Any]:
    """Return what every page of a plan begins with."""
    return {
        "plan": PlanHead.from_row(shown.plan, days=shown.days),
        "url": url,
        "home": shown.url("verdict"),
        "whole": shown.whole,
        "contingencies": tuple(_losses(shown)),
    }


def _losses(shown: ShownPlan) -> Iterator[PlannedLoss]:
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    held = Counter(cell.contingency for cell in shown.plan.cells if cell.status in ("held", "thin"))
    lost = sorted(shown.plan.contingencies, key=lambda item: ranks.get(item.kind, len(ranks)))
    for item in (Contingency(BASE, BASE, "", exposed=False), *lost):
        scenario = shown.plan.scenarios.get(item.id)
        yield PlannedLoss.from_row(
            item,
            sites=tuple(sorted(item.sites)),
            carriers=tuple(sorted(item.carriers)),
            held=held[item.id],
            moves=len(scenario.moves) if shown.whole and scenario is not None else None,
        )


def cell_facts(shown: ShownPlan, cell: ReliefCell) -> PlannedCell:
    """Return a cell of the matrix with its address."""
    is_known, at = cell.status != "unknown", cell.worst_interval
    figures = {name: known(getattr(cell, name)) if is_known else None for name in _FIGURES}
    return PlannedCell.from_row(
        cell,
        worst_interval=at if is_known else None,
        worst_start=shown.plan.starts[at] if is_known and at >= 0 else None,
        cured=shown.is_cured(cell),
        url=shown.cell_url(cell),
        **figures,
    )


def _client(shown: ShownPlan, verdict: ClientVerdict) -> PlannedClient:
    keys = (BASE, *(item.id for item in shown.plan.contingencies))
    own = [cell for key in keys if (cell := shown.cells.get((verdict.client, key)))]
    ranked = sorted(
        own,
        key=lambda cell: (SEVERITY.index(cell.status), -cell.shortfall, cell.worst_coverage),
    )
    short = sum(cell.status != "unknown" and cell.worst_coverage < 1 for cell in ranked)
    return PlannedClient.from_row(
        verdict,
        name=shown.client_names[verdict.client],
        reason=_reason(shown, verdict, ranked),
        short=min(_MAX_CHIPS, short),
        ranking=tuple(cell.contingency for cell in ranked),
    )


def _reason(shown: ShownPlan, verdict: ClientVerdict, ranked: Sequence[ReliefCell]) -> Reason:
    status = verdict.status
    if status == "held" and all(cell.worst_interval < 0 for cell in ranked):
        return Reason(code="idle")
    if status == "unknown":
        unknown = np.asarray(np.isnan(shown.plan.required).any(axis=0))
        columns = shown.plan.find_columns(verdict.client)
        names = tuple(shown.plan.programmes[at][2] for at in columns if unknown[at])
        return Reason(code="unknown", programmes=names)
    same = [row for row in ranked if row.status == status and row.contingency not in shown.larger]
    if status == "contract":
        return contract_reason(shown, same)
    if status == "missed":
        return _reason_at(shown, "missed", same[0], others=len(verdict.missed) - 1)
    worst = min(same, key=lambda cell: cell.worst_coverage)
    covered = worst.worst_interval < 0 or worst.worst_coverage >= 1
    return Reason(code="covered") if covered else _reason_at(shown, "worst", worst)


def _reason_at(
    shown: ShownPlan, code: Literal["missed", "worst"], cell: ReliefCell, others: int = 0
) -> Reason:
    at = cell.worst_interval
    return Reason(
        code=code,
        contingencies=(cell.contingency,),
        coverage=cell.worst_coverage,
        start=shown.plan.starts[at] if at >= 0 and cell.worst_coverage < 1 else None,
        missing=cell.shortfall,
        others=others,
    )


def contract_reason(shown: ShownPlan, cells: Sequence[ReliefCell]) -> Reason:
    """Return why no plan protects a client under some contingencies, as far as the plan says."""
    keys = tuple(cell.contingency for cell in cells)
    if any(shown.is_cured(cell) for cell in cells):
        return Reason(code="contract.cured", contingencies=keys)
    if all(cell.floor >= _NOTHING_TO_SAVE for cell in cells):
        return Reason(code="contract.one_site", contingencies=keys)
    floor = max(cell.floor for cell in cells)
    return Reason(code="contract.floor", contingencies=keys, missing=floor)
