"""The member in a clearing: gates received, offers sealed and opened, requests sent, the result.

Nothing leaves before a person offers or asks; the worker opens the offer once the gate is closed,
and fetches the result. Each message is stored before it is sent, so that what was shown goes out,
and its digest is an entry of the ledger.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from releve import __version__
from releve.errors import Phrase
from releve.ledger.chain import append
from releve.ledger.keys import public_key
from releve.plugins.sector.association.clerk import STREAM
from releve.plugins.sector.association.keys import AssociationError, Envelope, load_signing_key
from releve.plugins.sector.association.membership import require_membership
from releve.plugins.sector.association.models import OwnOrder, ReliefGate
from releve.plugins.sector.engine.contribution import sign_text, verify_text
from releve.plugins.sector.engine.gate_orders import (
    RESULT_FORMAT,
    GateNotice,
    GateOrder,
    hide_requests,
    parse_gate,
    parse_order,
    seal_offer,
)
from releve.plugins.sector.engine.needs import SectorOffer, SectorRequest, compare_formats

NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What is asked or offered: a reference or a package, agent half hours, price in cents."""

    name: str
    skill: str
    half_hours: int
    cents: int


def keep_gate(sent: Envelope, now: datetime) -> GateNotice:
    """Store a gate of the clerk's; AssociationError where it is unsigned or a second one."""
    row = require_membership()
    if sent.what != "gate" or not verify_text(sent.text, sent.signature, row.clerk_key):
        raise AssociationError(Phrase("the gate is not signed by the clerk’s key: nothing is stored"))
    notice = parse_gate(sent.text)
    if notice.association != row.association:
        raise AssociationError(Phrase("the gate is of {0}, not of {1}", notice.association, row.association))
    known, _ = ReliefGate.objects.get_or_create(
        name=notice.gate,
        defaults={"text": sent.text, "signature": sent.signature, "at": now,
                  "closes_at": notice.closes_at, "opens_until": notice.opens_until},
    )  # fmt: skip
    if known.text != sent.text:
        raise AssociationError(Phrase("a second gate {0} with other terms: ask the clerk", notice.gate))
    return notice


def load_gate(name: str) -> GateNotice:
    """Return a gate that has come; AssociationError where it has not."""
    row = ReliefGate.objects.filter(name=name).first()
    if row is None:
        raise AssociationError(Phrase("the gate {0} has not come: fetch the gates first", name))
    return parse_gate(row.text)


def list_open_gates(now: datetime) -> list[GateNotice]:
    """Return the gates that take offers and requests, the one that closes first before others."""
    rows = ReliefGate.objects.filter(closes_at__gt=now).order_by("closes_at")
    return [parse_gate(row.text) for row in rows]


def prepare_commit(gate: str, offers: Sequence[SectorOffer], now: datetime) -> OwnOrder:
    """Seal offers for a gate and store them; AssociationError without one, or for a second time."""
    if not offers:
        raise AssociationError(Phrase("there is nothing to offer: no package fits the agents to spare"))
    notice = load_gate(gate)
    nonces = {one.offer: secrets.token_bytes(NONCE_BYTES) for one in offers}
    order = _begin("commit", notice, now, commitments={
        one.offer: seal_offer(notice.sector_gate, one, nonces[one.offer]) for one in offers
    })  # fmt: skip
    opening = _begin("open", notice, now, offers=tuple(sorted(offers)),
                     nonces={name: nonce.hex() for name, nonce in nonces.items()})  # fmt: skip
    order.check_size()
    opening.check_size()
    return _store(order, now, {"opening": opening.text})


def prepare_request(
    gate: str, requests: Iterable[SectorRequest], approvals: Iterable[tuple[str, str, str]], now: datetime
) -> OwnOrder:
    """Store a request for a gate; programmes stay here, under the references that go out."""
    notice, member = load_gate(gate), require_membership().member
    hidden, approved, programmes = hide_requests(requests, approvals, member, gate)
    if not hidden:
        raise AssociationError(Phrase("there is nothing to ask for: no client with terms lacks agents"))
    order = _begin("request", notice, now, requests=hidden, approvals=approved)
    order.check_size()
    return _store(order, now, {"programmes": programmes})


def prepare_opening(commit: OwnOrder, now: datetime) -> OwnOrder:
    """Store the opening of what was committed to, dated now."""
    known = OwnOrder.objects.filter(gate=commit.gate, kind="open").first()
    if known is not None:
        return known
    sealed = parse_order(commit.private["opening"])
    order = _begin("open", load_gate(commit.gate), now, offers=sealed.offers, nonces=sealed.nonces)
    return _store(order, now, {})


