"""The Now page: what it shows to whom, telephony that does not follow, a worker that does not run."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve import __version__
from releve.accounts import tokens
from releve.accounts.grants import RoleRequest
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.demand.requirement import INTERVAL
from releve.desk.client_status import headline
from releve.desk.text import Text, left
from releve.ledger.chain import append, read_head
from releve.ledger.guards import LedgerBehind
from releve.ledger.models import OutgoingDocument
from releve.ledger.rollback import forget, roots_folder
from releve.ledger.roots import publish_root, sign_root
from releve.live import api as live
from releve.live import outside
from releve.live.models import Activation, Effect, Message, RoutingState, WorkerBeat
from releve.live.worker_health import note_beat
from tests.accounts.people import read_text
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_closed_site_shows_its_countdown_and_the_people_who_have_not_answered(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    scenario.work()
    scenario.two_positives()
    scenario.work()
    page = web.get("/now").context["page"]
    closed = next(row for row in page.sites if row.site == scenario.site)
    assert closed == page.sites[0], "what is lost comes first"
    assert closed.state == "closed"
    assert re.search(r"peut rouvrir dans 4[78].h.\d\d.min", read_text(web, "/now"))
    assert page.messages.waiting == page.messages.notified == len(scenario.messages) > 0
    kinds = [entry.kind for entry in page.timeline]
    assert {"site.closed", "relief.made", "routing.published"} <= set(kinds)
    assert "Exercice" in read_text(web, "/now")


def test_it_shows_no_case_and_no_absence(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    shown = read_text(browsers.sign_in(), "/now") + browsers.sign_in().get("/now.json").content.decode()
    for agent in scenario.agents_at(scenario.site):
        assert agent not in shown
    assert "case.declared" not in shown
    assert "agent.unavailable" not in shown


def test_a_client_sees_the_coverage_of_its_own_programmes_alone(browsers: Browsers, scenario: Scenario) -> None:
    client = scenario.operator.clients[0].id
    twin = browsers.sign_in(Role.CLIENT, client).get("/now.json").json()
    assert twin["stream"] == "live", "a drill is not for clients"
    assert twin["sites"] == []
    assert twin["messages"] is None
    assert [row["client"] for row in twin["clients"]] in ([client], [])


def test_a_site_lead_sees_the_own_site_alone(browsers: Browsers, scenario: Scenario) -> None:
    twin = browsers.sign_in(Role.SITE).get("/now.json").json()
    assert [row["site"] for row in twin["sites"]] == [scenario.site]
    assert twin["clients"] == []


def test_a_site_lead_sees_that_a_plan_is_in_force(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.SITE)
    page = web.get("/now").context["page"]
    assert page.plan.in_force
    assert headline(page) == "Le site est ouvert."
    assert "Un plan est en vigueur jusqu’au " in read_text(web, "/now")


def test_times_of_a_site_carry_its_zone_where_its_clocks_differ(browsers: Browsers, scenario: Scenario) -> None:
    (site, *_) = [row for row in scenario.operator.sites if row.time_zone == "Africa/Casablanca"]
    scenario.close(site.id)
    shown = read_text(browsers.sign_in(), "/now")
    assert "9 h 40 (Casablanca)" in shown, "since when it is closed"
    assert "09:40 (Casablanca)" in shown
    text = Text("fr", "Europe/Paris")
    at = live.now(scenario.stream)
    assert text.at_site("Europe/Brussels").clock(at) == text.clock(at), "the clocks agree"


def test_the_headline_names_what_is_lost_and_the_client_served_worst(browsers: Browsers, scenario: Scenario) -> None:
    """At night nothing is required: a client at 0 % the next morning is not "served"."""
    web = browsers.sign_in()
    for site in scenario.operator.sites[:2]:
        scenario.close(site.id)
    scenario.later(hours=13)
    page = web.get("/now").context["page"]
    assert all(client.now is None for client in page.clients), "it is night"
    worst = min(page.clients, key=lambda client: client.worst or 0.0)
    assert worst.worst < 0.8
    assert page.state == worst.state == "missed"
    said = headline(page)
    names = " et ".join(site.name for site in page.lost)
    assert said.startswith(f"{names}\u202f: sites fermés. {worst.name}\u202f: couvert au plus bas à ")
    assert said.endswith("\u202f%, demain à 10\xa0h\xa030."), said
    assert "Tous" not in said


def test_a_plan_with_a_gap_or_an_end_is_not_said_to_cover_48_hours(browsers: Browsers, scenario: Scenario) -> None:
    Activation.objects.all().delete()
    live.put_in_force([scenario.plans[0], scenario.plans[2]], by="tests")
    page = browsers.sign_in().get("/now").context["page"]
    assert not page.plan.whole
    assert page.plan.until == scenario.plans[0].starts[-1] + INTERVAL


def test_a_plan_that_begins_later_or_is_over_is_said_to_be_so(browsers: Browsers, scenario: Scenario) -> None:
    now = live.now(scenario.stream)
    for days, text in ((-9, "Le plan en vigueur commence le "), (30, "Le plan en vigueur est ter")):
        scenario.stream = live.start_drill("t", by="t", at=now + timedelta(days=days)).name
        web = browsers.sign_in()
        assert text in read_text(web, "/now")
        assert text in read_text(web, f"/clients/{scenario.operator.clients[0].id}")


def test_what_is_unchanged_is_answered_304(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    first = web.get("/now?part=live")
    again = web.get("/now?part=live", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    scenario.close()
    changed = web.get("/now?part=live", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_more_closed_sites_take_no_more_queries(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    web.get("/now")
    with CaptureQueriesContext(connection) as before:
        web.get("/now")
    scenario.close()
    scenario.close(scenario.operator.sites[1].id)
    web.get("/now")
    with CaptureQueriesContext(connection) as after:
        web.get("/now")
    assert len(after) <= len(before)


def test_a_task_that_was_set_aside_is_seen_and_tried_again(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    Effect.objects.filter(stream=scenario.stream).update(state=Effect.ASIDE, error="OSError: full")
    (row, *_) = live.list_effects_aside(scenario.stream)
    web = browsers.sign_in()
    assert "OSError: full" in read_text(web, "/now")
    assert web.post(f"/effects/{row.pk}/retry").status_code == 302
    assert Effect.objects.get(pk=row.pk).state == Effect.QUEUED
    assert web.post(f"/effects/{row.pk}/retry").status_code == 404


def test_a_site_lead_retries_the_tasks_of_own_sites_alone(browsers: Browsers, scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    Effect.objects.filter(stream=scenario.stream).update(state=Effect.ASIDE)
    sends = {
        Message.objects.get(pk=row.body["message"]).site: row.pk
        for row in Effect.objects.filter(stream=scenario.stream, kind="send")
    }
    (other,) = [site.id for site in scenario.operator.sites if site.id != scenario.site][:1]
    web, elsewhere = browsers.sign_in(Role.SITE), browsers.sign_in(Role.SITE, other)
    relief = Effect.objects.filter(stream=scenario.stream, kind="relief").first()
    assert relief is not None
    assert web.post(f"/effects/{relief.pk}/retry").status_code == 404
    assert elsewhere.post(f"/effects/{sends[scenario.site]}/retry").status_code == 404
    assert not Effect.objects.filter(state=Effect.QUEUED).exists()
    assert web.post(f"/effects/{sends[scenario.site]}/retry").status_code == 302


def test_a_message_is_answered_by_its_link_without_a_sign_in(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    message = scenario.messages[0]
    web = Client()
    asked = web.get(f"/ack/{message.token}")
    assert asked.status_code == 200
    assert Message.objects.get(pk=message.pk).acknowledged_at is None, "a look answers nothing"
    assert web.post(f"/ack/{message.token}").status_code == 200
    first = Message.objects.get(pk=message.pk).acknowledged_at
    assert first is not None
    assert web.post(f"/ack/{message.token}").status_code == 200
    assert Message.objects.get(pk=message.pk).acknowledged_at == first
    assert web.post("/ack/none").status_code == 404
    assert 'class="letter"' in asked.content.decode()
    assert 'class="letter"' not in web.get("/ack/none").content.decode()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_of_an_answer_speaks_to_a_client_of_no_shift(scenario: Scenario, language: str) -> None:
    scenario.two_positives()
    scenario.work()
    letter = Message.objects.filter(stream=scenario.stream, role="client")[0]
    web, path = Client(headers={"accept-language": language}), f"/ack/{letter.token}"
    for answer in (web.get(path), web.post(path), web.post(path)):
        said = answer.content.decode().partition("<main")[2].partition("</main>")[0]
        assert "ack-title" in said
        assert not re.search("shift|schedul|vacation|planning|horaire", said, re.IGNORECASE)


def test_a_message_without_an_address_is_not_shown_as_sent(browsers: Browsers, scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[2]
    contacts = f"role,who,channel,address,language\nagent,{agent},file,x,fr\n"
    live.import_contacts(contacts.encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    shown = browsers.sign_in().get("/now").content.decode()
    counts = live.count_messages(scenario.stream)
    assert counts.notified > counts.sent == 1
    assert dict(re.findall(r'id="notified-(\w+)">(\d+)<', shown)) == {
        "sent": "1",
        "answered": "0",
        "waiting": str(counts.notified),
        "unaddressed": str(counts.notified - 1),
    }
    assert "sans adresse (message rédigé, non envoyé)" in shown


def test_time_left_is_written_in_hours_and_minutes() -> None:
    at = live.real_now()
    assert left(at, at + timedelta(hours=47, minutes=59, seconds=30)) == "48\xa0h\xa000\xa0min"
    assert left(at, at + timedelta(minutes=5)) == "0\xa0h\xa005\xa0min"
    assert left(at, at) == ""


def test_an_absence_that_is_over_is_late_without_its_agent(browsers: Browsers, scenario: Scenario) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    until = live.now(scenario.stream) + timedelta(hours=1)
    scenario.act("agent.unavailable", agent=agent, until=until)
    browsers.sign_in().post(f"/drills/{scenario.stream.partition(':')[2]}/move", {"hours": "2"})
    found = browsers.sign_in().get("/now.json").json()
    (over,) = (row for row in found["late"] if row["code"] == "absence.over")
    assert (over["site"], set(over["params"])) == (scenario.site, {"until"})
    assert agent not in browsers.sign_in().get("/now.json").content.decode()
    assert "10 h 40 (Casablanca)" in read_text(browsers.sign_in(), "/now"), "not the time in Paris"


def test_the_api_answers_the_same_object_as_the_page(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    web = browsers.sign_in()
    (page, answer) = (web.get(path) for path in ("/now.json", f"/api/v1/now?stream={scenario.stream}"))
    found = answer.json()
    assert {**page.json(), "at": found["at"]} == found
    assert web.get("/now").context["page"].model_dump(mode="json")["sites"] == found["sites"]


def state(stream: str, **fields: object) -> None:
    then = timezone.now() - timedelta(minutes=2)
    RoutingState.objects.create(
        stream=stream, adapter="kamailio:paris", number=7, since=then, observed_at=then,
        **{"state": "confirmed", "held": 7, **fields},
    )  # fmt: skip


def test_a_proxy_with_other_routes_is_a_red_banner(browsers: Browsers) -> None:
    web, then = browsers.sign_in(), timezone.now()
    state(browsers.scenario.stream, state="diverged", held=5, alarmed=True, astray_since=then)
    page = web.get("/now").content.decode()
    assert "kamailio:paris route les appels autrement que voulu" in page
    (row,) = web.get("/now?format=json").json()["routing"]
    assert (row["adapter"], row["wanted"], row["held"]) == ("kamailio:paris", 7, 5)


def test_a_site_found_dead_is_proposed_as_an_outage_until_it_is_recorded(browsers: Browsers) -> None:
    web, site = browsers.sign_in(), browsers.scenario.site
    state(browsers.scenario.stream, dead={site: timezone.now().isoformat(), "home": timezone.now().isoformat()})
    (row,) = web.get("/now?format=json").json()["proposals"]
    assert (row["site"], row["adapters"]) == (site, ["kamailio:paris"])
    page = web.get("/now").content.decode()
    assert f'id="proposal-{site}"' in page
    assert f"/record/outage?site={site}" in page
    assert row["records"]
    assert web.get(f"/record/outage?site={site}").status_code == 200


ALARM = 'id="worker-alarm"'


def beat() -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now)


def age(seconds: float) -> None:
    """Let everything that waits, and the worker's last report, be so old."""
    then = timezone.now() - timedelta(seconds=seconds)
    Effect.objects.filter(state=Effect.QUEUED).update(next_at=then)
    WorkerBeat.objects.update(beat_at=then)


