"""A false alarm on the desk: the form of a correction, what follows from it, the second person, who may."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from releve.accounts.models import AccountAct
from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.ledger.chain import iter_entries
from releve.live import api as live
from releve.situation import CaseDeclared, EventCorrected
from tests.accounts.people import FR, give, person, sign_in
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]
WHY = "L'échantillon était celui d'une autre personne"


def enter(name: str, role: Role, scenario: Scenario) -> Client:
    """Return the signed-in browser of a person of a role, which shows the drill."""
    user = person(name)
    give(user, role, sites=(scenario.site,))
    web = sign_in(user, lately=True)
    web.cookies[COOKIE] = scenario.stream
    return web


@pytest.fixture
def hind(scenario: Scenario) -> Client:
    return enter("hind", Role.HEALTH, scenario)


def close_by_two(scenario: Scenario) -> tuple[CaseDeclared, CaseDeclared]:
    """Close the site by two cases; return their records."""
    scenario.two_positives()
    situation = live.situation_now(scenario.stream)
    first, second = (situation.event(case.event) for case in situation.cases)
    assert isinstance(first, CaseDeclared)
    assert isinstance(second, CaseDeclared)
    return first, second


def send(web: Client, event: str, **fields: Any) -> Any:
    return web.post(f"/record/corrections/{event}", {"truth": "withdrawn", "reason": WHY, **fields}, headers=FR)


def codes(answer: Any) -> str:
    return " ".join(error for rows in answer.context["form"].errors.values() for error in rows)


def test_a_wrong_test_is_corrected_by_a_form_and_the_site_opened_by_a_second_person(
    hind: Client, scenario: Scenario
) -> None:
    _, wrong = close_by_two(scenario)
    scenario.work()
    listed = hind.get("/record/corrections", headers=FR)
    assert f"/record/corrections/{wrong.id}" in listed.content.decode()
    page = hind.get(f"/record/corrections/{wrong.id}", headers=FR)
    assert wrong.agent in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    shown = send(hind, wrong.id)
    preview = shown.context["page"].preview
    assert (preview.outcome.ground, preview.outcome.cases_after, preview.outcome.released) == ("lost", 1, 1)
    assert preview.lifting.agents > 0
    assert preview.lifting.clients_notified == len(scenario.operator.clients)
    assert not live.situation_now(scenario.stream).corrections, "nothing is recorded before it is confirmed"
    assert send(hind, wrong.id, confirmed="yes", key="k").status_code == 302
    assert send(hind, wrong.id, confirmed="yes", key="k").status_code == 302, "sent twice, recorded once"
    (made,) = [row for row in live.situation_now(scenario.stream).corrections if row.corrects == wrong.id]
    assert (made.actor, made.reason) == ("hind", WHY)
    assert WHY in hind.get(f"/record/corrections/{wrong.id}").context["page"].record.reason

    path = f"/record/reopening/{scenario.site}"
    mine = hind.get(path)
    assert mine.context["page"].ground.mine
    assert "lifting.same_person" not in codes(mine)
    assert hind.post(path, {"act": "lift", "key": "h"}).status_code == 422
    assert live.situation_now(scenario.stream).site(scenario.site).closed
    lead = enter("lea", Role.SITE, scenario)
    assert "closure.lost_ground" in [row.code for row in lead.get("/now").context["page"].late]
    seen = lead.get(path)
    ground = seen.context["page"].ground
    assert (ground.mine, ground.stays, [row.reason for row in ground.corrections]) == (False, False, [WHY])
    assert wrong.agent not in seen.content.decode(), "of whom the record is stays with the health officer"
    assert lead.post(path, {"act": "lift", "key": "l"}).status_code == 302
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    lifted = lead.get(f"/sites/{scenario.site}").context["page"].lifted
    assert (lifted.corrected_by, lifted.lifted_by, lifted.reason) == ("hind", "lea", WHY)
    client = enter("cleo", Role.CONTINUITY, scenario).get(f"/clients/{scenario.operator.clients[0].id}")
    (shown,) = client.context["page"].lifted
    assert shown.place == scenario.operator.sites[0].name


def test_the_room_of_the_closure_shows_the_correction_and_the_lifting(hind: Client, scenario: Scenario) -> None:
    _, wrong = close_by_two(scenario)
    lead = enter("lea", Role.SITE, scenario)
    lead.post("/incident/", {"title": "Fermeture", "site": scenario.site, "act": "open", "open-title": "Fermeture",
                             "open-site": scenario.site, "key": "i"})  # fmt: skip
    (room,) = live.situation_now(scenario.stream).incidents
    send(hind, wrong.id, confirmed="yes")
    answer = lead.get(f"/incident/{room}")
    assert answer.content.decode().count(f"/record/corrections?site={scenario.site}") == 2, "the head, and the journal"
    page = answer.context["page"]
    assert [row.reason for row in page.ground] == [WHY]
    lead.post(f"/record/reopening/{scenario.site}", {"act": "lift", "key": "l", "note": "Contrôlé"})
    page = lead.get(f"/incident/{room}").context["page"]
    assert page.lifted is not None
    assert (page.lifted.reason, page.lifted.lifting_reason) == (WHY, "Contrôlé")
    assert "event.corrected" in [row.kind for row in page.log]
    steps = {row.step: row for row in lead.get(f"/incident/{room}/review").context["page"].steps}
    assert steps["closed"].at is not None
    assert steps["reopened"].at is not None


def test_the_entry_of_a_record_leads_to_its_correction(hind: Client, scenario: Scenario) -> None:
    scenario.two_positives()
    (*_, seq) = [row.seq for row in iter_entries(scenario.stream) if row.kind == "case.declared"]
    address = f"/record/corrections?site={scenario.site}"
    assert address in hind.get(f"/ledger/{seq}").content.decode()
    assert address not in enter("aud", Role.ADMINISTRATOR, scenario).get(f"/ledger/{seq}").content.decode()


def test_a_closure_that_keeps_its_ground_is_said_to_before_and_after(hind: Client, scenario: Scenario) -> None:
    _, wrong = close_by_two(scenario)
    scenario.positive(scenario.agents_at(scenario.site)[3])
    preview = send(hind, wrong.id).context["page"].preview
    assert (preview.outcome.ground, preview.lifting) == ("kept", None)
    send(hind, wrong.id, confirmed="yes")
    lead = enter("lea", Role.SITE, scenario)
    path = f"/record/reopening/{scenario.site}"
    assert lead.get(path).context["page"].ground is None
    assert lead.post(path, {"act": "lift", "key": "l"}).status_code == 422
    assert live.situation_now(scenario.stream).site(scenario.site).closed


@pytest.mark.parametrize(("truth", "field"), [("other_person", "agent"), ("other_time", "at")])
def test_what_is_true_instead_is_asked_for_and_recorded(
    hind: Client, scenario: Scenario, truth: str, field: str
) -> None:
    first, _ = close_by_two(scenario)
    other = scenario.agents_at(scenario.site)[5]
    answer = send(hind, first.id, truth=truth)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    at = live.now(scenario.stream).strftime("%Y-%m-%dT00:30")
    value = {"agent": other} if field == "agent" else {"at": at}
    assert send(hind, first.id, truth=truth, **value).context["page"].preview.outcome.ground == "kept"
    assert send(hind, first.id, truth=truth, confirmed="yes", **value).status_code == 302
    situation = live.situation_now(scenario.stream)
    (made,) = [row for row in situation.corrections if row.corrects == first.id]
    true = situation.event(made.instead)
    assert isinstance(true, CaseDeclared)
    assert (made.truth, true.actor) == (truth, "hind")
    assert (true.agent == other) == (field == "agent")
    assert (true.happened_at == first.happened_at) == (field == "agent")
    assert situation.site(scenario.site).closed


def test_a_positive_test_that_was_a_contact_stays_a_measure_and_no_case(hind: Client, scenario: Scenario) -> None:
    _, wrong = close_by_two(scenario)
    assert send(hind, wrong.id, truth="other_result", confirmed="yes").status_code == 302
    situation = live.situation_now(scenario.stream)
    assert [row.status for row in situation.cases if row.agent == wrong.agent] == ["contact"]
    assert wrong.agent in situation.unavailable(live.now(scenario.stream))
    assert live.find_ground(scenario.stream, scenario.site) is not None


@pytest.mark.parametrize("role", [Role.SITE, Role.CONTINUITY])
def test_a_record_of_health_is_corrected_by_a_health_officer_alone(role: Role, scenario: Scenario) -> None:
    _, wrong = close_by_two(scenario)
    web = enter("noor", role, scenario)
    assert wrong.id not in web.get("/record/corrections").content.decode()
    assert web.get(f"/record/corrections/{wrong.id}").status_code == 404
    assert send(web, wrong.id, confirmed="yes").status_code == 404
    assert not live.situation_now(scenario.stream).corrections


def test_two_accounts_of_one_person_are_one(hind: Client, scenario: Scenario) -> None:
    _, wrong = close_by_two(scenario)
    send(hind, wrong.id, confirmed="yes")
    lead = enter("lea", Role.SITE, scenario)
    hands = {"kind": AccountAct.LINK, "by": "hind", "at": timezone.now()}
    AccountAct.objects.create(user_id=int(lead.session["_auth_user_id"]), **hands)
    answer = lead.post(f"/record/reopening/{scenario.site}", {"act": "lift", "key": "l"})
    assert answer.status_code == 422
    assert "hind" in codes(answer)
    assert live.situation_now(scenario.stream).site(scenario.site).closed


def test_an_outage_recorded_at_the_wrong_site_is_withdrawn(browsers: Browsers, scenario: Scenario) -> None:
    scenario.power(scenario.site)
    web = browsers.sign_in(Role.SITE)
    (row,) = web.get(f"/record/corrections?site={scenario.site}").context["page"].records
    assert send(web, row.id).context["page"].preview.outcome.ground == "open"
    assert send(web, row.id, confirmed="yes").status_code == 302
    (made,) = live.situation_now(scenario.stream).corrections
    assert isinstance(made, EventCorrected)
    assert made.site == scenario.site
    assert not live.situation_now(scenario.stream).outages
