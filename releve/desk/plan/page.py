"""What the verdict page of a plan and the page of one cell of its matrix hold, in no language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse
from pydantic import Field, PrivateAttr

from releve.desk.page import Figure, PageModel
from releve.live.api import IdentityCache
from releve.plan.causes import CauseGroup, group_causes
from releve.plan.comparison import narrow_plan
from releve.plan.explain import Reason, find_reason, find_reason_out_of_reach, rank_cells
from releve.plan.result import (
    BASE,
    KINDS,
    SINGLE,
    Bound,
    ClientVerdict,
    Contingency,
    Move,
    Placement,
    Plan,
    PlannedKits,
    PlannedSite,
    Purchase,
    ReliefCell,
    UncuredTarget,
)
from releve.plan.service_status import SEVERITY, Status, Tone, find_gravest, find_tone
from releve.plan.settings import PlanSettings


@dataclass(frozen=True)
class ShownPlan:
    """A plan with the days beside it and the default one; ``whole`` is False when narrowed.

    ``record``: of the calendar, where the plan shown is not the one in force. What a narrowed plan
    says of others, of people and of prices is left out, not zero.
    """

    plan: Plan
    days: tuple[date, ...]
    default: date
    whole: bool = True
    record: int | None = None

    @cached_property
    def client_names(self) -> dict[str, str]:
        return dict(self.plan.clients)

    def url(self, name: str, query: Mapping[str, str] | None = None, **parts: str) -> str:
        """Return the address of a page of this plan; it names the day unless it is the default."""
        day = {} if self.plan.day == self.default else {"day": self.plan.day.isoformat()}
        if self.record:
            day = {"day": self.plan.day.isoformat(), "record": str(self.record)}
        wanted = {key: value for key, value in {**day, **(query or {})}.items() if value}
        path = reverse(name, kwargs=parts)
        return f"{path}?{urlencode(wanted)}" if wanted else path

    def cell_url(self, cell: ReliefCell, programme: str = "") -> str:
        """Return the address of a cell's page, for all of its programmes or one of them."""
        query = {"programme": programme}
        return self.url("cell", query, client=cell.client, contingency=cell.contingency)


def show_plan(
    plan: Plan,
    days: Sequence[date],
    clients: frozenset[str] | None = None,
    default: date | None = None,
    record: int | None = None,
) -> ShownPlan:
    """Return a plan as a reader of all clients (None) or of some may see it.

    ``default`` is the day that an address without a day shows, by default the first. It is the same
    object for as long as the plan is.
    """
    first = default or days[0]

    def build() -> ShownPlan:
        if clients is None:
            return ShownPlan(plan, tuple(days), first, record=record)
        return ShownPlan(narrow_plan(plan, clients), tuple(days), first, whole=False, record=record)

    return _shown.get((plan.day, tuple(days), clients, first, record), (plan,), build)


_shown: IdentityCache[ShownPlan] = IdentityCache(64)


_MAX_CHIPS = 3
_UNKNOWN = dict.fromkeys(
    ("worst_coverage", "worst_interval", "worst_start", "shortfall", "floor", "regret", "calls_lost")
)
"""What a cell does not say where its requirement is not known."""


class PlanHead(PageModel):
    """Whose plan it is, of which day, and the days planned beside it."""

    operator: str
    synthetic: bool
    day: date
    days: tuple[date, ...]
    time_zone: str
    version: str
    record: int | None = Field(default=None, description="Of the calendar; null: the plan in force")


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


class PlannedSudden(PageModel):
    """The loss in the middle of the day, at the half hour at which it does most; the relief begins then."""

    start: datetime = Field(description="When the place is lost")
    status: Status
    tone: Tone
    worst_coverage: float = Field(description="The least from then on")
    worst_start: datetime
    shortfall: float = Field(description="Share of the day's requirement that is missing")
    back: datetime | None = Field(
        description="From when on nothing is below the thin limit and what the cell says; null: not that day"
    )


class PlannedCell(PageModel):
    """A client under a contingency; its figures are null where the requirement is not known."""

    client: str
    contingency: str
    status: Status
    tone: Tone
    worst_coverage: Figure
    worst_interval: int | None
    worst_start: datetime | None
    shortfall: Figure
    floor: Figure
    regret: Figure
    calls_lost: Figure
    cured: bool = Field(description="The purchases under “missing” make it hold")
    sudden: PlannedSudden | None = Field(
        default=None, description="null: the loss takes nothing from the client, or the plan does not say"
    )
    url: str

    @property
    def covered(self) -> float | None:
        """The share of the day's requirement that is covered."""
        return None if self.shortfall is None else 1 - self.shortfall

    @property
    def idle(self) -> bool:
        """Whether nothing is required on that day: there is nothing to hold."""
        return self.status is Status.HELD and self.worst_start is None


