"""Clearings as a member sees them: how far each is, what was prepared and sent, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from releve.association.gate_member import (
    OrderRow,
    list_order_rows,
    list_outcomes,
    merge_matches,
    read_result,
    wrap_order,
)
from releve.association.models import OwnOrder, ReliefGate
from releve.network import Operator
from releve.sector import parse_gate

__all__ = [
    "GateDetails",
    "GateSummary",
    "PreparedOrder",
    "describe_gate",
    "list_gate_summaries",
    "summarise_gate",
]


@dataclass(frozen=True, slots=True)
class GateSummary:
    """A clearing; ``state``: open, closed (offers are opened), awaited or cleared."""

    gate: str
    day: date
    closes_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    """An own order: to the byte, and whether it was sent."""

    kind: str
    digest: str
    content: str
    sent_at: datetime | None
    rows: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True)
class GateDetails:
    """What was prepared for a clearing, and the own part of its ``result`` once it has come.

    ``names`` of the own programmes behind references; ``matches`` as of :func:`merge_matches`,
    ``outcomes`` as of :func:`list_outcomes`; ``asks``: agents of a partner were matched with an own
    request.
    """

    orders: tuple[PreparedOrder, ...]
    names: Mapping[str, str]
    result: Mapping[str, Any] | None
    matches: tuple[Mapping[str, Any], ...]
    outcomes: tuple[tuple[str, int, int, str], ...]
    asks: bool


def list_gate_summaries(now: datetime) -> tuple[GateSummary, ...]:
    """Return the clearings that have come from the clerk, the one that closes last first."""
    rows = ReliefGate.objects.order_by("-closes_at")
    return tuple(summarise_gate(row, now) for row in rows)


def summarise_gate(row: ReliefGate, now: datetime) -> GateSummary:
    """Return a clearing as it is at an instant."""
    state = "open" if now < row.closes_at else "closed" if now < row.opens_until else "awaited"
    day = parse_gate(row.text).day
    return GateSummary(row.name, day, row.closes_at, "cleared" if row.result else state)


def describe_gate(gate: str, operator: Operator) -> GateDetails:
    """Return what was prepared for a clearing, and what came of it."""
    orders, result = list(OwnOrder.objects.filter(gate=gate).order_by("pk")), read_result(gate)
    matches = () if result is None else tuple(merge_matches(result))
    return GateDetails(
        orders=tuple(
            PreparedOrder(
                one.kind, one.digest, wrap_order(one).content.decode(), one.sent_at,
                list_order_rows(one),
            )
            for one in orders
        ),
        names={
            reference: operator.programme[name].name if name in operator.programme else name
            for order in orders
            for reference, name in order.private.get("programmes", {}).items()
        },
        result=result,
        matches=matches,
        outcomes=() if result is None else tuple(list_outcomes(result)),
        asks=any(not one["gives"] for one in matches),
    )  # fmt: skip
