"""Contracts of relief in the live chain: hired agents count, lent ones are away, until recalled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.live import api as live
from releve.live.plans import read_settings
from releve.live.relief_solver import ReliefRequest, solve_priced_relief
from releve.network import day_bounds
from releve.plan.coverage import Timeline, count_placed
from releve.plan.spare import find_spare
from releve.plugins.sector.association import contracts
from releve.plugins.sector.association.agents import EFFICIENCY, lend_agents, lend_from_plan
from releve.plugins.sector.association.contracts import DRILL, load_contract, start_contract, take_step
from releve.plugins.sector.association.models import LentAgent
from releve.plugins.sector.engine import ContractTerms, SectorError
from tests.live.scenario import Scenario
from tests.sector.sector_case import CLERK, NOW, make_terms

pytestmark = [pytest.mark.django_db, pytest.mark.database]
KEYS = {name: Ed25519PrivateKey.generate() for name in ("atlas", "rif", CLERK)}
Act = Callable[..., None]


@pytest.fixture
def _asker(act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contracts, "public_key", lambda: public_hex("atlas"))


asks = pytest.mark.usefixtures("_asker")


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Act:
    """Take a step as one of the parties; the installation is the asker's where a test says so."""
    monkeypatch.setattr(contracts, "public_key", lambda: public_hex("rif"))

    def step(kind: str, party: str, **more: Any) -> None:
        monkeypatch.setattr(contracts, "signing_key", lambda: KEYS[party])
        take_step("c-1", kind, party, NOW, stream=DRILL, **more)
        monkeypatch.setattr(contracts, "signing_key", lambda: KEYS["rif"])

    return step


def public_hex(party: str) -> str:
    return KEYS[party].public_key().public_bytes_raw().hex()


def sign(act: Act, terms: ContractTerms) -> None:
    start_contract(terms, CLERK, NOW, stream=DRILL)
    for kind, party, more in (
        ("offer", "rif", {}), ("match", CLERK, {}), ("agree", "atlas", {"reference": "x"}),
        ("sign", "atlas", {}), ("sign", "rif", {}),
    ):  # fmt: skip
        act(kind, party, **more)