def wrap_order(row: OwnOrder) -> Envelope:
    return Envelope("order", row.text, row.signature)


@transaction.atomic
def note_order_sent(row: OwnOrder, answer: str, now: datetime) -> None:
    """Note that the clerk took an order; its digest becomes an entry of the ledger."""
    OwnOrder.objects.filter(pk=row.pk).update(sent_at=now, answer=answer[:300])
    append("order.sent", {"digest": row.digest, "gate": row.gate, "kind": row.kind}, recorded_at=now, stream=STREAM)


@transaction.atomic
def keep_result(gate: str, sent: Envelope, now: datetime) -> dict[str, Any]:
    """Store the result of a gate; AssociationError where it is unsigned, or a second one."""
    membership = require_membership()
    if sent.what != "result" or not verify_text(sent.text, sent.signature, membership.clerk_key):
        raise AssociationError(Phrase("the result is not signed by the clerk’s key: nothing is stored"))
    found: dict[str, Any] = json.loads(sent.text)
    if found.get("format") != RESULT_FORMAT:
        raise AssociationError(compare_formats(RESULT_FORMAT, found.get("format")))
    if (found.get("gate"), found.get("member")) != (gate, membership.member):
        raise AssociationError(Phrase("the result is not of {0} at the gate {1}", membership.member, gate))
    row = ReliefGate.objects.select_for_update().get(name=gate)
    if row.result and row.result != sent.text:
        raise AssociationError(Phrase("a second result of the gate {0}: ask the clerk", gate))
    if not row.result:
        row.result = sent.text
        row.save(update_fields=["result"])
        append("result.received", {"digest": _hash(sent.text), "gate": gate}, recorded_at=now, stream=STREAM)
    return found


def read_gate_result(gate: str) -> dict[str, Any] | None:
    """Return the result of a gate; None before it has come."""
    text = ReliefGate.objects.filter(name=gate).values_list("result", flat=True).first()
    return json.loads(text) if text else None


def merge_matches(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the own matches, one for each pair of offer and request, with ``half_hours`` in all.

    ``gives``: this member lends.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in result["matches"]:
        pair = {**one, "half_hours": 0, "gives": one["giver"] == result["member"]}
        held = found.setdefault((one["offer"], one["request"]), pair)
        held["half_hours"] += one["agents"]
    return list(found.values())


def list_outcomes(result: Mapping[str, Any]) -> list[tuple[str, int, int, str]]:
    """Return own requests and packages: half hours wanted, matched, and why no more."""
    requests = [(one["request"], one["asked"], one["served"], one["reason"]) for one in result["requests"]]
    return requests + [(one["offer"], one["offered"], one["taken"], one["reason"]) for one in result["offers"]]


def list_order_rows(order: OwnOrder) -> tuple[OrderRow, ...]:
    """Return what an own order asks or offers; of a sealed one, what is in it."""
    read = parse_order(order.private["opening"] if order.kind == "commit" else order.text)
    rows = [(one.request, one.skill, one.agents, one.ceiling_cents) for one in read.requests]
    rows += [(one.offer, one.skill, one.agents, one.price_cents) for one in read.offers]
    return tuple(
        OrderRow(name, skill, sum(count for _half_hour, count in agents), cents) for name, skill, agents, cents in rows
    )


def find_programme(reference: str) -> str | None:
    """Return the own programme behind the reference of a request; None where it is none."""
    return list_programmes().get(reference)


def list_programmes() -> dict[str, str]:
    """Return the own programme behind each reference of a request that was made."""
    found: dict[str, str] = {}
    for row in OwnOrder.objects.filter(kind="request"):
        found |= row.private["programmes"]
    return found


def _begin(kind: str, notice: GateNotice, now: datetime, **content: Any) -> GateOrder:
    return GateOrder(
        kind, notice.gate, notice.association, require_membership().member,
        now.replace(microsecond=0), __version__, public_key(), **content,
    )  # fmt: skip


def _store(order: GateOrder, now: datetime, private: Mapping[str, Any]) -> OwnOrder:
    text = order.text
    made, new = OwnOrder.objects.get_or_create(
        gate=order.gate, kind=order.kind,
        defaults={"digest": _hash(text), "text": text, "private": dict(private), "made_at": now,
                  "signature": sign_text(text, load_signing_key())},
    )  # fmt: skip
    if not new and made.sent_at is not None:
        raise AssociationError(Phrase("this order for the gate {0} was sent: the first one counts", order.gate))
    if not new:
        made.delete()
        return _store(order, now, private)
    return made


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
