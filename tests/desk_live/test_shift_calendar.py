"""An agent's own shifts in the telephone's calendar, by a secret link that follows every change."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from icalendar import Calendar

from releve.live import api as live
from releve.live.models import Message, ShiftLink
from releve.live.stream_state import list_placed
from tests.live.conftest import living
from tests.live.scenario import Scenario

__all__ = ["living"]

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def make_link(message: Message) -> str:
    """Make the link on the page of a message; return its path."""
    page = Client().post(f"/ack/{message.token}", {"calendar": "make"}).content.decode()
    (path,) = set(re.findall(r"/shifts/[\w-]{43}", page))
    return str(path)


def read_times(path: str) -> set[tuple[datetime, datetime]]:
    """Return the times in the calendar behind a link."""
    answer = Client().get(path)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    return {(event["DTSTART"].dt, event["DTEND"].dt) for event in events}


@pytest.fixture
def message(living: Scenario) -> Message:
    """The message of a closure to an agent with a shift ahead."""
    living.two_positives()
    living.work()
    found = [row for row in living.messages if (letter := live.find_letter(row.token, "fr")) and letter.open]
    return found[0]


def test_the_calendar_holds_the_shifts_in_force_and_loses_those_that_are_declined(message: Message) -> None:
    path = make_link(message)
    assert path.rpartition("/")[2] not in str(list(ShiftLink.objects.values())), "its hash alone is stored"
    placed = [row for found in live.list_days_in_force().values() for row in list_placed(found)]
    before = read_times(path)
    assert before == {(row.start, row.end) for row in placed if row.agent == message.who}
    shifts = [row for row in message.about["shifts"] if row["place"] is not None]
    said = {(datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in shifts}
    assert said & before
    assert Client().post(f"/ack/{message.token}", {"answer": "no"}).status_code == 200
    assert not said & read_times(path)


def test_a_link_ends_by_a_new_one_by_its_owner_and_with_the_person(message: Message) -> None:
    first, second = make_link(message), make_link(message)
    assert [Client().get(path).status_code for path in (first, second)] == [404, 200]
    ended = Client().post(f"/ack/{message.token}", {"calendar": "end"})
    assert ended.status_code == 200
    assert Client().get(second).status_code == 404
    third = make_link(message)
    live.erase_person(message.who)
    assert Client().get(third).status_code == 404
    assert Client().post(f"/ack/{message.token}", {"calendar": "make"}).status_code == 404
    assert not ShiftLink.objects.exists()


def test_only_an_agent_who_works_here_has_one(message: Message, living: Scenario) -> None:
    other = Message.objects.filter(stream=living.stream).exclude(role="agent")[0]
    page = Client().get(f"/ack/{other.token}").content.decode()
    assert 'name="calendar"' not in page
    for token in (other.token, "none"):
        assert Client().post(f"/ack/{token}", {"calendar": "make"}).status_code == 404
    path = make_link(message)
    ShiftLink.objects.update(agent="left-the-house")
    assert Client().get(path).status_code == 404


def test_a_drill_offers_no_calendar(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    letter = next(row for row in scenario.messages if row.role == "agent")
    assert 'name="calendar"' not in Client().get(f"/ack/{letter.token}").content.decode()
    assert Client().post(f"/ack/{letter.token}", {"calendar": "make"}).status_code == 404
