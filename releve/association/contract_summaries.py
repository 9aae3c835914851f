"""Contracts of relief as their operators and the client see them: state, work, period, signatures.

No price stands here: it is between the operators, in the terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from releve.association.agreements import ClientContract
from releve.association.contracts import DRILL, RELIEF, StoredContract, list_contracts
from releve.association.gate_member import list_programmes
from releve.association.partner_agents import list_half_hours
from releve.network import Operator

__all__ = [
    "ContractSummary",
    "SignedStep",
    "list_contract_summaries",
    "list_signed_steps",
    "may_lend_agents",
    "summarise_agreement",
    "summarise_contract",
]

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
    """Return the steps of a contract in its order."""
    terms = stored.contract.terms
    both = {terms.asker, terms.giver}
    found = []
    for step, digest in zip(stored.contract.steps, stored.digests, strict=True):
        signed = stored.signatures[digest]
        found.append(
            SignedStep(step.kind, step.by, step.at, step.reference, tuple(sorted(signed)),
                       both <= set(signed))
        )  # fmt: skip
    return tuple(found)


def may_lend_agents(stored: StoredContract, party: str) -> bool:
    """Return whether a party is the giver of a contract that stands where agents are named."""
    return party == stored.contract.terms.giver and stored.contract.state in _LENDS