def test_what_waits_for_a_stopped_worker_is_a_red_banner_and_not_ready(browsers: Browsers) -> None:
    web, probe = browsers.sign_in(), Client()
    browsers.scenario.two_positives()
    beat()
    assert ALARM not in web.get("/now").content.decode()
    assert probe.get("/readyz").status_code == 200
    age(35)
    page = web.get("/now?part=live").content.decode()
    assert ALARM in page
    assert "Le processus de traitement ne tourne pas" in page
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "silent"
    answer = probe.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert probe.get("/healthz").status_code == 200, "the process lives"
    beat()
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "overdue"
    browsers.scenario.work()
    assert ALARM not in web.get("/now").content.decode()
    assert probe.get("/readyz").status_code == 200


def test_a_disk_that_is_nearly_full_is_a_red_banner_and_not_ready(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=15_000_000))
    page = browsers.sign_in().get("/now").content.decode()
    assert ALARM in page
    assert "Le disque est plein" in page
    assert Client().get("/readyz").status_code == 503


def test_a_clock_that_was_set_while_the_worker_ran_is_a_red_banner(browsers: Browsers) -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now, clock_moved=timedelta(days=-1))
    page = browsers.sign_in().get("/now").content.decode()
    assert ALARM in page
    assert "L’horloge a été avancée ou reculée" in page
    assert Client().get("/readyz").status_code == 200, "effects are run in time"
    text = Client().get("/metrics", headers=give_token("administrator")).content.decode()
    assert "\nreleve_worker_clock_moved_seconds -86400.0" in text


