"""The calendar of days in force: days added, replaced and put back, and who is notified of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from django.utils import timezone

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.models import ActivationDay, Message, PlanText
from releve.live.worker import run_until_idle
from releve.network import HOME, Operator
from releve.network.sample import FIRST_DAY
from releve.plan import plan_day
from releve.plan.week import require_day
from releve.plan.work_changes import KindCount, WorkKind
from releve.registry.service import apply_changes, get_current_version, preview_changes
from releve.situation import Situation
from tests.live.moved_plans import choose_agents, move_plan, send_home
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MONDAY, TUESDAY, WEDNESDAY = (FIRST_DAY + timedelta(days=n) for n in range(3))
WEEK = timedelta(days=7)


@pytest.fixture
def on_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock to the morning of the first planned day."""
    shift, real = datetime.combine(MONDAY, time(9), UTC) - timezone.now(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + shift)


@pytest.fixture
def calendar(on_monday: None, scenario: Scenario) -> Scenario:
    """The live stream with Monday to Wednesday in force, on Monday morning."""
    live.stop_drill(scenario.stream, by="tests")
    run_until_idle()
    return replace(scenario, stream=live.LIVE)


def messages() -> list[Message]:
    return list(Message.objects.filter(stream=live.LIVE))


def list_kinds() -> list[str]:
    return [row.kind for row in ledger.iter_entries(live.LIVE)]


def test_next_week_is_published_while_this_one_runs(calendar: Scenario) -> None:
    """Days that a publication does not name stay, with no limit of days, and no agent is notified."""
    before = live.list_days_in_force()
    for number in range(1, 4):
        live.put_in_force([move_plan(plan, number * WEEK) for plan in calendar.plans], by="planner", version=1)
    run_until_idle()
    found = live.list_days_in_force()
    assert list(found) == [plan.day + n * WEEK for n in range(4) for plan in calendar.plans]
    assert {day: found[day] for day in before} == before
    assert messages() == []
    assert live.list_reliefs() == []
    scene = live.load_scene()
    assert scene is not None
    assert scene.days == (MONDAY, TUESDAY, WEDNESDAY)


def test_a_relief_goes_on_while_next_week_is_published(calendar: Scenario) -> None:
    calendar.close()
    run_until_idle()
    reliefs = live.list_reliefs()
    notified, people = len(messages()), calendar.people_at(HOME)
    live.put_in_force([move_plan(plan, WEEK) for plan in calendar.plans], by="planner", version=1)
    run_until_idle()
    assert live.list_reliefs() == reliefs
    assert len(messages()) == notified > 0
    assert calendar.people_at(HOME) == people
    assert calendar.people_at(calendar.site) == set()


def test_agents_whose_work_changes_are_notified_and_no_others(calendar: Scenario) -> None:
    tuesday = calendar.plans[1]
    moved = choose_agents(tuesday, 3, calendar.operator.sites[0].id)
    live.put_in_force([calendar.plans[0], send_home(tuesday, moved), calendar.plans[2]], by="planner", version=1)
    run_until_idle()
    notified = messages()
    assert {(row.role, row.who) for row in notified} == {
        *(("agent", agent) for agent in moved),
        ("manager", calendar.operator.sites[0].id),
    }
    shifts = {row.who: row.about["shifts"] for row in notified if row.role == "agent"}
    assert all([shift["day"] for shift in rows] == [TUESDAY.isoformat()] for rows in shifts.values())
    assert all(rows[0]["place"] == "" for rows in shifts.values())
    (relief,) = live.list_reliefs()
    assert (relief.source, relief.moved, relief.lost) == ("plan", 3, {})
    assert [row.day for row in ActivationDay.objects.filter(activation=live.load_activation())] == [TUESDAY], (
        "days that are in force as they are get no record"
    )
    assert "relief.made" not in list_kinds()


def test_the_same_plan_again_and_a_forecast_alone_notify_no_agent(calendar: Scenario) -> None:
    record = live.load_activation()
    assert live.put_in_force(calendar.plans, by="planner") == record
    other = replace(calendar.plans[1], required=calendar.plans[1].required * 1.1)
    assert live.put_in_force([other], by="planner") != record
    run_until_idle()
    assert messages() == []
    assert live.list_days_in_force()[TUESDAY].activation != live.list_days_in_force()[MONDAY].activation