class PlannedClient(PageModel):
    """Whether a client is served whatever single place is lost."""

    client: str
    name: str
    status: Status
    tone: Tone
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
    tone: Tone = Field(description="The colour of the gravest")
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


class PlannedPurchases(PageModel):
    """The cheapest set that cures what can be cured; prices in EUR."""

    purchases: tuple[Purchase, ...]
    cost: float
    lower_bound: float
    checked: bool = Field(description="Every curable client held when planned again")
    left: tuple[UncuredTarget, ...]
    incurable: tuple[UncuredTarget, ...]
    unexplained: tuple[UncuredTarget, ...] = Field(description="The incurable cells without a cause")


class PlanProof(PageModel):
    """How good the plan is known to be, and what it was made with."""

    bound: Bound
    violations: tuple[str, ...] = Field(description="Rules broken, by the independent checker")
    settings: dict[str, float | int | str]
    sites: tuple[PlannedSite, ...]
    placed: dict[str, int] = Field(description="Agents placed by site, or at home")
    kits: tuple[PlannedKits, ...] = Field(description="Kits that agents of a site share, and who takes one home")


class PlanPage(PlannedPage):
    """The verdict, the relief matrix, what is missing and the proof; no last two for a client."""

    verdict: VerdictCounts
    clients: tuple[PlannedClient, ...] = Field(description="The gravest first, then by name")
    programmes: tuple[PlannedProgramme, ...]
    target: float = Field(description="Share of the day that may be missing")
    thin: float = Field(description="Coverage of a half hour below which it is thin")
    matrix: tuple[PlannedCell, ...]
    causes: tuple[CauseGroup, ...] = Field(description="What clients lack whom no plan can hold, each once")
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
    key = (shown.plan.day, shown.days, shown.whole, shown.record, tuple(shown.client_names))
    return _pages.get(key, (shown,), lambda: _build(shown))


_pages: IdentityCache[PlanPage] = IdentityCache()


def _build(shown: ShownPlan) -> PlanPage:
    plan = shown.plan
    clients = [_client(shown, verdict) for verdict in plan.verdicts]
    target, thin = _read_limits(plan)
    return PlanPage(
        **page_base(shown, shown.url("verdict")),
        verdict=VerdictCounts(
            status=(gravest := find_gravest(client.status for client in clients)),
            tone=min(
                (client.tone for client in clients if client.status is gravest),
                key=tuple(Tone).index,
                default=Tone.HELD,
            ),
            clients=len(clients),
            secure=sum(client.secure for client in clients),
            contingencies=len(plan.contingencies),
            placed=len(plan.placements) if shown.whole else None,
            reserve=len(plan.reserve) if shown.whole else None,
        ),
        clients=tuple(sorted(clients, key=lambda row: (SEVERITY.index(row.status), row.name))),
        programmes=tuple(PlannedProgramme(id=key, client=client, name=name) for key, client, name in plan.programmes),
        target=target,
        thin=thin,
        matrix=tuple(cell_facts(shown, cell) for cell in plan.cells),
        causes=group_causes(plan, [cell for cell in plan.cells if cell.contingency not in plan.larger]),
        missing=_purchases(plan),
        proof=_proof(plan) if shown.whole else None,
    )


def _purchases(plan: Plan) -> PlannedPurchases | None:
    if plan.missing is None:
        return None
    incurable = tuple(UncuredTarget(client, key) for key, client in plan.missing.incurable)
    cells = [plan.cell[row.client, row.contingency] for row in incurable]
    unexplained = tuple(row for row, cell in zip(incurable, cells, strict=True) if plan.find_cause(cell) is None)
    return PlannedPurchases.from_row(plan.missing, left=plan.list_left(), incurable=incurable, unexplained=unexplained)


def _proof(plan: Plan) -> PlanProof:
    return PlanProof.from_row(plan, placed=Counter(row.place for row in plan.placements))


def page_base(shown: ShownPlan, url: str) -> dict[str, Any]:
    """Return what every page of a plan begins with."""
    return {
        "plan": PlanHead.from_row(shown.plan, days=shown.days, record=shown.record),
        "url": url,
        "home": shown.url("verdict"),
        "whole": shown.whole,
        "contingencies": tuple(_losses(shown)),
    }


def _losses(shown: ShownPlan) -> Iterator[PlannedLoss]:
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    held = Counter(cell.contingency for cell in shown.plan.cells if cell.status.is_met)
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
    facts = {
        "tone": _find_cell_tone(shown.plan, cell),
        "worst_start": shown.plan.find_worst_start(cell),
        "cured": shown.plan.is_cured(cell),
        "sudden": _show_sudden(shown.plan, cell),
        "url": shown.cell_url(cell),
    }
    return PlannedCell.from_row(cell, **(facts | (_UNKNOWN if cell.status is Status.UNKNOWN else {})))


