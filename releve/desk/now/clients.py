"""A client as it is served now and at the worst of 48 hours, and how far the plan reaches."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from releve.accounts.scopes import scope_for
from releve.desk.page import Figure, PageModel
from releve.live import api as live
from releve.live.api import IdentityCache
from releve.network import Client, Operator
from releve.plan.coverage import COVERED

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

Tone = Literal["missed", "thin", "unknown", "held"]
TONES: tuple[Tone, ...] = ("missed", "thin", "unknown", "held")
"""States of a client, the worst first."""


class ClientNow(PageModel):
    """A client's coverage: covered over required, now, and at the worst of 48 hours."""

    client: str
    name: str
    state: Tone = Field(
        description="missed: short now, or within 48 h beyond the plan's target; thin: short"
        " within it; held: nothing is missing; unknown"
    )
    known: bool = Field(
        default=True, description="Whether the requirement of every programme is known"
    )
    now: Figure = None
    worst: Figure = None
    worst_at: datetime | None = None
    missing: Figure = Field(
        default=None, description="Share of what is required in 48 h that is missing"
    )
    enters: bool = Field(default=False, description="Whether the reader may open its page")
    shares: tuple[Figure, ...] = Field(default=(), exclude=True)
    """Coverage of each half hour, for the drawing alone; the client's own address has them."""

    @property
    def short_now(self) -> bool:
        """Whether something is missing in this half hour."""
        return self.now is not None and self.now < COVERED

    @property
    def idle(self) -> bool:
        """Whether nothing is required in the hours that the plan reaches."""
        return self.state == "unknown" and self.known


class PlanReach(PageModel):
    """How far the plan in force reaches; both null where none is in force or it is over."""

    in_force: bool
    begins: datetime | None = Field(
        default=None, description="Where it begins after the 48 hours: when"
    )
    until: datetime | None = Field(default=None, description="Where its days have a first gap")
    reach: datetime | None = Field(
        default=None, description="Until when the figures speak: 48 hours at most"
    )
    whole: bool = Field(default=False, description="Whether that is the whole of the 48 hours")


def plan_reach(coverage: live.Coverage | None) -> PlanReach:
    """Return how far the plan behind a coverage reaches."""
    if coverage is None:
        return PlanReach(in_force=False)
    return PlanReach(
        in_force=True,
        begins=coverage.planned_from,
        until=coverage.planned_until,
        reach=coverage.reach,
        whole=coverage.is_whole,
    )


def list_clients(
    operator: Operator, coverage: live.Coverage | None, user: AnyUser
) -> tuple[ClientNow, ...]:
    """Return the clients of a coverage that a user may see, and whose pages they may open."""
    if coverage is None:
        return ()
    seen, enters = scope_for(user, "situation.see"), scope_for(user, "plan.see")
    every = _clients(operator, coverage)
    return _known_seen.get(
        (seen.clients, enters.clients),
        (every,),
        lambda: tuple(
            row.model_copy(update={"enters": enters.has_client(row.client)})
            for row in every
            if seen.has_client(row.client)
        ),
    )


_known_seen: IdentityCache[tuple[ClientNow, ...]] = IdentityCache()
"""By what readers may see: their clients."""


def _clients(operator: Operator, coverage: live.Coverage) -> tuple[ClientNow, ...]:
    def build() -> tuple[ClientNow, ...]:
        own = {row.client: row for row in coverage.clients}
        rows = [client_now(row, own[row.id]) for row in operator.clients if row.id in own]
        return tuple(sorted(rows, key=lambda row: TONES.index(row.state)))

    return _known_clients.get(coverage.stream, (operator, coverage.clients), build)


_known_clients: IdentityCache[tuple[ClientNow, ...]] = IdentityCache()
"""By stream: every client, for as long as the coverage is the same."""


def client_now(client: Client, coverage: live.ClientCoverage | None) -> ClientNow:
    """Return a client's coverage; None: no plan in force reaches it."""
    if coverage is None:
        return ClientNow(client=client.id, name=client.name, state="unknown")
    shares = tuple(coverage.share.tolist())
    return ClientNow.from_row(coverage, client=client.id, name=client.name, shares=shares)
