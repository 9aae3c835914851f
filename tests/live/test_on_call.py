"""Who leads when something happens at night: the rota, the alert, and the messages that wait for it."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from releve.ledger import chain as ledger
from releve.ledger.account_names import give_pseudonym
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Alert, Contact, Message, OnCall
from releve.live.worker import run_tick
from releve.network import Operator, to_utc
from releve.plan import Plan
from releve.upkeep.doctor_data import check_rota
from releve.upkeep.findings import Examination
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NIGHT = "03:19"
Planned = tuple[Operator, tuple[Plan, ...]]


@pytest.fixture
def night(db: None, known_times: None, planned: Planned) -> Scenario:
    """A drill on the first day of the plan, at 03:19, with two people on call who have addresses."""
    scenario = Scenario.begin(*planned, clock=NIGHT)
    for name in ("samira", "paul", "agathe"):
        give_pseudonym(name)
    at = live.now(scenario.stream)
    OnCall.objects.create(
        start=at - timedelta(days=1), end=at + timedelta(days=8), led_by="samira", deputised_by="paul"
    )
    for rank, address in enumerate(("samira-phone", "samira-mail"), 1):
        Contact.objects.create(role="lead", who="samira", rank=rank, channel="file", address=address, language="en")
    Contact.objects.create(role="lead", who="paul", rank=1, channel="file", address="paul-phone", language="fr")
    return scenario


def entries(scenario: Scenario, kind: str) -> list[dict[str, Any]]:
    return [row.body for row in ledger.iter_entries(scenario.stream) if row.kind == kind]


def letters(scenario: Scenario) -> list[dict[str, str]]:
    return [one for one in scenario.outbox if "/lead/" in one["text"]]


def list_calls(scenario: Scenario) -> list[tuple[str, int]]:
    """Return who was called, at which of their addresses, in the order of the calls."""
    return [(body["holder"], body["rank"]) for body in entries(scenario, "alert.sent")]


def test_a_loss_at_night_alerts_the_first_address_and_says_what_is_lost(night: Scenario) -> None:
    night.power(night.site)
    night.work()
    (letter,) = letters(night)
    assert list_calls(night) == [("samira", 1)]
    assert night.operator.site[night.site].name in letter["subject"]
    assert "no power" in letter["text"]
    names = "|".join(re.escape(client.name) for client in night.operator.clients)
    assert re.search(rf"Client hit worst, as of 03:19: ({names}), \d+% covered at worst, on 2026-", letter["text"])
    assert "To do: take the lead by the link" in letter["text"]
    bodies = LedgerEntry.objects.filter(kind__startswith="alert.").values_list("body", flat=True)
    assert len(bodies) == 2
    assert not any("samira" in body for body in bodies), "the ledger holds no name"


def test_the_next_address_then_the_deputy_then_the_first_again_until_it_is_taken(night: Scenario) -> None:
    night.power(night.site)
    night.work()
    for _ in range(3):
        night.later(minutes=5)
        night.work()
    assert list_calls(night) == [("samira", 1), ("samira", 2), ("paul", 1), ("samira", 1)]
    alert = Alert.objects.get()
    live.take_alert(alert, "paul")
    live.take_alert(alert, "samira")
    night.later(minutes=20)
    night.work()
    assert len(letters(night)) == 4
    assert [row["by"] for row in entries(night, "alert.taken")] == ["paul"], "once"
    lead = live.find_lead(night.stream, night.operator)
    assert lead is not None
    assert (lead.state, lead.who) == ("leads", "paul")


def start_of(message: Message) -> datetime:
    posts = [post for shift in message.about["shifts"] for post in (shift, shift["was"]) if post and post.get("start")]
    return min(datetime.fromisoformat(post["start"]) for post in posts)


def test_messages_about_work_far_ahead_wait_until_the_alert_is_taken(night: Scenario) -> None:
    night.close(night.site)
    night.work()
    at = live.now(night.stream)
    agents = list(Message.objects.filter(stream=night.stream, role="agent"))
    late = [row for row in agents if row.held]
    assert late
    assert all(start_of(row) > at + timedelta(hours=4) for row in late if not row.about["shifts"][0]["rides"])
    assert all(not row.channel for row in late)
    assert all(row.channel for row in agents if not row.held)
    (first,) = entries(night, "people.notified")
    asks = [row for row in agents if row.kind == "agent"]
    assert (first["agents"], first["held"]) == (sum(not row.held for row in asks), len(late))
    (written,) = [
        row for row in live.list_last_entries(night.stream, lambda site: True) if row.kind == "people.notified"
    ]
    assert f"held until a person leads: {len(late)}" in written.sentence.format(**written.params)
    assert first["drafts"] == Message.objects.filter(stream=night.stream, role="client", held="draft").count()
    live.take_alert(Alert.objects.get(), "samira")
    night.work()
    assert not Message.objects.filter(stream=night.stream, role="agent", channel="").exists()
    (released,) = entries(night, "people.released")
    assert released["agents"] + first["agents"] == len(asks), "each is counted once, when it goes"


def test_a_message_that_was_not_sent_is_not_counted_as_without_an_answer(night: Scenario) -> None:
    night.close(night.site)
    night.work()
    rows = Message.objects.filter(stream=night.stream, kind="agent")
    counts = live.count_messages(night.stream)
    assert counts.held == rows.filter(held="lead").count() > 0
    assert counts.waiting == rows.filter(held="").count()
    states = [row.state for row in live.list_notified_agents(night.stream)]
    assert states.count("held") == counts.held
    live.take_alert(Alert.objects.get(), "samira")
    after = live.count_messages(night.stream)
    assert (after.held, after.waiting) == (0, rows.count())


def list_kept_away(scenario: Scenario) -> set[tuple[str, date]]:
    """Return who is to stay away on which day, by the messages that wait for a person who leads."""
    rows = Message.objects.filter(stream=scenario.stream, kind="agent", held="lead", replaced=False)
    shifts = [(row.who, shift) for row in rows for shift in row.about["shifts"]]
    return {(who, date.fromisoformat(shift["day"])) for who, shift in shifts if shift["kind"] == "kept_away"}


def test_a_further_relief_drops_nothing_that_waits_and_still_holds(night: Scenario) -> None:
    night.close(night.site)
    night.work()
    away = list_kept_away(night)
    night.power(night.operator.sites[1].id)
    night.work()
    scene = live.load_scene(night.stream)
    assert scene is not None
    working = {(row.agent, day) for day in scene.days for row in scene.list_placements(day)}
    assert away - working
    assert away - working <= list_kept_away(night), "they have heard nothing yet"


def test_those_who_start_sooner_are_told_at_once(night: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEVE_HOLD_HOURS", "24")
    night.close(night.site)
    night.work()
    at = live.now(night.stream)
    rows = list(Message.objects.filter(stream=night.stream, role="agent"))
    soon = [row for row in rows if start_of(row) < at + timedelta(hours=23)]
    assert soon
    assert all(row.channel and not row.held for row in soon)


def test_messages_go_after_the_last_limit_though_no_person_takes_it(night: Scenario) -> None:
    night.close(night.site)
    night.work()
    assert Message.objects.filter(stream=night.stream, held="lead").exists()
    night.later(minutes=29)
    night.work()
    assert Message.objects.filter(stream=night.stream, held="lead").exists()
    night.later(minutes=1)
    night.work()
    assert not Message.objects.filter(stream=night.stream, role="agent", channel="").exists()
    assert len(entries(night, "alert.released")) == 1
    lead = live.find_lead(night.stream, night.operator)
    assert lead is not None
    assert lead.state == "alerted", "the calls go on"


def test_who_never_heard_of_a_change_hears_nothing_when_it_is_undone(night: Scenario) -> None:
    night.power(night.site)
    night.work()
    waiting = set(Message.objects.filter(stream=night.stream, held="lead").values_list("who", flat=True))
    assert waiting
    night.later(minutes=2)
    night.power(night.site, up=True)
    night.work()
    run_tick()
    night.work()
    heard = Message.objects.filter(stream=night.stream, who__in=waiting).exclude(channel="")
    assert not heard.exists()
    assert len(entries(night, "alert.ended")) == 1
    lead = live.find_lead(night.stream, night.operator)
    assert lead is not None
    assert lead.state == "on_call"


def test_a_closure_undone_while_messages_wait_leaves_no_false_news(night: Scenario) -> None:
    night.power(night.site)
    night.work()
    drafts = Message.objects.filter(stream=night.stream, role="client", held="draft")
    assert any(row.about["lost"] for row in drafts)
    managers = Message.objects.filter(stream=night.stream, kind="manager", replaced=False)
    written = set(managers.values_list("who", flat=True))
    assert managers.get(who=night.site).about["closed"]
    night.later(minutes=2)
    night.power(night.site, up=True)
    night.work()
    assert not drafts.filter(replaced=False).exists()
    newest = {row.who: row.about for row in managers}
    assert newest.keys() >= written
    assert not newest[night.site]["closed"]
    assert newest[night.site]["moved"] == 0
    night.later(minutes=10)
    night.work()
    assert not Message.objects.filter(stream=night.stream, role="client").exclude(channel="").exists()


def send_then_hold(night: Scenario, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """Send messages, then hold newer ones; return those sent to people whose newer one is held."""
    monkeypatch.setenv("RELEVE_OFFICE_HOURS", "Mon-Sun 00:00-24:00")
    night.close(night.site)
    night.work()
    monkeypatch.delenv("RELEVE_OFFICE_HOURS")
    night.close(night.operator.sites[1].id)
    night.work()
    agents = Message.objects.filter(stream=night.stream, kind="agent")
    newer = agents.filter(held="lead", replaced=False)
    return list(agents.filter(held="", who__in=newer.values("who")).exclude(channel=""))


def test_an_older_message_is_escalated_and_counted_while_a_newer_one_waits(
    night: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send_then_hold(night, monkeypatch)
    assert sent
    shown = {row.message: row.state for row in live.list_notified_agents(night.stream)}
    assert {shown.get(row.pk) for row in sent} <= {"waiting", "unaddressed"}, "its answer is awaited"
    everyone = Message.objects.filter(stream=night.stream, kind="agent").values("who").distinct().count()
    assert live.count_messages(night.stream).notified == len(shown) == everyone, "each person once"
    night.later(minutes=15)
    night.work()
    tried = {body["message"] for kind in ("escalated", "unanswered") for body in entries(night, f"message.{kind}")}
    assert {str(row.pk) for row in sent} <= tried
    live.take_alert(Alert.objects.get(), "samira")
    (released,) = entries(night, "people.released")
    assert {str(row.pk) for row in sent} == {message for message, _generation in released["replaces"]}
    assert not Message.objects.filter(pk__in=[row.pk for row in sent], replaced=False).exists()
    night.later(minutes=15)
    night.work()
    later = [body["message"] for kind in ("escalated", "unanswered") for body in entries(night, f"message.{kind}")]
    assert all(later.count(str(row.pk)) == 1 for row in sent), "the newer one took its place"


def test_a_no_to_the_last_message_that_went_counts_while_a_newer_one_waits(
    night: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send_then_hold(night, monkeypatch)
    works = [row for row in sent if any(shift["place"] is not None for shift in row.about["shifts"])]
    first, second, *_ = works
    live.answer_message(first.token, "no")
    assert first.who in live.situation_now(night.stream).absences
    live.take_alert(Alert.objects.get(), "samira")
    night.work()
    with pytest.raises(live.AnswerTooLate):
        live.answer_message(second.token, "no")


@pytest.mark.parametrize("without", ["rota", "night"])
def test_without_a_rota_or_in_office_hours_nothing_waits(
    night: Scenario, monkeypatch: pytest.MonkeyPatch, without: str
) -> None:
    if without == "rota":
        OnCall.objects.all().delete()
    else:
        monkeypatch.setenv("RELEVE_OFFICE_HOURS", "Mon-Sun 00:00-24:00")
    night.close(night.site)
    night.work()
    assert not Alert.objects.exists()
    assert not Message.objects.filter(stream=night.stream, role="agent", channel="").exists()


def test_a_loss_in_a_gap_of_the_rota_is_named_and_holds_no_message(night: Scenario) -> None:
    OnCall.objects.update(end=live.now(night.stream) - timedelta(hours=1))
    night.close(night.site)
    night.work()
    assert not Message.objects.filter(stream=night.stream, role="agent", channel="").exists()
    assert len(entries(night, "alert.unmanned")) == 1
    lead = live.find_lead(night.stream, night.operator)
    assert lead is not None
    assert lead.state == "unmanned"


def test_a_row_of_a_site_goes_before_one_of_every_site(night: Scenario) -> None:
    at = live.now(night.stream)
    OnCall.objects.create(site=night.site, start=at - timedelta(hours=9), end=at + timedelta(hours=9), led_by="agathe")
    night.power(night.site)
    night.power(night.operator.sites[1].id)
    assert sorted(Alert.objects.values_list("led_by", flat=True)) == ["agathe", "samira"]


def test_a_table_names_each_fault_by_its_line_and_then_changes_nothing(night: Scenario) -> None:
    table = (
        "week,site,lead,deputy\n2026-W50,,samira,paul\n2026-W99,,samira,\n2026-W51,nowhere,samira,\n2026-W51,,eve,\n"
    )
    with pytest.raises(live.ContactFaults) as refused:
        live.import_rota(table, by="samira")
    assert [fault.partition(":")[0] for fault in refused.value.faults] == ["line 3", "line 4", "line 5"]
    assert OnCall.objects.count() == 1


def test_a_table_of_weeks_is_by_the_operators_clocks(night: Scenario) -> None:
    live.import_rota("week;lead;deputy;site\n2099-W50;samira;paul;*\n", by="samira")
    (row,) = OnCall.objects.filter(start__year=2099)
    assert row.start == to_utc(datetime.fromisoformat("2099-12-07T00:00"), night.operator.row.time_zone)
    assert row.end - row.start == timedelta(days=7)
    assert b"samira / paul" in live.build_calendar([row], night.operator)


def test_weeks_without_a_person_on_call_are_named(night: Scenario) -> None:
    at = live.now(night.stream)
    gaps = live.list_gaps(night.operator, at)
    assert gaps == [date(2026, 12, 7 + 7 * week) for week in range(4)], "the first week is covered"
    OnCall.objects.all().delete()
    assert live.list_gaps(night.operator, at) == []


def test_the_link_takes_it_by_a_press_and_not_by_a_look(night: Scenario, client: Client) -> None:
    night.power(night.site)
    night.work()
    alert = Alert.objects.get()
    page = client.get(f"/lead/{alert.deputy_token}")
    assert page.status_code == 200
    assert Alert.objects.get().taken_at is None
    client.post(f"/lead/{alert.deputy_token}")
    assert Alert.objects.get().taken_by == "paul"
    assert "paul" in client.get(f"/lead/{alert.lead_token}").content.decode()
    assert client.get("/lead/nothing").status_code == 404


def test_an_erased_account_leaves_the_rota_and_its_addresses(night: Scenario) -> None:
    assert live.count_missing_addresses(night.operator)["lead"] == 0
    live.erase_person("user:samira")
    assert not Contact.objects.filter(who="samira").exists()
    assert Contact.objects.filter(who="paul").exists()


def test_doctor_names_weeks_without_a_person_on_call_and_a_setting_that_makes_no_sense(
    night: Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = Examination(home=tmp_path, environ={}, now=live.now(night.stream))
    (gaps,) = check_rota(asked)
    assert "2026-W50, 2026-W51, 2026-W52, 2026-W53" in gaps.says
    Contact.objects.filter(who="paul").delete()
    assert any("paul" in row.says for row in check_rota(asked))
    monkeypatch.setenv("RELEVE_OFFICE_HOURS", "always")
    (wrong,) = check_rota(asked)
    assert wrong.is_fault
    night.power(night.site)
    assert Alert.objects.exists(), "a setting that makes no sense stops no record"


def test_the_link_of_an_alert_says_what_is_back(night: Scenario) -> None:
    one, two = (row.id for row in night.operator.sites[:2])
    at = live.now(night.stream)
    for site in (one, two):
        night.power(site)
    night.work()
    (alert,) = Alert.objects.all()
    assert alert.sites == [one, two], "who is called already is not called again"
    night.later(minutes=1)
    night.power(one, up=True)
    night.work()
    assert "back" in live.find_alert(alert.lead_token, "en").text
    night.later(minutes=10)
    night.work()
    assert len(list_calls(night)) >= 2, "the other site is still down"
    night.power(two, up=True)
    night.work()
    alert.refresh_from_db()
    assert alert.ended_at is not None
    assert alert.ended_at > at
    assert "rétabli" in live.find_alert(alert.deputy_token, "fr").text


def test_who_leads_is_not_called_of_an_aftershock_and_does_not_lead_the_next_incident(night: Scenario) -> None:
    one, two = (row.id for row in night.operator.sites[:2])
    night.power(one)
    night.work()
    (alert,) = Alert.objects.all()
    live.take_alert(alert, "samira")
    night.work()
    calls = len(list_calls(night))
    night.later(minutes=2)
    night.close(two)
    night.work()
    assert Alert.objects.count() == 1
    assert len(list_calls(night)) == calls
    assert not Message.objects.filter(stream=night.stream, role="agent", replaced=False).exclude(held="").exists()
    night.later(minutes=2)
    night.power(one, up=True)
    night.work()
    lead = live.find_lead(night.stream, night.operator)
    assert lead is not None
    assert (lead.state, lead.who) == ("leads", "samira"), "the other site is closed"
    Alert.objects.update(sites=[one])  # as if that site alone had been lost
    night.work()
    assert Alert.objects.get().ended_at is not None
    night.power(one)
    again = live.find_lead(night.stream, night.operator)
    assert again is None or again.state != "leads", "another incident"


def test_an_alert_is_taken_by_who_may_lead_its_places_or_is_called(night: Scenario) -> None:
    night.power(night.site)
    night.work()
    (alert,) = Alert.objects.all()
    with pytest.raises(live.NoSuch):
        live.take_alert_by_account(night.stream, str(alert.pk), "agathe", lambda site: site != night.site)
    taken = live.take_alert_by_account(night.stream, str(alert.pk), "paul", lambda site: False)
    assert taken.taken_by == "paul"
