"""Drills, rehearsals and incident rooms through the pages, and the packs of rules they go by."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client

from releve.accounts.permissions import Role
from releve.cli import live as commands
from releve.desk.live.page import COOKIE
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Activation, Stream
from releve.live.rehearsal import choose_plan
from releve.network.moments import zone
from releve.plugins.crashtest.orders import collect_inputs
from releve.situation import ClosureRule, Incident, IncidentRoleTaken, PackEnded, PowerDown
from tests.accounts.people import give, look_as, person, sign_in
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import sent
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_drill_is_started_looked_at_moved_and_ended(browsers: Browsers, scenario: Scenario) -> None:
    web = look_as(Role.CONTINUITY)
    begun = web.post("/drills/start", {"title": "Séisme", "at": "2026-11-30T08:00"})
    assert begun.status_code == 302
    drill = live.list_drills()[0]
    assert web.cookies[COOKIE].value == drill.name
    assert "Séisme" in web.get("/now").content.decode()
    before = live.now(drill.name)
    web.post(f"/drills/{drill.number}/move", {"hours": "48"})
    assert (live.now(drill.name) - before).total_seconds() >= 48 * 3600
    web.post(f"/drills/{drill.number}/stop")
    assert "Séisme" not in web.get("/now").content.decode(), "what is over is not looked at"


def test_what_is_done_in_a_drill_is_not_done_for_real(browsers: Browsers, scenario: Scenario) -> None:
    scenario.close()
    real = look_as(Role.CONTINUITY).get("/now.json").json()
    drill = browsers.sign_in().get("/now.json").json()
    assert {row["state"] for row in real["sites"]} == {"open"}
    assert "closed" in {row["state"] for row in drill["sites"]}


@pytest.mark.parametrize("hours", ["0", "-1", "x", "99999", "²"])
def test_a_clock_does_not_go_back(browsers: Browsers, scenario: Scenario, hours: str) -> None:
    number = int(scenario.stream.partition(":")[2])
    before = Stream.objects.get(name=scenario.stream).offset
    browsers.sign_in().post(f"/drills/{number}/move", {"hours": hours})
    assert Stream.objects.get(name=scenario.stream).offset == before


def test_a_drill_that_is_not_there_is_not_found(browsers: Browsers) -> None:
    assert browsers.sign_in().post("/drills/9999/stop").status_code == 404
    assert browsers.sign_in().post("/drills/look", {"stream": "drill:9999"}).status_code == 302


def test_only_who_runs_drills_may_start_one(browsers: Browsers) -> None:
    web = browsers.sign_in(Role.FLOW)
    page = web.get("/drills")
    assert not page.context["page"].may_start
    assert "/drills/start" not in page.content.decode()
    assert web.post("/drills/start", {"title": "x"}).status_code == 403


def read_links(web: Client) -> dict[str, str]:
    """Return where the steps of the guide lead, by code."""
    answer = web.get("/rehearsal/")
    found = re.findall(r'<a class="button" href="([^"]+)">', answer.content.decode())
    codes = [step.code for step in answer.context["page"].steps if step.code != "clock"]  # a button of its own
    return dict(zip(codes, map(html.unescape, found), strict=True))


def test_a_rehearsal_is_played_from_its_guide(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    del web.cookies[COOKIE]
    first = web.get("/rehearsal/?format=json").json()
    assert [step["code"] for step in first["steps"]] == ["matrix", "start"]
    assert web.post("/rehearsal/start")["Location"] == "/rehearsal/"
    page = web.get("/rehearsal/?format=json").json()
    assert page["stream"] == web.cookies[COOKIE].value
    done = {step["code"]: step["done"] for step in page["steps"]}
    assert (done["case"], done["relief"], done["incident"]) == (False, False, False)
    assert page["agent"] in web.get("/rehearsal/").content.decode()
    links = read_links(web)
    assert list(links) == [step["code"] for step in page["steps"] if step["code"] != "clock"]
    case = {"site": page["site"], "agent": page["agent"]}
    assert sent(web, links["case"], **case).status_code == 200, "the preview"
    assert sent(web, links["case"], **case, confirmed="yes").status_code == 302
    scenario.work()
    after = web.get("/rehearsal/?format=json").json()
    done = {step["code"]: step["done"] for step in after["steps"]}
    assert (done["case"], done["relief"], after["agent"]) == (True, True, "")
    links = read_links(web)
    assert list(links) == [step["code"] for step in after["steps"] if step["code"] != "clock"]
    del links["matrix"]
    assert {web.get(link).status_code for link in links.values()} == {200}
    assert not live.situation_now().site(page["site"]).closed, "nothing of it is real"


def test_a_rehearsal_goes_on_to_the_reopening_and_the_review(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    del web.cookies[COOKIE]

    def done() -> dict[str, bool | None]:
        return {step["code"]: step["done"] for step in web.get("/rehearsal/?format=json").json()["steps"]}

    web.post("/rehearsal/start")
    page = web.get("/rehearsal/?format=json").json()
    assert web.post("/rehearsal/forward")["Location"] == "/rehearsal/", "nothing is closed yet: said, nothing moved"
    assert done()["clock"] is False
    sent(web, read_links(web)["case"], site=page["site"], agent=page["agent"], confirmed="yes")
    path, stream = opened(web, page["site"]), page["stream"]
    scenario.work()
    reopening = f"/record/reopening/{page['site']}"
    for item in web.get(reopening).context["page"].reopening.items:
        assert web.post(reopening, {"act": item.id, "key": item.id}).status_code == 302
    assert done()["reopening"] is False, "a checklist that is done opens no site"
    assert web.post("/rehearsal/forward").status_code == 302
    closure = live.situation_now(stream).site(page["site"]).closure
    assert closure is not None
    assert live.now(stream) >= closure.earliest_reopening
    assert done()["clock"] is True
    assert web.post(reopening, {"act": "approve", "key": "one"}).status_code == 302
    second = browsers.sign_in(Role.HEALTH)
    second.cookies[COOKIE] = stream
    assert second.post(reopening, {"act": "approve", "key": "two"}).status_code == 302
    assert web.post(reopening, {"act": "open", "key": "open"}).status_code == 302
    assert (done()["case"], done()["reopening"], done()["review"]) == (True, True, False)
    assert act(web, f"{path}/review", "review", well="Deux jours", badly="").status_code == 302
    assert False not in done().values()


def test_the_day_of_a_rehearsal_lets_the_plan_outlast_the_closure(scenario: Scenario) -> None:
    (plan, *_) = (row.load().plan for row in live.list_days_in_force().values())
    days = [date(2026, 12, 7) + timedelta(days=n) for n in range(5)]

    def choose(today: date, *quiet: date) -> date:
        rows = [
            replace(plan, day=day, placements=plan.placements[:1] if day in quiet else plan.placements) for day in days
        ]
        return choose_plan(rows, today).day

    assert choose(days[0]) == days[1]
    assert choose(days[0], days[1]) == days[2], "a quiet day is left out"
    assert choose(days[2]) == days[2], "today, where tomorrow's closure would outlast the plan"
    assert choose(days[3]) == days[4], "tomorrow, where none lasts"
    assert choose(days[4]) == days[0]


def test_without_a_plan_the_guide_leads_to_one(browsers: Browsers, scenario: Scenario) -> None:
    live.stop_drill(scenario.stream, by="tests")
    Activation.objects.all().delete()
    web = browsers.sign_in()
    assert "/planning/" in web.get("/rehearsal/").content.decode()
    assert web.post("/rehearsal/start").status_code == 404
    assert browsers.sign_in(Role.PLANNER).post("/rehearsal/start").status_code == 403


PACK = "health-2020"


def english(browsers: Browsers, role: Role = Role.CONTINUITY) -> Client:
    web = browsers.sign_in(role)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return web


def end_pack(scenario: Scenario) -> None:
    """Put the scenario's drill where an installation begins: no pack in force."""
    today = live.now(scenario.stream).date()
    scenario.act("rules.ended", pack=PACK, valid_to=today - timedelta(days=1))


