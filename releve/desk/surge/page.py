"""What the page of a relief for a surge holds, in no language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from django.urls import reverse
from pydantic import Field

from releve.accounts.scopes import can
from releve.desk.live.streams import Looked
from releve.desk.page import PageModel, StreamPage, pick_fields
from releve.live import api as live
from releve.network import Operator

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class ClientMissing(PageModel):
    """The share of a client's requirement for the rest of the day that is missing."""

    client: str
    name: str
    before: float
    after: float


class SurgePage(StreamPage):
    """A proposal for some calls; ``digest`` is empty before it is asked for."""

    url: str
    clients: dict[str, str] = Field(description="Every client by id")
    client: str = Field(description="Whose calls are more; empty: every client's")
    percent: int | None = Field(
        description="Calls to come over calls planned, in hundredths; null: as they are foreseen"
    )
    foreseen: dict[str, int] = Field(
        default={},
        description="By programme, from today's calls; without those of which no call is known",
    )
    names: dict[str, str] = Field(default={}, description="Of these programmes")
    day: date | None = None
    absent: int = 0
    moved: int = 0
    missing_before: float = Field(
        default=0.0, description="Half hours of agents, weighted by the penalty of a missed call"
    )
    missing_after: float = 0.0
    effects: tuple[ClientMissing, ...] = ()
    digest: str = ""
    order_url: str = Field(default="", description="Empty without the right to put it in force")
    end_url: str = Field(default="", description="Where one is in force that may be ended")

    @property
    def named_factors(self) -> list[tuple[str, float]]:
        """Each of these programmes' name and factor."""
        return [(self.names[key], percent / 100) for key, percent in self.foreseen.items()]

    @property
    def foreseen_json(self) -> str:
        """The factors as the form that orders the relief sends them back."""
        return json.dumps(self.foreseen)


def list_factors(
    operator: Operator, client: str, percent: int | None, foreseen: Mapping[str, int]
) -> dict[str, float]:
    """Return the factor of each programme of a client, or of all: one for them, or as foreseen."""
    rows = [row for row in operator.programmes if client in ("", row.client)]
    if percent is None:
        return {row.id: foreseen[row.id] / 100 for row in rows if row.id in foreseen}
    return {row.id: percent / 100 for row in rows if row.kind != "back_office"}


def surge_page(
    looked: Looked, user: AnyUser, client: str, percent: int | None, *, asked: bool
) -> SurgePage:
    """Return the page; ``asked``: with the proposal, worked out now.

    Without one where it is asked for as foreseen, and no call of today is known.
    """
    operator, reliefs = live.operator_now(), live.list_reliefs(looked.name, 1)
    may = can(user, "relief.order")
    ends = may and bool(reliefs) and reliefs[0].source == "surge"
    foreseen: dict[str, int] = {}
    if asked and percent is None:
        factors_now = live.foresee_factors(looked.name)
        foreseen = {name: round(100 * factor) for name, factor in factors_now.items()}
    factors = list_factors(operator, client, percent, foreseen)
    page = SurgePage(
        **looked.build_head(operator.row.time_zone),
        url=reverse("surge"),
        clients={row.id: row.name for row in operator.clients},
        client=client,
        percent=percent,
        foreseen=foreseen,
        names={row.id: row.name for row in operator.programmes if row.id in foreseen},
        end_url=reverse("surge_end") if ends else "",
    )
    if not (asked and factors):
        return page
    found = live.propose_surge_relief(factors, looked.name)
    return page.model_copy(
        update={
            **pick_fields(found, "day", "absent", "moved", "missing_before", "missing_after"),
            "digest": found.digest,
            "effects": tuple(
                ClientMissing(client=key, name=name, before=before, after=after)
                for key, name, before, after in found.clients
            ),
            "order_url": reverse("surge_order") if may and found.moved else "",
        }
    )
