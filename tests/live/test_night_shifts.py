"""People whose shift goes on beyond midnight are relieved, notified and found like others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from releve.live import api as live
from releve.live.coverage import compute_scene_coverage
from releve.live.models import ReliefDay
from releve.live.presence import find_stays
from releve.live.retention import rename_in_plans
from releve.live.service_day import compute_service_day
from releve.live.stream_state import read_placement
from releve.network import HOME, Operator, read_operator, write_operator
from releve.plan import Plan
from releve.plan.plan_json import plan_to_json
from releve.situation import Situation
from tests.live.scenario import Scenario
from tests.plan.night_operators import need_of, plan_chain
from tests.plan.test_nights import DAY, ten_by_night

pytestmark = [pytest.mark.django_db]


@pytest.fixture(scope="module")
def nights() -> tuple[Operator, tuple[Plan, ...]]:
    """Ten agents from 22:00 to 06:00 on three nights, and the plans of two days."""
    operator = read_operator(write_operator(ten_by_night()))
    needs = [need_of(operator, DAY + timedelta(days=offset), agents=7.0) for offset in (-1, 0)]
    return operator, tuple(plan_chain(operator, needs))


@pytest.fixture
def night(db: None, known_times: None, nights: tuple[Operator, tuple[Plan, ...]]) -> Scenario:
    """A drill at 23:30 of the first day."""
    return Scenario.begin(*nights, clock="23:30")


def begun_at(plan: Plan, place: str) -> set[str]:
    return {row.agent for row in plan.placements if row.carried and row.place == place}


def carried_at(scenario: Scenario, place: str) -> set[str]:
    """Return who began the day before and works in a place now."""
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    rows = scene.list_placements(scene.days[0])
    return {row.agent for row in rows if row.carried and row.place == place and row.end > scene.at}


def test_a_loss_at_two_relieves_and_notifies_those_who_began_the_day_before(night: Scenario) -> None:
    night.later(hours=2, minutes=30)
    night.work()
    there = begun_at(night.plans[1], "a")
    assert carried_at(night, "a") == there
    assert there

    night.power("a")
    night.work()
    assert carried_at(night, "a") == set()
    assert carried_at(night, HOME) & there
    notified = {row.who: row for row in night.messages}
    moved = carried_at(night, HOME) & there
    assert moved <= set(notified)
    for name in moved:
        (shift,) = [one for one in notified[name].about["shifts"] if one["day"] == str(night.plans[0].day)]
        assert shift["place"] == ""  # at home, in the shift that began on the day before
    assert live.list_effects_aside() == live.list_late_effects() == []


def test_at_two_the_coverage_and_the_service_record_count_those_who_began_the_day_before(night: Scenario) -> None:
    night.later(hours=2, minutes=30)
    scene = live.load_scene(night.stream)
    assert scene is not None
    working = sum(row.carried and row.is_working(scene.at) for row in scene.list_placements(scene.days[0]))
    assert working >= 7
    (client,) = compute_scene_coverage(scene).clients
    assert client.now == 1.0
    night.power("a")
    lost = live.load_scene(night.stream)
    assert lost is not None
    now = compute_scene_coverage(lost).clients[0].now
    assert now is not None
    assert now < 1.0
    found = compute_service_day(scene.at, scene)
    assert found is not None
    assert found.day == night.plans[1].day
    (row,) = found.programmes
    assert row.placed == pytest.approx(working * (1 - night.operator.programmes[0].shrinkage), abs=1.0)


def test_after_midnight_people_are_where_the_relief_of_the_evening_has_them(night: Scenario) -> None:
    night.work()
    night.close("a")
    night.work()
    evening = {row.day: row.changes for row in ReliefDay.objects.order_by("relief__generation")}
    first, second = (plan.day for plan in night.plans)
    for agent in begun_at(night.plans[1], "a"):
        there = evening[first][agent][1]
        after = evening[second][f"{agent}|carried"][1]
        if there is None or after is None:
            assert there == after
            continue
        now, then = read_placement(agent, there), read_placement(f"{agent}|carried", after)
        assert replace(then, duty="") == now
    night.later(hours=3)
    night.work()
    assert carried_at(night, "a") == set()
    assert night.shares.get(("p", "a"), 0.0) == 0.0


def test_nobody_is_in_two_stays_at_once(night: Scenario) -> None:
    first, last = night.plans[0].starts[0], night.plans[1].starts[-1]
    stays = find_stays(night.stream, night.operator, Situation(), (first, last))
    spans: Counter[tuple[str, datetime]] = Counter()
    for stay in stays:
        at = stay.start
        while at < stay.end:
            spans[stay.agent, at] += 1
            at += timedelta(minutes=30)
    assert max(spans.values()) == 1
    nightly = [row for row in night.plans[1].placements if row.carried and row.place != HOME]
    two = night.plans[1].starts[4]
    assert {stay.agent for stay in stays if stay.start <= two < stay.end} == {row.agent for row in nightly}


def test_a_person_is_erased_from_the_duties_that_were_carried_in(night: Scenario) -> None:
    night.later(hours=2, minutes=30)
    night.power("a")
    night.work()
    name = sorted(begun_at(night.plans[1], "a"))[0]
    assert any(f"{name}|carried" in row.changes for row in ReliefDay.objects.all())
    rename_in_plans(name, "gone")
    assert not any(f"{name}|carried" in row.changes or name in row.changes for row in ReliefDay.objects.all())
    for row in live.load_activation().days.values():  # type: ignore[union-attr]
        text = plan_to_json(live.load_day_plan(row, live.load_activation().version).plan)  # type: ignore[union-attr]
        assert f'"{name}"' not in text
        assert f'"{name}|' not in text
