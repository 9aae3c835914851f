"""What the page of one cell of the relief matrix holds, in no language."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from pydantic import Field

from releve.desk.page import PageModel
from releve.desk.plan.page import PlannedCell, PlannedPage, cell_facts, page_base
from releve.desk.plan.shown import ShownPlan
from releve.plan.reasons import Reason, find_contract_reason
from releve.plan.result import BASE, Move, Placement, Plan, ReliefCell
from releve.plan.status import Status


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
    reason: Reason | None = Field(description="Of a contract problem")
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
        reason=find_contract_reason(plan, [cell]) if cell.status is Status.CONTRACT else None,
        cells=tuple(
            cell_facts(shown, other) for other in plan.cells if other.client == cell.client
        ),
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
