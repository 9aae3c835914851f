"""How the day goes, per client and programme, as far as a reader may see it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from django.urls import reverse
from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import PageModel, known
from releve.desk.text import translate_phrase
from releve.live import api as live
from releve.live.api import IdentityCache, ProgrammeService, ServiceDay
from releve.network import Client, Operator
from releve.service_record.models import StatisticsFile
from releve.service_record.statistics_folder import list_faulty_files, read_first_fault

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

TargetState = Literal["lost", "losing", "below", "held", "unknown"]
_FAULTS_SHOWN = timedelta(hours=12)
STATES: tuple[TargetState, ...] = ("lost", "losing", "below", "unknown", "held")
"""States of a target, the worst first."""


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
    offered: float | None = Field(description="Calls of the half hours known so far")
    expected: float | None = Field(description="What the morning's forecast said of these")
    answered: float | None
    abandoned: float | None
    level: float | None = Field(description="Service level of the day by the contract's definition")
    last: datetime | None = Field(description="Start of the last half hour known")
    level_last: float | None = Field(description="Service level of that half hour")
    rest_morning: float | None = Field(description="Calls to come today by the morning's forecast")
    rest: float | None = Field(description="Calls to come today, forecast again from what came")
    level_at_end: float | None = Field(description="Service level foreseen for the whole day")
    present: float | None = Field(description="Agents signed in")
    placed: float | None = Field(description="Agents placed now, less shrinkage")
    required: float | None = Field(description="Agents required on the phone now")
    below_minutes: int | None = Field(
        description="Minutes until the day's level is below its target; null: not today, or unknown"
    )
    lost_minutes: int | None = Field(
        description="Minutes until it cannot come back today; null: not today, or unknown"
    )


class ClientServiceNow(PageModel):
    """A client's programmes, and the calls of those inbound; null where one is not known."""

    client: str
    name: str
    state: TargetState
    offered: float | None
    expected: float | None
    answered: float | None
    abandoned: float | None
    statement_url: str
    programmes: tuple[ProgrammeServiceNow, ...]


class FaultyStatistics(PageModel):
    """A file of today of which something was set aside."""

    file: str
    read_at: datetime
    rows: int
    used: int
    line: int = Field(description="Of the first fault; 0: it is not of a line")
    fault: str = Field(description="The first fault: where it stands, what was done, the fix")


class ServiceNow(PageModel):
    """The calls of today: null figures where no source reported."""

    at: datetime = Field(description="To the minute")
    time_zone: str
    reported_at: datetime | None = Field(description="When the last report was recorded today")
    forecast: bool = Field(description="Whether the morning's forecast of the day was made")
    clients: tuple[ClientServiceNow, ...] = Field(description="Targets that are lost come first")
    faults: tuple[FaultyStatistics, ...] = Field(description="To readers who see every client")
    wall_url: str
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
        faults=tuple(_build_fault(row) for row in faults),
        wall_url=reverse("wall"),
        relief_url=_link_relief(user, clients),
    )


def _build_clients(found: ServiceDay) -> tuple[ClientServiceNow, ...]:
    """Return every client, those whose target is lost first; built once for all readers."""

    def build() -> tuple[ClientServiceNow, ...]:
        rows = [_build_client(row, found) for row in found.operator.clients]
        return tuple(sorted(rows, key=lambda row: STATES.index(row.state)))

    return _known_clients.get("", (found,), build)


_known_clients: IdentityCache[tuple[ClientServiceNow, ...]] = IdentityCache(1)


def _link_relief(user: AnyUser, clients: Iterable[ClientServiceNow]) -> str:
    """Return the address of the proposal as foreseen, for a reader of reliefs of all clients."""
    losing = any(row.state in ("lost", "losing") for row in clients)
    may = can(user, "reliefs.see") and scope_for(user, "reliefs.see").clients is None
    return f"{reverse('surge')}?percent=" if losing and may else ""


def _build_client(client: Client, found: ServiceDay) -> ClientServiceNow:
    rows = [row for row in found.programmes if row.client == client.id]
    programmes = tuple(_build_programme(row, found.operator) for row in rows)
    calls = [row for row in rows if row.kind == "inbound"]
    return ClientServiceNow(
        client=client.id,
        name=client.name,
        state=_find_worst(programmes),
        offered=_add_up(row.offered for row in calls),
        expected=_add_up(row.expected for row in calls),
        answered=_add_up(row.answered for row in calls),
        abandoned=_add_up(row.abandoned for row in calls),
        statement_url=reverse("statement", args=[client.id]),
        programmes=programmes,
    )


def _find_worst(rows: Sequence[ProgrammeServiceNow]) -> TargetState:
    states: list[TargetState] = [row.state for row in rows if row.kind == "inbound"]
    return min(states, key=STATES.index, default="unknown")


def _add_up(values: Iterable[float]) -> float | None:
    listed = list(values)
    return known(math.fsum(listed)) if listed else None


def _build_programme(row: ProgrammeService, operator: Operator) -> ProgrammeServiceNow:
    figures = (
        "offered", "expected", "answered", "abandoned", "level", "level_last", "rest_morning",
        "rest", "level_at_end", "present", "placed", "required",
    )  # fmt: skip
    return ProgrammeServiceNow(
        programme=row.programme,
        name=operator.programme[row.programme].name,
        kind=row.kind,
        state=_judge(row),
        target=row.target,
        last=row.last,
        below_minutes=_round_minutes(row.below_minutes),
        lost_minutes=_round_minutes(row.lost_minutes),
        **{name: known(getattr(row, name)) for name in figures},
    )


def _judge(row: ProgrammeService) -> TargetState:
    """Return the state of a programme's target for the day."""
    if math.isnan(row.lost_minutes) or row.kind != "inbound":
        below = not math.isnan(row.level) and row.level < row.target
        return "below" if below and row.kind == "inbound" else "unknown"
    if row.lost_minutes == 0:
        return "lost"
    if math.isfinite(row.below_minutes):
        back = row.below_minutes == 0 and row.level_at_end >= row.target
        return "below" if back else "losing"
    return "held"


def _round_minutes(minutes: float) -> int | None:
    return int(minutes) if math.isfinite(minutes) else None


def _build_fault(row: StatisticsFile) -> FaultyStatistics:
    line, texts = read_first_fault(row)
    return FaultyStatistics(
        file=str(row), read_at=row.read_at, rows=row.rows, used=row.used, line=line,
        fault="; ".join(map(translate_phrase, texts)),
    )  # fmt: skip