def make_day_terms(scenario: Scenario, first: int, agents: int, **more: Any) -> ContractTerms:
    """Return terms over the first day from one of its half hours on."""
    zone_name = scenario.operator.row.time_zone
    begins, ends = day_bounds(scenario.plans[0].day, zone_name)
    starts = scenario.plans[0].starts
    hours = range((starts[first] - begins) // (starts[1] - starts[0]), 48)
    return make_terms(
        agents=tuple((t, agents) for t in hours), starts_at=starts[first], ends_at=ends, time_zone=zone_name, **more
    )


def measure(stream: str) -> dict[str, tuple[Any, Any]]:
    """Return (required, covered) of every client, half hour by half hour."""
    found = live.compute_coverage(stream)
    assert found is not None
    return {one.client: (one.required, one.covered) for one in found.clients}


def miss(stream: str) -> float:
    return float(sum((need - got).sum() for need, got in measure(stream).values()))


def list_short(scenario: Scenario) -> tuple[str, np.ndarray[Any, Any], datetime]:
    """Return the programme that misses most on the first day, and how much by half hour."""
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    found = scene.day_plan(scene.days[0])
    timeline = Timeline(found.plan.starts)
    placed = count_placed(found.operator, timeline, scene.list_placements(scene.days[0]))
    short = np.nan_to_num(np.maximum(0.0, found.plan.required - placed))
    short[[at < scene.at for at in found.plan.starts]] = 0.0
    column = int(short.sum(axis=0).argmax())
    return found.need.programmes[column], short[:, column], scene.at


@asks
def test_hired_agents_raise_the_coverage_of_a_closure_until_they_are_recalled(scenario: Scenario, act: Act) -> None:
    scenario.work()
    for site in scenario.operator.sites[:2]:
        scenario.close(site.id)
        scenario.work()
    programme, short, _ = list_short(scenario)
    assert short.sum() > 0
    before = miss(scenario.stream)
    terms = make_day_terms(scenario, int(np.flatnonzero(short)[0]), 2, programme=programme,
                           sip_address="203.0.113.7:5060")  # fmt: skip
    sign(act, terms)
    gained = float(np.minimum(short, 2 * EFFICIENCY).sum())
    assert before - miss(scenario.stream) == pytest.approx(gained, abs=1e-6)

    act("recall", "rif", reason="loss")
    assert miss(scenario.stream) == pytest.approx(before, abs=1e-9)


@asks
def test_a_relief_solved_while_partners_help_leaves_their_work_to_them(scenario: Scenario, act: Act) -> None:
    scenario.work()
    scenario.close()
    scenario.work()
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    day = scene.days[0]
    programme, _, _ = list_short(scenario)
    sign(act, make_day_terms(scenario, 20, 500, programme=programme))
    helped = scene.day_to_relieve(day)
    column = helped.need.programmes.index(programme)
    assert not helped.need.agents[20:, column].any()
    others = np.delete(helped.need.agents, column, axis=1)
    assert np.array_equal(others, np.delete(scene.day_plan(day).need.agents, column, axis=1))

    def solve(found: Any) -> float:
        request = ReliefRequest(found, {}, 0, scene.wanted[day], scene.absent, scene.at)
        return solve_priced_relief(request)[1].penalty

    assert solve(helped) <= solve(scene.day_plan(day)) + 1e-6


def test_agents_who_are_spared_are_away_and_no_client_misses_them(scenario: Scenario, act: Act) -> None:
    scenario.work()
    plan = scenario.plans[0]
    active = live.load_activation()
    assert active is not None
    found = live.load_day_plan(active.days[plan.day.isoformat()], active.version)
    one = max(
        find_spare(found.operator, found.plan, found.need, read_settings(found.plan)).agents,
        key=lambda spare: len(spare.half_hours),
    )
    begins, _ = day_bounds(plan.day, "Europe/Paris")
    hours = tuple((int((plan.starts[t] - begins).total_seconds() // 1800), 1) for t in one.half_hours)
    place = "home" if one.place == "home" else "site"
    terms = make_terms(
        agents=hours, skill=f"{one.skill}:{place}", destination=one.destination,
        starts_at=plan.starts[0], ends_at=plan.starts[-1], outbound_mandate="m-1",
    )  # fmt: skip
    before = measure(scenario.stream)
    sign(act, terms)
    (agent,) = lend_from_plan("c-1", NOW, stream=DRILL)
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert agent in scene.lent
    assert agent not in {row.agent for row in scene.list_placements(plan.day)}
    after = measure(scenario.stream)
    assert all(np.allclose(before[name][1], after[name][1]) for name in before)
    scenario.work()
    assert load_contract("c-1", DRILL).contract.state == "both signed", "nothing was lost"


def test_a_giver_that_loses_a_site_recalls_and_none_of_its_own_clients_falls(scenario: Scenario, act: Act) -> None:
    scenario.work()
    lent = [row.id for row in scenario.operator.agents if row.home_site != scenario.site][:20]
    sign(act, make_day_terms(scenario, 0, 20))
    lend_agents("c-1", lent, NOW, stream=DRILL)
    scenario.work()
    assert load_contract("c-1", DRILL).contract.state == "both signed", "no place is lost"
    scenario.close()
    scenario.work()
    assert load_contract("c-1", DRILL).contract.state == "both signed", "its relief comes first"
    scenario.work()
    stored = load_contract("c-1", DRILL)
    assert stored.contract.state == "recalled"
    assert stored.contract.steps[-1].reason == "loss"
    recalled = measure(scenario.stream)
    LentAgent.objects.all().delete()
    never = measure(scenario.stream)
    assert all(np.allclose(recalled[name][1], never[name][1]) for name in never)


def test_only_the_giver_names_agents_and_only_as_many_as_it_spares(
    scenario: Scenario, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(act, make_day_terms(scenario, 20, 500))
    with pytest.raises(SectorError, match="too few"):
        lend_from_plan("c-1", NOW, stream=DRILL)
    monkeypatch.setattr(contracts, "public_key", lambda: public_hex("atlas"))
    with pytest.raises(SectorError, match="only its giver"):
        lend_agents("c-1", ["a"], NOW, stream=DRILL)
    assert not LentAgent.objects.exists()
