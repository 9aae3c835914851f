"""A relief for more calls or absences: proposed with its price, put in force by a person."""

from __future__ import annotations

import pytest

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Message, Routes
from releve.situation import AgentUnavailable
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def ready(scenario: Scenario) -> Scenario:
    scenario.work()
    return scenario


def list_factors(scenario: Scenario, factor: float) -> dict[str, float]:
    client = scenario.operator.clients[0].id
    return {row.id: factor for row in scenario.operator.programmes if row.client == client}


def test_a_surge_is_relieved_once_a_person_says_so_and_ends_likewise(ready: Scenario) -> None:
    factors = list_factors(ready, 1.6)
    found = live.propose_surge_relief(factors, ready.stream)
    assert found.moved > 0
    assert found.missing_after < found.missing_before
    assert not live.list_reliefs(ready.stream), "a proposal is not in force"
    with pytest.raises(live.ProposalChanged):
        live.order_surge_relief(factors, digest="other", by="zoe", stream=ready.stream)
    was = Routes.objects.filter(stream=ready.stream).count()
    relief = live.order_surge_relief(factors, digest=found.digest, by="zoe", stream=ready.stream)
    assert (relief.source, relief.moved) == ("surge", found.moved)
    ready.work()
    (newest, *_) = live.list_reliefs(ready.stream)
    assert newest == relief, "the worker leaves it in force"
    assert newest.published_at is not None
    assert Routes.objects.filter(stream=ready.stream).count() > was
    assert Message.objects.filter(stream=ready.stream).exists()
    assert LedgerEntry.objects.filter(kind="relief.ordered", stream=ready.stream).exists()

    ended = live.end_surge_relief(by="zoe", stream=ready.stream)
    assert ended.source == "base"
    ready.work()
    with pytest.raises(live.NoSuch):
        live.end_surge_relief(by="zoe", stream=ready.stream)


def test_absences_alone_are_relieved_by_others(ready: Scenario) -> None:
    before = live.propose_surge_relief({}, ready.stream)
    for agent in ready.agents_at(ready.site)[:8]:
        ready.act(AgentUnavailable.kind, agent=agent)
    found = live.propose_surge_relief({}, ready.stream)
    assert found.absent == 8
    assert found.missing_before > before.missing_before
    assert found.missing_after <= found.missing_before
    gone = set(ready.agents_at(ready.site)[:8])
    assert not gone & {agent for agent, (_, after) in found.changes.items() if after}


def test_a_loss_recorded_later_starts_from_the_relief_of_a_surge(ready: Scenario) -> None:
    factors = list_factors(ready, 1.6)
    found = live.propose_surge_relief(factors, ready.stream)
    live.order_surge_relief(factors, digest=found.digest, by="zoe", stream=ready.stream)
    ready.close(home_only=True)
    with pytest.raises(live.ProposalChanged, match="is being made"):
        live.propose_surge_relief(factors, ready.stream)
    ready.work()
    assert live.list_reliefs(ready.stream)[0].source == "optimum"
    assert ready.site not in {row[1] for row, share in ready.shares.items() if share}
    again = live.propose_surge_relief(factors, ready.stream)
    relief = live.order_surge_relief(factors, digest=again.digest, by="zoe", stream=ready.stream)
    ready.work()
    assert live.list_reliefs(ready.stream)[0] == relief, "it answers the loss too"
    assert ready.site not in {row[1] for row, share in ready.shares.items() if share}


@pytest.mark.parametrize("factor", [0.0, -1.0, 5.1])
def test_a_factor_out_of_bounds_is_refused(ready: Scenario, factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        live.propose_surge_relief(list_factors(ready, factor), ready.stream)