def test_without_a_pack_a_second_positive_closes_nothing_and_the_form_says_so(
    browsers: Browsers, scenario: Scenario
) -> None:
    end_pack(scenario)
    web = english(browsers)
    said = "No closing rule is in force"
    assert said in web.get("/record/case").content.decode()
    assert said in web.get("/rules/").content.decode()
    scenario.two_positives()
    assert not live.situation_now(scenario.stream).site(scenario.site).closed


def test_a_pack_is_read_then_chosen_and_what_it_closes_at_once_is_shown_first(
    browsers: Browsers, scenario: Scenario
) -> None:
    end_pack(scenario)
    scenario.two_positives()
    web = english(browsers, Role.HEALTH)
    page = web.get("/rules/?format=json").json()
    assert [row["pack"]["id"] for row in page["packs"]] == [PACK]
    sentences = [rule["text"] for rule in page["packs"][0]["rules"]]
    shown = unescape(web.get("/rules/").content.decode())
    assert len(sentences) >= 6
    assert [row for row in sentences if row not in shown] == []
    today = live.now(scenario.stream).date().isoformat()
    asked = web.post("/rules/choose", {"pack": PACK, "valid_from": today})
    name = scenario.operator.site[scenario.site].name
    assert asked.status_code == 200
    assert f"this closes at once: {name}" in " ".join(asked.content.decode().split())
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    chosen = web.post("/rules/choose", {"pack": PACK, "valid_from": today, "confirmed": "yes"})
    assert chosen.status_code == 302
    assert live.situation_now(scenario.stream).site(scenario.site).closed
    assert LedgerEntry.objects.filter(stream=scenario.stream, kind="rules.chosen").count() == 1
    assert "A closing rule is in force" in web.get("/rules/").content.decode()


