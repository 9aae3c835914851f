"""A client as it is served now and at the worst of 48 hours."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.page import Figure, PageModel
from releve.live import api as live
from releve.live.api import ClientState, IdentityCache
from releve.network import Client, Operator
from releve.plan.coverage import COVERED


class ClientNow(PageModel):
    """A client's coverage: covered over required, now, and at the worst of 48 hours."""

    client: str
    name: str
    state: ClientState = Field(
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


def list_clients(
    operator: Operator, coverage: live.Coverage | None, seen: Scope
) -> tuple[ClientNow, ...]:
    """Return the clients of a coverage that are in a scope, those served worst first."""
    if coverage is None:
        return ()
    found = coverage.clients

    def build() -> tuple[ClientNow, ...]:
        own = {row.client: row for row in found}
        rows = [client_now(row, own[row.id]) for row in operator.clients if row.id in own]
        return tuple(sorted(rows, key=lambda row: live.CLIENT_STATES.index(row.state)))

    every = _known_clients.get(coverage.stream, (operator, found), build)
    return tuple(row for row in every if seen.has_client(row.client))


_known_clients: IdentityCache[tuple[ClientNow, ...]] = IdentityCache()
"""By stream: every client, for as long as the coverage is the same."""


def client_now(client: Client, coverage: live.ClientCoverage | None) -> ClientNow:
    """Return a client's coverage; None: no plan in force reaches it."""
    if coverage is None:
        return ClientNow(client=client.id, name=client.name, state="unknown")
    shares = tuple(coverage.share.tolist())
    return ClientNow.from_row(coverage, client=client.id, name=client.name, shares=shares)
