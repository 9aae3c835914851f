"""What the pages of clearings show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from releve.association.gate_member import read_result, wrap_order
from releve.association.models import OwnOrder, ReliefGate
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.desk.valve.page import name_work
from releve.desk.valve.words import OUTCOMES, REFUSALS
from releve.live import api as live
from releve.sector import parse_gate, parse_order


@dataclass(frozen=True, slots=True)
class GateLine:
    """A clearing in the list."""

    url: str
    name: str
    day: str
    closes: str
    is_open: bool
    state: str


@dataclass(frozen=True, slots=True)
class GatesPage:
    """The clearings of the association, the next first; None without an association."""

    association: str | None
    lines: tuple[GateLine, ...]


@dataclass(frozen=True, slots=True)
class OrderShown:
    """An own order: to the byte, and whether it was sent."""

    kind: str
    digest: str
    content: str
    sent: str
    rows: tuple[tuple[str, str, str, str], ...]
    """Reference, work, agent half hours, price in cents."""


@dataclass(frozen=True, slots=True)
class MatchShown:
    """Agents of a pair in the result."""

    partner: str
    gives: bool
    work: str
    destination: str
    half_hours: str
    price: str


@dataclass(frozen=True, slots=True)
class GatePage:
    """One clearing: what was prepared and sent, and the result."""

    line: GateLine
    orders: tuple[OrderShown, ...]
    cleared: bool
    matches: tuple[MatchShown, ...]
    outcomes: tuple[tuple[str, str, str, str], ...]
    """Own request or package, agent half hours asked or offered, those matched, why no more."""
    refused: tuple[str, ...]
    """A sentence for each own offer that was left out."""
    asks: bool


def build_gate_line(row: ReliefGate, now: datetime, text: Text) -> GateLine:
    """Return a clearing as the list shows it."""
    notice = parse_gate(row.text)
    if row.result:
        state = _("Result received")
    elif now < row.closes_at:
        state = _("Open: requests and sealed offers")
    elif now < row.opens_until:
        state = _("Closed: offers are being opened")
    else:
        state = _("The result is awaited")
    return GateLine(
        url=reverse("gate", args=[row.name]),
        name=row.name,
        day=text.day(notice.day),
        closes=when(row.closes_at, text),
        is_open=now < row.closes_at,
        state=state,
    )


def build_gate_page(row: ReliefGate, now: datetime, text: Text) -> GatePage:
    """Return the page of a clearing."""
    result = read_result(row.name)
    orders = list(OwnOrder.objects.filter(gate=row.name).order_by("pk"))
    names = _name_requests(orders)
    matches = [] if result is None else list(_list_matches(result, text))
    return GatePage(
        line=build_gate_line(row, now, text),
        orders=tuple(_show_order(one, names, text) for one in orders),
        cleared=result is not None,
        matches=tuple(matches),
        outcomes=() if result is None else tuple(_list_outcomes(result, names, text)),
        refused=() if result is None else tuple(_list_refusals(result, text)),
        asks=any(not one.gives for one in matches),
    )


def _name_requests(orders: Iterable[OwnOrder]) -> dict[str, str]:
    """Return the name of the own programme behind each reference of a request."""
    known = live.operator_now().programme
    return {
        reference: known[name].name if name in known else name
        for order in orders
        for reference, name in order.private.get("programmes", {}).items()
    }


def _show_order(row: OwnOrder, names: Mapping[str, str], text: Text) -> OrderShown:
    read = parse_order(row.private["opening"] if row.kind == "commit" else row.text)
    rows = [
        (names.get(one.request, one.request), one.skill, one.agents, one.ceiling_cents)
        for one in read.requests
    ]
    rows += [(one.offer, one.skill, one.agents, one.price_cents) for one in read.offers]
    return OrderShown(
        kind=row.kind,
        digest=row.digest,
        content=wrap_order(row).content.decode(),
        sent="" if row.sent_at is None else when(row.sent_at, text),
        rows=tuple(
            (name, name_work(skill), text.number(sum(n for _t, n in agents)), text.number(cents))
            for name, skill, agents, cents in rows
        ),
    )


def _list_matches(result: dict[str, Any], text: Text) -> list[MatchShown]:
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in result["matches"]:
        pairs.setdefault((one["offer"], one["request"]), []).append(one)
    return [
        MatchShown(
            partner=rows[0]["asker"] if gives else rows[0]["giver"],
            gives=gives,
            work=name_work(rows[0]["skill"]),
            destination=rows[0]["destination"],
            half_hours=text.number(sum(one["agents"] for one in rows)),
            price=text.number(rows[0]["price_cents"]),
        )
        for rows in pairs.values()
        for gives in [rows[0]["giver"] == result["member"]]
    ]


def _list_refusals(result: dict[str, Any], text: Text) -> Iterator[str]:
    for one in result["refused"]:
        params = one["params"]
        if one["code"] == "late":
            params = [when(datetime.fromisoformat(at), text) for at in params]
        yield str(REFUSALS[one["code"]]).format(*params, offer=one["offer"])


def _list_outcomes(
    result: dict[str, Any], names: Mapping[str, str], text: Text
) -> Iterator[tuple[str, str, str, str]]:
    for one in result["requests"]:
        name = names.get(one["request"], one["request"])
        yield (name, text.number(one["asked"]), text.number(one["served"]),
               str(OUTCOMES[one["reason"]]))  # fmt: skip
    for one in result["offers"]:
        yield (one["offer"], text.number(one["offered"]), text.number(one["taken"]),
               str(OUTCOMES[one["reason"]]))  # fmt: skip


def build_gate_twin(row: ReliefGate) -> dict[str, Any]:
    """Return a clearing as JSON."""
    return {
        "gate": json.loads(row.text),
        "orders": [
            {"kind": one.kind, "digest": one.digest, "sent_at": one.sent_at}
            for one in OwnOrder.objects.filter(gate=row.name).order_by("pk")
        ],
        "result": read_result(row.name),
    }