def test_a_worker_that_still_compiles_is_a_banner_and_said_in_words(browsers: Browsers) -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now, compiling=True)
    page = browsers.sign_in().get("/now").content.decode()
    assert ALARM in page
    assert "est en cours de compilation" in page
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "compiling")


def test_a_root_without_its_receipt_is_seen_where_attention_is_needed(browsers: Browsers) -> None:
    web, old = browsers.sign_in(), timezone.now() - 2 * outside.OVERDUE_AFTER
    for name, made_at in (("root-000001.json", old), ("root-000002.json", timezone.now())):
        OutgoingDocument.objects.create(name=name, content=b"{}", upto=1, made_at=made_at)
    page = web.get("/now").content.decode()
    assert "sans accusé de réception\u202f: 1" in page
    assert web.get("/now?format=json").json()["without_receipt"] == 1
    OutgoingDocument.objects.filter(made_at=old).update(received_at=timezone.now())
    assert 'id="without-receipt"' not in web.get("/now").content.decode()


def test_a_path_that_fails_is_a_red_banner_for_those_inside(browsers: Browsers) -> None:
    old = timezone.now() - timedelta(minutes=2)
    Effect.objects.create(
        stream="live", lane="outside", kind="send", key="one", body={}, made_at=old,
        next_at=timezone.now() + timedelta(seconds=50), attempts=5,
        error="RetryLater: the mail server: ConnectionRefusedError", result={"path": "mail"},
    )  # fmt: skip
    page = browsers.sign_in().get("/now").content.decode()
    assert 'id="failing-mail"' in page
    assert "Le serveur de courriel ne prend aucun message." in page
    assert "the mail server: ConnectionRefusedError" in page
    assert Client().get("/readyz").status_code == 200
    shown = Client().get("/readyz", headers=give_token("administrator")).json()
    assert shown["failing"] == ["mail"]
    assert "failing-mail" not in browsers.sign_in(Role.AUDITOR).get("/now").content.decode()


