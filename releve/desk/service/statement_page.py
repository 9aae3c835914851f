"""A client's statement as a page: promised, delivered, lost to what, and its proof."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from pydantic import Field

from releve.accounts.scopes import can, scope_for
from releve.desk.page import PageModel, known
from releve.live import api as live
from releve.network import Client, Operator, zone

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class PromisedService(PageModel):
    """A programme over the period; null: not known."""

    programme: str
    name: str
    target: float = Field(description="Service level that the contract asks")
    definition: str = Field(description="What it divides by what, as in the operator's tables")
    offered: float | None
    answered: float | None
    level: float | None
    held: bool | None = Field(description="Whether the level is at least the target")
    half_hours: int = Field(description="Half hours of which a source reported")


class LostService(PageModel):
    """Calls of the half hours in which some events lasted; of none, without an entry."""

    entries: tuple[int, ...] = Field(description="Of the ledger: when each event began")
    kinds: tuple[str, ...]
    places: tuple[str, ...] = Field(description="Their sites or carriers; empty to outsiders")
    offered: float
    missed: float | None = Field(description="Offered and not answered")


class SealedService(PageModel):
    """A day whose figures are in the ledger; ``agrees``: those shown are the ones sealed."""

    day: date
    entry: int
    url: str = Field(description="Of the entry, to those who may read the ledger")
    digest: str
    agrees: bool


class ServiceStatement(PageModel):
    """A client's statement of some days."""

    client: str
    name: str
    first: date
    last: date
    time_zone: str
    lines: tuple[PromisedService, ...]
    losses: tuple[LostService, ...]
    seals: tuple[SealedService, ...]
    unsealed: int = Field(description="Days of the period without an entry, or with other figures")
    earlier_url: str
    month_url: str


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
    reads = can(user, "ledger.see")
    address = reverse("statement", args=[client.id])
    before = first - timedelta(days=1)
    earlier = f"month={before:%Y-%m}" if last > first else f"day={before}"
    agreed = sum(seal.agrees for seal in found.seals)
    return ServiceStatement(
        client=client.id,
        name=client.name,
        first=first,
        last=last,
        time_zone=operator.row.time_zone,
        lines=tuple(_build_line(row, operator) for row in found.lines),
        losses=tuple(
            LostService(
                entries=row.seqs, kinds=row.kinds, places=row.places if sees else (),
                offered=row.offered, missed=known(row.missed),
            )
            for row in found.losses
        ),
        seals=tuple(
            SealedService(
                day=row.day, entry=row.seq, digest=row.digest, agrees=row.agrees,
                url=reverse("ledger_entry", args=[row.seq]) if reads else "",
            )
            for row in found.seals
        ),
        unsealed=(last - first).days + 1 - agreed,
        earlier_url=f"{address}?{earlier}",
        month_url=f"{address}?month={first:%Y-%m}",
    )  # fmt: skip


def _build_line(row: live.StatementLine, operator: Operator) -> PromisedService:
    level = known(row.level)
    return PromisedService(
        programme=row.programme,
        name=operator.programme[row.programme].name,
        target=row.target,
        definition=row.definition,
        offered=known(row.offered),
        answered=known(row.answered),
        level=level,
        held=None if level is None else level >= row.target,
        half_hours=row.half_hours,
    )
