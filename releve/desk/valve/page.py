"""What the pages of clearings and of contracts of relief hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Self

from pydantic import Field

from releve.association.agreements import ClientContract
from releve.association.contracts import StoredContract
from releve.association.gate_member import (
    OrderRow,
    list_order_rows,
    list_outcomes,
    list_programmes,
    merge_matches,
    read_result,
    wrap_order,
)
from releve.association.models import LentAgent, OwnOrder, ReliefGate, SpareSearch
from releve.association.partner_agents import list_half_hours
from releve.association.spare_searches import LEND
from releve.desk.page import PageModel
from releve.network import Operator
from releve.sector import ContractTerms, parse_gate

_LENDS = ("matched", "client agreed", "both signed", "started")
"""The states in which the giver of a contract names the agents."""


class SearchState(PageModel):
    """A search for agents who can be lent; ``error`` is a text with its values."""

    kind: str
    state: str = Field(description="waiting, running, failed or done")
    asked_at: datetime
    begun_at: datetime | None
    done_at: datetime | None
    seconds: int = Field(description="Since it began")
    error: str
    error_values: tuple[Any, ...]
    lent: int = Field(description="Agents named for the contract")
    time_zone: str

    @property
    def active(self) -> bool:
        """Whether the worker has not finished it."""
        return self.state in ("waiting", "running")


def search_state(search: SpareSearch | None, now: datetime, time_zone: str) -> SearchState | None:
    """Return how far a search is; None where there was none."""
    if search is None:
        return None
    state = "waiting" if search.begun_at is None else "running"
    running = now - (search.begun_at or now)
    if search.done_at is not None:
        state = "failed" if search.error else "done"
    lent = LentAgent.objects.filter(contract=search.name, drill=search.drill)
    return SearchState.from_row(
        search,
        state=state,
        seconds=max(0, int(running.total_seconds())),
        lent=lent.count() if search.kind == LEND else 0,
        time_zone=time_zone,
    )


class ContractCard(PageModel):
    """What operators and the client see of a contract: no price, which is between operators."""

    stream: str = Field(description="relief, or relief-drill: nothing of it is real")
    contract: str
    state: str
    giver: str
    skill: str
    starts_at: datetime
    ends_at: datetime
    digest: str
    client_name: str
    programme_name: str

    @classmethod
    def from_stored(cls, stored: StoredContract, stream: str, **others: Any) -> Self:
        """Return a contract with those of its terms that the page has."""
        found = stored.contract
        return cls.from_row(
            found.terms, stream=stream, state=found.state, digest=found.digest, **others
        )


class ContractLine(ContractCard):
    """A contract as its two operators see it."""

    asker: str
    client: str
    half_hours: tuple[tuple[datetime, int], ...] = Field(description="With the agents in each")
    countersigned: bool


class ContractsPage(PageModel):
    """Every contract, real and of drills, the newest first."""

    contracts: tuple[ContractLine, ...]
    time_zone: str


class SignedStep(PageModel):
    """A step: what, by whom, when, and who has signed it."""

    kind: str
    by: str
    at: datetime
    reference: str
    signed: tuple[str, ...]
    countersigned: bool


class ContractPage(ContractLine):
    """One contract: terms, steps, and the search for the agents whom its giver lends."""

    terms: ContractTerms
    total: int = Field(description="Agent half hours")
    most: int = Field(description="Agents at most")
    steps: tuple[SignedStep, ...]
    may_lend: bool
    search: SearchState | None
    time_zone: str


def describe_line(
    stored: StoredContract, operator: Operator, programmes: Mapping[str, str]
) -> dict[str, Any]:
    """Return the fields of a contract that its terms lack; ``programmes``: own, by reference."""
    terms = stored.contract.terms
    own = operator.programme.get(programmes.get(terms.programme, ""))
    return {
        "client_name": terms.client if own is None else operator.client[own.client].name,
        "programme_name": terms.programme if own is None else own.name,
        "half_hours": tuple(list_half_hours(terms)),
        "countersigned": stored.is_countersigned,
    }


def contract_page(
    stored: StoredContract, stream: str, operator: Operator, party: str, search: SearchState | None
) -> ContractPage:
    """Return the page of a contract, as its party sees it."""
    contract, terms = stored.contract, stored.contract.terms
    both, counts = {terms.asker, terms.giver}, [count for _half_hour, count in terms.agents]
    steps = (
        SignedStep.from_row(step, signed=tuple(sorted(signed)), countersigned=both <= set(signed))
        for step, digest in zip(contract.steps, stored.digests, strict=True)
        for signed in [stored.signatures[digest]]
    )
    return ContractPage.from_stored(
        stored,
        stream,
        **describe_line(stored, operator, list_programmes()),
        terms=terms,
        total=sum(counts),
        most=max(counts, default=0),
        steps=tuple(steps),
        may_lend=party == terms.giver and contract.state in _LENDS,
        search=search,
        time_zone=operator.row.time_zone,
    )


class AgreementCard(ContractCard):
    """A contract for the work of the reader's client; ``awaited``: the client decides now."""

    destination: str
    annex: str
    most: int = Field(description="Agents at most")
    awaited: bool