def test_a_day_of_next_week_that_changes_is_notified_of_at_once_and_once(calendar: Scenario) -> None:
    """A first plan notifies no agent; another one of the same day does, though it is not near."""
    following = [move_plan(plan, WEEK) for plan in calendar.plans]
    live.put_in_force(following, by="planner", version=1)
    moved = choose_agents(following[0], 2)
    live.put_in_force([send_home(following[0], moved)], by="planner", version=1)
    run_until_idle()
    assert {row.who for row in messages() if row.role == "agent"} == set(moved)
    assert len(live.list_reliefs()) == 1
    calendar.close()
    run_until_idle()
    days = {shift["day"] for row in messages() if row.role == "agent" for shift in row.about["shifts"]}
    newest = live.list_reliefs()[0]
    notified = {shift["day"] for row in newest.messages.filter(role="agent") for shift in row.about["shifts"]}
    assert (MONDAY + WEEK).isoformat() in days
    assert notified <= {day.isoformat() for day in (MONDAY, TUESDAY, WEDNESDAY)}, "it was notified of before"


def test_a_relief_for_a_surge_stays_in_force_while_another_day_changes(calendar: Scenario) -> None:
    factors = {calendar.operator.programmes[0].id: 2.0}
    live.order_surge_relief(factors, digest=live.propose_surge_relief(factors).digest, by="manager")
    run_until_idle()
    scene = live.load_scene()
    assert scene is not None
    before = scene.changes[MONDAY]
    assert before
    live.put_in_force([send_home(calendar.plans[1], choose_agents(calendar.plans[1], 2))], by="planner", version=1)
    run_until_idle()
    assert live.list_reliefs()[0].source == "plan"
    scene = live.load_scene()
    assert scene is not None
    assert scene.changes[MONDAY] == before
    assert live.has_surge_relief(scene)
    live.end_surge_relief(by="manager")
    assert not live.has_surge_relief(live.load_scene())


def test_a_day_is_put_back_to_the_plan_that_it_had(calendar: Scenario) -> None:
    tuesday = calendar.plans[1]
    before = live.list_days_in_force()[TUESDAY]
    moved = choose_agents(tuesday, 2)
    live.put_in_force([send_home(tuesday, moved)], by="planner", version=1)
    run_until_idle()
    preview = live.preview_put_back(TUESDAY)
    assert preview is not None
    assert (preview.days[0].change, preview.days[0].moved) == ("replaced", 2)
    assert preview.days[0].kinds == (KindCount(WorkKind.SITE, 2),)
    live.put_back([TUESDAY], by="planner")
    run_until_idle()
    found = live.list_days_in_force()[TUESDAY]
    assert found.digest == before.digest
    assert found.activation > before.activation, "it is a further record"
    newest = live.list_reliefs()[0]
    again = {row.who: row.about["shifts"][0]["place"] for row in newest.messages.filter(role="agent")}
    assert set(again) == set(moved)
    assert "" not in again.values(), "back on their sites"
    history = live.list_records(TUESDAY, TUESDAY)[TUESDAY]
    assert [row.digest for row in history] == [before.digest, history[1].digest, before.digest]
    live.put_back([TUESDAY], by="planner")
    assert live.list_days_in_force()[TUESDAY].digest == history[1].digest, "putting back is undone the same way"


def test_a_day_that_had_no_plan_before_is_left_without_one(calendar: Scenario) -> None:
    following = [move_plan(plan, WEEK) for plan in calendar.plans]
    live.put_in_force(following, by="planner", version=1)
    live.put_back([MONDAY + WEEK], by="planner")
    run_until_idle()
    assert MONDAY + WEEK not in live.list_days_in_force()
    assert TUESDAY + WEEK in live.list_days_in_force()
    assert messages() == []
    (entry,) = (row for row in ledger.iter_entries(live.LIVE) if row.kind == "plan.withdrawn")
    assert list(entry.body["days"]) == [(MONDAY + WEEK).isoformat()]
    record = live.list_records(MONDAY + WEEK, MONDAY + WEEK)[MONDAY + WEEK][1].record
    stored = live.find_displayed_plan(MONDAY + WEEK, record)
    assert stored is not None
    assert stored.plan.placements == following[0].placements, "it stays readable"
    assert live.find_displayed_plan(MONDAY + WEEK) is None


