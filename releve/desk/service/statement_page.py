"""A client's statement as a page: promised, delivered, lost to what, and its proof."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import Field

from releve.accounts.scopes import scope_for
from releve.desk.page import Figure, PageModel
from releve.live import api as live
from releve.live.api import DaySeal, ServiceLoss
from releve.network import Client, Operator, zone

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class PromisedService(PageModel):
    """A programme over the period; null: not known."""

    programme: str
    name: str
    target: float = Field(description="Service level that the contract asks")
    definition: str = Field(description="What it divides by what, as in the operator's tables")
    offered: Figure
    answered: Figure
    level: Figure
    held: bool | None = Field(description="Whether the level is at least the target")
    half_hours: int = Field(description="Half hours of which a source reported")


class ServiceStatement(PageModel):
    """A client's statement of some days."""

    client: str
    name: str
    first: date
    last: date
    time_zone: str
    lines: tuple[PromisedService, ...]
    losses: tuple[ServiceLoss, ...] = Field(description="To outsiders without the places")
    seals: tuple[DaySeal, ...]
    unsealed: int = Field(description="Days of the period without an entry, or with other figures")

    @property
    def day_before(self) -> date:
        """The last day before the period."""
        return self.first - timedelta(days=1)


def read_period(
    asked: Mapping[str, str], time_zone: str, now: datetime
) -> tuple[date, date] | None:
    """Return the days asked for (``day=2026-11-30``, ``month=2026-11``); None where it is wrong."""
    try:
        if month := asked.get("month", ""):
            first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 (a month)
            return first, first.replace(day=monthrange(first.year, first.month)[1])
        if text := asked.get("day", ""):
            day = date.fromisoformat(text)
            return day, day
    except ValueError:
        return None
    day = now.astimezone(zone(time_zone)).date() - timedelta(days=1)
    return day, day


def statement_page(
    client: Client, operator: Operator, user: AnyUser, first: date, last: date
) -> ServiceStatement:
    """Return the statement of a client, as a reader may see it."""
    found = live.build_statement(operator, client.id, first, last)
    sees = scope_for(user, "sites.see").sites is None
    return ServiceStatement(
        client=client.id,
        name=client.name,
        first=first,
        last=last,
        time_zone=operator.row.time_zone,
        lines=tuple(
            PromisedService.from_row(row, name=operator.programme[row.programme].name)
            for row in found.lines
        ),
        losses=found.losses if sees else tuple(replace(row, places=()) for row in found.losses),
        seals=found.seals,
        unsealed=(last - first).days + 1 - sum(seal.agrees for seal in found.seals),
    )
