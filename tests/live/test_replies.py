"""Replies by SMS and by keys of the telephone: signed, matched, understood or left to people, each once."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.models import Contact, Effect, Message, ReplyReceipt
from releve.live.replies import normalise_number
from releve.live.reply_gateways import sign_twilio, sign_voice, sign_vonage
from releve.live.reply_words import read_answer, read_mail_answer
from releve.situation import AgentUnavailable
from tests.live.scenario import Scenario
from tests.live.sms import SmsGateway, sms_gateway

HEAD = "role,who,channel,address,language\n"
SECRET = "correct horse battery staple 2026"
ENDING = "correct-horse-battery-staple-2026"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("OUI", "yes"), ("« Oui ! »", "yes"), ("1", "yes"), (" 1. ", "yes"), ("Yes, thanks", "yes"),
        ("Je viens", "yes"),
        ("Rétard", "late"), ("EN RETARD", "late"), ("2", "late"), ("Late", "late"),
        ("transport", "transport"), ("besoin d’un transport", "transport"), ("3", "transport"),
        ("NON", "no"), ("“no”", "no"), ("4", "no"), ("Bonjour, non merci", "no"), ("I can't come", "no"),
        ("Merci", ""), ("OK", ""),
        ("", None), ("?", None), ("5", None), ("14", None), ("no problem", None), ("non pas de souci je viens", None),
        ("oui mais en retard", None), ("Non je suis malade", None), ("STOP", None),
    ],
)  # fmt: skip
def test_words_of_both_languages_are_understood_and_nothing_more_is_guessed(said: str, answer: str | None) -> None:
    assert read_answer(said) == answer


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("Oui\n\nEnvoyé de mon téléphone", "yes"),
        ("Bonjour,\n\n4\n> 1 je viens\n", "no"),
        ("> 1 je viens, 4 je ne peux pas venir", None),
        ("Le mar. 1 déc. 2026 à 10:41, Relève <releve@example.org> a écrit :\n> 4\n1", None),
        ("On Tue, 1 Dec 2026, Releve wrote:\n> 1", None),
        ("Je suis chez le médecin", None),
        ("Merci\nJean", None),
        ("Merci", ""),
        ("", None),
    ],
)
def test_of_a_mail_the_first_line_counts_and_never_what_it_quotes(body: str, answer: str | None) -> None:
    assert read_mail_answer(body) == answer


def test_signatures_are_those_that_the_gateways_publish() -> None:
    fields = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234"}
    fields |= {"From": "+14158675309", "To": "+18005551212"}
    assert sign_twilio("https://mycompany.com/myapp.php?foo=1&bar=2", fields, "12345") == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    signed = sign_vonage({"a": "1", "b": "2", "timestamp": "1461605396"}, "secret")
    assert signed == "a321e824b9b816be7c3f28859a31749a098713d39f613c80d455bbaffae1cd24"


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+212 6 00-00-00-01", "212600000001"), ("00212600000001", "212600000001"), ("212600000001", "212600000001"),
        ("+33 (0)6 00 00 00 00", "33600000000"), ("whatsapp:+212600000001", "212600000001"),
        ("0600000001", ""), ("", ""), ("STOP", ""),
    ],
)  # fmt: skip
def test_a_number_is_the_same_however_it_is_written_and_a_national_one_is_none(written: str, digits: str) -> None:
    assert normalise_number(written) == digits


class Gateways:
    """The gateways as they post, each signed; ``agents`` have a number, and a message that says a shift ahead."""

    def __init__(self, scenario: Scenario, number: dict[str, str], sms: SmsGateway) -> None:
        self.scenario, self.number, self.sms_gateway, self.web = scenario, number, sms, Client()
        self.agents = [agent for agent in number if self.is_open(agent)]

    def is_open(self, agent: str) -> bool:
        rows = Message.objects.filter(stream=live.LIVE, kind="agent", who=agent, replaced=False)
        found = [live.find_letter(row.token, "fr") for row in rows]
        return any(letter is not None and letter.open for letter in found)

    def message(self, agent: str) -> Message:
        return Message.objects.get(stream=live.LIVE, kind="agent", who=agent, replaced=False)

    @property
    def texts(self) -> list[str]:
        """What the SMS gateway sent, in order, each once."""
        return [row["message"] for row in self.sms_gateway.sent.values()]

    def twilio(self, secret: str = SECRET, **fields: str) -> int:
        headers = {"X-Twilio-Signature": sign_twilio(f"{settings.DESK_URL}/replies/twilio", fields, secret)}
        return self._post("twilio", urlencode(fields), "application/x-www-form-urlencoded", headers)

    def sms(self, agent: str, text: str, name: str) -> int:
        return self.twilio(From=self.number[agent], To="+33700000000", Body=text, MessageSid=name)

    def key(self, agent: str, digit: str, call: str) -> int:
        fields = {"CallSid": call, "Digits": digit, "Direction": "outbound-api", "From": "+33700000000"}
        return self.twilio(**fields, To=self.number[agent])

    def vonage(self, agent: str, text: str, name: str, *, age: timedelta = timedelta(), as_json: bool = True) -> int:
        fields = {"msisdn": self.number[agent][1:], "to": "33700000000", "messageId": name, "text": text}
        fields |= {"timestamp": str(int((datetime.now(UTC) - age).timestamp())), "nonce": "n", "type": "text"}
        fields["sig"] = sign_vonage(fields, SECRET)
        if as_json:
            return self._post("vonage", json.dumps(fields), "application/json")
        return self._post("vonage", urlencode(fields), "application/x-www-form-urlencoded")

    def infobip(self, *rows: tuple[str, str, str], secret: str = ENDING, age: timedelta = timedelta()) -> int:
        at = (datetime.now(UTC) - age).isoformat(timespec="milliseconds")
        listed = [
            {"messageId": name, "from": self.number[agent][1:], "to": "33700000000", "text": text, "receivedAt": at}
            for agent, text, name in rows
        ]
        return self._post(f"infobip/{secret}", json.dumps({"results": listed}), "application/json")

    def voice(self, *, age: float = 0.0, secret: str = SECRET, **fields: str) -> int:
        body, stamp = json.dumps(fields), str(int(time.time() - age))
        headers = {"X-Releve-Timestamp": stamp, "X-Releve-Signature": sign_voice(stamp, body.encode(), secret)}
        return self._post("voice", body, "application/json", headers)

    def _post(self, address: str, body: str, kind: str, headers: dict[str, str] | None = None) -> int:
        return self.web.post(f"/replies/{address}", body, content_type=kind, headers=headers or {}).status_code


@pytest.fixture
def gateways(living: Scenario, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateways]:
    """A site closed, its agents notified by SMS, and every gateway set up."""
    number = {agent: f"+2126000000{at:02d}" for at, agent in enumerate(living.agents_at(living.site))}
    rows = "".join(f"agent,{agent},apprise,{address},fr\n" for agent, address in number.items())
    live.import_contacts((HEAD + rows).encode(), by="tests")
    monkeypatch.setenv("RELEVE_REPLIES", "twilio,vonage,infobip,voice")
    for name in ("TWILIO", "VONAGE", "VOICE"):
        monkeypatch.setenv(f"RELEVE_REPLY_{name}_SECRET", SECRET)
    monkeypatch.setenv("RELEVE_REPLY_INFOBIP_SECRET", ENDING)
    with sms_gateway() as sms:
        monkeypatch.setenv("RELEVE_APPRISE_URL", sms.url)
        living.close(home_only=True)
        living.work()
        yield Gateways(living, number, sms)


def count_kind(kind: str) -> int:
    return sum(row.kind == kind for row in ledger.iter_entries(live.LIVE))


def with_database(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test of what posts of gateways do."""
    marked: Callable[..., None] = pytest.mark.django_db(pytest.mark.database(test))
    return marked


