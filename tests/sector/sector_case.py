"""Terms and a contract for the tests of the valve."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from releve.plugins.sector.engine.contract import ContractStep, ContractTerms, ReliefContract, apply_step, open_contract

CLERK = "association"
NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)


def make_terms(**other: Any) -> ContractTerms:
    terms = ContractTerms(
        contract="c-1",
        asker="atlas",
        giver="rif",
        client="azur",
        skill="inbound:fr:home",
        destination="TN",
        agents=((18, 4), (19, 4)),
        price_cents=900,
        starts_at=datetime(2026, 12, 1, 8, tzinfo=UTC),
        ends_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
        notice_hours=None,
        quality_percent=85,
        liability_cap_cents=2_000_000,
        annex="annex-1",
        law="Droit marocain",
        time_zone="Europe/Paris",
        programme="azur-sinistres",
    )
    return replace(terms, **other)


def step(contract: ReliefContract, kind: str, by: str, **other: Any) -> ReliefContract:
    values = {"at": NOW, **other}
    return apply_step(contract, ContractStep(kind, by, before=contract.digest, **values))


def bring_to(state: str, **other: Any) -> ReliefContract:
    """Return a contract brought to a state by the usual steps."""
    contract = open_contract(make_terms(**other), CLERK)
    for kind, by, more in (
        ("ask", "atlas", {}),
        ("offer", "rif", {}),
        ("match", CLERK, {}),
        ("agree", "atlas", {"reference": "lettre du 1er décembre"}),
        ("sign", "atlas", {}),
        ("sign", "rif", {}),
        ("start", "rif", {}),
        ("end", "atlas", {}),
        ("settle", "atlas", {"cents": 7_200}),
    ):
        if contract.state == state:
            break
        contract = step(contract, kind, by, **more)
    assert contract.state == state
    return contract
