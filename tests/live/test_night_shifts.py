"""People whose shift goes on beyond midnight are relieved, notified and found like others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.live import api as live
from releve.live.coverage import compute_scene_coverage
from releve.live.models import ReliefDay
from releve.live.presence import find_stays
from releve.live.retention import rename_in_plans
from releve.live.service_day import compute_service_day
from releve.live.stream_state import read_placement
from releve.live.worker import run_until_idle
from releve.network import HOME, Operator, read_operator, to_utc, write_operator
from releve.plan import Plan, plan_day
from releve.plan.plan_json import plan_to_json
from releve.plan.week.days import find_carried
from releve.registry.service import apply_changes, preview_changes
from releve.runs.plan_calendar import find_today
from releve.situation import Situation
from tests.accounts.people import look_as
from tests.live.moved_plans import send_home
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


def test_the_desk_shows_whom_a_loss_at_two_moves(night: Scenario, settings: Settings) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    night.later(hours=2, minutes=30)
    night.work()
    there = carried_at(night, "a")
    night.power("a")
    night.work()
    web = look_as(Role.CONTINUITY, "")
    web.cookies[COOKIE] = night.stream
    page = web.get("/relief.json").json()
    shown = {row["agent"] for row in page["changes"]}
    assert there
    assert there <= shown, "each of them leaves the site"
    read = web.get("/relief").content.decode()
    assert all(agent in read for agent in shown)
    assert web.get("/now.json").json()["clients"][0]["now"] < 1.0


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
    for row in live.list_days_in_force().values():
        text = plan_to_json(row.load().plan)
        assert f'"{name}"' not in text
        assert f'"{name}|' not in text


SetClock = Callable[[str], None]
"""Sets the clock to a time of the second night, in Paris, or of the evening before it."""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    real = timezone.now

    def set_clock(text: str) -> None:
        day = DAY - timedelta(days=text > "12:00")
        shift = to_utc(datetime.fromisoformat(f"{day}T{text}"), "Europe/Paris") - real()
        monkeypatch.setattr(timezone, "now", lambda: real() + shift)

    return set_clock


@pytest.fixture
def two_versions(db: None, known_times: None, at: SetClock, nights: tuple[Operator, tuple[Plan, ...]]) -> Scenario:
    """The live stream at 23:30, its second day planned of newer data beside the first day in force: in these b0
    has left, and b9 is new and began tonight too."""
    at("23:30")
    night = Scenario.begin(*nights, clock="23:30")
    live.stop_drill(night.stream, by="tests")
    operator = night.operator
    new = replace(operator.agent["b1"], id="b9")
    newer = replace(
        operator,
        agents=(*(row for row in operator.agents if row.id != "b0"), new),
        shifts=(
            *(row for row in operator.shifts if row.agent != "b0"),
            *(replace(row, agent=new.id) for row in operator.shifts if row.agent == "b1"),
        ),
    )
    apply_changes(preview_changes(newer), "tests")
    (first, _), need = night.plans, need_of(newer, DAY, agents=10.0)
    second = plan_day(newer, need, carried=find_carried(newer, DAY, first))
    live.put_in_force([second], by="planner")
    run_until_idle()
    return replace(night, plans=(first, second), stream=live.LIVE)


def list_notified() -> dict[str, list[dict[str, Any]]]:
    """Return the shifts in the messages of the newest relief, by agent."""
    newest = live.list_reliefs()[0]
    return {row.who: row.about["shifts"] for row in newest.messages.filter(role="agent")}


def test_by_night_each_of_two_days_is_read_with_its_own_data(at: SetClock, two_versions: Scenario) -> None:
    night, (first, second) = two_versions, two_versions.plans
    assert [row.version for row in live.list_days_in_force().values()] == [1, 2]
    assert not any(row.changes for row in ReliefDay.objects.all()), "the second day keeps the places of the first"
    with pytest.raises(live.PlanRefused, match="b0"):
        live.put_in_force([night.plans[0]], by="planner", version=1)
    at("02:00")
    there = carried_at(night, "a")
    assert there == begun_at(second, "a") >= {row.agent for row in first.placements if row.place == "a"}
    assert "b9" in {row.agent for row in second.placements if row.carried}, "known to the newer data alone"
    night.power("a")
    run_until_idle()
    assert carried_at(night, "a") == set()
    moved = carried_at(night, HOME) & there
    assert moved
    notified = list_notified()
    assert moved <= set(notified)
    assert "b0" not in notified, "of whom the running day knows nothing"
    for name in moved:
        shift, *_ = notified[name]
        assert (shift["day"], shift["place"]) == (str(first.day), "")
    for row in live.list_reliefs()[0].messages.filter(role="agent", who__in=moved):
        letter = json.loads((settings.HOME / "outbox" / f"{row.pk}-1.json").read_text())
        assert f"UID:{row.who}-{first.day}@" in letter["calendar"].replace("\r\n ", "")
    stays = find_stays(live.LIVE, night.operator, Situation(), (second.starts[0], second.starts[12]), of=sorted(moved))
    assert {stay.end for stay in stays if stay.site == "a"} <= {live.list_reliefs()[0].from_at}
    assert live.list_effects_aside() == live.list_late_effects() == []


def test_the_evening_put_back_moves_those_who_work_on_after_midnight(at: SetClock, two_versions: Scenario) -> None:
    night, (first, second) = two_versions, two_versions.plans
    apply_changes(preview_changes(night.operator), "tests")  # so that b0 breaks no plan of the evening
    moved = sorted(begun_at(second, "a"))[:2]
    live.put_in_force([send_home(first, moved)], by="planner", version=1)
    run_until_idle()
    changes = {row.day: row.changes for row in live.list_reliefs()[0].days.all()}
    assert set(changes[second.day]) == {f"{agent}|carried" for agent in moved}
    notified = list_notified()
    assert set(notified) == set(moved)
    assert all([(row["day"], row["place"]) for row in rows] == [(str(first.day), "")] for rows in notified.values())
    scene = live.load_scene()
    assert scene is not None
    after = {row.agent: row.place for row in scene.list_placements(second.day) if row.carried}
    assert {after[agent] for agent in moved} == {HOME}
    live.put_back([first.day], by="planner")
    run_until_idle()
    notified = list_notified()
    assert set(notified) == set(moved)
    assert "" not in {row["place"] for rows in notified.values() for row in rows}, "back on their site"
    at("02:00")
    assert carried_at(night, "a") == begun_at(second, "a")
    with pytest.raises(live.PlanRefused, match="is over"):
        live.put_back([first.day], by="planner")


def test_a_day_that_ends_at_six_runs_on_after_midnight(at: SetClock, two_versions: Scenario) -> None:
    """The border of the day says which day is over, shown first and put back."""
    operator = two_versions.operator
    apply_changes(preview_changes(replace(operator, row=replace(operator.row, day_starts="06:00"))), "tests")
    data = live.compare_data(two_versions.plans[:1], 1)
    assert [row.kind for row in data.breaks] == ["border_moved"]
    at("02:00")
    assert find_today() == DAY - timedelta(days=1)
    stored = live.find_displayed_plan()
    assert stored is not None
    assert stored.plan.day == DAY - timedelta(days=1)
