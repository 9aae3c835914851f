"""What a client receives: the page of its messages, its own page, and no page that contradicts the state."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve import situation
from releve.accounts.permissions import Role
from releve.live import api as live
from releve.live import clock, effect_queue, event_service, plans, routes
from releve.live.client_news import find_promises
from releve.live.models import ClientSetting, Message
from releve.live.worker import run_until_idle
from tests.accounts.people import look_as, read_text
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def find_draft(scenario: Scenario) -> Message:
    rows = Message.objects.filter(stream=scenario.stream, role="client", held="draft", replaced=False)
    return next(row for row in rows if row.about["lost"])


def test_a_draft_is_read_changed_held_and_approved(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    scenario.work()
    web, draft = browsers.sign_in(), find_draft(scenario)
    shown = read_text(web, "/client-news/")
    assert "est indisponible : fermé à cause d’un incident sur place." in shown
    assert "Prochaines nouvelles" in shown
    address = f"/client-news/{draft.pk}"
    assert web.post(address, {"act": "stop", "sentence": "Un mot de nous."}).status_code == 302
    assert "retenu" in read_text(web, "/client-news/")
    assert web.post(address, {"act": "approve", "sentence": "Un mot de nous."}).status_code == 302
    scenario.work()
    assert any("Un mot de nous." in one["text"] for one in scenario.outbox)
    assert web.post(address, {"act": "approve", "sentence": ""}).status_code == 409, "it was sent"


def test_a_setting_is_chosen_per_client(browsers: Browsers, scenario: Scenario) -> None:
    web, client = browsers.sign_in(Role.FLOW), scenario.operator.clients[0].id
    assert web.post(f"/client-news/settings/{client}", {"mode": "approval", "minutes": "10"}).status_code == 302
    assert ClientSetting.objects.get().mode == "approval"
    assert web.post(f"/client-news/settings/{client}", {"mode": "timer", "minutes": "0"}).status_code == 422
    planner = browsers.sign_in(Role.PLANNER)
    assert planner.post(f"/client-news/settings/{client}", {"mode": "timer", "minutes": "5"}).status_code == 403


def test_the_page_of_a_client_says_what_happens_since_when_and_what_is_done(
    browsers: Browsers, scenario: Scenario
) -> None:
    scenario.close()
    scenario.work()
    draft, web = find_draft(scenario), browsers.sign_in()
    client, first = draft.who, draft.release_at
    assert first is not None
    assert web.get(f"/clients/{client}").context["page"].incident.next_news == first, "the first news has its time too"
    scenario.later(minutes=10)
    scenario.work()
    incident = web.get(f"/clients/{client}").context["page"].incident
    assert [row.cause for row in incident.places] == ["hazard"]
    assert incident.since is not None
    assert incident.next_news == find_promises(scenario.stream)[client]
    shown = read_text(web, f"/clients/{client}")
    assert scenario.operator.sites[0].name in shown
    assert "fermé à cause d’un incident sur place" in shown
    assert "Prochaines nouvelles" in shown


@pytest.fixture
def living(scenario: Scenario, settings: Settings) -> Scenario:
    """The same operator, with what happens in the live stream: a drill is not for clients."""
    settings.OPEN_DESK = True
    return Scenario(scenario.operator, scenario.plans, live.LIVE)


@pytest.fixture
def planned_day(living: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The morning of the first planned day, in the live stream too."""
    ahead, real = live.now(live.list_drills()[0].name) - live.real_now(), clock.real_now
    for module in (clock, effect_queue, event_service, plans, routes):
        monkeypatch.setattr(module, "real_now", lambda: real() + ahead)


def look_as_client(client: str) -> Client:
    return look_as(Role.CLIENT, client)


def test_a_client_never_reads_that_nothing_has_happened(living: Scenario) -> None:
    living.close()
    run_until_idle()
    for client in living.operator.clients:
        web = look_as_client(client.id)
        assert "Rien ne s’est encore passé" not in read_text(web, "/now")
        assert web.get("/now").context["page"].follows is False


def test_a_client_short_now_reads_so_above_the_verdict_of_the_plan(living: Scenario, planned_day: None) -> None:
    """*Held* is said of the plan, and above it what is missing now."""
    for site in living.operator.sites:
        living.close(site.id)
    run_until_idle()
    coverage = live.compute_coverage()
    assert coverage is not None
    short = [row for row in coverage.clients if row.short_now]
    assert short
    for row in short:
        shown = look_as_client(row.client).get("/").content.decode()
        said = shown.partition('id="short-now"')[2].partition("</p>")[0]
        assert row.name in said
        assert shown.index('id="short-now"') < shown.index("<h2")
        own = look_as_client(row.client).get(f"/clients/{row.client}").content.decode()
        assert ("plus bas des 48 prochaines heures" in own) == (row.now == row.worst)


def test_the_verdict_of_the_plan_names_a_client_that_is_short_now(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    assert 'id="short-now"' not in web.get("/").content.decode()
    for site in scenario.operator.sites:
        scenario.act(situation.SiteClosed.kind, site=site.id, cause="hazard", reason="Quake")
    scenario.work()
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    short = [row.name for row in coverage.clients if row.short_now]
    assert short
    shown = web.get("/").content.decode()
    said = shown.partition('id="short-now"')[2].partition("</p>")[0]
    assert all(name in said for name in short)