@with_database
def test_an_sms_says_the_digits_and_each_gateway_answers_as_the_page_does(gateways: Gateways) -> None:
    said = [text for text in gateways.texts if "Votre planning change" in text]
    assert said
    assert all("1 je viens" in text for text in said if "pas de vacation" not in text)
    yes, late, transport, no, key, spoken = gateways.agents[:6]
    assert gateways.sms(yes, "Oui !", "SM1") == 200
    assert gateways.vonage(late, "RETARD", "V1") == 200
    assert gateways.infobip((transport, "3", "I1"), (no, "Non", "I2")) == 200
    assert gateways.key(key, "4", "CA1") == 200
    assert gateways.voice(id="call-1", digit="1", message=f"{gateways.message(spoken).pk}-1") == 200
    answers = [gateways.message(agent).answer for agent in (yes, late, transport, no, key, spoken)]
    assert answers == ["yes", "late", "transport", "no", "no", "yes"]
    absences = live.situation_now(live.LIVE).absences
    assert {row.actor for agent in (no, key) for row in absences[agent]} == {AgentUnavailable.BY_LINK}
    assert not {yes, late, transport, spoken} & absences.keys()
    counts = live.count_messages()
    assert (counts.acknowledged, counts.coming, counts.declined) == (6, 4, 2)
    gateways.scenario.work()
    scene = live.load_scene(live.LIVE)
    assert scene is not None
    ahead = {row.agent for row in scene.list_placements(scene.days[0]) if row.end > scene.at}
    assert not ahead & {no, key}