def test_what_cannot_be_put_back_is_refused_with_its_reason(calendar: Scenario) -> None:
    with pytest.raises(live.PlanRefused, match="never had a plan"):
        live.put_back([MONDAY + WEEK], by="planner")
    with pytest.raises(live.PlanRefused, match="changed meanwhile"):
        live.put_back([MONDAY], by="planner", seen={MONDAY: 0})
    past = move_plan(calendar.plans[0], -WEEK)
    live.put_in_force([past], by="planner", version=1)
    with pytest.raises(live.PlanRefused, match="is over"):
        live.put_back([past.day], by="planner")


def test_no_plan_is_in_force_once_every_day_is_taken_back(calendar: Scenario) -> None:
    live.put_back([MONDAY, TUESDAY, WEDNESDAY], by="planner")
    assert live.list_days_in_force() == {}
    assert live.load_scene() is None
    assert live.compute_coverage() is None
    with pytest.raises(live.NoPlan):
        live.find_displayed_plan()


def change_operator(operator: Operator) -> int:
    """Make an operator the current version of the reference data; return the version before."""
    version = get_current_version()
    assert version is not None
    apply_changes(preview_changes(operator), "tests")
    return version.number


@pytest.mark.slow
@pytest.mark.postgresql
def test_reliefs_of_the_day_in_force_send_home_those_alone_who_hold_a_kit(calendar: Scenario) -> None:
    """Two sites close at once, which no plan foresaw; of the agents who share kits half hold one."""
    ready = {row.id for row in calendar.operator.agents if row.home_ready}
    pools = Counter(row.home_site for row in calendar.operator.agents if row.home_ready)
    operator = replace(
        calendar.operator,
        agents=tuple(replace(row, home_ready=False, home_kit=row.id in ready) for row in calendar.operator.agents),
        sites=tuple(replace(row, home_kits=pools[row.id] // 2) for row in calendar.operator.sites),
    )
    change_operator(operator)
    plan = plan_day(operator, require_day(operator, MONDAY))
    assert 0 < len(plan.kit_holders) < len(ready)
    live.put_in_force([plan], by="planner")
    found = live.list_days_in_force()[MONDAY].load()
    assert {row.id for row in found.operator.agents if row.home_ready} == plan.kit_holders
    for site in calendar.operator.sites[:2]:
        calendar.close(site.id)
    run_until_idle()
    assert live.list_reliefs()[0].source == "optimum"
    at_home = calendar.people_at(HOME)
    assert at_home
    assert at_home <= plan.kit_holders


def test_a_plan_of_older_data_is_in_force_where_what_differs_breaks_nothing(calendar: Scenario) -> None:
    operator = calendar.operator
    rows = tuple(replace(row, offered=2 * row.offered) for row in operator.history)
    made_of = change_operator(replace(operator, history=rows))
    found = live.preview_publication([calendar.plans[1]], made_of)
    assert found.data.calls
    assert [str(row) for row in found.data.sentences()] == ["the history of calls, and so the forecast"]
    assert found.data.breaks == ()
    planned = replace(calendar.plans[1], required=calendar.plans[1].required * 1.1)
    live.put_in_force([planned], by="planner", version=made_of)
    assert live.list_days_in_force()[TUESDAY].version == made_of
    assert live.list_days_in_force()[TUESDAY].load().operator == operator


def test_a_plan_of_older_data_that_breaks_something_is_refused_by_name(calendar: Scenario) -> None:
    """A person who left breaks the days that she works on; so do lost skills, shifts and seats."""
    operator, plan = calendar.operator, calendar.plans[1]
    (gone,) = choose_agents(plan, 1)
    left = replace(
        operator,
        agents=tuple(row for row in operator.agents if row.id != gone),
        shifts=tuple(row for row in operator.shifts if row.agent != gone),
    )
    made_of = change_operator(left)
    data = live.compare_data([plan], made_of)
    assert data.left == (gone,)
    assert [(row.kind, row.agents) for row in data.breaks] == [("agent_left", (gone,))]
    changed = replace(plan, required=plan.required * 1.1)
    with pytest.raises(live.PlanRefused, match=gone):
        live.put_in_force([changed], by="planner", version=made_of)
    change_operator(operator)
    live.put_in_force([changed], by="planner", version=made_of)
    seatless = replace(operator, seats=(), sites=tuple(replace(row, seats=0) for row in operator.sites))
    change_operator(seatless)
    with pytest.raises(live.PlanRefused, match="usable seats"):
        live.put_in_force([plan], by="planner")  # as a folder of plans, which names no version
    change_operator(operator)
    with pytest.raises(live.PlanRefused, match="name the version"):
        live.put_in_force([replace(plan, placements=(replace(plan.placements[0], agent="a99999"),))], by="planner")


def test_days_of_several_versions_are_each_read_with_their_own_data(calendar: Scenario) -> None:
    """A programme that came with a later version counts from the day that knows it."""
    operator = calendar.operator
    first = operator.programmes[0]
    new = replace(first, id="nouvelle", name="Nouvelle")
    change_operator(replace(operator, programmes=(*operator.programmes, new)))
    plan = calendar.plans[1]

    def widen(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[:, :1]], axis=1)

    wider = replace(
        plan,
        programmes=(*plan.programmes, (new.id, new.client, new.name)),
        required=widen(plan.required),
        calls=widen(plan.calls),
        scenarios={name: replace(row, placed=widen(row.placed)) for name, row in plan.scenarios.items()},
    )
    live.put_in_force([wider], by="planner")
    found = live.compute_coverage()
    assert found is not None
    own = found.find_client(first.client)
    assert own is not None
    tuesday = [start >= wider.starts[0] and start <= wider.starts[-1] for start in found.starts]
    columns = [at for at, (_, client, _) in enumerate(wider.programmes) if client == first.client]
    assert own.required[tuesday].sum() == pytest.approx(np.nansum(wider.required[:, columns]))
    monday = [start <= calendar.plans[0].starts[-1] for start in found.starts]
    ahead = [start in set(found.starts) for start in calendar.plans[0].starts]
    before = calendar.plans[0].find_columns(first.client)
    assert own.required[monday].sum() == pytest.approx(np.nansum(calendar.plans[0].required[ahead][:, before]))


def test_people_were_where_the_plan_of_the_hour_had_them(calendar: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that takes another's place while the day runs moves people from then on, not before."""
    monday, site = calendar.plans[0], calendar.operator.sites[0].id
    (agent,) = choose_agents(monday, 1, site)
    row = next(row for row in monday.placements if row.agent == agent)
    at = row.start + (row.end - row.start) / 2
    shift, real = at - timezone.now(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + shift)
    live.put_in_force([send_home(monday, [agent])], by="planner", version=1)
    period = (monday.starts[0], monday.starts[-1])
    (stay,) = live.find_stays(live.LIVE, calendar.operator, Situation(), period, of=[agent])
    assert (stay.site, stay.start) == (site, row.start)
    assert abs(stay.end - at) < timedelta(minutes=1)


def test_a_plan_text_is_kept_while_a_record_names_it(calendar: Scenario) -> None:
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        PlanText.objects.all().delete()


def test_the_day_shown_by_default_is_today_and_earlier_days_stay_readable(calendar: Scenario) -> None:
    past = move_plan(calendar.plans[0], -2 * WEEK)
    live.put_in_force([past], by="planner", version=1)
    shown = live.find_displayed_plan()
    assert shown is not None
    assert (shown.plan.day, shown.days) == (MONDAY, (MONDAY, TUESDAY, WEDNESDAY))
    earlier = live.find_displayed_plan(past.day)
    assert earlier is not None
    assert (earlier.plan.day, earlier.days) == (past.day, (past.day,))
    assert date.fromisoformat("2026-11-16") == past.day