def test_a_choice_that_cannot_be_is_refused_by_its_field(browsers: Browsers, scenario: Scenario) -> None:
    web = english(browsers)
    today = live.now(scenario.stream).date()
    refused = web.post("/rules/choose", {"pack": PACK, "valid_from": today.isoformat()})
    assert refused.status_code == 422
    assert "is already chosen from" in refused.content.decode()
    past = (today - timedelta(days=3)).isoformat()
    refused = web.post("/rules/end", {"pack": PACK, "valid_to": past})
    assert refused.status_code == 422
    assert "days that are over keep their rules" in refused.content.decode()
    ended = web.post("/rules/end", {"pack": PACK, "valid_to": today.isoformat()})
    assert ended.status_code == 302
    assert live.situation_now(scenario.stream).packs[0].last == today
    assert live.situation_now().packs[0].last is None, "a drill ends nothing real"


def test_the_crash_test_reads_the_packs_of_the_live_stream(scenario: Scenario) -> None:
    inputs = collect_inputs(scenario.operator, "force")
    assert json.loads(inputs["plan"]["packs.json"]) == [{"pack": PACK, "from": "2020-03-20", "to": None}]


def test_the_command_line_chooses_lists_and_ends(scenario: Scenario) -> None:
    def run(*words: str) -> str:
        found = CliRunner().invoke(commands.live, ["rules", *words, "--stream", scenario.stream])
        assert found.exit_code == 0, found.output
        return found.output

    assert "MA-COVID-CLOSE: Two confirmed agents" in run("list")
    assert "chosen from 2020-03-20 to its end" in run("list")
    today = live.now(scenario.stream).date()
    assert "ends: entry" in run("end", PACK, "--to", str(today))
    later = today + timedelta(days=2)
    assert "is chosen: entry" in run("choose", PACK, "--from", str(later))
    site = scenario.operator.sites[0]
    held = [
        bool(live.rules_now(scenario.stream).in_force(ClosureRule, day, site))
        for day in (today, today + timedelta(days=1), later)
    ]
    assert held == [True, False, True]


