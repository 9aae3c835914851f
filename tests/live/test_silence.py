"""No answer after every address: an absence for the shifts that begin soon, taken back by an answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from releve.live import api as live
from releve.live.models import Message, Relief
from releve.live.silence import says_channel_fails
from releve.situation import AgentUnavailable
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
HEAD = "role,who,channel,address,language\n"
PATIENCE = 16


@pytest.fixture
def notified(scenario: Scenario) -> list[Message]:
    """Everyone has an address, a site is closed, and its people are notified; those with a shift at another place."""
    rows = "".join(f"agent,{agent.id},file,{agent.id},fr\n" for agent in scenario.operator.agents)
    live.import_contacts((HEAD + rows).encode(), by="tests")
    scenario.close()
    scenario.work()
    found = [row for row in scenario.messages if not row.replaced]
    return [row for row in found if list_said(scenario, row)]


def list_said(scenario: Scenario, message: Message) -> list[datetime]:
    """Return the ends of the shifts elsewhere that begin within four hours."""
    at = live.now(scenario.stream) + timedelta(minutes=PATIENCE)
    shifts = [row for row in message.about["shifts"] if row["place"] is not None and row["kind"] in ("home", "site")]
    ends = [(datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in shifts]
    return [end for start, end in ends if end > at + timedelta(hours=1) and start < at + timedelta(hours=3)]


def leave_silent(scenario: Scenario, silent: list[Message]) -> None:
    """Let all but these answer, and the patience pass."""
    for row in scenario.messages:
        if row.pk not in {one.pk for one in silent}:
            live.acknowledge(row.token)
    scenario.later(minutes=PATIENCE)
    scenario.work()


def get_state(scenario: Scenario, agent: str) -> str:
    return next(row.state for row in live.list_notified_agents(scenario.stream) if row.agent == agent)


def test_who_does_not_answer_is_absent_and_replaced_and_an_answer_takes_it_back(
    scenario: Scenario, notified: list[Message]
) -> None:
    silent = notified[:2]
    before = Relief.objects.filter(stream=scenario.stream).count()
    leave_silent(scenario, silent)
    absences = live.situation_now(scenario.stream).absences
    for message in silent:
        assert {row.actor for row in absences[message.who]} == {AgentUnavailable.BY_SILENCE}
        assert {row.until for row in absences[message.who]} >= set(list_said(scenario, message))
        assert get_state(scenario, message.who) == "silent"
    counts = live.count_messages(scenario.stream)
    assert (counts.silent, counts.absent) == (2, 2)
    assert counts.acknowledged + counts.waiting + counts.absent == counts.notified
    assert Relief.objects.filter(stream=scenario.stream).count() <= before + 1
    scenario.work()
    entries = len(live.situation_now(scenario.stream).absences[silent[0].who])
    scenario.work()
    assert len(live.situation_now(scenario.stream).absences[silent[0].who]) == entries, "once"
    comes, stays = silent
    live.answer_message(comes.token, "yes")
    at = live.now(scenario.stream)
    absences = live.situation_now(scenario.stream).absences
    assert all(row.until is not None and row.until <= at for row in absences[comes.who])
    assert any(row.until is None or row.until > at for row in absences[stays.who])
    scenario.work()
    assert get_state(scenario, comes.who) == "acknowledged"
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    ahead = {row.agent for row in scene.list_placements(scene.days[0]) if row.end > scene.at}
    assert (comes.who in ahead, stays.who in ahead) == (True, False)


def test_who_is_back_by_a_user_or_whose_shift_is_over_is_awaited_again(
    scenario: Scenario, notified: list[Message]
) -> None:
    back, over = notified[:2]
    leave_silent(scenario, [back, over])
    for row in live.situation_now(scenario.stream).absences[back.who]:
        scenario.act("agent.back", agent=back.who, absence=row.event)
    scenario.work()
    assert (get_state(scenario, back.who), get_state(scenario, over.who)) == ("exhausted", "silent")
    scenario.later(hours=14)
    scenario.work()
    assert not Message.objects.filter(silent=True).exists()


def test_a_setting_leaves_silence_to_people(
    scenario: Scenario, notified: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_NO_ANSWER_ABSENT_HOURS", "0")
    leave_silent(scenario, notified[:2])
    assert get_state(scenario, notified[0].who) == "exhausted"
    assert notified[0].who not in live.situation_now(scenario.stream).absences


def test_where_most_are_silent_the_channel_fails_and_no_absence_is_recorded(
    scenario: Scenario, notified: list[Message]
) -> None:
    assert len(notified) > 3
    scenario.later(minutes=PATIENCE)
    scenario.work()
    assert says_channel_fails(scenario.stream)
    assert not live.situation_now(scenario.stream).absences
    for row in scenario.messages:
        if row.pk != notified[0].pk:
            live.acknowledge(row.token)
    scenario.work()
    assert set(live.situation_now(scenario.stream).absences) == {notified[0].who}, "once the others have answered"


def test_whose_message_was_not_sent_and_whose_shift_is_far_are_left_to_people(
    scenario: Scenario, notified: list[Message]
) -> None:
    unsent, far = notified[:2]
    Message.objects.filter(pk=unsent.pk).update(sent_at=None, channel=Message.NO_ADDRESS)
    about = {**far.about, "shifts": [{**row, "start": "2100-01-01T08:00:00+00:00", "end": "2100-01-01T09:00:00+00:00"}
                                     for row in far.about["shifts"]]}  # fmt: skip
    Message.objects.filter(pk=far.pk).update(about=about)
    leave_silent(scenario, [unsent, far])
    assert not live.situation_now(scenario.stream).absences