def _show_sudden(plan: Plan, cell: ReliefCell) -> PlannedSudden | None:
    found = plan.sudden_loss.get((cell.client, cell.contingency))
    if found is None or found.status is Status.UNKNOWN:
        return None
    return PlannedSudden.from_row(
        found,
        start=plan.starts[found.interval],
        tone=find_tone(found.status, found.worst_coverage, *_read_limits(plan)),
        worst_start=plan.starts[found.worst_interval],
        back=plan.starts[found.back] if found.back >= 0 else None,
    )


def _find_cell_tone(plan: Plan, cell: ReliefCell) -> Tone:
    return find_tone(cell.status, cell.worst_coverage, *_read_limits(plan))


def _read_limits(plan: Plan) -> tuple[float, float]:
    """Return the target and the thin limit of a plan."""
    defaults = PlanSettings()
    return float(plan.settings.get("target", defaults.target)), float(plan.settings.get("thin", defaults.thin))


def _client(shown: ShownPlan, verdict: ClientVerdict) -> PlannedClient:
    ranked = rank_cells(shown.plan, verdict.client)
    short = sum(cell.status is not Status.UNKNOWN and cell.worst_coverage < 1 for cell in ranked)
    return PlannedClient.from_row(
        verdict,
        name=shown.client_names[verdict.client],
        tone=_find_client_tone(shown.plan, verdict, ranked),
        reason=find_reason(shown.plan, verdict),
        short=min(_MAX_CHIPS, short),
        ranking=tuple(cell.contingency for cell in ranked),
    )


def _find_client_tone(plan: Plan, verdict: ClientVerdict, ranked: Sequence[ReliefCell]) -> Tone:
    """Return the colour of a client's verdict: that of the worst cell of the same status that it counts."""
    beyond = {row.id for row in plan.contingencies if row.kind not in SINGLE}
    shares = [
        cell.worst_coverage for cell in ranked if cell.status is verdict.status and cell.contingency not in beyond
    ]
    return find_tone(verdict.status, min(shares, default=None), *_read_limits(plan))


class ProgrammeDay(PageModel):
    """Effective agents of a programme, [half hour]; null where the requirement is not known."""

    id: str
    name: str
    required: tuple[float, ...] | None
    placed: tuple[float, ...]


class CellPage(PlannedPage):
    """A client under a contingency: the day of its programmes, and who works or moves where.

    People are of ``programme`` alone where it is not empty, and null for a client.
    """

    cell: PlannedCell
    client_name: str
    reason: Reason | None = Field(description="Of a cell out of reach")
    cells: tuple[PlannedCell, ...] = Field(description="Of the client, under every contingency")
    starts: tuple[datetime, ...]
    programmes: tuple[ProgrammeDay, ...]
    programme: str
    placements: tuple[Placement, ...] | None = Field(description="In the base")
    moves: tuple[Move, ...] | None = Field(description="Under a loss")
    programme_names: dict[str, str] = Field(description="Of all programmes that the reader sees")
    place_names: dict[str, str] = Field(description="Of the sites; none for a client")

    @property
    def unknown_programmes(self) -> list[str]:
        """The names of the programmes whose requirement is not known."""
        return [row.name for row in self.programmes if row.required is None]


def cell_page(shown: ShownPlan, cell: ReliefCell, programme: str = "") -> CellPage:
    """Return the page of a cell; its people are of all programmes of the client or of one."""
    plan, columns = shown.plan, shown.plan.find_columns(cell.client)
    own = {programme} if programme else {plan.programmes[at][0] for at in columns}
    of_base = cell.contingency == BASE
    return CellPage(
        **page_base(shown, shown.cell_url(cell, programme)),
        cell=cell_facts(shown, cell),
        client_name=shown.client_names[cell.client],
        reason=find_reason_out_of_reach(plan, [cell]) if cell.status is Status.OUT_OF_REACH else None,
        cells=tuple(cell_facts(shown, other) for other in plan.cells if other.client == cell.client),
        starts=plan.starts,
        programmes=tuple(
            ProgrammeDay(
                id=plan.programmes[at][0],
                name=plan.programmes[at][2],
                required=_requirement(plan, at),
                placed=tuple(plan.scenarios[cell.contingency].placed[:, at].tolist()),
            )
            for at in columns
        ),
        programme=programme,
        placements=plan.list_placements(own) if shown.whole and of_base else None,
        moves=None if of_base or not shown.whole else plan.list_moves(cell.contingency, own),
        programme_names={key: name for key, _client, name in plan.programmes},
        place_names={site.id: site.name for site in plan.sites},
    )


def _requirement(plan: Plan, column: int) -> tuple[float, ...] | None:
    required = plan.required[:, column]
    return None if np.isnan(required).any() else tuple(required.tolist())