def test_a_rehearsal_chooses_the_pack_in_its_drill_alone(browsers: Browsers, scenario: Scenario) -> None:
    at = live.now()
    event_id = "end-of-the-real-one"
    live.record(
        PackEnded(id=event_id, happened_at=at, recorded_at=at, actor="tests", pack=PACK, valid_to=at.date()),
        key=event_id,
    )
    web = english(browsers)
    del web.cookies[COOKIE]
    assert web.post("/rehearsal/start").status_code == 302
    page = web.get("/rehearsal/?format=json").json()
    assert "case" in {step["code"] for step in page["steps"]}
    assert live.situation_now().packs[-1].last == at.date()


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
        "incident.role_taken", "incident.task_done", "incident.noted", "incident.closed",
    ]  # fmt: skip


def join_room(scenario: Scenario, name: str) -> Client:
    """Return the browser of a new continuity manager in the scenario's stream."""
    user = person(name)
    give(user, Role.CONTINUITY)
    web = sign_in(user, lately=True)
    web.cookies[COOKIE] = scenario.stream
    return web


def test_roles_are_given_and_each_answers_for_the_own_tasks(scenario: Scenario) -> None:
    web, second = join_room(scenario, "nadia"), join_room(scenario, "samir")
    path = opened(web, scenario.site)
    assert act(web, path, "give", role="sites", holder="samir").status_code == 302
    assert act(web, path, "give", role="sites", holder="ghost").status_code == 422
    for owner in ("sites", "telephony"):
        assert act(web, path, "task", task=f"Tâche {owner}", owner=owner).status_code == 302
    tasks = {row.set.owner: row.id for row in incident(scenario).tasks}
    refused = web.post(path, {"act": "done", "task": tasks["sites"], "key": "t1"})
    assert refused.status_code == 422
    assert "samir" in refused.content.decode()
    assert second.post(path, {"act": "done", "task": tasks["sites"], "key": "t2"}).status_code == 302
    # a task whose role is free makes the reader its holder
    assert web.post(path, {"act": "done", "task": tasks["telephony"], "key": "t3"}).status_code == 302
    assert incident(scenario).find_holder("telephony") == "nadia"
    # the lead may tick for the others
    assert act(web, path, "task", task="Encore", owner="sites").status_code == 302
    (left,) = incident(scenario).left_open
    assert web.post(path, {"act": "take", "role": "lead", "key": "t4"}).status_code == 302
    assert web.post(path, {"act": "done", "task": left.id, "key": "t5"}).status_code == 302
    body = LedgerEntry.objects.filter(kind="incident.role_taken").order_by("seq").values_list("body", flat=True)[0]
    assert "samir" not in body, "as the actor, the holder is a pseudonym in the ledger"
    page = web.get(path).content.decode()
    assert "nadia confie à samir le rôle" in page
    room = {"incident": incident(scenario).id, "site": scenario.site, "role": "lead", "holder": "ghost"}
    event = IncidentRoleTaken(**live.sign_event(scenario.stream, "x"), **room)
    with pytest.raises(live.Refused, match="There is no account"):
        live.record(event, key="g", stream=scenario.stream)


