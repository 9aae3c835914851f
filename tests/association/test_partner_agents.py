"""A contract in force is a place in the routes, half hour by half hour, until it is recalled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.live import partners, routes
from releve.live.partners import Lending
from releve.plan import Placement
from releve.plugins.sector.association import contracts
from releve.plugins.sector.association.agents import EFFICIENCY, ContractSource, count_agents
from releve.plugins.sector.association.contracts import DRILL, RELIEF, start_contract, take_step
from releve.plugins.sector.association.models import LentAgent
from tests.plan.tiny_operators import DAY, agent, operator_of, programme, site
from tests.sector.sector_case import CLERK, NOW, make_terms

pytestmark = [pytest.mark.django_db, pytest.mark.database]

TERMS = make_terms(programme="p", sip_address="203.0.113.7:5060", agents=((18, 4), (19, 2)))
OPERATOR = operator_of([site("a")], {"a": (2, 2.0)}, [programme("p", "k")], [agent("x", "a", "p")], [])
DURING = TERMS.starts_at + timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Ed25519PrivateKey.generate()
    monkeypatch.setattr(contracts, "signing_key", lambda: key)
    source = ContractSource()
    monkeypatch.setattr(partners, "_list_sources", lambda: [source])


def sign_contract(stream: str = RELIEF) -> None:
    """Bring the contract to both signed, all by one installation."""
    start_contract(TERMS, CLERK, NOW, stream=stream)
    for kind, by, more in (
        ("offer", "rif", {}), ("match", CLERK, {}), ("agree", "atlas", {"reference": "x"}),
        ("sign", "atlas", {}), ("sign", "rif", {}),
    ):  # fmt: skip
        take_step("c-1", kind, by, NOW, stream=stream, **more)


def compute(at: datetime, stream: str = "live") -> dict[str, float]:
    """Return the share of each place in the calls of the programme, one agent on site a."""
    row = Placement("x", "a", "p", at - timedelta(hours=2), at + timedelta(hours=2), None, None)
    lost = SimpleNamespace(sites=frozenset(), carriers=frozenset(), home_only=frozenset())
    scene: Any = SimpleNamespace(
        days=(DAY,), at=at, stream=stream,
        day_plan=lambda day: SimpleNamespace(operator=OPERATOR),
        list_placements=lambda day: [row],
        situation=SimpleNamespace(lost_places=lambda at: lost),
    )  # fmt: skip
    return {one.place: one.weight for one in routes.compute_routes(scene)["p"]}


def test_a_signed_contract_takes_its_share_of_the_calls_as_agreed() -> None:
    assert compute(DURING) == {"a": 1.0}
    sign_contract()
    first = compute(DURING)
    assert first["partner:rif"] == pytest.approx(4 * EFFICIENCY / (1 + 4 * EFFICIENCY), abs=1e-4)
    second = compute(DURING + timedelta(minutes=30))
    assert second["partner:rif"] == pytest.approx(0.6, abs=1e-4)
    for at in (TERMS.starts_at - timedelta(minutes=1), TERMS.ends_at):
        assert compute(at) == {"a": 1.0}


def test_a_recall_takes_the_partner_out_at_once() -> None:
    sign_contract()
    assert "partner:rif" in compute(DURING)
    take_step("c-1", "recall", "rif", DURING, reason="loss")
    assert compute(DURING) == {"a": 1.0}


def test_a_lending_lasts_to_the_recall_and_stays_on_record() -> None:
    sign_contract()
    LentAgent.objects.create(contract="c-1", agent="x")
    source = ContractSource()
    lent = Lending("x", TERMS.starts_at, TERMS.ends_at, at_home=True)
    assert list(source.list_lendings("live")) == [lent]
    assert list(source.list_lendings("drill:3")) == []
    take_step("c-1", "recall", "rif", DURING, reason="loss")
    assert list(source.list_lendings("live")) == [replace(lent, until=DURING)]
    assert source.list_lent("live") == {}, "the recall ended the absence"


def test_a_drill_moves_calls_in_the_drill_alone() -> None:
    sign_contract(DRILL)
    assert compute(DURING) == {"a": 1.0}
    assert "partner:rif" in compute(DURING, "drill:3")


def test_the_partner_has_its_address_where_it_is_in_the_routes() -> None:
    sign_contract()
    assert partners.list_partner_addresses("live") == {"partner:rif": "sip:203.0.113.7:5060"}
    assert partners.list_partner_addresses("drill:3") == {}


def test_half_hours_count_from_midnight_of_the_sector() -> None:
    instants = [TERMS.starts_at + timedelta(minutes=m) for m in (-1, 0, 29, 30, 60)]
    assert [count_agents(TERMS, at) for at in instants] == [0, 4, 4, 2, 0]
