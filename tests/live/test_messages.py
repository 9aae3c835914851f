"""Messages: one per person and relief, tried at each address until they are acknowledged."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import Message as Mail
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db.models import QuerySet
from icalendar import Calendar
from pytest_django.fixtures import Settings

from releve import environment
from releve.cli import main
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import effect_queue
from releve.live.channels import CHANNELS, ByFile, Letter
from releve.live.effect_queue import PermanentFailure, RetryLater, run_effect
from releve.live.message_texts import write_message, write_said
from releve.live.models import Contact, Effect, Message
from releve.network.moments import zone
from releve.plan import Placement
from releve.plan.work_changes import KindCount, WorkKind, describe_change
from tests.live.scenario import Scenario
from tests.live.smtp import Mails, mail_server
from tests.routing.receivers import receiving

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    # A part of apprise that is loaded with its services, on Python 3.11 and 3.12.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

HEAD = "role,who,channel,address,language\n"


def test_a_message_says_what_changes_when_and_where(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    home = [m for m in scenario.messages if any(s["place"] == "" for s in m.about["shifts"])]
    assert home
    texts = {letter["subject"]: letter["text"] for letter in scenario.outbox}
    text = texts["[EXERCICE] Votre planning change"]
    assert "Votre planning change" in text
    assert "(demandez l’adresse à votre responsable) /ack/" in text
    assert "127.0.0.1" not in text, "the port of the desk is not known"
    written = "".join(letter["text"] for letter in scenario.outbox)
    assert "30/11/2026 de " in written
    assert "\u202f: à domicile, " in written
    assert "positif" not in written


def find_change(scenario: Scenario, message: Message) -> set[WorkKind]:
    """Return how an agent's duties differ between the plan and what is in force, from now on."""
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    kinds = set()
    for day in scene.days:
        before, after = (
            {row.key: row for row in rows if row.agent == message.who}
            for rows in (scene.day_plan(day).plan.placements, scene.list_placements(day))
        )
        lost = scene.wanted[day].sites
        kinds |= {
            describe_change(before.get(key), after.get(key), scene.at, lost=lost).kind for key in {*before, *after}
        }
    return kinds


def test_a_message_that_asks_for_an_answer_is_of_a_change_and_says_what_was_and_is(scenario: Scenario) -> None:
    """A plan that stays as it is, or a break that alone moves, is in no list to call."""
    scenario.two_positives()
    scenario.work()
    texts = {message.who: find_text(scenario, message) for message in scenario.messages}
    assert texts
    for message in scenario.messages:
        kinds = find_change(scenario, message)
        kept_away = all(shift["kind"] == "kept_away" for shift in message.about["shifts"])
        assert kept_away or any(kind.asks_answer for kind in kinds), (message.who, kinds)
        for shift in message.about["shifts"]:
            now, was = ({name: row.get(name) for name in POST} for row in (shift, shift["was"] or {}))
            assert now != was or shift["kind"] == "kept_away", "it says what the plan says"
        said = texts[message.who]
        for shift in filter(lambda shift: shift["was"] and shift["kind"] != "break", message.about["shifts"]):
            programme = shift["kind"] == "programme"
            assert (f"au lieu de {shift['was']['programme']}" if programme else "Ce qui était prévu\u202f: de ") in said
    home = next(m for m in scenario.messages if [s["kind"] for s in m.about["shifts"]][:1] == ["home"])
    assert "vous travaillez à domicile" in texts[home.who]
    assert "Le site" in texts[home.who]
    assert "fermé par la règle en vigueur" in texts[home.who]
    assert "Joignez votre responsable de site" in texts[home.who]


