"""Contracts exchanged through the clerk, drafted from a clearing, and shown to their parties.

The clerk checks a message of :func:`releve.plugins.sector.association.contracts.export_contract`,
countersigns, takes its own step where the terms are those of its clearing, and answers with the
contract. A contract names the request by its reference: nothing of the client and its programme
reaches the clerk. No price is shown: it is between the operators, in the terms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from releve.demand.requirement import INTERVAL
from releve.errors import Phrase
from releve.ledger.keys import public_key
from releve.network import Operator, day_bounds
from releve.plugins.sector.association.agents import ClientContract, list_half_hours
from releve.plugins.sector.association.clerk import require_clerk
from releve.plugins.sector.association.contracts import (
    DRILL,
    RELIEF,
    StoredContract,
    export_contract,
    list_contracts,
    receive_contract,
    start_contract,
    take_step,
)
from releve.plugins.sector.association.gate_member import list_programmes, load_gate, read_gate_result
from releve.plugins.sector.association.gates import CLEARED, wrap_result
from releve.plugins.sector.association.keys import MOST_BYTES, AssociationError
from releve.plugins.sector.association.membership import require_membership
from releve.plugins.sector.association.models import ReceivedOrder, ReliefGate
from releve.plugins.sector.engine.contract import ContractTerms
from releve.plugins.sector.engine.gate_orders import GateNotice, parse_gate, parse_order
from releve.plugins.sector.engine.needs import SectorError

_BESIDE = 500
"""Bytes of an answer beside its messages."""


@dataclass(frozen=True, slots=True)
class TermsBeside:
    """What a contract needs besides the match: clauses that the asker fills in."""

    annex: str
    law: str
    notice_hours: int | None
    quality_percent: int
    liability_cap_cents: int
    sip_address: str = ""
    outbound_mandate: str = ""


def draft_contracts(gate: str, beside: TermsBeside, now: datetime, *, drill: bool = False) -> list[StoredContract]:
    """Ask for a contract per match of the own requests; those that are there already are kept.

    AssociationError before the result has come.
    """
    found = read_gate_result(gate)
    if found is None:
        raise AssociationError(Phrase("the result of the gate {0} has not come yet", gate))
    stream = DRILL if drill else RELIEF
    known = list_contracts(stream)
    terms = _build_terms(found, load_gate(gate), require_membership().member, beside)
    clerk = require_membership().association
    return [known.get(one.contract) or start_contract(one, clerk, now, stream=stream) for one in terms]


def take_message(message: str, now: datetime, *, by: str, drill: bool) -> str:
    """Take a member's message as the clerk, and return the contract as it stands.

    SectorError names what is wrong; a match that the clearing does not have is none.
    """
    clerk = require_clerk()
    stream = DRILL if drill else RELIEF
    name, asker, giver = _read_parties(message)
    if by not in (asker, giver):
        raise SectorError(Phrase("contract {0} is not one of {1}: it is of {2} and {3}", name, by, asker, giver))
    keys = {**_list_member_keys((asker, giver)), clerk: public_key()}
    with transaction.atomic():
        stored = receive_contract(message, clerk, keys, now, stream=stream)
        _check_match(stored.contract.terms)
    if stored.contract.state == "offered":
        take_step(name, "match", clerk, max(now, stored.contract.steps[-1].at), stream=stream)
    return export_contract(name, stream=stream)


@dataclass(frozen=True, slots=True)
class MessagePart:
    """Contracts of a member as far as an answer holds them; ``next``: ask for those after it."""

    messages: tuple[str, ...]
    next: str


def list_messages(member: str, *, drill: bool, after: str = "") -> MessagePart:
    """Return the contracts of a member as the clerk has them, by name, those behind ``after``.

    As many as an answer of MOST_BYTES holds, but one at least; ``next`` is empty with the last.
    """
    stream = DRILL if drill else RELIEF
    names = [
        name
        for name, one in sorted(list_contracts(stream).items())
        if name > after and member in (one.contract.terms.asker, one.contract.terms.giver)
    ]
    room, messages = MOST_BYTES - _BESIDE, list[str]()
    for name in names:
        message = export_contract(name, stream=stream)
        room -= len(json.dumps(message)) + 2
        if messages and room < 0:
            return MessagePart(tuple(messages), names[len(messages) - 1])
        messages.append(message)
    return MessagePart(tuple(messages), "")


def list_own_messages(*, drill: bool) -> list[str]:
    """Return the messages of the own contracts that came from a clearing, to be sent."""
    stream = DRILL if drill else RELIEF
    association = require_membership().association
    return [
        export_contract(name, stream=stream)
        for name, one in list_contracts(stream).items()
        if one.contract.clerk == association
        and ReliefGate.objects.filter(name=name.partition(".")[0]).exclude(result="").exists()
    ]


def receive_answer(message: str, now: datetime, *, drill: bool) -> StoredContract:
    """Take over what the clerk answered, as the member; SectorError names what is wrong."""
    own = require_membership()
    name, asker, giver = _read_parties(message)
    if own.member not in (asker, giver):
        raise SectorError(Phrase("contract {0} is of {1} and {2}, not of {3}", name, asker, giver, own.member))
    gate, found = _find_gate(name)
    keys = {**found["keys"], own.member: public_key(), own.association: gate.contract_key}
    return receive_contract(message, own.member, keys, now, stream=DRILL if drill else RELIEF)


def _build_terms(found: Mapping[str, Any], gate: GateNotice, member: str, beside: TermsBeside) -> list[ContractTerms]:
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for match in found["matches"]:
        if match["asker"] == member:
            pairs.setdefault((match["request"], match["offer"]), []).append(match)
    first, _ = day_bounds(gate.day, gate.time_zone)
    made = []
    for number, ((request, _offer), matches) in enumerate(sorted(pairs.items()), 1):
        agents = tuple(sorted((one["half_hour"], one["agents"]) for one in matches))
        one = matches[0]
        made.append(
            ContractTerms(
                contract=f"{gate.gate}.{member}.{number}", asker=member, giver=one["giver"],
                client=request, programme=request, skill=one["skill"],
                destination=one["destination"], agents=agents, price_cents=one["price_cents"],
                starts_at=first + agents[0][0] * INTERVAL,
                ends_at=first + (agents[-1][0] + 1) * INTERVAL,
                time_zone=gate.time_zone, annex=beside.annex, law=beside.law,
                notice_hours=beside.notice_hours, quality_percent=beside.quality_percent,
                liability_cap_cents=beside.liability_cap_cents, sip_address=beside.sip_address,
                outbound_mandate=beside.outbound_mandate,
            )
        )  # fmt: skip
    return made


def _check_match(terms: ContractTerms) -> None:
    """Raise SectorError unless the clearing has this match."""
    name = terms.contract.partition(".")[0]
    row = ReliefGate.objects.filter(name=name, state=CLEARED).first()
    if row is None:
        raise SectorError(Phrase("contract {0}: the gate {1} is not cleared", terms.contract, name))
    found = json.loads(wrap_result(row, terms.asker).text)
    beside = TermsBeside(
        terms.annex, terms.law, terms.notice_hours, terms.quality_percent,
        terms.liability_cap_cents, terms.sip_address, terms.outbound_mandate,
    )  # fmt: skip
    if terms not in _build_terms(found, parse_gate(row.text), terms.asker, beside):
        raise SectorError(
            Phrase(
                "contract {0}: the clearing of {1} has no such match; draft it again from the result",
                terms.contract,
                name,
            )
        )


def _find_gate(contract: str) -> tuple[GateNotice, Mapping[str, Any]]:
    gate = contract.partition(".")[0]
    found = read_gate_result(gate)
    if found is None:
        raise AssociationError(Phrase("contract {0}: the result of its gate has not come yet", contract))
    return load_gate(gate), found


def _list_member_keys(members: tuple[str, str]) -> dict[str, str]:
    """Return the keys by which members sign contracts, as they last sent them, signed."""
    rows = ReceivedOrder.objects.filter(member__in=members).order_by("received_at", "pk")
    return {row.member: parse_order(row.text).contract_key for row in rows}


def _read_parties(message: str) -> tuple[str, str, str]:
    try:
        terms = json.loads(message)["terms"]
        return str(terms["contract"]), str(terms["asker"]), str(terms["giver"])
    except (KeyError, TypeError, ValueError) as error:
        raise SectorError(Phrase("the message is not a contract: {0}; ask for it again", repr(error))) from error


_LENDS = ("matched", "client agreed", "both signed", "started")
"""The states in which the giver of a contract names the agents."""


@dataclass(frozen=True, slots=True)
class ContractSummary:
    """A contract without its price.

    ``stream``: ``relief``, or ``relief-drill`` (nothing of it is real); ``half_hours`` with the
    agents in each, ``total`` in all and ``most`` at once; ``countersigned``: both sides signed the
    last step.
    """

    stream: str
    contract: str
    state: str
    asker: str
    giver: str
    client: str
    client_name: str
    programme_name: str
    skill: str
    destination: str
    annex: str
    starts_at: datetime
    ends_at: datetime
    half_hours: tuple[tuple[datetime, int], ...]
    total: int
    most: int
    digest: str
    countersigned: bool


@dataclass(frozen=True, slots=True)
class SignedStep:
    """A step: what, by whom, when, and who has signed it."""

    kind: str
    by: str
    at: datetime
    reference: str
    signed: tuple[str, ...]
    countersigned: bool


def summarise_contract(
    stored: StoredContract, stream: str, operator: Operator, programmes: Mapping[str, str]
) -> ContractSummary:
    """Return a contract as it stands; ``programmes``: the own ones by reference."""
    found, terms = stored.contract, stored.contract.terms
    counts = [count for _half_hour, count in terms.agents]
    own = operator.programme.get(programmes.get(terms.programme, ""))
    return ContractSummary(
        stream=stream,
        contract=terms.contract,
        state=found.state,
        asker=terms.asker,
        giver=terms.giver,
        client=terms.client,
        client_name=terms.client if own is None else operator.client[own.client].name,
        programme_name=terms.programme if own is None else own.name,
        skill=terms.skill,
        destination=terms.destination,
        annex=terms.annex,
        starts_at=terms.starts_at,
        ends_at=terms.ends_at,
        half_hours=tuple(list_half_hours(terms)),
        total=sum(counts),
        most=max(counts, default=0),
        digest=found.digest,
        countersigned=stored.is_countersigned,
    )


def summarise_agreement(found: ClientContract, operator: Operator) -> ContractSummary:
    """Return a contract for the work of an own client as it stands."""
    programmes = {found.stored.contract.terms.programme: found.programme}
    return summarise_contract(found.stored, found.stream, operator, programmes)


def list_contract_summaries(operator: Operator) -> tuple[ContractSummary, ...]:
    """Return every contract, the real ones before those of drills, each the newest first."""
    programmes = list_programmes()
    return tuple(
        summarise_contract(stored, stream, operator, programmes)
        for stream in (RELIEF, DRILL)
        for stored in reversed(list_contracts(stream).values())
    )


def list_signed_steps(stored: StoredContract) -> tuple[SignedStep, ...]:
    terms = stored.contract.terms
    both = {terms.asker, terms.giver}
    found = []
    for step, digest in zip(stored.contract.steps, stored.digests, strict=True):
        signed = stored.signatures[digest]
        found.append(
            SignedStep(step.kind, step.by, step.at, step.reference, tuple(sorted(signed)), both <= set(signed))
        )
    return tuple(found)


def may_lend_agents(stored: StoredContract, party: str) -> bool:
    """Return whether a party is the giver of a contract that stands where agents are named."""
    return party == stored.contract.terms.giver and stored.contract.state in _LENDS
