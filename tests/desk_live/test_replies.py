"""Answers by a message's link: who comes, who comes late, who does not; and who takes the place of those."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Message, Relief
from releve.situation import AgentUnavailable
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario, overtake

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def list_ahead(scenario: Scenario) -> list[Message]:
    """Return the messages to agents who have a shift ahead."""
    return [row for row in scenario.messages if (found := live.find_letter(row.token, "fr")) and found.open]


def get_row(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def test_the_page_repeats_the_shift_and_each_answer_is_kept(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    yes, late, transport, *_ = list_ahead(scenario)
    web = Client(headers={"accept-language": "fr"})
    page = web.get(f"/ack/{yes.token}").content.decode()
    shift = next(row for row in yes.about["shifts"] if row["place"] is not None)
    assert shift["programme"] in page
    home = all(row["place"] in ("", None) for row in yes.about["shifts"])
    assert page.count('name="answer"') == (3 if home else 4), "no person comes home, or rides there"
    assert ("D’accord, je travaille à domicile" in page) == home
    for message, answer in ((yes, "yes"), (late, "late"), (transport, "transport")):
        assert web.post(f"/ack/{message.token}", {"answer": answer}).status_code == 200
        assert get_row(message).answer == answer
    counts = live.count_messages(scenario.stream)
    assert (counts.acknowledged, counts.late, counts.transport, counts.declined) == (3, 1, 1, 0)
    shown = browsers.sign_in().get("/relief?show=answered").content.decode()
    assert "arrive en retard" in shown
    assert "a besoin d’un transport" in shown
    bodies = LedgerEntry.objects.filter(stream=scenario.stream, kind="message.acknowledged").values_list(
        "body", flat=True
    )
    assert not any(message.who in body for body in bodies for message in (yes, late, transport))


def test_who_does_not_come_is_absent_and_replaced_once(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    before = Relief.objects.filter(stream=scenario.stream).count()
    refusing = list_ahead(scenario)[:6]
    web = Client()
    for message in refusing:
        assert web.post(f"/ack/{message.token}", {"answer": "no"}).status_code == 200
        assert web.post(f"/ack/{message.token}", {"answer": "no"}).status_code == 200
        assert web.post(f"/ack/{message.token}", {"answer": "yes"}).status_code == 200, "the first no stands"
    absences = live.situation_now(scenario.stream).absences
    for message in refusing:
        assert get_row(message).answer == "no"
        ends = [datetime.fromisoformat(row["end"]) for row in message.about["shifts"] if row["place"] is not None]
        assert [row.until for row in absences[message.who]] == sorted(ends), "each shift, and no time between"
        assert {row.actor for row in absences[message.who]} == {AgentUnavailable.BY_LINK}
    scenario.work()
    made = Relief.objects.filter(stream=scenario.stream).count() - before
    assert made <= 1, "six who do not come at once are replaced by one relief"
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    gone = {message.who for message in refusing}
    assert not gone & {row.agent for day in scene.days[:1] for row in scene.list_placements(day) if row.end > scene.at}
    scenario.work()
    assert Relief.objects.filter(stream=scenario.stream).count() - before == made
    assert not {row.who for row in scenario.messages if row.relief.generation > before} & gone
    assert {row.state for row in live.list_notified_agents(scenario.stream) if row.agent in gone} == {"declined"}
    counts = live.count_messages(scenario.stream)
    newest = live.list_reliefs(scenario.stream)[0]
    assert 0 < counts.substituted <= min(6, newest.moved), "others are on their programme during their hours"
    for address in ("/relief", "/now"):
        shown = browsers.sign_in().get(address).content.decode()
        line = re.sub(r"<[^>]+>|\s+", " ", shown.partition('id="answer-line"')[2].partition("</p>")[0])
        assert re.findall(r"\d+", line) == [
            str(number) for number in (counts.sent, counts.acknowledged, counts.coming, 6, counts.substituted)
        ], address


def test_an_old_message_and_a_note_ask_for_no_more_than_to_be_read(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    message = list_ahead(scenario)[0]
    overtake(message)
    web = Client()
    assert 'name="answer"' not in web.get(f"/ack/{message.token}").content.decode()
    swallowed = web.post(f"/ack/{message.token}", {"answer": "no"})
    assert swallowed.status_code == 409, "who does not come must know that it was not noted"
    assert get_row(message).acknowledged_at is None
    web.post(f"/ack/{message.token}", {"answer": "late"})
    assert get_row(message).acknowledged_at is not None
    assert message.who not in live.situation_now(scenario.stream).absences
    assert web.post("/ack/none", {"answer": "no"}).status_code == 404
