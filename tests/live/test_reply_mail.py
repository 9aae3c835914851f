"""Replies by mail: asked for by an address with a token, read from a mailbox, each once, and by the right person."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from pytest_django.fixtures import Settings

from releve import environment
from releve.live import api as live
from releve.live.effect_queue import queue_effects
from releve.live.errors import MailboxFault
from releve.live.models import Effect, Message, ReplyReceipt
from releve.live.notifications import build_send_effect
from releve.live.reply_gateways import find_mail_fault
from releve.live.reply_mail import read_reply_mail
from tests.live.imap import Mailbox, imap_server
from tests.live.scenario import Scenario
from tests.live.smtp import Mails, mail_server

pytestmark = [pytest.mark.django_db, pytest.mark.database]
HEAD = "role,who,channel,address,language\n"


class Post:
    """Agents who were notified by mail, their mails, and the mailbox of replies."""

    def __init__(self, scenario: Scenario, mails: Mails, box: Mailbox) -> None:
        self.scenario, self.mails, self.box = scenario, mails, box
        rows = Message.objects.filter(stream=live.LIVE, kind="agent", replaced=False, channel="email")
        self.agents = [row.who for row in rows if (found := live.find_letter(row.token, "fr")) and found.open]

    def message(self, agent: str) -> Message:
        return Message.objects.get(stream=live.LIVE, kind="agent", who=agent, replaced=False)

    def reply(self, agent: str, text: str, name: str, *, to: str = "", sender: str = "", **headers: str) -> int:
        mail = EmailMessage()
        mail["From"] = sender or f"Agent <{agent}@example.org>"
        mail["To"] = to or f"replies+{self.message(agent).token}@example.org"
        mail["Message-ID"] = f"<{name}@phone.example>"
        for header, value in headers.items():
            mail[header.replace("_", "-")] = value
        mail.set_content(text)
        return self.box.put(mail.as_bytes())

    def answers(self, *agents: str) -> list[str]:
        return [self.message(agent).answer for agent in agents]


@pytest.fixture
def post(living: Scenario, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[Post]:
    agents = living.agents_at(living.site)
    rows = "".join(f"agent,{agent},email,{agent}@example.org,fr\n" for agent in agents)
    live.import_contacts((HEAD + rows).encode(), by="tests")
    with mail_server() as mails, imap_server() as box:
        host, port = mails.url.removeprefix("smtp://").split(":")
        mail = environment.read_mail(
            {"RELEVE_SMTP_HOST": host, "RELEVE_SMTP_PORT": port, "RELEVE_SMTP_SECURITY": "none"}
        )
        for name, value in mail.items():
            setattr(settings, name, value)
        settings.DEFAULT_FROM_EMAIL = "Relève <releve@example.org>"
        for name, value in {
            "RELEVE_REPLIES": "mail", "RELEVE_REPLY_ADDRESS": "replies@example.org", "RELEVE_IMAP_HOST": "127.0.0.1",
            "RELEVE_IMAP_PORT": str(box.port), "RELEVE_IMAP_SECURITY": "none", "RELEVE_IMAP_USER": "replies",
            "RELEVE_IMAP_PASSWORD": "a password",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        living.close(home_only=True)
        living.work()
        yield Post(living, mails, box)


def test_a_mail_says_where_to_answer_and_its_answers_are_taken_and_deleted(post: Post) -> None:
    yes, no, late = post.agents[:3]
    sent = next(mail for mail in post.mails.kept if f"{yes}@example.org" in mail)
    assert f"Reply-To: replies+{post.message(yes).token}@example.org" in sent.replace("\r\n ", "")
    assert "Auto-Submitted: auto-generated" in sent
    post.reply(yes, "Oui\n\n> 4 je ne peux pas venir", "m1")
    post.reply(no, "Non", "m2", to=f"replies+{post.message(no).token.lower()}@example.org")
    key = f"{post.message(late).pk}-1"
    post.reply(late, "2", "m3", to="replies@example.org", In_Reply_To=f"<{key}@example.org>")
    post.scenario.work()
    assert post.answers(yes, no, late) == ["yes", "no", "late"]
    assert no in live.situation_now(live.LIVE).absences
    assert post.box.mails == {}, "what people wrote is kept nowhere"
    assert ReplyReceipt.objects.count() == 3


def test_the_sender_alone_an_automatic_mail_and_another_token_answer_nothing(post: Post) -> None:
    agent, other = post.agents[:2]
    key = f"{post.message(agent).pk}-1"
    post.reply(agent, "Non", "m1", to="replies@example.org")
    post.reply(agent, "Non", "m2", to="replies+made-up@example.org")
    post.reply(agent, "Non", "m3", Auto_Submitted="auto-replied")
    post.reply(agent, "Non", "m4", to="replies@example.org", sender=f"{other}@example.org",
               In_Reply_To=f"<{key}@example.org>")  # fmt: skip
    post.reply(agent, "Non", "m5", Precedence="bulk")
    post.box.put(b"not a mail at all")
    assert read_reply_mail() == 6
    assert post.answers(agent, other) == ["", ""]
    assert not {agent, other} & live.situation_now(live.LIVE).absences.keys()
    assert not ReplyReceipt.objects.exists()
    assert len(post.box.mails) == 6, "they stay for people"
    assert read_reply_mail() == 0, "and are read once"


def test_a_mail_that_is_read_again_after_a_break_is_one_answer(post: Post) -> None:
    agent, other = post.agents[:2]
    post.reply(agent, "4", "m1")
    post.box.drop_before = "STORE"
    with pytest.raises(MailboxFault):
        read_reply_mail()
    assert post.answers(agent) == ["no"]
    post.box.drop_before = ""
    post.reply(other, "Je suis souffrante", "m2")
    assert read_reply_mail() == 2
    assert post.box.mails == {}
    states = {row.agent: row.state for row in live.list_notified_agents(live.LIVE)}
    assert (states[agent], states[other]) == ("declined", "unclear")
    assert [row.outcome for row in ReplyReceipt.objects.all()] == ["taken", "unclear"]


def test_without_its_settings_no_mail_promises_that_it_can_be_answered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RELEVE_IMAP_PASSWORD")
    assert "RELEVE_IMAP_PASSWORD" in find_mail_fault()
    assert read_reply_mail() == 0
    first = len(post.mails.kept)
    message = post.message(post.agents[0])
    Effect.objects.filter(key=build_send_effect(message).key).delete()
    queue_effects([build_send_effect(message)])
    post.scenario.work()
    (mail,) = post.mails.kept[first:]
    assert "Reply-To" not in mail
