"""The pages of who leads: the rota, an alert on Now, the line for who has no time."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from releve.accounts.grants import end_grant
from releve.accounts.permissions import Role
from releve.demand.requirement import INTERVAL
from releve.desk.client_status import headline
from releve.ledger.account_names import give_pseudonym
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Alert, CalendarLink, OnCall
from tests.accounts.people import give, person, read_text, sign_in
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def rota(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samira on call and Paul as the deputy, with no office hours on the day of the drill."""
    monkeypatch.setenv("RELEVE_OFFICE_HOURS", "Sun 00:00-01:00")
    for name in ("samira", "paul"):
        give_pseudonym(name)
    days = sorted((live.now(scenario.stream), live.real_now()))
    OnCall.objects.create(
        start=days[0] - timedelta(days=9), end=days[1] + timedelta(days=99), led_by="samira", deputised_by="paul"
    )


@pytest.mark.usefixtures("rota")
def test_now_says_who_is_alerted_since_when_and_then_who_leads(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    assert "D’astreinte : samira." in read_text(web, "/now")
    scenario.close()
    scenario.work()
    shown = read_text(web, "/now")
    assert "samira n’a pas encore pris la direction ; alerte envoyée" in shown
    assert shown.index("site fermé") < shown.index("pas encore pris la direction"), "what happened stands first"
    assert "Je prends la direction" in shown
    assert (
        "samira" not in browsers.sign_in(Role.CLIENT, scenario.operator.clients[0].id).get("/now.json").content.decode()
    )
    answer = web.post(f"/lead/{Alert.objects.get().pk}/take")
    assert answer.status_code == 302
    assert Alert.objects.get().taken_at is not None
    assert "Qui dirige : un visiteur (Responsable de la continuité)." in read_text(web, "/now")


@pytest.mark.usefixtures("rota")
def test_the_line_names_the_worst_client_when_it_is_back_and_who_leads(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    for site in scenario.operator.sites:
        scenario.close(site.id)
    scenario.work()
    page = web.get("/now").context["page"]
    assert page.worst.short_now
    line = next(row for row in web.get("/now").content.decode().splitlines() if 'id="outlook"' in row)
    assert page.worst.name in headline(page)
    assert page.worst.name not in line, "said once"
    assert "samira" in line
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    halves = [row for row in coverage.list_half_hours(page.worst.client) if row.share is not None]
    short = {row.start for row in halves if row.short}
    steady = [{row.start + number * INTERVAL for number in range(4)} for row in halves]
    back = next((row.start for row, ahead in zip(halves, steady, strict=True) if not ahead & short), None)
    assert page.outlooks[page.worst.client].back == back
    assert set(page.outlooks) == {row.client for row in page.clients if row.short_now}
    for client, own in page.outlooks.items():
        assert own.back == coverage.find_recovery(client)
        assert f'id="outlook-{client}"' in web.get("/now").content.decode()


def test_the_rota_takes_a_row_a_table_and_says_what_is_wrong(browsers: Browsers, scenario: Scenario) -> None:
    give_pseudonym("samira")
    web = browsers.sign_in()
    sent = {"start": "2099-12-01T21:00", "end": "2099-12-02T07:00", "site": scenario.site, "lead": "samira"}
    assert web.post("/rota/add", sent).status_code == 302
    (row,) = OnCall.objects.all()
    assert (row.site, row.led_by, row.deputised_by) == (scenario.site, "samira", "")
    refused = web.post("/rota/add", {**sent, "end": "2099-12-01T20:00"})
    assert refused.status_code == 422
    table = "lead,week\nsamira,2099-W50\nnemo,2099-W51\n"
    refused = web.post("/rota/table", {"table": table})
    assert refused.status_code == 422
    assert "nemo" in refused.content.decode()
    assert web.post("/rota/table", {"table": "lead,week\nsamira,2099-W50\n"}).status_code == 302
    (row,) = OnCall.objects.all()
    assert "samira" in read_text(web, "/rota")
    assert b"BEGIN:VEVENT" in web.get("/rota/calendar").content
    assert web.post(f"/rota/{row.pk}/remove").status_code == 302
    assert not OnCall.objects.exists()


def test_who_may_not_change_the_rota_sees_no_form(browsers: Browsers) -> None:
    web = browsers.sign_in(Role.FLOW)
    assert "<textarea" not in web.get("/rota").content.decode()
    assert web.post("/rota/table", {"table": ""}).status_code == 403


@pytest.mark.usefixtures("rota")
def test_a_secret_link_opens_the_rota_until_it_is_ended_replaced_or_the_role_ends() -> None:
    user, phone = person("flora"), Client()
    grant, web = give(user, Role.FLOW), sign_in(user)

    def make() -> str:
        page = web.post("/rota/link").content.decode()
        return str(re.findall(r"/rota/calendar/[\w-]{43}", page)[0])

    first = make()
    opened = phone.get(first)
    assert (opened.status_code, opened["Cache-Control"]) == (200, "private, no-store")
    assert b"samira / paul" in opened.content
    assert first.rpartition("/")[2] not in str(list(CalendarLink.objects.values())), "its hash alone is stored"
    assert first not in web.get("/rota").content.decode(), "shown once"
    second = make()
    assert [phone.get(link).status_code for link in (first, second)] == [404, 200]
    web.post("/rota/link/end")
    assert phone.get(second).status_code == 404
    third = make()
    assert phone.get(third).status_code == 200
    end_grant(grant, by="amina")
    assert phone.get(third).status_code == 404, "the account may no longer see the rota"
    made, ended = (LedgerEntry.objects.filter(kind=f"rota.link_{what}") for what in ("made", "ended"))
    assert (made.count(), ended.count()) == (3, 1)
    assert not any(link.rpartition("/")[2] in row.body for row in made for link in (first, second, third))


def test_what_is_to_be_done_first_stands_first_name_who_leads_send_what_waits(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    for client in scenario.operator.clients:
        live.store_setting(client.id, "approval", 10, by="samira")
    assert web.get("/now").context["page"].todo == ()
    scenario.close()
    scenario.work()
    page = web.get("/now").context["page"]
    found = {row.code: row for row in page.todo}
    assert page.todo[0].code == "lead"
    drafts, _sent = live.list_client_letters(scenario.stream, "fr")
    assert (found["drafts"].count, found["drafts"].url) == (len(drafts), "/client-news/")
    assert drafts
    assert found["unaddressed"].count == page.messages.unaddressed > 0
    shown = web.get("/now").content.decode()
    assert shown.index('id="todo-lead"') < shown.index('id="todo-drafts"') < shown.rindex("/record/reopening")
    assert web.get(found["lead"].url).status_code == 200
    room = web.post(found["lead"].url, {"act": "open", "open-title": "Casa", "open-site": scenario.site}, follow=True)
    incident = room.request["PATH_INFO"].rpartition("/")[2]
    assert web.post(f"/incident/{incident}", {"act": "take", "role": "lead"}).status_code == 302
    left = web.get("/now").context["page"]
    assert "lead" not in {row.code for row in left.todo}
    assert left.lead.state == "leads"
