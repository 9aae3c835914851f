"""Reliefs of other kinds: for a surge, prepared switches, agents hired and lent."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import partners
from releve.live.lost_places import Absent, Loss
from releve.live.models import Message, PreparedSwitch, Relief, Routes
from releve.live.plans import read_settings
from releve.live.relief_solver import ReliefRequest, look_up_relief, solve_priced_relief
from releve.live.stream_state import Scene, read_placement
from releve.network import HOME, day_bounds
from releve.plan import Move, Placement
from releve.plan.coverage import Timeline, count_placed
from releve.plan.spare import find_spare
from releve.plan.work_changes import count_asked
from releve.plugins.sector.association import contracts
from releve.plugins.sector.association.agents import EFFICIENCY, lend_agents, lend_from_plan
from releve.plugins.sector.association.contracts import DRILL, load_contract, start_contract, take_step
from releve.plugins.sector.association.models import LentAgent
from releve.plugins.sector.engine.contract import ContractTerms
from releve.plugins.sector.engine.needs import SectorError
from releve.routing import Rejected
from releve.routing.file_csv import FileCsv
from releve.situation import AgentUnavailable
from tests.live.scenario import Scenario
from tests.sector.sector_case import CLERK, NOW, make_terms

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def ready(scenario: Scenario) -> Scenario:
    """A drill with routes in the morning."""
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


def press(scenario: Scenario, client: str = "") -> Routes:
    name = f"site:{scenario.site}"
    shown = live.preview_switch(name, client, scenario.stream)
    return live.press_switch(name, client, content=shown.content, minutes=30, by="zoe", stream=scenario.stream)


def test_a_closure_publishes_what_its_switch_held(ready: Scenario) -> None:
    assert live.prepare_switches(ready.stream)
    kept = {row.contingency: row for row in live.list_switches(ready.stream)}
    assert set(kept) == {f"site:{row.id}" for row in ready.operator.sites}
    before = kept[f"site:{ready.site}"]
    ready.close(home_only=True)
    ready.work()
    assert Routes.objects.filter(stream=ready.stream)[0].body == before.body
    assert before.source == "planned"
    assert before.moved == live.list_reliefs(ready.stream)[0].moved


def test_switches_are_worked_out_again_only_when_something_has_changed(ready: Scenario) -> None:
    assert live.prepare_switches(ready.stream)
    assert not live.prepare_switches(ready.stream)
    ready.power(ready.operator.sites[1].id)
    ready.work()
    assert live.prepare_switches(ready.stream)
    rows = {row.contingency: row for row in live.list_switches(ready.stream)}
    other = ready.operator.sites[1].id
    shares = [one for body in rows[f"site:{ready.site}"].body.values() for one in body]
    assert not [one for one in shares if one[0] in (ready.site, other) and one[1]], "both are lost"
    live.stop_drill(ready.stream, by="zoe")
    assert not live.list_switches(ready.stream)


def test_each_system_plans_each_switch_beforehand(ready: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    live.prepare_switches(ready.stream)
    (name, changes, error), *_ = live.list_switches(ready.stream)[0].rehearsals
    assert (name, error) == ("file_csv", "")
    assert changes is None or changes > 0

    def refuse(*_: object) -> None:
        raise Rejected("casa-1 has no SIP address")

    monkeypatch.setattr(FileCsv, "plan", refuse)
    PreparedSwitch.objects.all().delete()
    live.prepare_switches(ready.stream)
    assert live.list_switches(ready.stream)[0].rehearsals == [["file_csv", None, "casa-1 has no SIP address"]]


def test_one_press_closes_the_site_to_calls_and_one_undoes_it(ready: Scenario) -> None:
    was = Routes.objects.filter(stream=ready.stream)[0]
    number = press(ready).number
    ready.work()
    file = Path(settings.HOME) / "drills" / ready.stream.partition(":")[2] / "routes.csv"
    assert f"{ready.site};closed" in file.read_text().replace(",", ";")
    assert not [share for (_, place), share in ready.shares.items() if place == ready.site and share]
    assert not live.situation_now(ready.stream).site(ready.site).closed, "nothing is recorded"
    entry = LedgerEntry.objects.filter(kind="routing.switched").get()
    assert entry.stream == ready.stream
    pressed = live.find_pressed_switch(ready.stream)
    assert pressed is not None
    assert (pressed.number, pressed.switch) == (number, f"site:{ready.site}")
    back = live.undo_switch(by="zoe", stream=ready.stream)
    assert back.body == was.body
    assert live.find_pressed_switch(ready.stream) is None
    with pytest.raises(live.NoSuch):
        live.undo_switch(by="zoe", stream=ready.stream)


def test_a_switch_of_one_client_leaves_the_calls_of_the_others(ready: Scenario) -> None:
    was = Routes.objects.filter(stream=ready.stream)[0].body
    client = ready.operator.clients[0].id
    found = press(ready, client).body
    for programme in ready.operator.programmes:
        there = [row for row in found[programme.id] if row[0] == ready.site and row[1]]
        if programme.client == client:
            assert not there
        else:
            assert found[programme.id] == was[programme.id]


def test_a_switch_that_has_changed_since_it_was_shown_is_not_published(ready: Scenario) -> None:
    shown = live.preview_switch(f"site:{ready.site}", stream=ready.stream)
    ready.power(ready.operator.sites[1].id)
    ready.work()
    count = Routes.objects.count()
    with pytest.raises(live.SwitchChanged):
        live.press_switch(f"site:{ready.site}", content=shown.content, minutes=30, by="zoe", stream=ready.stream)
    assert Routes.objects.count() == count


def test_the_closure_recorded_after_a_press_takes_the_routes_over(ready: Scenario) -> None:
    number = press(ready).number
    ready.close(home_only=True)
    ready.work()
    last = Routes.objects.filter(stream=ready.stream)[0]
    assert (last.number, last.held_until, last.switch) == (number, None, "")
    assert live.list_reliefs(ready.stream)[0].published_at is not None


def test_the_consequences_are_those_of_the_routes_shown(ready: Scenario) -> None:
    shown = live.preview_switch(f"site:{ready.site}", stream=ready.stream)
    calls = {row.place: row for row in shown.calls}
    assert calls[ready.site].before > 0
    assert calls[ready.site].after == 0
    total = sum(row.before for row in shown.calls), sum(row.after for row in shown.calls)
    assert total[1] == pytest.approx(total[0]) or shown.unserved
    found = live.compute_coverage(ready.stream)
    assert found is not None
    after = sum(row.missing for row in shown.effects)
    assert sum(row.missing for row in found.clients) <= after < sum(row.missing_unrelieved for row in shown.effects)
    with pytest.raises(live.NoSuch, match="no contingency"):
        live.preview_switch("site:nowhere", stream=ready.stream)


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
        request = ReliefRequest(found, {}, 0, scene.wanted[day], scene.absent, scene.at, scene.lent)
        return solve_priced_relief(request)[1].penalty

    assert solve(helped) <= solve(scene.day_plan(day)) + 1e-6


def test_agents_who_are_spared_are_away_and_no_client_misses_them(scenario: Scenario, act: Act) -> None:
    scenario.work()
    plan = scenario.plans[0]
    found = live.list_days_in_force()[plan.day].load()
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


SEEDS = range(2)


class RandomLendings:
    """A source of partners that lends what a test says, and hires no agent."""

    def __init__(self) -> None:
        self.lent: Absent = {}

    def list_lent(self, stream: str) -> Absent:
        return self.lent

    def list_lendings(self, stream: str) -> tuple[()]:
        return ()

    def list_agents(self, stream: str, instants: Sequence[datetime]) -> tuple[()]:
        return ()

    def list_addresses(self, stream: str) -> dict[str, str]:
        return {}


@pytest.fixture
def lendings(monkeypatch: pytest.MonkeyPatch) -> RandomLendings:
    source = RandomLendings()
    monkeypatch.setattr(partners, "_list_sources", lambda: [source])
    return source


def draw_lendings(scenario: Scenario, seed: int) -> Absent:
    """Lend half of all agents for random half hours of any of the planned days."""
    rng = random.Random(seed)
    plans = scenario.plans
    found: dict[str, tuple[tuple[datetime, datetime | None], ...]] = {}
    for agent in scenario.operator.agents:
        if rng.random() < 0.5:
            starts = rng.choice(plans).starts
            first, last = sorted(rng.choices(range(len(starts)), k=2))
            found[agent.id] = ((starts[first], starts[last] + timedelta(minutes=30)),)
    return found


def list_lent_moves(scene: Scene, lent: Absent) -> Iterator[tuple[str, Placement | None, Placement]]:
    """Yield (agent, placement in force, stored move) of every move that overlaps a lending."""
    for day in scene.days:
        working = {row.agent: row for row in scene.list_placements(day)}
        for agent, (_reason, row) in scene.changes.get(day, {}).items():
            move = None if row is None else read_placement(agent, row)
            if move is not None and overlaps(lent, agent, move.start, move.end):
                yield agent, working.get(agent), move


def overlaps(lent: Absent, agent: str, start: datetime, end: datetime) -> bool:
    return any(since < end and (until is None or until > start) for since, until in lent.get(agent, ()))


def load(scenario: Scenario) -> Scene:
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    return scene


def list_shifts(message: Message) -> list[dict[str, Any]]:
    return [shift for shift in message.about["shifts"] if shift.get("row")]


def test_which_moves_are_made_is_a_choice_and_few_are_no_more_than_all(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario.work()
    scene = load(scenario)
    day, site = scene.days[0], scenario.site
    loss = Loss(frozenset({site}), frozenset(), frozenset({site}))
    found, moved, missing = scene.day_plan(day), {}, {}
    for choice in ("few", "balanced", "coverage"):
        monkeypatch.setenv("RELEVE_RELIEF_MOVES", choice)
        known = look_up_relief(found, loss, scene.at)
        assert (known is None) == (choice != "balanced"), "what the plan holds is of its own price"
        request = ReliefRequest(found, {}, 0, loss, {}, scene.at)
        changes, relief = solve_priced_relief(request)
        moved[choice] = count_asked(scene.count_changes({day: changes}, {day: loss}))
        missing[choice] = relief.penalty
    assert 0 < moved["few"] <= moved["coverage"]
    assert missing["few"] >= missing["coverage"]
    monkeypatch.setenv("RELEVE_RELIEF_MOVES", "all")
    with pytest.raises(ImproperlyConfigured, match="one of balanced, few, coverage"):
        look_up_relief(found, loss, scene.at)


def test_a_break_that_was_taken_is_not_taken_again_by_a_relief_of_the_plan(scenario: Scenario) -> None:
    """In the running day a planned break stands where the old or the new one has begun."""
    scenario.work()
    scene = load(scenario)
    found = scene.day_plan(scene.days[0])
    before = {row.key: row for row in found.plan.placements}
    site = scenario.site
    (name,) = [row.id for row in found.plan.contingencies if row.sites == {site}]
    row = next(row for row in before.values() if row.place not in (site, HOME) and row.break_start)
    assert row.break_start is not None
    assert row.break_end is not None
    late = replace(row, break_start=row.break_start + timedelta(hours=1), break_end=row.break_end + timedelta(hours=1))
    moves = tuple(one for one in found.plan.scenarios[name].moves if one.key != row.key)
    scenario_of = replace(found.plan.scenarios[name], moves=(*moves, Move(row.agent, row, late, "break")))
    planned = replace(found, plan=replace(found.plan, scenarios={**found.plan.scenarios, name: scenario_of}))
    loss = Loss(frozenset({site}), frozenset(), frozenset({site}))
    early = look_up_relief(planned, loss, row.break_start - timedelta(minutes=30))
    after = look_up_relief(planned, loss, row.break_end + timedelta(minutes=10))
    assert early is not None
    assert read_placement(row.key, early[row.key][1]) == late
    assert after is not None
    assert row.key not in after


@pytest.mark.parametrize("foreseen", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_relief_moves_an_agent_who_is_lent_at_that_time(
    scenario: Scenario, lendings: RandomLendings, seed: int, foreseen: bool
) -> None:
    scenario.work()
    lendings.lent = draw_lendings(scenario, seed)
    if not foreseen:  # a loss that no plan answers: the relief is solved
        scenario.close(scenario.operator.sites[1].id)
    scenario.close(home_only=True)  # as the plan foresees it
    scenario.work()
    scene = load(scenario)
    assert scene.relief is not None
    assert scene.relief.source == ("planned" if foreseen else "optimum")
    assert not scene.unanswered
    for day in scene.days:
        for row in scene.list_placements(day):
            assert not overlaps(lendings.lent, row.agent, row.start, row.end)
    kept = list(list_lent_moves(scene, lendings.lent))
    assert kept or not foreseen, "the planned relief has moves that wait for a recall"
    assert all(working is None for _agent, working, _move in kept)
    for message in scenario.messages:
        for shift in list_shifts(message):
            start, end = (datetime.fromisoformat(shift[name]) for name in ("start", "end"))
            assert not overlaps(lendings.lent, message.who, start, end)
    stored = {
        agent
        for day in scene.days
        for agent, (_reason, row) in scene.changes.get(day, {}).items()
        if row is None or not scene.is_lent(agent, read_placement(agent, row))
    }
    newest = Relief.objects.filter(stream=scenario.stream).first()
    assert newest is not None
    asked = {message.who for message in scenario.messages}
    assert 0 < newest.moved <= len(asked & stored)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_agent_lent_at_another_time_is_moved_and_notified_as_any_other(
    scenario: Scenario, lendings: RandomLendings, seed: int
) -> None:
    scenario.work()
    lent = lendings.lent = draw_lendings(scenario, seed)
    scenario.close()
    scenario.work()
    scene = load(scenario)
    today = scene.days[0]
    base = {row.agent: row for row in scene.day_plan(today).plan.placements}
    moved = {
        row.agent
        for row in scene.list_placements(today)
        if row.end > scene.at
        and base.get(row.agent) != row
        and not (row.agent in base and overlaps(lent, row.agent, base[row.agent].start, base[row.agent].end))
    }
    assert moved & set(lent), "some of those moved today are lent on another day"
    assert moved <= {message.who for message in scenario.messages}