def test_outsiders_do_not_see_how_the_installation_runs(browsers: Browsers) -> None:
    browsers.scenario.two_positives()
    age(35)
    assert browsers.sign_in().get("/now?format=json").json()["worker"] is not None
    web = browsers.sign_in(Role.AUDITOR)
    assert web.get("/now?format=json").json()["worker"] is None
    assert ALARM not in web.get("/now").content.decode()


def give_token(role: str) -> dict[str, str]:
    until = (timezone.now() + timedelta(days=7)).date()
    _, secret = tokens.issue_token(role, RoleRequest(role, last_day=until), by=COMMAND_LINE)
    return {"Authorization": f"Bearer {secret}"}


def test_probes_show_no_path_and_details_only_to_those_who_watch(browsers: Browsers, settings: Settings) -> None:
    settings.OPEN_DESK = False
    web, watches, flow = Client(), give_token("administrator"), give_token("flow")
    assert web.get("/healthz").json() == {"status": "ok"}
    assert web.get("/readyz").json() == {"status": "ready"}
    assert web.get("/readyz", headers=flow).json() == {"status": "ready"}
    shown = web.get("/readyz", headers=watches).json()
    assert shown == {"status": "ready", "database": True, "worker": "", "without_receipt": 0, "failing": []}
    assert web.get("/readyz", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_metrics_are_for_those_who_watch(browsers: Browsers, settings: Settings) -> None:
    settings.OPEN_DESK = False
    web = Client()
    browsers.scenario.two_positives()
    beat()
    probe = give_token("monitoring")
    answer = web.get("/metrics", headers=probe)
    assert answer["Content-Type"].startswith("text/plain; version=")
    values = dict(line.rsplit(" ", 1) for line in answer.content.decode().splitlines() if line[0] != "#")
    assert float(values[f'releve_build_info{{version="{__version__}"}}']) == 1
    assert float(values["releve_worker_healthy"]) == 1
    assert float(values["releve_worker_beat_age_seconds"]) < 30
    assert float(values['releve_effects{lane="decide",state="queued"}']) >= 1
    assert float(values["releve_oldest_due_effect_seconds"]) >= 0
    assert float(values["releve_ledger_entries"]) > 0
    assert float(values["releve_disk_free_bytes"]) > 0
    assert abs(float(values["releve_clock_skew_seconds"])) < 60
    assert "releve_last_seal_timestamp_seconds" not in values, "nothing was sealed yet"
    browsers.scenario.work()
    text = web.get("/metrics", headers=give_token("continuity")).content.decode()
    for name in ("releve_last_erasure_timestamp_seconds", "releve_last_seal_timestamp_seconds"):
        assert f"\n{name} " in text
    assert 'releve_desk_requests_total{method="GET",route="metrics",status="200"}' in text
    assert web.get("/metrics", headers=give_token("flow")).status_code == 403
    for path in ("/api/v1/now", "/api/v1/sites", "/readyz"):
        found = web.get(path, headers=probe)
        assert found.status_code == 403 or found.json() == {"status": "ready"}, path
    assert live.read_worker_health().healthy


def test_a_database_behind_its_roots_is_a_red_banner_and_takes_no_form(
    browsers: Browsers, settings: Settings, tmp_path: Path
) -> None:
    beat()
    web, probe = browsers.sign_in(), Client()
    assert ALARM not in web.get("/now").content.decode()
    with transaction.atomic():
        append("note", {}, recorded_at=timezone.now())
        publish_root(sign_root(timezone.now()), roots_folder())
        transaction.set_rollback(True)
    forget()
    page = web.get("/now")
    assert page.status_code == 200, "pages go on"
    assert ALARM in page.content.decode()
    assert web.get("/now?format=json").json()["worker"]["alarm"] == "ledger"
    assert probe.get("/readyz").status_code == 503
    head = read_head()
    site = browsers.scenario.site
    answer = web.post(f"/sites/{site}/cases", {}, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert "behind its signed roots" in answer.content.decode()
    assert browsers.scenario.stream
    with pytest.raises(LedgerBehind):
        browsers.scenario.two_positives()
    assert read_head() == head
    assert web.get("/now").status_code == 200


def test_what_is_down_has_a_tile_that_leads_to_its_room_and_its_return_and_the_surge_counts_without_it(
    browsers: Browsers, scenario: Scenario
) -> None:
    web, dark = browsers.sign_in(), scenario.operator.sites[1]
    carrier = next(row.carrier for row in scenario.operator.agents if row.carrier)
    assert web.get("/surge/?format=json").json()["lost"] == []
    scenario.power(dark.id)
    scenario.carrier(carrier)
    scenario.work()
    page = web.get("/now").content.decode()
    tile = page[page.index(f'id="site-{dark.id}"') :].split("</li>")[0]
    assert f"/incident/?site={dark.id}" in tile
    assert f"/record/outage?site={dark.id}&amp;state=up" in tile
    lines = page[page.index('id="carrier-1"') :].split("</li>")[0]
    assert carrier in lines
    assert "state=up" in lines
    title = page[page.index('id="now-title"') :].split("</h1>")[0]
    assert dark.name in title
    assert carrier in title
    assert web.get("/surge/?format=json").json()["lost"] == [dark.name, carrier]
    surge = read_text(web, "/surge/")
    assert dark.name in surge
    assert carrier in surge
    back = web.get(f"/record/outage?site={dark.id}&state=up").content.decode()
    assert re.search(r'value="power"[^>]*checked', back), "the form of the return names what is down"


def test_a_client_that_is_far_short_stands_in_what_is_to_be_done_and_daily_checks_come_last(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    before = web.get("/now").context["page"]
    assert "check.late" in {row.code for row in before.late}
    assert "short" not in {row.code for row in before.todo}
    for site in scenario.operator.sites:
        scenario.close(site.id)
    scenario.work()
    page = web.get("/now").context["page"]
    far = [row.client for row in page.clients if row.short_now and row.now < 0.8]
    (todo,) = [row for row in page.todo if row.code == "short"]
    assert far
    assert (todo.count, todo.url) == (len(far), f"/clients/{far[0]}" if len(far) == 1 else "/clients")
    codes = [row.code.startswith("check.") for row in page.late]
    assert codes == sorted(codes)
    assert len(set(codes)) == 2
    shown = web.get("/now").content.decode()
    listed = shown[shown.index('id="late-title"') :].partition("</section>")[0]
    assert listed.index('id="todo-short"') < listed.index("/record/reopening") < listed.index("/record/check")
    lead = browsers.sign_in(Role.SITE).get("/now").context["page"]
    assert "short" not in {row.code for row in lead.todo}, "of no client that the reader does not see"


def test_no_tile_of_an_open_site_stands_before_the_clients(browsers: Browsers, scenario: Scenario) -> None:
    web, open_sites = browsers.sign_in(), scenario.operator.sites[1:]

    def read_above() -> tuple[int, str]:
        """Return how many tiles of places stand above the clients, and the line of the open sites."""
        page = web.get("/now").content.decode()
        above = page[page.index('id="sites-title"') : page.index('id="clients-title"')]
        return above.count('class="place '), above.partition('id="sites-open"')[2].partition("</p>")[0]

    tiles, line = read_above()
    assert tiles == 0
    assert all(site.name in line for site in scenario.operator.sites)
    scenario.close()
    scenario.work()
    tiles, line = read_above()
    assert tiles == 1, "what is lost"
    assert [site.name in line for site in scenario.operator.sites] == [False, *(True for _ in open_sites)]
