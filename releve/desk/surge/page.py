"""What the page of a relief for a surge holds, in no language."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.live.streams import ShownStream
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.live.api import ClientMissing

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class Proposal(PageModel):
    """Who would work differently for the rest of a day, and what that costs and brings.

    ``missing_before`` and ``missing_after`` are half hours of agents, weighted by the penalty of a
    missed call.
    """

    day: date
    absent: int
    moved: int
    missing_before: float
    missing_after: float
    clients: tuple[ClientMissing, ...]
    digest: str = Field(description="Names the moves; asked for when they are put in force")


class SurgePage(StreamPage):
    """A proposal for some calls; null before it is asked for."""

    clients: dict[str, str] = Field(description="Every client by id")
    client: str = Field(description="Whose calls are more; empty: every client's")
    percent: int | None = Field(
        description="Calls to come over calls planned, in hundredths; null: as they are foreseen"
    )
    foreseen: dict[str, int] = Field(
        description="By programme, from today's calls; without those of which no call is known"
    )
    names: dict[str, str] = Field(description="Of these programmes")
    proposal: Proposal | None
    orders: bool = Field(description="Whether the reader may put it in force")
    in_force: bool = Field(description="Whether a relief for a surge is in force")

    @property
    def named_factors(self) -> list[tuple[str, float]]:
        """Each of these programmes' name and factor."""
        return [(self.names[key], percent / 100) for key, percent in self.foreseen.items()]

    @property
    def foreseen_json(self) -> str:
        """The factors as the form that orders the relief sends them back."""
        return json.dumps(self.foreseen)


def surge_page(
    shown: ShownStream, user: AnyUser, client: str, percent: int | None, *, asked: bool
) -> SurgePage:
    """Return the page; ``asked``: with the proposal, worked out now.

    Without one where it is asked for as foreseen, and no call of today is known.
    """
    operator, reliefs = live.operator_now(), live.list_reliefs(shown.name, 1)
    foreseen: dict[str, int] = {}
    if asked and percent is None:
        factors_now = live.foresee_factors(shown.name)
        foreseen = {name: round(100 * factor) for name, factor in factors_now.items()}
    factors = live.list_surge_factors(operator, client, percent, foreseen)
    found = live.propose_surge_relief(factors, shown.name) if asked and factors else None
    return SurgePage(
        **shown.build_head(operator.row.time_zone),
        clients={row.id: row.name for row in operator.clients},
        client=client,
        percent=percent,
        foreseen=foreseen,
        names={row.id: row.name for row in operator.programmes if row.id in foreseen},
        proposal=None if found is None else Proposal.from_row(found),
        orders=can(user, "relief.order"),
        in_force=bool(reliefs) and reliefs[0].source == "surge",
    )