class AgreementsPage(PageModel):
    """The contracts for the work of the reader's clients, the newest first."""

    agreements: tuple[AgreementCard, ...]
    time_zone: str


def agreement_card(found: ClientContract, operator: Operator) -> AgreementCard:
    """Return a contract as its client sees it."""
    contract = found.stored.contract
    return AgreementCard.from_stored(
        found.stored,
        found.stream,
        client_name=operator.client[found.client].name,
        programme_name=operator.programme[found.programme].name,
        most=max(count for _half_hour, count in contract.terms.agents),
        awaited=contract.state == "matched",
    )


class GateLine(PageModel):
    """A clearing in the list; ``notice`` is the clerk's announcement of it."""

    gate: str
    day: date
    closes_at: datetime
    state: str = Field(description="open, closed (offers are opened), awaited or cleared")
    notice: dict[str, Any]

    @classmethod
    def from_gate(cls, row: ReliefGate, now: datetime, **others: Any) -> Self:
        """Return a clearing as it is at an instant."""
        state = "open" if now < row.closes_at else "closed" if now < row.opens_until else "awaited"
        return cls(
            gate=row.name,
            day=parse_gate(row.text).day,
            closes_at=row.closes_at,
            state="cleared" if row.result else state,
            notice=json.loads(row.text),
            **others,
        )


class GatesPage(PageModel):
    """The clearings of the association, the next first; null: a member of none."""

    association: str | None
    gates: tuple[GateLine, ...]
    time_zone: str


class OrderCard(PageModel):
    """An own order: to the byte, and whether it was sent."""

    kind: str
    digest: str
    content: str
    sent_at: datetime | None
    rows: tuple[OrderRow, ...]


class GatePage(GateLine):
    """One clearing: what was prepared and sent, and the own part of the result."""

    orders: tuple[OrderCard, ...]
    names: dict[str, str] = Field(description="Of the own programmes behind references")
    result: dict[str, Any] | None
    search: SearchState | None
    time_zone: str

    @property
    def matches(self) -> list[dict[str, Any]]:
        """The own matches of the result."""
        return [] if self.result is None else merge_matches(self.result)

    @property
    def outcomes(self) -> list[tuple[str, int, int, str]]:
        """What own requests and packages obtained."""
        return [] if self.result is None else list_outcomes(self.result)

    @property
    def asks(self) -> bool:
        """Whether agents of a partner were matched with an own request."""
        return any(not one["gives"] for one in self.matches)


def gate_page(
    row: ReliefGate, now: datetime, operator: Operator, search: SearchState | None
) -> GatePage:
    """Return the page of a clearing."""
    orders = list(OwnOrder.objects.filter(gate=row.name).order_by("pk"))
    names = {
        reference: operator.programme[name].name if name in operator.programme else name
        for order in orders
        for reference, name in order.private.get("programmes", {}).items()
    }
    return GatePage.from_gate(
        row,
        now,
        orders=tuple(
            OrderCard.from_row(
                one, content=wrap_order(one).content.decode(), rows=list_order_rows(one)
            )
            for one in orders
        ),
        names=names,
        result=read_result(row.name),
        search=search,
        time_zone=operator.row.time_zone,
    )
