"""How the day goes, per client and programme, as far as a reader may see it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from django.urls import reverse
from pydantic import BeforeValidator, Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import Figure, PageModel
from releve.live import api as live
from releve.live.api import IdentityCache, ServiceDay, TargetState
from releve.service_record.statistics_folder import FaultyFile, list_faulty_files

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_FAULTS_SHOWN = timedelta(hours=12)


def _round_minutes(minutes: float) -> int | None:
    return int(minutes) if math.isfinite(minutes) else None


_Minutes = Annotated[int | None, BeforeValidator(_round_minutes)]


class ProgrammeServiceNow(PageModel):
    """A programme's day so far and to come; null: not known."""

    programme: str
    name: str
    kind: str
    state: TargetState = Field(
        description="Of the day's target: lost for good; losing: below it or to be so today with"
        " the agents expected; below: below it, and to be back; held; unknown"
    )
    target: float = Field(description="Service level that the contract asks of the day")
    offered: Figure = Field(description="Calls of the half hours known so far")
    expected: Figure = Field(description="What the morning's forecast said of these")
    answered: Figure
    abandoned: Figure
    level: Figure = Field(description="Service level of the day by the contract's definition")
    last: datetime | None = Field(description="Start of the last half hour known")
    level_last: Figure = Field(description="Service level of that half hour")
    rest_morning: Figure = Field(description="Calls to come today by the morning's forecast")
    rest: Figure = Field(description="Calls to come today, forecast again from what came")
    level_at_end: Figure = Field(description="Service level foreseen for the whole day")
    present: Figure = Field(description="Agents signed in")
    placed: Figure = Field(description="Agents placed now, less shrinkage")
    required: Figure = Field(description="Agents required on the phone now")
    below_minutes: _Minutes = Field(
        description="Minutes until the day's level is below its target; null: not today, or unknown"
    )
    lost_minutes: _Minutes = Field(
        description="Minutes until it cannot come back today; null: not today, or unknown"
    )


class ClientServiceNow(PageModel):
    """A client's programmes, and the calls of those inbound; null where one is not known."""

    client: str
    name: str
    state: TargetState
    offered: Figure
    expected: Figure
    answered: Figure
    abandoned: Figure
    programmes: tuple[ProgrammeServiceNow, ...]


class ServiceNow(PageModel):
    """The calls of today: null figures where no source reported."""

    at: datetime = Field(description="To the minute")
    time_zone: str
    reported_at: datetime | None = Field(description="When the last report was recorded today")
    forecast: bool = Field(description="Whether the morning's forecast of the day was made")
    clients: tuple[ClientServiceNow, ...] = Field(description="Targets that are lost come first")
    faults: tuple[FaultyFile, ...] = Field(description="To readers who see every client")
    relief_url: str = Field(
        description="Where a relief is proposed for the calls foreseen; empty while targets hold"
    )

    @property
    def any(self) -> bool:
        """Whether anything came today."""
        return self.reported_at is not None or any(
            row.present is not None for client in self.clients for row in client.programmes
        )


def service_now(at: datetime, user: AnyUser, scene: live.Scene | None) -> ServiceNow | None:
    """Return the calls of the day for a user; None where the user may see none, or has no client.

    The number of queries does not depend on what the record holds.
    """
    if not can(user, "plan.see"):
        return None
    seen, found = scope_for(user, "plan.see"), live.compute_service_day(at, scene)
    if found is None:
        return None
    clients = tuple(row for row in _build_clients(found) if seen.has_client(row.client))
    faults = list_faulty_files(found.at - _FAULTS_SHOWN) if seen.clients is None else []
    return ServiceNow(
        at=found.at,
        time_zone=found.operator.row.time_zone,
        reported_at=found.reported_at,
        forecast=found.forecast,
        clients=tuple(row for row in clients if row.programmes),
        faults=tuple(faults),
        relief_url=_link_relief(user, clients),
    )


def _build_clients(found: ServiceDay) -> tuple[ClientServiceNow, ...]:
    """Return every client as pages hold it; built once for all readers."""
    names = found.operator.programme

    def build() -> tuple[ClientServiceNow, ...]:
        return tuple(
            ClientServiceNow.from_row(
                client,
                programmes=tuple(
                    ProgrammeServiceNow.from_row(row, name=names[row.programme].name)
                    for row in client.programmes
                ),
            )
            for client in found.clients
        )

    return _known_clients.get("", (found,), build)


_known_clients: IdentityCache[tuple[ClientServiceNow, ...]] = IdentityCache(1)


def _link_relief(user: AnyUser, clients: Iterable[ClientServiceNow]) -> str:
    """Return the address of the proposal as foreseen, for a reader of reliefs of all clients."""
    losing = any(row.state in ("lost", "losing") for row in clients)
    may = can(user, "reliefs.see") and scope_for(user, "reliefs.see").clients is None
    return f"{reverse('surge')}?percent=" if losing and may else ""