def test_a_message_and_its_page_say_by_when_to_answer_and_whom_to_call(scenario: Scenario) -> None:
    agents = scenario.agents_at(scenario.site)[2:]
    rows = [f"agent,{agent},file,+2126{number:08},fr" for number, agent in enumerate(agents)]
    rows += [f"manager,{scenario.site},file,desk@site,fr", f"manager,{scenario.site},file,+212 5 22 00 00 01,fr"]
    live.import_contacts((HEAD + "\n".join(rows)).encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    asked = [message for message in scenario.messages if message.sent_at and message.site == scenario.site]
    assert asked
    for message in asked:
        assert message.due_at is not None
        zone_name = message.about["shifts"][0]["zone"]
        by = message.due_at.astimezone(zone(zone_name))
        letter = live.find_letter(message.token, "fr")
        assert letter is not None
        for text in (find_text(scenario, message), letter.text):
            plain = text.replace("\u202f", " ").replace("\u00a0", " ")
            assert f"Votre réponse est attendue avant {by:%-H} h {by:%M}.\nSans réponse, nous vous appelons." in plain
            assert "Joignez votre responsable de site : +212 5 22 00 00 01." in plain
        assert letter.number == "+212522000001"
    unsent = next(message for message in scenario.messages if message.who not in agents)
    assert "attendue avant" not in find_text(scenario, unsent), "no answer is awaited of who was not written to"
    scenario.later(hours=1)
    late = live.find_letter(asked[0].token, "fr")
    assert late is not None
    assert late.late, "the page says that the time is over"
    assert "attendue avant" not in late.text, "and no longer by when"
    live.answer_message(asked[0].token, "yes")
    answered = live.find_letter(asked[0].token, "fr")
    assert answered is not None
    assert (answered.late, "attendue avant" in answered.text) == (False, False)


def be_near_the_end(scenario: Scenario, site: str) -> dict[str, Placement]:
    """Set the clock ten minutes before the last shifts on a site end; return who works then, by agent."""
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    rows = scene.list_placements(scene.days[0])
    end = max(row.end for row in rows if row.place == site)
    scenario.later(seconds=(end - timedelta(minutes=10) - scene.at).total_seconds())
    return {row.agent: row for row in rows if row.end == end}


@pytest.mark.parametrize("how", ["planned", "solved"])
def test_in_the_last_minutes_of_a_shift_people_are_sent_off_a_lost_site_and_asked_nothing_else(
    scenario: Scenario, how: str
) -> None:
    """Another programme for ten minutes is over before the message is read: it is no change, and no message."""
    agents = scenario.agents_at(scenario.site)
    rows = [f"agent,{agent},file,desk-{number},fr" for number, agent in enumerate(agents)]
    live.import_contacts((HEAD + "\n".join(rows)).encode(), by="tests")
    scenario.work()
    ending = be_near_the_end(scenario, scenario.site)
    scenario.close(home_only=how == "planned")
    scenario.work()
    today = next(iter(ending.values())).end.date().isoformat()
    seen = set()
    for message in scenario.messages:
        for shift in message.about["shifts"]:
            if message.who in ending and shift["day"] == today:
                seen.add(shift["kind"])
                assert shift["kind"] in ("leaves", "kept_away"), (message.who, shift)
                assert ending[message.who].place == scenario.site
                assert "Quittez le site" in find_text(scenario, message)
    assert seen
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    now_at = {row.agent: row for row in scene.list_placements(scene.days[0])}
    for agent, row in ending.items():
        if row.place != scenario.site:
            assert (now_at[agent].place, now_at[agent].programme) == (row.place, row.programme)
    end = max(row.end for row in ending.values())
    short = [row for row in scenario.messages if row.sent_at and row.over_at == end]
    assert short or how == "planned"
    for message in short:
        assert message.due_at == message.over_at, "no answer is awaited once the shift is over"
        by = message.due_at.astimezone(zone(message.about["shifts"][0]["zone"]))
        plain = find_text(scenario, message).replace("\u202f", " ").replace("\u00a0", " ")
        assert f"attendue avant {by:%-H} h {by:%M}." in plain
    scenario.later(minutes=20)
    scenario.work()
    assert not Message.objects.filter(pk__in=[row.pk for row in short], exhausted=True).exists()
    assert not {row.who for row in short} & live.situation_now(scenario.stream).absences.keys()


POST = ("place", "programme", "start", "end", "breaks")


def find_text(scenario: Scenario, message: Message) -> str:
    return next(one["text"] for one in scenario.outbox if message.token in one["text"])


def test_a_break_that_alone_moves_is_a_note_without_answer_and_with_its_calendar(
    living: Scenario, settings: Settings
) -> None:
    first, second, third = living.plans
    rows = [row for row in second.placements if row.break_start is not None]
    (agent, *_) = sorted(row.agent for row in rows)
    hour = timedelta(hours=1)
    moved = tuple(
        replace(row, break_start=row.break_start + hour, break_end=row.break_end + hour)
        if row.agent == agent and row.break_start and row.break_end
        else row
        for row in second.placements
    )
    preview = live.preview_publication([replace(second, placements=moved)])
    assert (preview.days[0].change, preview.days[0].moved) == ("replaced", 0)
    assert preview.days[0].kinds == (KindCount(WorkKind.BREAK, 1),)
    live.put_in_force([first, replace(second, placements=moved), third], by="planner", version=1)
    living.work()
    (note,) = Message.objects.filter(stream=living.stream)
    assert (note.kind, note.who, note.due_at) == ("break", agent, None)
    assert (live.count_messages().notified, live.list_notified_agents(live.LIVE)) == (0, [])
    (letter,) = [json.loads(path.read_text("utf-8")) for path in (settings.HOME / "outbox").glob("*.json")]
    assert "Votre pause change d’heure" in letter["subject"]
    assert "/ack/" not in letter["text"]
    assert "Pause\u202f: " in letter["text"]
    assert "(avant\u202f: " in letter["text"]
    (event,) = Calendar.from_ical(letter["calendar"]).walk("VEVENT")
    assert str(event["uid"]).startswith(f"{agent}-")
    (entry,) = [row.body for row in ledger.iter_entries(live.LIVE) if row.kind == "people.notified"]
    assert (entry["agents"], entry["breaks"], entry["kinds"]) == (0, 1, [["break", 1]])


def test_messages_the_ledger_and_the_list_to_call_count_the_same_kinds(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    (entry,) = [row.body for row in ledger.iter_entries(scenario.stream) if row.kind == "people.notified"]
    (made,) = [row.body for row in ledger.iter_entries(scenario.stream) if row.kind == "relief.made"]
    found = live.describe_relief(scenario.stream, most_shifts=8)
    assert found is not None
    page = {row.kind.value: row.people for row in found.kinds}
    assert dict(entry["kinds"]) == page
    assert sum(page.values()) == entry["agents"] + entry["breaks"]
    assert entry["agents"] == len(scenario.messages) == live.count_messages(scenario.stream).notified
    assert made["moved"] == sum(n for kind, n in page.items() if WorkKind(kind).is_move)


def test_no_message_and_no_entry_says_why_anybody_is_away(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    health = ("case", "positive", "positif", "covid", "contact")
    for letter in scenario.outbox:
        assert not any(word in letter["text"].lower() for word in health)
    for entry in LedgerEntry.objects.filter(kind__in=("relief.made", "people.notified", "message.sent")):
        assert not any(agent.id in entry.body for agent in scenario.operator.agents)


def test_the_new_shift_is_attached_as_a_calendar_that_replaces_the_old(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    message = next(m for m in scenario.messages if any(s["place"] == "" for s in m.about["shifts"]))
    letter = next(one for one in scenario.outbox if message.token in one["text"])
    events = Calendar.from_ical(letter["calendar"]).walk("VEVENT")
    shifts = [shift for shift in message.about["shifts"] if shift["place"] is not None]
    assert len(events) == len(shifts)
    for event, shift in zip(events, shifts, strict=True):
        assert event.decoded("dtstart") == datetime.fromisoformat(shift["start"])
        assert str(event["uid"]).startswith(f"{message.who}-{shift['day']}@")


def test_managers_and_clients_are_told_too_each_their_own(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    roles = {row.role: row for row in Message.objects.filter(stream=scenario.stream)}
    assert set(roles) == {"agent", "manager", "client"}
    manager = Message.objects.get(role="manager", who=scenario.site)
    assert manager.about["closed"] is True
    assert manager.about["moved"] == live.count_messages(scenario.stream, [scenario.site]).notified
    for row in Message.objects.filter(role="client"):
        own = {"state", "known", "now", "worst", "worst_at", "missing", "until", "zone", "lost"}
        own |= {"back", "elsewhere"}
        assert set(row.about) == own, "nothing of another client, and no person"


def test_a_manager_reads_why_until_when_and_what_to_do_and_the_link_shows_it(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    manager = Message.objects.get(role="manager", who=scenario.site)
    letter = live.find_letter(manager.token, "fr")
    assert letter is not None
    assert "est indisponible\u202f: fermé par la règle en vigueur." in letter.text
    assert "Pas de réouverture avant le 02/12/2026" in letter.text
    assert "À faire\u202f: joindre celles qui ne répondent pas" in letter.text
    assert (letter.open, letter.site) == (False, scenario.site)
    client = Message.objects.filter(role="client").first()
    assert client is not None
    read = live.find_letter(client.token, "fr")
    assert read is not None
    assert read.text.startswith("Bonjour,")
    assert "Accuser" not in read.text


def test_a_shift_that_runs_stops_and_a_break_that_was_taken_is_no_change() -> None:
    was = {"place": "Rabat", "programme": "Cartes", "start": "2026-11-30T08:00:00+00:00", "zone": "Africa/Casablanca"}
    was |= {"end": "2026-11-30T16:00:00+00:00", "breaks": [["2026-11-30T11:00:00+00:00", "2026-11-30T11:30:00+00:00"]]}
    shift = {"day": "2026-11-30", "kind": "leaves", "since": "2026-11-30T13:00:00+00:00", "was": was, "site": "Rabat"}
    shift |= {"place": None, "zone": "Africa/Casablanca"}
    text = write_message("agent", {"shifts": [shift]}, "fr", "", drill=False)[1]
    assert "votre vacation s’arrête à 13 h 00. Quittez le site Rabat." in text
    assert "Ne vous rendez pas" not in text
    twice = write_message("agent", {"shifts": [shift, {**shift, "day": "2026-12-01"}]}, "fr", "", drill=False)[1]
    assert "\n\n- 01/12/2026" in twice, "the days stand apart, on the page of the link too"
    ahead = write_message("agent", {"shifts": [{**shift, "since": was["start"]}]}, "fr", "", drill=False)[1]
    assert "pas de vacation. Ne vous rendez pas sur le site Rabat." in ahead
    home = {**was, **shift, "kind": "home", "place": "", "start": "2026-11-30T13:00:00+00:00", "breaks": []}
    assert "Pause" not in write_message("agent", {"shifts": [home]}, "fr", "", drill=False)[1]
    asked = {"by": "2026-11-30T12:15:00+00:00", "closed": [["Rabat", "power"]], "shifts": [home]}
    assert "Quittez le site Rabat\u202f; vous n’avez pas de travail d’ici 13 h 00." in write_said(asked, "fr")
    for other in ({"closed": [["Tunis", "power"]]}, {"by": "2026-11-30T13:00:00+00:00"}, {"by": was["start"]}):
        assert "Quittez" not in write_said({**asked, **other}, "fr"), other
    there = {**asked, "shifts": [{**home, "kind": "hours", "place": "Rabat", "programme": "Cartes"}]}
    assert "Quittez" not in write_said(there, "fr"), "work goes on at the same site"
    later = {**home, "since": was["start"]}
    assert "Pause\u202f: aucune (avant" in write_message("agent", {"shifts": [later]}, "fr", "", drill=False)[1]


def test_an_answer_is_taken_once(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    message = scenario.messages[0]
    first = live.acknowledge(message.token)
    again = live.acknowledge(message.token)
    assert (first.before, again.before) == (False, True)
    assert again.at == first.at
    kinds = [row.kind for row in ledger.iter_entries(scenario.stream)]
    assert kinds.count("message.acknowledged") == 1
    counts = live.count_messages(scenario.stream)
    assert (counts.acknowledged, counts.waiting) == (1, counts.notified - 1)
    with pytest.raises(live.NoSuch):
        live.acknowledge("made-up")


def test_who_does_not_answer_is_tried_the_next_way_and_then_the_manager_is_told(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_NO_ANSWER_ABSENT_HOURS", "0")
    agent = scenario.agents_at(scenario.site)[2]
    rows = f"agent,{agent},file,first,fr\nagent,{agent},file,second,fr\n"
    live.import_contacts((HEAD + rows).encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    scenario.work()  # the relief of the closure, then that for the two who are absent
    newest = [row for row in scenario.messages if not row.replaced]
    message = next(row for row in newest if row.who == agent)
    others = [row for row in newest if row.who != agent]
    for row in others[1:]:
        live.acknowledge(row.token)
    scenario.later(minutes=16)
    scenario.work()
    message.refresh_from_db()
    assert (message.rank, message.exhausted) == (2, False)
    assert {letter["to"] for letter in scenario.outbox if message.token in letter["text"]} == {"first", "second"}
    scenario.later(minutes=16)
    scenario.work()
    counts = live.count_messages(scenario.stream)
    assert (counts.waiting, counts.exhausted, counts.unaddressed) == (2, 1, 1)
    unanswered = Message.objects.filter(kind="unanswered")
    assert {row.who for row in unanswered} == {message.site, others[0].site}
    assert "Sans réponse" in "".join(letter["subject"] for letter in scenario.outbox)
    scenario.later(hours=5)
    scenario.work()
    assert unanswered.count() == len({message.site, others[0].site}), "the manager gets one message"


def test_an_answer_ends_the_escalation(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    for message in scenario.messages:
        live.acknowledge(message.token)
    sent = len(scenario.outbox)
    scenario.later(hours=1)
    scenario.work()
    managers = Message.objects.filter(role="manager", kind="unanswered")
    assert not managers.exists()
    assert len([one for one in scenario.outbox if "planning change" in one["subject"]]) <= sent


def test_a_further_relief_notifies_only_agents_whose_shift_changes(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    first = Message.objects.filter(role="agent").count()
    scenario.carrier("Inwi")
    scenario.work()
    second = Message.objects.filter(role="agent").count() - first
    assert 0 < second < first


@pytest.mark.parametrize("late", [False, True], ids=["within the patience", "after it"])
def test_a_message_written_without_an_address_is_sent_once_when_one_comes(scenario: Scenario, late: bool) -> None:
    scenario.two_positives()
    scenario.work()
    scenario.work()
    if late:
        scenario.later(minutes=16)
        scenario.work()
    states = {row.agent: row.state for row in live.list_notified_agents(scenario.stream)}
    agent, answered, *others = [name for name, state in states.items() if state == "unaddressed"]
    live.acknowledge(next(row.token for row in scenario.messages if row.who == answered and not row.replaced))
    rows = "".join(f"agent,{name},file,{address},fr\n" for name in (agent, answered) for address in ("first", "second"))
    live.import_contacts((HEAD + rows).encode(), by="tests")
    for _round in range(2):
        scenario.work()
        counts = live.count_messages(scenario.stream)
        assert (counts.sent, counts.unaddressed) == (1, len(others)), "who has answered gets it no more"
        now = {row.agent: (row.state, row.channel) for row in live.list_notified_agents(scenario.stream)}
        assert now[agent] == ("waiting", "file")
    (message,) = (row for row in scenario.messages if row.who == agent and not row.replaced)
    entries = [row.kind for row in ledger.iter_entries(scenario.stream) if row.body.get("message") == str(message.pk)]
    assert entries.count("message.sent") == 1
    assert [letter["to"] for letter in scenario.outbox if message.token in letter["text"]] == ["first"]
    scenario.later(minutes=16)
    scenario.work()
    assert "second" in {letter["to"] for letter in scenario.outbox if message.token in letter["text"]}


def test_what_is_no_longer_true_is_not_sent_to_an_address_that_comes(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    scenario.work()
    agents = [row.agent for row in live.list_notified_agents(scenario.stream) if row.state == "unaddressed"]
    before = len(agents)
    first, second = agents[:2]
    Message.objects.filter(stream=scenario.stream, who=first).update(replaced=True)
    Message.objects.filter(stream=scenario.stream, who=second).update(over_at=live.now(scenario.stream))
    rows = "".join(f"agent,{name},file,x,fr\n" for name in (first, second))
    live.import_contacts((HEAD + rows).encode(), by="tests")
    scenario.work()
    assert before > 2
    assert not Message.objects.filter(stream=scenario.stream, role="agent").exclude(sent_at=None).exists()


def test_a_gateway_that_answers_twice_has_told_once(living: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = living.agents_at(living.site)[2]
    rows = f"agent,{agent},apprise,+212600000000,fr\n"
    live.import_contacts((HEAD + rows).encode(), by="tests")
    with receiving() as gateway:
        host = gateway.url.removeprefix("http://").replace("routes", "send")
        monkeypatch.setenv("RELEVE_APPRISE_URL", f"json://{host}/{{address}}?+Idempotency-Key={{key}}")
        living.close(home_only=True)
        living.work()
        message = next(row for row in living.messages if row.who == agent)
        (effect,) = Effect.objects.filter(key=f"send:{message.pk}:1")
        Effect.objects.filter(pk=effect.pk).update(state=Effect.QUEUED, done_at=None)
        living.work()
        assert len(gateway.requests) == 2, "as after a crash between the answer and its record"
        assert list(gateway.acted) == [f"{message.pk}-1"]
    assert live.count_messages().notified == len(living.messages)


def test_a_gateway_that_is_down_is_waited_for_and_nobody_is_forgotten(
    living: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = living.agents_at(living.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},apprise,+212,fr\n".encode(), by="tests")
    with receiving() as gateway:
        host = gateway.url.removeprefix("http://")
        monkeypatch.setenv("RELEVE_APPRISE_URL", f"json://{host}/{{address}}")
        gateway.status = 503
        living.two_positives()
        living.work()
        (effect,) = [row for row in Effect.objects.exclude(state="done") if row.kind == "send"]
        assert "did not take the message" in effect.error
        gateway.status = 200
        Effect.objects.update(next_at=live.real_now())
        living.work()
    message = Message.objects.get(role="agent", who=agent)
    assert message.sent_at is not None
    assert not Effect.objects.exclude(state="done").exists()


@pytest.fixture
def mails(settings: Settings) -> Iterator[Mails]:
    with mail_server() as found:
        port = found.url.rpartition(":")[2]
        environ = {"RELEVE_SMTP_HOST": "127.0.0.1", "RELEVE_SMTP_PORT": port, "RELEVE_SMTP_SECURITY": "none"}
        for name, value in environment.read_mail(environ).items():
            setattr(settings, name, value)
        settings.DEFAULT_FROM_EMAIL = "Relève <releve@example.org>"
        yield found


def test_a_mail_carries_text_calendar_and_a_name_made_from_its_key(mails: Mails) -> None:
    letter = Letter("k-1", "Votre planning\nchange", "Bonjour à tous", b"BEGIN:VCALENDAR")
    CHANNELS["email"].send("a1@example.org", letter)
    found: Mail = email.message_from_string(mails.kept[0])
    assert found["Message-ID"] == "<k-1@example.org>"
    assert found["To"] == "a1@example.org"
    subject = email.header.decode_header(found["Subject"])
    assert subject == [("Votre planning change", None)], "no line break gets into a header"
    types = [part.get_content_type() for part in found.walk()]
    assert types == ["multipart/mixed", "text/plain", "text/calendar"]


@pytest.mark.parametrize(
    ("answer", "error"), [("550 no such person", PermanentFailure), ("451 later", RetryLater), ("421 busy", RetryLater)]
)
def test_what_a_mail_server_refuses_is_told_apart(mails: Mails, answer: str, error: type[Exception]) -> None:
    mails.refuse = answer
    with pytest.raises(error) as caught:
        CHANNELS["email"].send("a1@example.org", Letter("k", "s", "t"))
    assert "a1@" not in str(caught.value), "an address stands in no error"


def test_a_channel_that_is_not_set_up_is_said(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.delenv("RELEVE_APPRISE_URL", raising=False)
    settings.EMAIL_HOST = ""
    with pytest.raises(PermanentFailure, match="RELEVE_SMTP_HOST"):
        CHANNELS["email"].send("a@example.org", Letter("k", "s", "t"))
    settings.EMAIL_HOST = "mail.example.org"
    with pytest.raises(PermanentFailure, match="RELEVE_MAIL_FROM"):
        CHANNELS["email"].send("a@example.org", Letter("k", "s", "t"))
    with pytest.raises(PermanentFailure, match="RELEVE_APPRISE_URL"):
        CHANNELS["apprise"].send("+212", Letter("k", "s", "t"))


def test_no_worker_starts_where_contacts_use_a_channel_that_cannot_send(
    living: Scenario, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releve.cli.live.open_database", lambda **_how: None)
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "", "releve@example.org"
    agent = living.agents_at(living.site)[0]
    live.import_contacts(f"{HEAD}agent,{agent},file,tray,fr\n".encode(), by="tests")
    live.check_channels()
    live.import_contacts(f"{HEAD}agent,{agent},email,a@example.org,fr\n".encode(), by="tests")
    with pytest.raises(live.ChannelFaults, match=r"RELEVE_SMTP_HOST.*RELEVE_URL is not set"):
        live.check_channels()
    refused = CliRunner().invoke(main, ["live", "work", "--once"])
    assert refused.exit_code == 1
    assert "RELEVE_SMTP_HOST" in refused.output
    settings.EMAIL_HOST, settings.DESK_URL = "mail.example.org", "https://desk.example.org"
    live.check_channels()


def test_the_link_of_a_message_starts_as_the_setting_says(living: Scenario, settings: Settings) -> None:
    settings.DESK_URL, settings.DESK_URL_IS_SET = "https://desk.example.org", True
    living.two_positives()
    living.work()
    texts = [json.loads(path.read_text(encoding="utf-8"))["text"] for path in (settings.HOME / "outbox").glob("*.json")]
    assert texts
    assert all(("https://desk.example.org/ack/" in text) != ("rien à confirmer" in text) for text in texts)
    assert any("/ack/" in text for text in texts)


def test_a_letter_in_a_folder_is_there_once_and_its_name_stays_inside(tmp_path: Path) -> None:
    channel = ByFile(tmp_path / "out")
    for _ in range(2):
        channel.send("x", Letter("../../k", "s", "t"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["..-..-k.json"]
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RetryLater):
        ByFile(tmp_path / "file").send("x", Letter("k", "s", "t"))


def test_the_language_is_the_contact_s(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},file,x,en\n".encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    (letter,) = [one for one in scenario.outbox if one["to"] == "x"]
    assert letter["subject"] == "[DRILL] Your shift changes"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_kind_of_message_has_its_words(language: str) -> None:
    at = "2026-12-01T09:00:00+00:00"
    abouts: dict[str, dict[str, object]] = {
        "agent": {
            "shifts": [
                {"day": "2026-12-01", "place": None, "site": "Casa"},
                {"day": "2026-12-02", "place": None, "site": ""},
            ]
        },
        "manager": {"site": "Casa", "closed": False, "moved": 3, "kinds": [["home", 2], ["leaves", 1]]},
        "client": {
            "state": "held",
            "worst": 1.0,
            "worst_at": "2026-12-01T09:00:00+00:00",
            "missing": 0.0,
            "known": True,
            "until": "2026-12-02T09:00:00+00:00",
            "zone": "Europe/Paris",
        },
        "unanswered": {"site": "Casa", "count": 4},
    }
    was = {"place": "", "programme": "A", "start": at, "end": at, "breaks": [[at, at]], "zone": "Europe/Paris"}
    for change in WorkKind:
        for place in (None, "", "Casa") if change is not WorkKind.NONE else ():
            about = {"day": "2026-12-01", "site": "", "kind": change.value, "since": at, "was": was, "rides": []}
            post = {**was, "breaks": [], "place": place, "row": None}
            shown = {"shifts": [{**about, **post}], "closed": [["Casa", "power"]], "call": "+212"}
            for kind in ("agent", "break"):
                subject, text = write_message(kind, shown, language, "http://x/ack/t", drill=False)
                assert ("http://x/ack/t" in text) == ("+212" in text) == (kind == "agent")
                assert "{" not in subject + text
    for kind, about in abouts.items():
        subject, text = write_message(kind, about, language, "http://x/ack/t", drill=False)
        assert subject
        assert "http://x/ack/t" in text
        assert "{" not in subject + text


def test_contacts_replace_those_before_and_stand_in_their_order(scenario: Scenario) -> None:
    agent = scenario.operator.agents[0].id
    text = f"{HEAD}agent,{agent},email,a@example.org,\nagent,{agent},file,b,en\nmanager,*,file,m,\n"
    assert live.import_contacts(text.encode(), by="tests") == 3
    rows = Contact.objects.filter(who=agent).values_list("rank", "channel", "language")
    assert list(rows) == [(1, "email", "fr"), (2, "file", "en")]
    semicolons = f"role;who;channel;address\nagent;{agent};file;b\n"
    assert live.import_contacts(semicolons.encode(), by="tests") == 1
    assert Contact.objects.count() == 1
    assert not LedgerEntry.objects.filter(body__contains="example.org").exists()


def test_every_fault_of_a_contact_file_is_named_and_nothing_is_imported(scenario: Scenario) -> None:
    agent = scenario.operator.agents[0].id
    lines = [
        f"boss,{agent},file,x,fr",
        "agent,a99999,file,x,fr",
        f"agent,{agent},pigeon,x,fr",
        f"agent,{agent},email,not-an-address,fr",
        f"agent,{agent},file,x,ar",
        f"agent,{agent},file,{'x' * 300},fr",
        f"agent,{agent},apprise,,fr",
        f"agent,{agent},file,good,fr",
    ]
    with pytest.raises(live.ContactFaults) as caught:
        live.import_contacts((HEAD + "\n".join(lines)).encode(), by="tests")
    assert [fault.split(":")[0] for fault in caught.value.faults] == [f"line {number}" for number in range(2, 9)]
    assert "not-an-address" not in str(caught.value)
    assert not Contact.objects.exists()
    with pytest.raises(live.ContactFaults, match="lacks the column channel, address"):
        live.import_contacts(b"role,who\n", by="tests")
    with pytest.raises(live.ContactFaults, match="not UTF-8"):
        live.import_contacts(b"\xff\xfe", by="tests")


def test_a_person_who_is_erased_leaves_no_address_and_no_name_in_messages(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},file,secret-address,fr\n".encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    notified = live.count_messages(scenario.stream).notified
    live.erase_person(agent)
    assert not Contact.objects.filter(who=agent).exists()
    assert not Message.objects.filter(who=agent).exists()
    assert live.count_messages(scenario.stream).notified == notified


def test_a_person_erased_before_a_message_gets_none(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    scenario.two_positives()
    while not Message.objects.filter(who=agent).exists():
        found = effect_queue.claim_effect([effect_queue.DECIDE, effect_queue.OUTSIDE], "w")
        assert found is not None
        run_effect(found)
    message = Message.objects.get(who=agent)
    live.erase_person(agent)
    scenario.work()
    assert Effect.objects.get(key=f"send:{message.pk}:1").result == {"skipped": "erased"}
    assert live.list_effects_aside() == live.list_late_effects() == []
    scenario.later(minutes=60)
    scenario.work()
    message.refresh_from_db()
    assert not message.exhausted


def test_the_letters_of_who_is_erased_leave_the_outbox(scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    live.import_contacts(f"{HEAD}agent,{agent},file,secret-address,fr\n".encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    assert sum(letter["to"] == "secret-address" for letter in scenario.outbox) == 1
    before = len(scenario.outbox)
    live.erase_person(agent)
    assert len(scenario.outbox) == before - 1
    assert not any(letter["to"] == "secret-address" for letter in scenario.outbox)


def test_a_message_that_could_not_be_sent_does_not_come_after_a_newer_one(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: ByFile, address: str, letter: Letter) -> None:
        raise RetryLater("the message service is away")

    with monkeypatch.context() as patched:
        patched.setattr(ByFile, "send", away)
        scenario.power(scenario.site)
        scenario.work()
        assert scenario.outbox == []
        scenario.power(scenario.site, up=True)
        scenario.close()
        scenario.later(hours=4)
        scenario.work()
    sent_twice = [m for m in scenario.messages if older(m).exists()]
    assert sent_twice
    Effect.objects.filter(state=Effect.QUEUED).update(next_at=live.real_now())
    scenario.work()
    for message in sent_twice:
        for old in older(message):
            skipped = {"skipped": "overtaken", "perhaps_sent": True}
            assert Effect.objects.get(key=f"send:{old.pk}:1").result == skipped
            assert old.due_at is None, "no answer to it is awaited"
        assert Effect.objects.get(key=f"send:{message.pk}:1").result == {"channel": "none"}


def older(message: Message) -> QuerySet[Message]:
    return Message.objects.filter(
        stream=message.stream, role="agent", who=message.who, relief__generation__lt=message.relief.generation
    )