def test_a_room_is_about_several_places_and_counts_the_answers_to_their_losses_alone(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    scenario.two_positives()
    path = opened(web, scenario.site)
    other = next(row for row in scenario.operator.sites if row.id != scenario.site)
    scenario.work()
    live.acknowledge(scenario.messages[0].token)
    (answered,) = (row for row in web.get(f"{path}/review").context["page"].steps if row.step == "last_acknowledged")
    assert answered.count == 1
    event = PowerDown(**live.sign_event(scenario.stream, "x"), site=other.id)
    live.record(event, key="power", stream=scenario.stream)
    log = {row.kind for row in web.get(path).context["page"].log}
    assert "power.down" not in log
    scenario.work()
    last = max(row.relief.generation for row in scenario.messages)
    of_power = [row for row in scenario.messages if row.relief.generation == last and row.acknowledged_at is None]
    for message in of_power[:2]:
        live.acknowledge(message.token)
    steps = {row.step: row for row in web.get(f"{path}/review").context["page"].steps}
    own = steps["last_acknowledged"].count
    assert act(web, path, "place", place=other.id).status_code == 302
    page = web.get(path)
    assert other.name in page.content.decode()
    assert "power.down" in {row.kind for row in page.context["page"].log}
    steps = {row.step: row for row in web.get(f"{path}/review").context["page"].steps}
    assert own == 1
    assert steps["last_acknowledged"].count == 3


def test_the_journal_is_by_the_operator_s_clock_with_the_site_s_beside_it_the_newest_first(
    browsers: Browsers, scenario: Scenario
) -> None:
    """Three places of two clocks in one list; what is recorded late stands where it was recorded."""
    web = browsers.sign_in()
    home = zone(scenario.operator.row.time_zone)
    at = live.now(scenario.stream)

    def is_apart(site: str) -> bool:
        own = scenario.operator.site[site].time_zone if site else home.key
        return at.astimezone(zone(own)).utcoffset() != at.astimezone(home).utcoffset()

    sites = [row.id for row in scenario.operator.sites]
    assert {is_apart(site) for site in sites} == {True, False}
    scenario.two_positives()
    path = opened(web, scenario.site)
    for site in sites[1:]:
        assert act(web, path, "place", place=site).status_code == 302
    scenario.work()
    for number, site in enumerate(sites[1:]):
        scenario.later(minutes=7)
        late = live.now(scenario.stream) - timedelta(hours=number)
        scenario.act(PowerDown.kind, site=site, happened_at=late)
        scenario.work()
    act(web, path, "note", note="Préfecture prévenue")
    page = web.get(path)
    log = page.context["page"].log
    assert {row.params.get("site", "") for row in log} >= {"", *sites}
    assert [row.at for row in log] == sorted((row.at for row in log), reverse=True)
    rows = page.content.decode().partition('<ol class="moments">')[2].partition("</ol>")[0].split("</li>")[:-1]
    assert len(rows) == len(log)
    for row, shown in zip(log, rows, strict=True):
        own = row.at.astimezone(home)
        (iso, said), *_ = re.findall(r'<time datetime="([^"]+)">([^<]+)</time>', shown)
        assert datetime.fromisoformat(iso) == row.at
        assert said.endswith(f"{own:%H:%M}"), "each line begins by one clock"
        beside = re.findall(r'<span class="quiet">([^<]*)</span>', shown)
        site = row.params.get("site", "")
        there = row.at.astimezone(zone(scenario.operator.site[site].time_zone)) if is_apart(site) else None
        assert beside == ["" if there is None else f"{there:%H:%M} ({there.tzinfo.key.partition('/')[2]})"]


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
    for act_sent, said in (
        ({"act": "none"}, "Choisissez"),
        ({"act": "take", "role": "cook"}, "rôle n’existe pas"),
        ({"act": "done", "task": "none"}, 'role="alert"'),
    ):
        answer = web.post(path, act_sent)
        assert answer.status_code == 422, act_sent
        assert said in answer.content.decode(), act_sent
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
    opening = {"open-title": "Fermeture", "open-site": scenario.site, "open-checklist": "on"}
    for _twice in range(2):
        web.post("/incident/", {**opening, "open-key": "k" * 32})
    tasks = incident(scenario).tasks
    assert [row.set.owner for row in tasks] == [
        "lead", "sites", "telephony", "people", "clients", "outbound", "health", "sites", "lead",
    ]  # fmt: skip
    assert tasks[2].set.task.startswith("Vérifier que les appels suivent la relève")
    assert [row.set.follow_up for row in tasks] == [False] * 8 + [True]
    assert tasks[0].set.due is not None
