"""What the pages of clearings and of contracts of relief hold."""

from __future__ import annotations

from pydantic import Field

from releve.association.contract_summaries import ContractSummary, SignedStep
from releve.association.gate_summaries import GateDetails, GateSummary
from releve.association.spare_searches import SearchState
from releve.desk.page import PageModel
from releve.sector import ContractTerms


class SearchPart(PageModel):
    """How far the search is that a page waits for; null where there was none."""

    search: SearchState | None
    time_zone: str


class ContractsPage(PageModel):
    """Contracts, the newest first: every one, or those for the work of the reader's clients."""

    contracts: tuple[ContractSummary, ...]
    time_zone: str


class ContractPage(SearchPart):
    """One contract: terms, steps, and the search for the agents whom its giver lends."""

    summary: ContractSummary
    terms: ContractTerms
    steps: tuple[SignedStep, ...]
    may_lend: bool


class GatesPage(PageModel):
    """The clearings of the association, the next first; null: a member of none."""

    association: str | None
    gates: tuple[GateSummary, ...]
    time_zone: str


class GatePage(SearchPart):
    """One clearing: what was prepared and sent, and the own part of the result."""

    gate: GateSummary
    details: GateDetails = Field(description="Programmes are named to this operator alone")
