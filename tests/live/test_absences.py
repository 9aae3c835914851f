"""Absences in the live chain: others take over, the absent are awaited no more, and no reason is written anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Effect, Message, Relief, ReliefDay
from releve.live.roster_changes import compare_rosters
from releve.live.stream_state import Scene
from releve.network import PlannedAbsence
from releve.plan import Placement
from releve.plan.roster import select_duties
from releve.registry.service import apply_changes, preview_changes
from releve.situation import AgentBack, AgentUnavailable
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
DAY = timedelta(days=1)


def scene_of(scenario: Scenario) -> Scene:
    found = live.load_scene(scenario.stream)
    assert found is not None
    return found


def work_of(scenario: Scenario, day: int = 0) -> dict[str, tuple[str, str, datetime, datetime]]:
    """Return where each agent works on a day, for what, from when to when."""
    scene = scene_of(scenario)
    rows = scene.list_placements(scene.days[day])
    return {row.key: (row.place, row.programme, row.start, row.end) for row in rows}


def list_work(scenario: Scenario) -> list[dict[str, tuple[str, str, datetime, datetime]]]:
    return [work_of(scenario, day) for day in range(len(scene_of(scenario).days))]


def list_changed(
    before: list[dict[str, tuple[str, str, datetime, datetime]]],
    after: list[dict[str, tuple[str, str, datetime, datetime]]],
    absent: Sequence[str],
) -> set[str]:
    """Return whose work differs on any day, but for the absent."""
    rows = zip(before, after, strict=True)
    return {key for had, has in rows for key in {*had, *has} if had.get(key) != has.get(key)} - set(absent)


def choose_busy(scenario: Scenario, count: int, day: int = 0, place: str = "") -> list[str]:
    """Return agents of the programme that is covered least, still at work for hours: their absence is felt."""
    scene = scene_of(scenario)
    at = max(scene.at, scene.day_plan(scene.days[day]).plan.starts[0])
    rows = [row for row in scene.list_placements(scene.days[day]) if row.end > at + timedelta(hours=3)]
    rows = [row for row in rows if place in ("", row.place)]
    by_programme: dict[str, list[str]] = {}
    for row in rows:
        by_programme.setdefault(row.programme, []).append(row.agent)
    return max(by_programme.values(), key=len)[:count]


def newest_notified(scenario: Scenario) -> set[str]:
    relief = Relief.objects.filter(stream=scenario.stream).first()
    assert relief is not None
    return {row.who for row in relief.messages.filter(role="agent")}


def test_people_absent_during_a_loss_are_replaced_and_no_answer_of_theirs_is_awaited(scenario: Scenario) -> None:
    scenario.work()
    scenario.close()
    scenario.work()
    first = Relief.objects.filter(stream=scenario.stream).first()
    assert first is not None
    awaited = [row.agent for row in live.list_notified_agents(scenario.stream) if row.state == "unaddressed"]
    working = {key for key, row in work_of(scenario).items() if row[3] > scene_of(scenario).at + timedelta(hours=2)}
    absent = [name for name in awaited if name in working][:3]
    assert len(absent) == 3
    before = list_work(scenario)
    for agent in absent:
        scenario.act(AgentUnavailable.kind, agent=agent, reason="sickness")
    scenario.work()
    after, newest = list_work(scenario), Relief.objects.filter(stream=scenario.stream).first()
    assert newest is not None
    assert newest != first
    assert newest.source == "absences"
    assert not set(absent) & set(after[0])
    assert newest_notified(scenario) == list_changed(before, after, absent)
    states = {row.agent: row.state for row in live.list_notified_agents(scenario.stream)}
    assert {states[name] for name in absent} == {"absent"}
    then = live.count_messages(scenario.stream)
    assert (then.absent, then.unaddressed) == (3, list(states.values()).count("unaddressed"))
    assert then.waiting == then.notified - then.acknowledged - 3
    scenario.later(minutes=40)
    scenario.work()
    assert not Message.objects.filter(who__in=absent, exhausted=True).exists()

    back = absent[0]
    scenario.act(AgentBack.kind, agent=back)
    scenario.work()
    assert {row.agent: row.state for row in live.list_notified_agents(scenario.stream)}[back] != "absent"


def test_absences_on_a_running_day_move_people_who_help_and_no_others(scenario: Scenario) -> None:
    scenario.work()
    absent = choose_busy(scenario, 8)
    before, over = list_work(scenario), scene_of(scenario).day_plan(scenario.plans[1].day).plan.starts[0]
    for agent in absent:
        scenario.act(AgentUnavailable.kind, agent=agent, until=over)
    missing = _missing(scenario)
    scenario.work()
    relief = Relief.objects.filter(stream=scenario.stream).first()
    assert relief is not None
    assert relief.source == "absences"
    after = list_work(scenario)
    changed = list_changed(before, after, absent)
    assert after[1:] == before[1:]
    assert newest_notified(scenario) == changed
    assert 0 < len(changed) < len(before[0]) / 2
    assert _missing(scenario) < missing
    count = Relief.objects.filter(stream=scenario.stream).count()
    scenario.work()
    scenario.later(minutes=1)
    scenario.work()
    assert Relief.objects.filter(stream=scenario.stream).count() == count, "asked once"


def _missing(scenario: Scenario) -> float:
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    return sum(float((row.required - row.covered).sum()) for row in coverage.clients)


def test_an_absence_that_hurts_no_client_moves_no_agent(scenario: Scenario) -> None:
    scenario.work()
    reserve = scene_of(scenario).day_plan(scenario.plans[0].day).plan.reserve
    scenario.act(AgentUnavailable.kind, agent=reserve[0] if reserve else scenario.operator.agents[0].id)
    scenario.work()
    done = Effect.objects.filter(stream=scenario.stream, kind="relief")
    assert not Relief.objects.filter(stream=scenario.stream, source="absences").exists() or reserve == ()
    assert not done.exclude(state=Effect.DONE).exists()


def test_tomorrows_absence_is_stated_today_and_answered_at_once(scenario: Scenario) -> None:
    scenario.work()
    scene = scene_of(scenario)
    tomorrow = scene.days[1]
    first = scene.day_plan(tomorrow).plan.starts[0]
    absent = choose_busy(scenario, 8, day=1)
    before = list_work(scenario)
    for agent in absent:
        scenario.act(AgentUnavailable.kind, agent=agent, start=first, until=first + DAY, reason="sickness")
    scenario.work()
    after = list_work(scenario)
    assert (after[0], after[2:]) == (before[0], before[2:])
    assert not set(absent) & set(after[1])
    changed = list_changed(before, after, absent)
    assert changed
    assert newest_notified(scenario) == changed
    data = live.compare_data([scene.day_plan(tomorrow).plan], None)
    assert data.breaks == ()
    # withdrawn: the plan of tomorrow applies again
    for rows in scene_of(scenario).situation.absences.values():
        for row in rows:
            scenario.act(AgentBack.kind, agent=_agent_of(scenario, row.event), absence=row.event)
    scenario.work()
    assert list_work(scenario) == before


def _agent_of(scenario: Scenario, event: str) -> str:
    found = live.situation_now(scenario.stream).event(event)
    assert found is not None
    return found.person


def test_part_of_a_shift_is_left_out_and_the_rest_is_counted(scenario: Scenario) -> None:
    scenario.work()
    (agent,) = choose_busy(scenario, 1)
    before = next(row for row in _placements(scenario) if row.agent == agent)
    start = scene_of(scenario).at + timedelta(minutes=30)
    until = start + timedelta(hours=1)
    scenario.act(AgentUnavailable.kind, agent=agent, start=start, until=until, reason="meeting")
    after = next(row for row in _placements(scenario) if row.agent == agent)
    assert (after.start, after.end, after.place) == (before.start, before.end, before.place)
    assert [(one.start, one.end) for one in after.pauses if one.away] == [(start, until)]
    assert not after.is_present(start)
    assert after.is_present(until)


def _placements(scenario: Scenario) -> Sequence[Placement]:
    scene = scene_of(scenario)
    return scene.list_placements(scene.days[0])


def test_absences_of_the_table_count_like_those_that_are_stated(living: Scenario) -> None:
    living.work()
    scene = scene_of(living)
    (agent,) = choose_busy(living, 1)
    away = PlannedAbsence(agent, scene.at - DAY, scene.at + 3 * DAY, "leave")
    apply_changes(preview_changes(replace(living.operator, absences=(away,))), "tests")
    assert agent not in {row.agent for row in _placements(living)}
    assert agent in scene_of(living).absent
    data = live.compare_data([scene.day_plan(scene.days[0]).plan], scene.planned[scene.days[0]].version)
    assert (data.absent, data.breaks) == ((agent,), ())
    assert any(agent in str(sentence) for sentence in data.sentences())
    live.put_in_force([scene.day_plan(scene.days[0]).plan], by="tests", version=scene.planned[scene.days[0]].version)


def test_stated_absences_are_planned_with_but_not_their_reasons(scenario: Scenario) -> None:
    (one, two) = choose_busy(scenario, 2)
    at = live.now(scenario.stream)
    scenario.act(AgentUnavailable.kind, agent=one, start=at + DAY, until=at + 2 * DAY, reason="sickness")
    scenario.act(AgentUnavailable.kind, agent=two, reason="sickness")
    found = live.add_stated_absences(scenario.operator, live.situation_now(scenario.stream), at)
    assert {(row.agent, row.kind) for row in found.absences} == {(one, "absent"), (two, "absent")}
    ends = {row.agent: row.end - row.start for row in found.absences}
    assert ends == {one: DAY, two: timedelta(days=366)}
    assert live.add_stated_absences(found, live.situation_now(scenario.stream), at) == found


def test_no_relief_message_or_entry_says_why(scenario: Scenario) -> None:
    scenario.work()
    for agent in choose_busy(scenario, 8):
        scenario.act(AgentUnavailable.kind, agent=agent, reason="sickness")
    scenario.work()
    written = [json.dumps(row.about) for row in Message.objects.all()]
    written += [json.dumps(row.changes) for row in ReliefDay.objects.all()]
    written += [json.dumps([row.lost, row.source]) for row in Relief.objects.all()]
    written += [json.dumps(row.body) for row in Effect.objects.all()]
    written += [row.body if isinstance(row.body, str) else str(row.body) for row in LedgerEntry.objects.all()]
    assert written
    assert not [text for text in written if "sickness" in text]


def list_sources(scenario: Scenario) -> list[str]:
    return [row.source for row in Relief.objects.filter(stream=scenario.stream).order_by("generation")]


def test_those_stated_absent_before_a_prepared_relief_are_replaced_after_it(scenario: Scenario) -> None:
    """A look-up knows of no absence; the cases that close the site ask for no further relief."""
    scenario.work()
    elsewhere = next(row.id for row in scenario.operator.sites if row.id != scenario.site)
    absent = choose_busy(scenario, 8, place=elsewhere)
    for agent in absent:
        scenario.act(AgentUnavailable.kind, agent=agent, reason="sickness")
    scenario.two_positives()
    scenario.work()
    scenario.work()
    assert list_sources(scenario) == ["planned", "absences"]


def test_the_cases_that_close_a_site_move_its_people_once(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    scenario.work()
    assert list_sources(scenario) == ["planned"]


def test_each_return_ends_the_relief_for_absences(scenario: Scenario) -> None:
    scenario.work()
    before = list_work(scenario)
    tomorrow = scene_of(scenario).day_plan(scene_of(scenario).days[1]).plan.starts[0]
    for made in (1, 3):
        absent = choose_busy(scenario, 8, day=1)
        for agent in absent:
            scenario.act(AgentUnavailable.kind, agent=agent, start=tomorrow, until=tomorrow + DAY)
        scenario.work()
        assert list_sources(scenario) == ["absences"] * made
        assert list_work(scenario) != before
        for agent in absent:
            (*_, row) = scene_of(scenario).situation.absences[agent]
            scenario.act(AgentBack.kind, agent=agent, absence=row.event)
        scenario.work()
        assert list_sources(scenario) == ["absences"] * (made + 1)
        assert list_work(scenario) == before


def test_absences_are_replaced_anew_after_a_reopening_and_end_after_another_relief(scenario: Scenario) -> None:
    scenario.work()
    before = list_work(scenario)
    days = scene_of(scenario).days
    first = scene_of(scenario).day_plan(days[1]).plan.starts[0]
    absent = choose_busy(scenario, 8, day=1)
    for agent in absent:
        scenario.act(AgentUnavailable.kind, agent=agent, start=first, until=first + DAY)
    scenario.work()
    replaced = work_of(scenario, 1)
    carrier = next(row.carrier for row in scenario.operator.agents if row.carrier)
    scenario.carrier(carrier)
    scenario.work()
    scenario.carrier(carrier, up=True)
    scenario.work()
    scenario.work()
    assert list_sources(scenario)[0] == "absences"
    assert not set(absent) & set(work_of(scenario, 1))
    assert work_of(scenario, 1) == replaced, "the same absences, and nothing lost"
    for agent in absent:
        (*_, row) = scene_of(scenario).situation.absences[agent]
        scenario.act(AgentBack.kind, agent=agent, absence=row.event)
    scenario.work()
    assert work_of(scenario, 1) == before[1]


def test_who_returns_to_a_closed_site_has_work_or_learns_that_there_is_none(scenario: Scenario) -> None:
    scenario.work()
    at = scene_of(scenario).at
    (away,) = choose_busy(scenario, 1, place=scenario.site)
    scenario.act(AgentUnavailable.kind, agent=away, reason="sickness")
    scenario.close()
    scenario.work()
    scenario.work()
    count = len(list_sources(scenario))
    assert not Message.objects.filter(stream=scenario.stream, who=away).exists()
    scenario.later(minutes=5)
    scenario.act(AgentBack.kind, agent=away)
    scenario.work()
    message = Message.objects.get(stream=scenario.stream, who=away, replaced=False)
    (today, *_) = [row for row in message.about["shifts"] if row["day"] == at.date().isoformat()]
    work = work_of(scenario).get(away)
    assert (today["place"] is None) == (work is None)
    assert work is None or work[0] != scenario.site
    assert len(list_sources(scenario)) == count + 1
    scenario.work()
    assert len(list_sources(scenario)) == count + 1, "asked once"


@pytest.mark.parametrize(("hours", "notified"), [(1, True), (24, False)])
def test_in_reserve_an_absence_of_a_part_of_the_day_still_tells_to_stay_away(
    scenario: Scenario, hours: int, notified: bool
) -> None:
    """A lost site's agent in reserve would come after a short absence; one absent for all the hours would not."""
    scene = scene_of(scenario)
    found = scene.day_plan(scene.days[1])
    agent = next(key for key in found.plan.reserve if key in found.operator.agent)
    (start, *_) = [row.start for key, row in select_duties(found.operator, scene.days[1]).items() if key == agent]
    scenario.act(AgentUnavailable.kind, agent=agent, start=start, until=start + timedelta(hours=hours))
    scenario.close(found.operator.agent[agent].home_site)
    scenario.work()
    assert agent not in work_of(scenario, 1), "not called in"
    messages = Message.objects.filter(stream=scenario.stream, kind="agent", who=agent)
    said = {(shift["day"], shift["kind"]) for message in messages for shift in message.about["shifts"]}
    assert ((scene.days[1].isoformat(), "kept_away") in said) is notified
    assert (agent in compare_rosters(scene_of(scenario), scene.days[1]).changes) is notified