@with_database
def test_what_a_gateway_sends_again_is_one_answer_and_another_answer_replaces_it(gateways: Gateways) -> None:
    agent = gateways.agents[0]
    for _ in range(3):
        assert gateways.sms(agent, "1", "SM1") == 200
    assert count_kind("message.acknowledged") == 1
    assert gateways.sms(agent, "2", "SM2") == 200
    assert gateways.sms(agent, "1", "SM1") == 200, "the first again, late"
    assert gateways.message(agent).answer == "late"
    for name in ("SM3", "SM3", "SM4"):
        assert gateways.sms(agent, "4", name) == 200
    assert gateways.sms(agent, "1", "SM5") == 200, "the no stands, as on the page"
    assert gateways.message(agent).answer == "no"
    (said,) = [one for one in live.situation_now(live.LIVE).absences.items() if one[0] == agent]
    ends = [shift["end"] for shift in gateways.message(agent).about["shifts"] if shift["place"] is not None]
    assert len(said[1]) == len(ends), "one absence a shift"
    assert ReplyReceipt.objects.count() == 5
    page = Client().get(f"/ack/{gateways.message(agent).token}")
    assert page.status_code == 200


@with_database
def test_a_post_that_is_not_signed_by_a_gateway_set_up_changes_nothing(
    gateways: Gateways, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = gateways.agents[0]
    wrong = "another secret of thirty-two letters"
    fields = {"From": gateways.number[agent], "To": "+33700000000", "Body": "4", "MessageSid": "SM1"}
    old = timedelta(hours=26)
    refused: list[Callable[[], int]] = [
        lambda: gateways.twilio(wrong, **fields),
        lambda: gateways.vonage(agent, "4", "V1", age=old),
        lambda: gateways.vonage(agent, "4", "V1", age=-timedelta(minutes=20)),
        lambda: gateways.infobip((agent, "4", "I1"), secret="another-secret-of-thirty-two-letters"),
        lambda: gateways.voice(age=400, id="c", digit="4", to=gateways.number[agent]),
        lambda: gateways.voice(secret=wrong, id="c", digit="4", to=gateways.number[agent]),
        lambda: gateways._post("orange", "{}", "application/json"),
        lambda: gateways._post("voice", "not JSON", "application/json"),
    ]
    assert [post() for post in refused] == [403] * len(refused)
    assert gateways.infobip((agent, "4", "I1"), age=old) == 200, "too old, and not sent again for it"
    monkeypatch.delenv("RELEVE_REPLY_TWILIO_SECRET")
    assert gateways.sms(agent, "4", "SM1") == 403
    monkeypatch.setenv("RELEVE_REPLY_TWILIO_SECRET", SECRET)
    monkeypatch.setenv("RELEVE_REPLIES", "voice")
    assert gateways.sms(agent, "4", "SM1") == 403
    assert gateways.message(agent).acknowledged_at is None
    assert not ReplyReceipt.objects.exists()
    assert gateways.web.get("/replies/twilio").status_code == 405
    large = gateways.web.post("/replies/voice", "x" * 70_000, content_type="application/json")
    assert large.status_code == 413


@with_database
def test_wrong_signatures_are_slowed_down(gateways: Gateways) -> None:
    statuses = [gateways.twilio("x" * 40, Body="4") for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    assert gateways.sms(gateways.agents[0], "1", "SM1") == 200, "a right one is taken"


@with_database
def test_what_is_not_understood_is_on_the_list_to_call_and_one_sms_says_how(gateways: Gateways) -> None:
    agent = gateways.agents[0]
    before = len(gateways.texts)
    for number, text in enumerate(("Je suis chez le médecin avec ma fille", "vous pouvez m'appeler ?")):
        assert gateways.sms(agent, text, f"SM{number}") == 200
    (row,) = [row for row in live.list_notified_agents(live.LIVE) if row.agent == agent]
    assert row.state == "unclear"
    counts = live.count_messages()
    assert (counts.unclear, counts.acknowledged) == (1, 0)
    assert counts.acknowledged + counts.waiting + counts.absent == counts.notified
    gateways.scenario.work()
    assert ["n’a pas été comprise" in text for text in gateways.texts[before:]] == [True]
    assert agent not in live.situation_now(live.LIVE).absences
    kept = json.dumps([list(model.objects.values()) for model in (ReplyReceipt, Effect)], default=str)
    entries = json.dumps([row.body for row in ledger.iter_entries(live.LIVE)], default=str)
    assert not any(word in kept + entries for word in ("médecin", "appeler", gateways.number[agent]))
    assert gateways.sms(agent, "1", "SM9") == 200
    (row,) = [row for row in live.list_notified_agents(live.LIVE) if row.agent == agent]
    assert (row.state, row.answer) == ("acknowledged", "yes")


@with_database
def test_a_reply_is_to_the_newest_message_sent_to_that_number_and_of_one_person(gateways: Gateways) -> None:
    agent, other, third = gateways.agents[:3]
    message = gateways.message(third)
    Message.objects.filter(pk=message.pk).update(about={**message.about, "shifts": []})
    assert gateways.sms(third, "4", "SM1") == 200, "of a message whose shifts are over"
    assert third not in live.situation_now(live.LIVE).absences
    assert ReplyReceipt.objects.get().outcome == "late"
    Contact.objects.filter(who=other).update(address=gateways.number[agent].replace("+", "00"))
    assert gateways.sms(agent, "4", "SM2") == 200
    states = {row.agent: row.state for row in live.list_notified_agents(live.LIVE)}
    assert (states[agent], states[other]) == ("unclear", "unclear"), "two people have the number"
    assert not {agent, other} & live.situation_now(live.LIVE).absences.keys()
    assert gateways.twilio(From="+999999999999", To="+1", Body="4", MessageSid="SM3") == 200
    assert ReplyReceipt.objects.last().outcome == "unmatched"  # type: ignore[union-attr]


@with_database
def test_a_reply_not_understood_is_noted_on_the_message_sent_not_on_one_that_is_held(gateways: Gateways) -> None:
    agent = gateways.agents[0]
    sent, held = gateways.message(agent), gateways.message(agent)
    held.pk, held.token, held.number, held.held, held.sent_at = uuid.uuid4(), "held", 1, "lead", None
    held.save(force_insert=True)
    assert gateways.sms(agent, "?", "SM1") == 200
    assert [Message.objects.get(pk=row.pk).unclear_at is not None for row in (sent, held)] == [True, False]
    (row,) = [row for row in live.list_notified_agents(live.LIVE) if row.agent == agent]
    assert (row.message, row.state) == (sent.pk, "unclear"), "the list to call has it"
