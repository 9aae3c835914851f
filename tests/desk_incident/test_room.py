"""An incident room from a closure to the review, through its pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.desk.live.page import COOKIE
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.situation import Incident
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def act(web: Client, path: str, name: str, **values: str) -> Any:
    """Send a form of the room."""
    return web.post(path, {"act": name, **{f"{name}-{key}": v for key, v in values.items()}})


def opened(web: Client, site: str = "", title: str = "Inondation") -> str:
    answer = web.post("/incident/", {"open-title": title, "open-site": site})
    assert answer.status_code == 302
    return str(answer["Location"])


def incident(scenario: Scenario) -> Incident:
    (found,) = live.situation_now(scenario.stream).incidents.values()
    return found


def test_a_closure_leads_to_its_room_and_each_act_is_in_the_ledger(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    web = browsers.sign_in()
    room = f"/incident/?site={scenario.site}"
    assert room in web.get("/now").content.decode()
    form = web.get(room).context["form"]
    assert scenario.operator.site[scenario.site].name in form.initial["title"]
    path = opened(web, scenario.site)
    assert incident(scenario).opened.closure
    assert web.get(room)["Location"] == path, "it leads to the room from now on"
    assert web.post(path, {"act": "take", "role": "lead", "key": "a"}).status_code == 302
    assert act(web, path, "decide", decision="Tout à domicile", reason="<b>Site fermé").status_code
    task = {"task": "Désinfecter", "owner": "sites", "due": "2020-01-01T10:00"}
    assert act(web, path, "task", **task).status_code == 422, "due before it was set"
    assert act(web, path, "task", **{**task, "due": ""}).status_code == 302
    assert act(web, path, "close").status_code == 422, "a task is open"
    (row,) = incident(scenario).tasks
    assert web.post(path, {"act": "done", "task": row.id, "key": "b"}).status_code == 302
    assert act(web, path, "note", note="Préfecture prévenue").status_code == 302
    page = web.get(path).content.decode()
    assert "&lt;b&gt;Site fermé" in page
    assert "a dit oui" not in page
    assert act(web, path, "close").status_code == 302
    kinds = [e.kind for e in ledger.iter_entries(scenario.stream) if e.kind.startswith("incident.")]
    assert kinds == [
        "incident.opened", "incident.role_taken", "incident.decided", "incident.task_set",
        "incident.task_done", "incident.noted", "incident.closed",
    ]  # fmt: skip


def test_the_review_has_the_time_of_each_step_and_what_follows(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    web = browsers.sign_in()
    path = opened(web, scenario.site)
    scenario.work()
    scenario.later(hours=1)
    message = scenario.messages[0]
    live.acknowledge(message.token)
    review = f"{path}/review"
    steps = {row.step: row for row in web.get(review).context["page"].steps}
    assert next(iter(steps)) == "closed"
    assert steps["relief_made"].seconds is not None
    assert 3600 <= (steps["first_acknowledged"].seconds or 0) < 4000
    assert steps["reopened"].seconds is None
    assert act(web, path, "close").status_code == 302
    assert act(web, review, "review", well="La relève était là", badly="").status_code == 302
    follows = {"task": "Refaire les adresses", "owner": "people"}
    assert act(web, review, "follow_up", **follows).status_code == 302
    twin = web.get(review, {"format": "json"}).json()
    assert twin["review"]["well"] == "La relève était là"
    assert [(row["set"]["task"], row["set"]["follow_up"]) for row in twin["tasks"]] == [("Refaire les adresses", True)]
    assert twin["steps"][0]["seconds"] == 0
    shown = web.get(review).content.decode()
    words = ("fermeture enregistrée", "première relève établie", "site rouvert", "pas encore")
    assert all(word in shown for word in words)


def test_the_same_form_sent_twice_says_it_once(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    path = opened(web)
    for _ in range(2):
        assert act(web, path, "note", note="Appel", key="n" * 32).status_code == 302
    assert len(incident(scenario).notes) == 1


def test_what_is_refused_keeps_what_was_typed(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    path = opened(web)
    answer = act(web, path, "decide", decision="Rester ouvert", reason="")
    assert answer.status_code == 422
    form = answer.context["forms"]["decide"]
    assert list(form.errors) == ["reason"]
    assert "Rester ouvert" in answer.content.decode()


def test_a_button_of_no_act_or_role_is_refused(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    path = opened(web)
    for sent, said in (
        ({"act": "none"}, "Choisissez"),
        ({"act": "take", "role": "cook"}, "rôle n’existe pas"),
        ({"act": "done", "task": "none"}, 'role="alert"'),
    ):
        answer = web.post(path, sent)
        assert answer.status_code == 422, sent
        assert said in answer.content.decode(), sent
    assert incident(scenario).roles == ()


def test_a_site_lead_sees_the_incidents_of_the_own_site_alone(browsers: Browsers, scenario: Scenario) -> None:
    web, other = browsers.sign_in(), scenario.operator.sites[1].id
    paths = [opened(web, site) for site in ("", other, scenario.site)]
    lead = browsers.sign_in(Role.SITE)
    assert [lead.get(path).status_code for path in paths] == [404, 404, 200]
    assert lead.post("/incident/", {"open-title": "x", "open-site": other}).status_code == 422


@pytest.mark.parametrize("role", [Role.CLIENT, Role.INSPECTOR, Role.AUDITOR])
def test_nobody_from_outside_sees_anything_of_it(browsers: Browsers, scenario: Scenario, role: Role) -> None:
    scenario.two_positives()
    path = opened(browsers.sign_in(), scenario.site, "Cellule du site")
    web = browsers.sign_in(role)
    assert [web.get(page).status_code for page in ("/incident/", path, f"{path}/review")] == [404] * 3
    for page in ("/now", "/now.json"):
        assert "Cellule" not in web.get(page).content.decode()


def test_a_drill_has_incidents_of_its_own(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    path = opened(web)
    page = web.get(path).content.decode()
    assert "Exercice" in page
    assert "in-drill" in page
    web.cookies[COOKIE] = live.LIVE
    assert web.get(path).status_code == 404
    opened(web, title="Pour de vrai")
    later = live.start_drill("Second", by="tests")
    web.cookies[COOKIE] = later.name
    assert web.get("/incident/").context["page"].open == (), "the live one is not the drill's"


def test_an_incident_begins_with_the_tasks_of_the_usual_checklist(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    web = browsers.sign_in()
    sent = {"open-title": "Fermeture", "open-site": scenario.site, "open-checklist": "on"}
    for _twice in range(2):
        web.post("/incident/", {**sent, "open-key": "k" * 32})
    tasks = incident(scenario).tasks
    assert [row.set.owner for row in tasks] == [
        "lead", "sites", "telephony", "people", "clients", "outbound", "health", "sites", "lead",
    ]  # fmt: skip
    assert tasks[2].set.task.startswith("Vérifier que les appels suivent la relève")
    assert [row.set.follow_up for row in tasks] == [False] * 8 + [True]
    assert tasks[0].set.due is not None
