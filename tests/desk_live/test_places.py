"""The pages of sites, clients and reliefs: states, coverage, who moves where, surges, prepared switches."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import polars
import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override
from pytest_django.fixtures import Settings

from releve.accounts.directory import list_contact_accesses
from releve.accounts.permissions import Role
from releve.accounts.reidentification import import_names
from releve.desk.live.page import COOKIE
from releve.desk.places.page import half_hour
from releve.desk.places.roll import OPEN_ROLL
from releve.desk.relief import OPEN_CALLS, ROWS_A_PAGE
from releve.files.plan_folder import write_plans
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import Contact, Message, Routes
from releve.live.roster_changes import compare_rosters
from releve.network import HOME
from releve.network.moments import zone
from releve.plan.result import read_agent
from releve.situation import CheckDone, InspectionHeld, MeasureFinding
from tests.accounts.people import give, person, read_page, read_text, signed_in
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def at_drill(web: Client, scenario: Scenario) -> Client:
    """Let a browser look at the drill."""
    web.cookies[COOKIE] = scenario.stream
    return web


@pytest.fixture
def manager(scenario: Scenario) -> Client:
    return at_drill(signed_in(Role.CONTINUITY), scenario)


def test_the_coverage_shown_is_that_of_the_chain(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    found = live.compute_coverage(scenario.stream)
    assert found is not None
    rows = manager.get("/clients?format=json").json()["clients"]
    known = {row.client: row for row in found.clients}
    assert [row["client"] for row in rows] == list(known)
    for row in rows:
        assert row["worst"] == pytest.approx(known[row["client"]].worst)
    assert any(row["worst"] < 1 for row in rows), "a site is lost and no relief is made yet"
    page = manager.get(f"/clients/{rows[0]['client']}")
    assert page.content.decode().count("<desc ") == 2
    twin = manager.get(f"/clients/{rows[0]['client']}?format=json").json()
    assert len(twin["half_hours"]) == len(found.starts)


def test_a_half_hour_is_of_the_day_that_its_clocks_say() -> None:
    midnight = live.HalfHour(datetime(2026, 11, 30, 23, 30, tzinfo=UTC), 1.0, 1.0, 1.0)
    with override("en"):
        assert half_hour(midnight, "Europe/Paris") == "Tue\u00a01 00:30"
        assert half_hour(midnight, "UTC") == "Mon\u00a030 23:30"


def test_a_client_reads_each_of_its_programmes_whose_agents_add_up_to_its_own(
    scenario: Scenario, manager: Client
) -> None:
    scenario.close()
    scenario.work()
    for client in scenario.operator.clients:
        page = manager.get(f"/clients/{client.id}?format=json").json()
        own, rows = page["standing"], page["programmes"]
        names = {row.id for row in scenario.operator.programmes if row.client == client.id}
        assert {row["programme"] for row in rows} == names
        served = [row["standing"] for row in rows if row["standing"]["now"] is not None]
        for figure in ("need_now", "people_now"):
            assert sum(row[figure] for row in served) == pytest.approx(own[figure] or 0.0)
        for row in rows:
            assert (row["back"] is None) or row["standing"]["state"] == "short_now"
        shown = manager.get(f"/clients/{client.id}").content.decode()
        assert all(f'id="programme-{name}"' in shown for name in names)


def test_a_relief_is_named_to_the_clients_it_touches(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    paths = [f"/clients/{row.id}" for row in scenario.operator.clients]
    pages = [manager.get(path).content.decode() for path in paths]
    assert any("en vigueur" in page for page in pages)
    assert any(re.search(r"[1-9]\d* personnes? change", page) for page in pages)


def test_a_client_sees_its_own_pages_and_no_other_client(scenario: Scenario) -> None:
    own, *others = scenario.operator.clients
    web = signed_in(Role.CLIENT, clients=[own.id])
    listed = web.get("/clients").content.decode()
    page = web.get(f"/clients/{own.id}").content.decode()
    assert own.name in listed
    for other in others:
        assert other.name not in listed + page
        assert web.get(f"/clients/{other.id}").status_code == 404
        assert web.get(f"/clients/{other.id}?format=json").status_code == 404
    agents = {row.agent for row in scenario.plans[0].placements}
    assert not any(f"{agent}" in page for agent in agents)


def test_without_a_plan_nothing_is_guessed(stocked: None) -> None:
    web = signed_in(Role.PLANNER)
    rows = web.get("/clients?format=json").json()["clients"]
    assert {row["now"] for row in rows} == {None}
    page = web.get(f"/clients/{rows[0]['client']}").content.decode()
    assert "Aucun plan n’est en vigueur" in page
    assert "Aucun plan n’est en vigueur" in web.get("/sites").content.decode()


def test_the_queries_are_the_same_for_one_client_and_for_all(scenario: Scenario) -> None:
    one = signed_in(Role.CLIENT, clients=[scenario.operator.clients[0].id])
    every = signed_in(Role.CLIENT, clients=[row.id for row in scenario.operator.clients])
    one.get("/clients")
    every.get("/clients")
    with CaptureQueriesContext(connection) as few:
        one.get("/clients")
    with CaptureQueriesContext(connection) as many:
        every.get("/clients")
    assert len(few) == len(many)


@pytest.fixture
def folder(scenario: Scenario, settings: Settings, tmp_path: Path) -> Path:
    """Other plans of the first two of the three days that are in force."""
    path = tmp_path / "plan"
    plans = [replace(plan, required=plan.required * 1.01) for plan in scenario.plans[:2]]
    write_plans(path, plans, stamp=datetime(2026, 11, 24, tzinfo=UTC), calendars=False)
    settings.PLAN_FOLDER = path
    return path


def test_the_generations_stand_with_what_they_answer(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    rows = manager.get("/reliefs?format=json").json()["reliefs"]
    assert [row["generation"] for row in rows] == [r.generation for r in live.list_reliefs(scenario.stream)]
    page = manager.get("/reliefs").content.decode()
    assert scenario.operator.sites[0].name in page
    assert page.count("en vigueur") >= 1
    assert signed_in(Role.CONTINUITY).get("/reliefs?format=json").json()["reliefs"] == []


def test_comparing_the_plan_with_its_relief_counts_who_moved(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    answer = manager.get(f"/reliefs/compare?a=0&b={newest.generation}")
    assert answer.status_code == 200
    day = answer.context["page"].days[0]
    changes = newest.days.order_by("day")[0].changes
    assert sum(row.people for row in day.kinds) == len(changes)
    assert day.differing == sum(row.people for row in day.kinds if row.kind.asks_answer)
    lost = day.places[scenario.site]
    assert lost[1] < lost[0]
    assert scenario.operator.sites[0].name in answer.content.decode()
    twin = manager.get(f"/reliefs/compare?a=0&b={newest.generation}&format=json").json()
    assert twin["days"][0]["places"][scenario.site] == list(lost)


@pytest.mark.parametrize("query", ["", "?a=0", "?a=0&b=99", "?a=x&b=1", "?a=-1&b=1", "?a=0&b=0"])
def test_reliefs_that_are_not_there_cannot_be_compared(manager: Client, query: str) -> None:
    assert manager.get(f"/reliefs/compare{query}").status_code == 404


def test_the_consequences_are_shown_and_the_plan_goes_in_force_once_confirmed(
    scenario: Scenario, planner: Client, folder: Path
) -> None:
    before = live.load_activation()
    page = planner.get("/reliefs/publish").content.decode()
    assert live.load_activation() == before, "showing does nothing"
    digest = re.search(r'name="digest" value="(\w{64})"', page)
    assert digest is not None
    answer = planner.post("/reliefs/publish", {"digest": digest[1]})
    assert answer.status_code == 302
    found = live.load_activation()
    assert found is not None
    assert found.by == "planner"
    records = [row.activation for row in live.list_days_in_force().values()]
    assert records == [found.pk, found.pk, before.pk], "the third day stays as it is"
    assert LedgerEntry.objects.order_by("-seq")[0].kind == "plan.activated"


def test_a_folder_that_changed_since_it_was_shown_is_not_put_in_force(planner: Client, folder: Path) -> None:
    before = live.load_activation()
    answer = planner.post("/reliefs/publish", {"digest": "0" * 64})
    assert answer.status_code == 409
    assert live.load_activation() == before


def test_a_folder_that_is_not_there_is_explained(planner: Client, settings: Settings, tmp_path: Path) -> None:
    settings.PLAN_FOLDER = tmp_path / "nowhere"
    answer = planner.get("/reliefs/publish")
    assert answer.status_code == 503
    assert "put in force" not in answer.content.decode()


def test_who_may_not_publish_is_refused(scenario: Scenario) -> None:
    assert signed_in(Role.FLOW).get("/reliefs").status_code == 200
    assert signed_in(Role.FLOW).post("/reliefs/publish").status_code == 403
    assert signed_in(Role.CLIENT).get("/reliefs").status_code == 404


def test_every_site_is_listed_with_its_seats(scenario: Scenario, manager: Client) -> None:
    rows = manager.get("/sites?format=json").json()["sites"]
    plan = {row.id: len(row.usable_seats) for row in scenario.plans[0].sites}
    assert {row["site"]: row["usable"] for row in rows} == plan
    assert all(0 < row["taken"] <= row["usable"] <= row["seats"] for row in rows)
    page = read_page(manager, "/sites")
    assert all(row.name in page for row in scenario.operator.sites)


def test_a_site_says_whether_today_s_check_is_recorded(scenario: Scenario, manager: Client) -> None:
    assert "pas encore enregistré" in read_page(manager, f"/sites/{scenario.site}")
    measure = live.rules_now().charters[0].measures[0].id
    scenario.act(
        CheckDone.kind,
        site=scenario.site,
        day=scenario.plans[0].day,
        commission=("K. Bennani",),
        findings=(MeasureFinding(measure=measure, verdict="kept"),),
    )
    page = read_page(manager, f"/sites/{scenario.site}")
    assert "Contrôle du jour enregistré par" in page
    assert 'href="/record/check"' in page


def test_a_site_closed_by_the_rule_shows_its_countdown_and_no_seat(scenario: Scenario, manager: Client) -> None:
    scenario.two_positives()
    scenario.later(hours=2)
    page = read_page(manager, f"/sites/{scenario.site}")
    assert re.search(r"Encore 46\sh\s00\smin au moins", page)
    assert "le site est fermé" in page
    assert "règle de distance" not in page
    assert "Approbations données\u202f: 0 sur 2" in page
    twin = manager.get(f"/sites/{scenario.site}?format=json").json()
    status = twin["status"]
    assert (status["state"], status["usable"], status["taken"]) == ("closed", 0, 0)
    states = {seat["state"] for floor in twin["floors"] for seat in floor["seats"]}
    assert states == {"blocked"}


def test_the_drawing_shows_as_many_seats_taken_and_usable_as_the_numbers_say(
    scenario: Scenario, manager: Client
) -> None:
    path = f"/sites/{scenario.site}"
    twin = manager.get(f"{path}?format=json").json()
    states = [seat["state"] for floor in twin["floors"] for seat in floor["seats"]]
    status = twin["status"]
    assert states.count("taken") == status["taken"]
    assert states.count("taken") + states.count("free") == status["usable"]
    assert len(states) == status["seats"]
    page = read_page(manager, path)
    assert page.count('class="seat-taken"') == status["taken"]
    assert page.count("<desc ") == len(twin["floors"])


def test_a_floor_is_named_once(scenario: Scenario, manager: Client) -> None:
    page = read_page(manager, f"/sites/{scenario.site}")
    (caption, *_) = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert caption.count("Plateau 1") == 1


def test_a_drill_changes_nothing_of_the_real_sites(scenario: Scenario, manager: Client) -> None:
    scenario.close()
    path = f"/sites/{scenario.site}"
    assert manager.get(f"{path}?format=json").json()["status"]["state"] == "closed"
    assert "Exercice" in read_page(manager, path)
    real = signed_in(Role.CONTINUITY)
    assert real.get(f"{path}?format=json").json()["status"]["state"] == "open"
    assert 'class="drill"' not in read_page(real, path)


def test_cases_are_a_count_and_a_small_one_is_told_to_few(scenario: Scenario) -> None:
    agents = scenario.agents_at(scenario.site)[:2]
    scenario.two_positives()
    path = f"/sites/{scenario.site}"
    lead = at_drill(signed_in(Role.SITE, sites=[scenario.site]), scenario)
    assert lead.get(f"{path}?format=json").json()["cases"] == 2
    planner = at_drill(signed_in(Role.PLANNER), scenario)
    twin = planner.get(f"{path}?format=json").json()
    assert (twin["cases"], twin["cases_below"]) == (None, 5)
    assert "moins de 5" in read_page(planner, path)
    known = lead.get(f"{path}?format=json").json()
    roll = known["crew"].pop("roll")
    assert {row["state"] for row in roll} == {"unanswered"}, "at the roll call they are as all others"
    assert len(roll) > len(agents)
    known.pop("roster")  # who works today, by shift
    assert not any(agent in json.dumps(known) for agent in agents)
    shown = lead.get(path).content.decode()
    outside = shown[: shown.index('id="crew"')] + shown[shown.index('id="work"') :]
    day = outside.index('id="day"')
    outside = outside[:day] + outside[outside.index("</section>", day) :]
    assert not any(agent in outside for agent in agents)


def test_the_day_of_a_site_is_that_of_the_plan(scenario: Scenario, manager: Client) -> None:
    plan, operator = scenario.plans[0], scenario.operator
    for site in operator.sites:
        rows = [row for row in plan.placements if row.place == site.id]
        found = manager.get(f"/sites/{site.id}?format=json").json()["roster"]
        assert found["day"] == plan.day.isoformat()
        assert found["people"] == len({row.agent for row in rows})
        home = [row for row in plan.placements if row.place == HOME and operator.agent[row.agent].home_site == site.id]
        assert found["home"] == len(home)
        shifts = [(datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])) for row in found["shifts"]]
        assert shifts == sorted({(row.start, row.end) for row in rows})
        names = [name for row in found["shifts"] for name in row["agents"]]
        assert sorted(names) == sorted(row.agent for row in rows)
        leads = {team.supervisor for team in operator.teams if team.site == site.id}
        assert set(found["leads"]) == leads & {row.agent for row in rows}
        people = Counter(operator.programme[row.programme].client for row in rows)
        assert [row["people"] for row in found["clients"]] == [
            people[client] for client, _ in plan.clients if people[client]
        ]


def test_no_site_of_another_lead_and_none_for_a_client(scenario: Scenario) -> None:
    lead = signed_in(Role.SITE, sites=[scenario.site])
    other = scenario.operator.sites[1]
    assert lead.get(f"/sites/{other.id}").status_code == 404
    assert other.name not in read_page(lead, "/sites")
    client = signed_in(Role.CLIENT, clients=[scenario.operator.clients[0].id])
    assert client.get("/sites").status_code == 404


def test_an_inspector_sees_what_is_real_whatever_the_cookie_says(scenario: Scenario) -> None:
    scenario.close()
    inspector = at_drill(signed_in(Role.INSPECTOR), scenario)
    rows = inspector.get("/sites?format=json").json()
    assert rows["stream"] == "live"
    assert {row["state"] for row in rows["sites"]} == {"open"}


def test_checks_and_inspections_say_what_was_not_kept_and_nobodys_name(scenario: Scenario, manager: Client) -> None:
    charter = live.rules_now().charter(scenario.plans[0].day)
    assert charter is not None
    kept, wanting = charter.measures[:2]
    found = (
        MeasureFinding(measure=kept.id, verdict="kept"),
        MeasureFinding(measure=wanting.id, verdict="not_kept", note="<b>"),
    )
    day = scenario.plans[0].day
    scenario.act(CheckDone.kind, site=scenario.site, day=day, commission=("K. Bennani",), findings=found, symptomatic=3)
    scenario.act(
        InspectionHeld.kind, site=scenario.site, authority="Commission mixte", inspectors=("M. Alaoui",), findings=found
    )
    path = f"/sites/{scenario.site}"
    page = read_page(manager, path)
    assert "Commission mixte" in page
    assert wanting.text_fr in unescape(page)
    assert kept.text_fr not in unescape(page)
    assert "3 personnes renvoyées" in page
    assert "Bennani" not in page
    assert "Alaoui" not in page
    assert "renvoyées" not in read_page(at_drill(signed_in(Role.PLANNER), scenario), path)


def test_what_happened_on_a_site_is_dated_by_both_clocks(scenario: Scenario, manager: Client) -> None:
    (site, *_) = [row for row in scenario.operator.sites if row.time_zone == "Africa/Casablanca"]
    found = (MeasureFinding(measure="masks", verdict="kept"),)
    scenario.act(
        InspectionHeld.kind, site=site.id, authority="Commission mixte", inspectors=("M. Alaoui",), findings=found
    )
    scenario.close(site.id)
    page = re.sub(r"\s", " ", read_page(manager, f"/sites/{site.id}"))
    assert page.count("10 h 40 (9 h 40 à Casablanca)") >= 2, "the visit and the closure"
    assert page.count("9 h 40") == page.count("9 h 40 à Casablanca"), "no time of the site without its name"


def test_the_queries_are_the_same_for_one_site_and_for_all(scenario: Scenario) -> None:
    one = signed_in(Role.SITE, sites=[scenario.site])
    every = signed_in(Role.SITE, sites=[row.id for row in scenario.operator.sites])
    one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as few:
        one.get("/sites")
    every.get("/sites")
    with CaptureQueriesContext(connection) as many:
        every.get("/sites")
    assert len(few) == len(many)


HEAD = "role,who,channel,address,language\n"


@pytest.fixture
def relieved(scenario: Scenario) -> Scenario:
    """Two positive tests closed a site; one agent of it has an address."""
    agent = scenario.agents_at(scenario.site)[2]
    contacts = f"{HEAD}agent,{agent},file,+212600000001,fr\n"
    live.import_contacts(contacts.encode(), by="tests")
    scenario.work()
    scenario.two_positives()
    scenario.work()
    return scenario


def read(web: Client, query: str = "") -> dict[str, Any]:
    answer = web.get(f"/relief.json{query}")
    assert answer.status_code == 200, answer.content[:300]
    found: dict[str, Any] = answer.json()
    return found


def test_it_says_who_moves_from_where_to_where_and_when(browsers: Browsers, relieved: Scenario) -> None:
    page = read(browsers.sign_in())
    scene = live.load_scene(relieved.stream)
    assert scene is not None
    day = scene.days[0]
    after = {row.agent: row.place for row in scene.list_placements(day)}
    before = {row.agent: row.place for row in scene.day_plan(day).plan.placements}
    changes = {row["agent"]: row for row in page["changes"]}
    assert changes
    for agent, row in changes.items():
        assert (row["before"] or {}).get("place") == before.get(agent)
        assert (row["after"] or {}).get("place") == after.get(agent)
    flows = {(row["origin"], row["target"]): row["people"] for row in page["flows"]}
    assert sum(flows.values()) == len({*before, *after})
    assert flows[relieved.site, HOME] > 0
    (closed,) = [row for row in page["places"] if row["place"] == relieved.site]
    assert (page["lost"], closed["after"]) == ([relieved.site], 0)
    shown = read_text(browsers.sign_in(), "/relief")
    assert "à domicile" in shown
    assert all(agent in shown for agent in changes)
    assert "(Casablanca)" in shown, "shifts are dated by the clocks of their place"


def test_it_lists_who_has_not_answered_and_what_they_were_written_by(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    page = read(web)
    counts = live.count_messages(relieved.stream)
    assert page["people_count"] == counts.waiting > 1
    (sent,) = [row for row in page["people"] if row["state"] == "waiting"]
    assert (sent["channel"], page["addresses"][sent["agent"]]) == ("file", ["+212600000001"])
    assert {row["state"] for row in page["people"]} == {"waiting", "unaddressed"}
    url = f"/relief/answers/{sent['message']}"
    assert url in web.get("/relief").content.decode()
    assert web.post(url).status_code == 302
    after = read(web, "?show=answered")
    (answered,) = after["people"]
    assert answered["agent"] == sent["agent"]
    assert answered["answered_to"]
    assert url not in web.get("/relief?show=answered").content.decode()
    assert read(web)["people_count"] == counts.waiting - 1
    assert web.post("/relief/answers/00000000-0000-4000-8000-000000000000").status_code == 404


def test_the_page_the_list_to_call_the_excel_file_the_messages_and_the_ledger_count_the_same_people(
    browsers: Browsers, relieved: Scenario
) -> None:
    web = browsers.sign_in()
    pages = [read(web, f"?show=all&day={day}") for day in read(web)["days"]]
    kinds = {row["kind"]: row["people"] for row in pages[0]["kinds"]}
    asked = {row["agent"] for page in pages for row in page["changes"]}
    breaks = {row["agent"] for page in pages for row in page["breaks"]} - asked
    called = {row["agent"] for row in pages[0]["people"]}
    assert asked == called == {row.who for row in relieved.messages}
    notes = Message.objects.filter(stream=relieved.stream, kind="break")
    assert breaks == {row.who for row in notes}
    assert pages[0]["changed"] == len(asked) == sum(n for kind, n in kinds.items() if kind != "break")
    assert kinds.get("break", 0) == len(breaks)
    excel = [web.get(f"/relief.xlsx?show=all&day={day}").content for day in pages[0]["days"]]
    sheets = [polars.read_excel(io.BytesIO(content), sheet_id=0) for content in excel]
    assert set(sheets[0]["Liste d’appels"]["Téléconseiller"]) == asked
    assert {agent for found in sheets for agent in found["Qui va où"]["Téléconseiller"]} == asked
    (entry,) = [row.body for row in ledger.iter_entries(relieved.stream) if row.kind == "people.notified"]
    assert (entry["agents"], entry["breaks"], dict(entry["kinds"])) == (len(asked), len(breaks), kinds)
    shown = web.get("/relief").content.decode()
    assert all(f"<strong>{people}</strong>" in shown for people in kinds.values())


def test_after_what_changes_the_list_to_call_comes_with_a_number_to_press_what_to_say_and_by_when(
    browsers: Browsers, relieved: Scenario
) -> None:
    web = browsers.sign_in()
    shown = web.get("/relief", headers={"accept-language": "en"}).content.decode()
    order = ["Whose work changes", "Whom to call", 'href="tel:+212600000001"', "Other people, sites or days"]
    order += ["Coverage of the clients", "Who moves where"]
    assert [shown.index(words) for words in order] == sorted(shown.index(words) for words in order)
    page = read(web)
    (sent,) = [row for row in page["people"] if row["state"] == "waiting"]
    site = relieved.operator.site[sent["site"]]
    by = datetime.fromisoformat(sent["next_try_at"]).astimezone(zone(site.time_zone))
    assert f"must answer by {by:%H:%M}" in shown
    said = live.list_said(live.list_notified_agents(relieved.stream), "en")
    assert f"Your answer is awaited by {by:%H:%M}." in said[sent["agent"]]
    assert not any("we call you" in text for text in said.values()), "it is read aloud by who calls"
    assert all(row["agent"] in said for row in page["people"])
    assert said[sent["agent"]].splitlines()[0] in shown
    assert browsers.sign_in(Role.PLANNER).get("/relief.json").json()["say"] == {}, "those who call alone"


def test_what_is_open_on_the_relief_page_is_the_beginning_of_the_list_to_call(
    browsers: Browsers, relieved: Scenario
) -> None:
    """However many people move: tables of moves, breaks and shifts are folded, and a list goes on by pages; the rest of
    a page of it is one touch away, by what became of the messages."""
    for site in relieved.operator.sites[1:]:
        relieved.close(site.id)
    relieved.work()
    page = read(browsers.sign_in())
    assert page["people_count"] > len(page["people"]) == ROWS_A_PAGE
    assert page["listed"] > len(page["changes"]) == ROWS_A_PAGE
    shown = browsers.sign_in().get("/relief").content.decode().partition("<main")[2]
    assert all(shown.count(f'<th scope="row">{row["agent"]}</th>') >= 1 for row in page["people"])
    while "<details" in shown:  # the innermost first
        shown = re.sub(r"<details(?:(?!<details).)*?</details>", "", shown, count=1, flags=re.DOTALL)
    assert shown.count("<tr") == 1 + OPEN_CALLS
    assert shown.count("<li") < ROWS_A_PAGE


def test_a_client_reads_whom_to_call(browsers: Browsers, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    client = scenario.operator.clients[0].id
    web = browsers.sign_in(Role.CLIENT, client)
    assert "tel:" not in web.get(f"/clients/{client}").content.decode()
    monkeypatch.setenv("RELEVE_CLIENT_CONTACT", "Nadia Benali, +33 1 00 00 00 01")
    page = web.get(f"/clients/{client}").content.decode()
    assert "Nadia Benali" in page
    assert 'href="tel:+33100000001"' in page


def test_the_house_reads_whom_to_call_while_a_place_is_lost(
    browsers: Browsers, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_CRISIS_CONTACT", "Cellule de crise, +212 5 22 00 00 01")
    site, number = scenario.operator.sites[0].id, 'href="tel:+212522000001"'
    web, client = browsers.sign_in(), browsers.sign_in(Role.CLIENT, scenario.operator.clients[0].id)
    assert number not in web.get("/now").content.decode()
    scenario.close(site)
    scenario.work()
    for page in ("/now", f"/sites/{site}"):
        assert number in web.get(page).content.decode()
    assert number not in client.get("/now").content.decode()
    letters = [live.find_letter(row.token, "fr") for row in Message.objects.filter(role="manager")]
    assert letters
    assert all(letter is not None and "Cellule de crise, +212" in letter.text for letter in letters)


def test_a_site_says_once_which_of_two_clocks_it_shows(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    home = scenario.operator.row.time_zone
    at = live.now(scenario.stream)
    for site in scenario.operator.sites:
        apart = at.astimezone(zone(site.time_zone)).utcoffset() != at.astimezone(zone(home)).utcoffset()
        assert ('id="clocks"' in web.get(f"/sites/{site.id}").content.decode()) is apart


def test_addresses_are_for_those_who_may_call(browsers: Browsers, relieved: Scenario) -> None:
    for role in (Role.PLANNER, Role.FLOW):
        web = browsers.sign_in(role)
        page = read(web)
        assert not page["calls"]
        assert page["people"]
        assert page["addresses"] == {}
        shown = web.get("/relief").content.decode()
        assert "+212600000001" not in shown
        assert "/relief/answers/" not in shown
        message = live.list_notified_agents(relieved.stream)[0].message
        assert web.post(f"/relief/answers/{message}").status_code == 403


def test_a_site_lead_sees_the_people_of_the_own_site_alone(browsers: Browsers, relieved: Scenario) -> None:
    (other, *_) = [row.id for row in relieved.operator.sites if row.id != relieved.site]
    web = browsers.sign_in(Role.SITE, other)
    web.cookies["releve_stream"] = relieved.stream
    for query in ("", f"?site={relieved.site}", "?show=all"):
        page = read(web, query)
        homes = {row["site"] for row in (*page["people"], *page["changes"])}
        assert homes <= {other}
        assert page["sites"] == [other]
    foreign = next(row for row in live.list_notified_agents(relieved.stream) if row.site == relieved.site)
    assert web.post(f"/relief/answers/{foreign.message}").status_code == 404


def test_the_excel_file_holds_every_row(browsers: Browsers, relieved: Scenario) -> None:
    answer = browsers.sign_in().get("/relief.xlsx?show=all")
    sheets = polars.read_excel(io.BytesIO(answer.content), sheet_id=0)
    calls, moves = sheets["Liste d’appels"], sheets["Qui va où"]
    page = read(browsers.sign_in(), "?show=all")
    assert set(calls["Téléconseiller"]) == {row["agent"] for row in page["people"]}
    assert set(moves["Téléconseiller"]) == {row["agent"] for row in page["changes"]}
    assert "+212600000001" in set(calls["Adresses"])
    planner = browsers.sign_in(Role.PLANNER).get("/relief.xlsx?show=all")
    assert b"+212600000001" not in planner.content
    assert "Adresses" not in polars.read_excel(io.BytesIO(planner.content)).columns


def test_the_api_answers_the_same_object(browsers: Browsers, relieved: Scenario) -> None:
    web = browsers.sign_in()
    answer = web.get(f"/api/v1/relief?stream={relieved.stream}").json()
    page = read(web, "?show=all")
    assert {**page, "at": answer["at"]} == answer


def test_without_a_relief_the_plan_is_said_to_apply(browsers: Browsers, scenario: Scenario) -> None:
    page = read(browsers.sign_in())
    assert (page["generation"], page["changes"], page["people"]) == (None, [], [])
    assert "Le plan s’applique" in read_text(browsers.sign_in(), "/relief")


def test_an_analyst_puts_a_proposal_in_force_and_ends_it(browsers: Browsers) -> None:
    scenario = browsers.scenario
    scenario.work()
    web, client = browsers.sign_in(Role.FLOW), scenario.operator.clients[0].id
    assert 'name="percent"' in web.get("/surge/").content.decode()
    asked = f"/surge/?client={client}&percent=160"
    shown = web.get(f"{asked}&format=json").json()["proposal"]
    assert shown["moved"] > 0
    assert shown["missing_after"] < shown["missing_before"]
    assert "Mettre cette relève en vigueur" in web.get(asked).content.decode()
    assert "10 à 500" in web.get("/surge/?percent=0").content.decode()

    form = {"client": client, "percent": "160", "digest": "other"}
    changed = web.post("/surge/order", form, follow=True).content.decode()
    assert "La proposition a changé entre-temps" in changed
    assert not live.list_reliefs(scenario.stream)
    broken = form | {"percent": "", "foreseen": '{"x": "1"}'}
    assert web.post("/surge/order", broken)["Location"] == "/surge/"
    rows = [row.id for row in scenario.operator.programmes if row.client == client]
    foreseen = json.dumps(dict.fromkeys(rows, 160))
    asked_so = form | {"percent": "", "foreseen": foreseen, "digest": shown["digest"]}
    web.post("/surge/order", asked_so, follow=True)
    assert live.list_reliefs(scenario.stream)[0].source == "surge"
    page = web.get("/surge/").content.decode()
    assert 'id="end"' in page
    assert web.post("/surge/end", follow=True).status_code == 200
    assert live.list_reliefs(scenario.stream)[0].source == "base"
    assert web.post("/surge/end").status_code == 404
    planner = browsers.sign_in(Role.PLANNER)
    assert "/surge/order" not in planner.get(asked).content.decode()
    assert planner.post("/surge/order", form).status_code == 403


def test_an_analyst_sees_the_consequences_switches_and_undoes(browsers: Browsers) -> None:
    scenario = browsers.scenario
    scenario.work()
    live.prepare_switches(scenario.stream)
    web = browsers.sign_in(Role.FLOW)
    rows = web.get("/switches/?format=json").json()["rows"]
    assert {row["source"] for row in rows} == {"planned"}
    assert all(row["rehearsals"][0]["error"] == "" for row in rows)
    assert f"site:{scenario.site}" in {row["contingency"] for row in rows}
    url = f"/switches/site:{scenario.site}"
    assert f'href="{url}"' in web.get("/switches/").content.decode()
    shown = web.get(f"{url}?format=json").json()
    assert {row["client"] for row in shown["effects"]} == set(shown["clients"])
    page = web.get(url).content.decode()
    assert shown["content"] in page
    assert "Après la bascule" in page

    wrong = web.post(f"{url}/press", {"content": "0", "minutes": "30"}, follow=True)
    assert "L’acheminement a changé entre-temps" in wrong.content.decode()
    assert web.post(f"{url}/press", {"content": "0", "minutes": "x"}).status_code == 302
    form = {"content": shown["content"], "minutes": "30"}
    assert web.post(f"{url}/press", form, follow=True).status_code == 200
    now = web.get("/now?format=json").json()["switch"]
    assert now["contingency"] == f"site:{scenario.site}"
    assert 'id="pressed"' in web.get("/now").content.decode()
    assert now["may_undo"]
    assert 'action="/switches/undo"' in web.get("/switches/").content.decode()
    assert web.post("/switches/undo", follow=True).status_code == 200
    assert web.get("/now?format=json").json()["switch"] is None
    assert web.post("/switches/undo").status_code == 404, "undone once"


def test_a_planner_sees_switches_and_has_no_button(browsers: Browsers) -> None:
    scenario = browsers.scenario
    web, url = browsers.sign_in(Role.PLANNER), f"/switches/site:{scenario.site}"
    shown = web.get(f"{url}?client={scenario.operator.clients[0].id}&format=json").json()
    assert [row["client"] for row in shown["effects"]] == [scenario.operator.clients[0].id]
    assert not shown["may_press"]
    assert f"{url}/press" not in web.get(url).content.decode()
    count = Routes.objects.count()
    form = {"content": shown["content"], "minutes": "30"}
    assert web.post(f"{url}/press", form).status_code == 403
    assert Routes.objects.count() == count


def test_the_switches_are_named_by_what_is_lost_and_the_pressed_one_is_found(browsers: Browsers) -> None:
    scenario = browsers.scenario
    before = live.list_switch_states(scenario.stream)
    assert {(row.source, row.prepared_at) for row in before} == {("", None)}
    live.prepare_switches(scenario.stream)
    after = live.list_switch_states(scenario.stream)
    assert [row.contingency for row in after] == [row.contingency for row in before]
    name = f"site:{scenario.site}"
    (row,) = (row for row in after if row.contingency == name)
    assert row.rehearsals == live.find_rehearsals(name, scenario.stream)
    assert live.find_rehearsals("none", scenario.stream) == ()
    assert live.find_held_switch(scenario.stream) is None
    shown = live.preview_switch(name, "", scenario.stream)
    live.press_switch(name, content=shown.content, minutes=30, by="zoe", stream=scenario.stream)
    held = live.find_held_switch(scenario.stream)
    assert held is not None
    assert (held.contingency, held.kind, held.name) == (name, "site", row.name)


def test_the_lead_of_a_lost_site_reads_who_is_there_and_who_has_answered_first(
    browsers: Browsers, scenario: Scenario
) -> None:
    lead, site = browsers.sign_in(Role.SITE), scenario.site
    scenario.work()
    assert lead.get(f"/sites/{site}?format=json").json()["crew"] is None, "open: the seats come first"
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    here = {row.agent for row in scene.list_placements(scene.days[0]) if row.place == site and row.is_present(scene.at)}
    scenario.later(seconds=30)
    scenario.close()
    scenario.work()
    crew = lead.get(f"/sites/{site}?format=json").json()["crew"]
    assert here <= {row["agent"] for row in crew["roll"]}, "who has a break is there too"
    found = live.describe_relief(scenario.stream, home_sites={site}, most_shifts=0)
    assert found is not None
    work = crew["work"]
    assert work["present"] == len(crew["roll"])
    here, others = (sum(row["people"] for row in work[name]) for name in ("here", "others"))
    assert work["present"] + work["later"] == here + work["unchanged"], "each of them is in one line"
    planned = {row.agent for day in scene.days for row in scene.list_placements(day) if row.place == site}
    assert work["later"] <= len(planned - {row["agent"] for row in crew["roll"]})
    after = live.load_scene(scenario.stream)
    assert after is not None
    changing = {read_agent(key) for day in after.days for key in compare_rosters(after, day).changes}
    homes = {agent.id for agent in scenario.operator.agents if agent.home_site == site}
    there = {row["agent"] for row in crew["roll"]} | planned
    assert here <= len(changing & there)
    assert here + others <= len(changing & (homes | there))
    assert here + others >= sum(row.people for row in found.kinds), "none of its own people is left out"
    counts = live.count_messages(scenario.stream, [site])
    assert (crew["counts"]["notified"], crew["counts"]["waiting"]) == (counts.notified, counts.waiting)
    shown = lead.get(f"/sites/{site}").content.decode()
    order = [shown.index(f'id="{name}"') for name in ("state-title", "crew", "work", "before-opening", "floors-title")]
    assert order == sorted(order), "what happened, then the roll call; the reopening and the seats later"
    line = shown.split('id="work-here">', 1)[1].split("</p>")[0]
    sums = [int(number) for number in re.findall(r"(\d+)[.,]", line)]
    assert sums == [work["present"], work["later"], work["present"] + work["later"]]
    assert order[0] < shown.index('id="site-lead"') < order[1]
    other = browsers.sign_in(Role.CLIENT, scenario.operator.clients[0].id).get(f"/sites/{site}?format=json")
    assert other.status_code in (403, 404)


@pytest.mark.parametrize("course", ["health", "order"])
def test_a_site_that_is_not_evacuated_shows_its_reopening_before_a_folded_list_without_words_of_safety(
    browsers: Browsers, scenario: Scenario, course: str
) -> None:
    lead, path = browsers.sign_in(Role.SITE), f"/sites/{scenario.site}"
    scenario.work()
    scenario.later(seconds=30)
    if course == "health":
        scenario.two_positives()
    else:
        scenario.close(cause="authority", authority="Préfecture", reference="12", reason="Ordre")
    scenario.work()
    crew = lead.get(f"{path}?format=json").json()["crew"]
    assert crew["course"] == course
    assert len(crew["roll"]) > OPEN_ROLL
    page = read_text(lead, path)
    shown = unescape(lead.get(path).content.decode())
    order = [shown.index(f'id="{name}"') for name in ("state-title", "before-opening", "crew", "work")]
    assert order == sorted(order), "what is to be done comes before who was there"
    own = shown[shown.index('id="crew"') : shown.index('id="work"')]
    folded = own[own.index("<details") : own.index("</details>")]
    assert all(f'id="roll-{row["agent"]}"' in folded for row in crew["roll"])
    assert f"{len(crew['roll'])} personnes" in folded[: folded.index("</summary>")]
    assert not any(word in page for word in ("Faire l’appel", "les secours", "Retrouvez-les"))
    early = shown.index('id="check-today"') < shown.index('id="crew"')
    said = 'id="contacts-of-cases"' in shown
    assert (early, said, "En sécurité" in page) == ((True, True, False) if course == "health" else (False, False, True))


def test_a_long_roll_call_opens_with_those_to_be_found_first_and_counts_the_others_folded(
    browsers: Browsers, scenario: Scenario
) -> None:
    lead, path = browsers.sign_in(Role.SITE), f"/sites/{scenario.site}"
    scenario.work()
    scenario.later(seconds=30)
    scenario.close(hazard="fire")
    scenario.work()
    crew = lead.get(f"{path}?format=json").json()["crew"]
    assert crew["course"] == "evacuation"
    own = lead.get(path).content.decode()
    own = own[own.index('id="crew"') : own.index('id="work"')]
    seen, folded = own[: own.index("<details")], own[own.index("<details") :]
    named = [re.findall(r'id="roll-([^"]+)"', part) for part in (seen, folded)]
    people = [row["agent"] for row in crew["roll"]]
    assert [name for name in named[0] if name in people] == people[:OPEN_ROLL]
    assert named[1] == people[OPEN_ROLL:]
    assert f"{len(people) - OPEN_ROLL} de plus" in folded


def test_the_roll_call_counts_who_is_safe_missing_or_silent_with_a_number_to_press(
    browsers: Browsers, scenario: Scenario
) -> None:
    lead, site = browsers.sign_in(Role.SITE), scenario.site
    scenario.work()
    scenario.later(seconds=30)
    scenario.close()
    scenario.work()
    path = f"/sites/{site}"

    def read() -> dict[str, Any]:
        crew: dict[str, Any] = lead.get(f"{path}?format=json").json()["crew"]
        states = Counter(row["state"] for row in crew["roll"])
        assert crew["safe"] == states["safe"] + states["answered"]
        assert (crew["missing"], crew["unanswered"]) == (states["missing"], states["unanswered"])
        return crew

    people = [row["agent"] for row in read()["roll"]]
    assert len(people) > 3
    assert read()["unanswered"] == len(people)
    first, second, third, fourth = people[:4]
    phone = "+212 6 00 00 00 01"
    Contact.objects.filter(role="agent", who=second).delete()
    Contact.objects.create(role="agent", who=second, channel="file", address=phone, rank=0)
    for agent, found in ((first, "safe"), (second, "missing"), (first, "missing"), (first, "safe")):
        done = lead.post(f"{path}/roll", {"agent": agent, "found": found})
        assert (done.status_code, done["Location"]) == (302, f"{path}#crew")
        scenario.later(seconds=1)
    message = Message.objects.filter(stream=scenario.stream, role="agent", who=third, replaced=False).first()
    if message is not None:
        live.acknowledge(message.token)
    crew = read()
    known = {row["agent"]: row["state"] for row in crew["roll"]}
    assert (known[second], known[fourth]) == ("missing", "unanswered")
    assert known[third] == ("unanswered" if message is None else "answered")
    assert crew["roll"][0]["agent"] == second, "the missing come first"
    page = lead.get(path).content.decode()
    found = {name: page.index(f'id="{name}"') for name in ("roll-unanswered", "roll-missing", f"roll-{second}")}
    assert list(found.values()) == sorted(found.values()), "who has not answered is looked for first"
    counts = re.findall(r'id="roll-(unanswered|missing|safe)">\s*(\d+)\s*<', page)
    assert [(name, int(n)) for name, n in counts] == [(name, crew[name]) for name in ("unanswered", "missing", "safe")]
    assert crew["missing"] == 1
    assert "C’est à vous d’alerter les secours" in page
    assert 'href="tel:+212600000001"' in page
    wrong = lead.post(f"{path}/roll", {"agent": "none-of-them", "found": "safe"})
    assert wrong.status_code == 422
    elsewhere = next(row.id for row in scenario.operator.sites if row.id != site)
    for act in ("roll", "roll/names"):
        other = lead.post(f"/sites/{elsewhere}/{act}", {"agent": first, "found": "safe"})
        assert other.status_code == 404, "another lead's site"
    scenario.later(hours=5)
    assert {row["agent"] for row in read()["roll"]} == set(people), "those of the loss, not those of a later shift"


def test_names_at_the_roll_call_are_for_the_site_s_lead_and_each_reading_is_recorded_and_announced(
    browsers: Browsers,
    scenario: Scenario,
    settings: Settings,
    tmp_path: Path,
    mailoutbox: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    officer = person("officer")
    give(officer, Role.HEALTH)
    lead, planner, site = browsers.sign_in(Role.SITE), browsers.sign_in(Role.PLANNER), scenario.site
    path = f"/sites/{site}"
    assert lead.post(f"{path}/roll/names").status_code == 404, "nothing is lost"
    scenario.later(seconds=30)
    scenario.close()
    scenario.work()
    assert "leurs noms ne sont pas enregistrés ici" in read_text(lead, path)
    settings.IDENTITY_KEY, settings.IDENTITY_FILE = Fernet.generate_key().decode(), tmp_path / "elsewhere" / "names.box"
    first = lead.get(f"{path}?format=json").json()["crew"]["roll"][0]["agent"]
    admin = person("administrator")
    give(admin, Role.ADMINISTRATOR)
    import_names(f"pseudonym,name\n{first},Salma Bennani\n", admin)
    assert "responsable du site et le responsable de la continuité" in read_text(planner, path)
    assert planner.post(f"{path}/roll/names").status_code == 403
    assert "Salma" not in lead.get(path).content.decode()

    def list_readings() -> list[dict[str, Any]]:
        return [row.body for row in ledger.iter_entries(stream="access") if row.kind == "roll.seen"]

    assert list_readings() == []
    with django_capture_on_commit_callbacks(execute=True):
        shown = lead.post(f"{path}/roll/names")
    (mail,) = mailoutbox
    assert (mail.to, site in mail.subject) == (["officer@example.org"], True)
    assert not {"Salma", first} & set(re.findall(r"[\w-]+", mail.subject + mail.body))
    assert "Salma Bennani" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert "Salma" not in lead.post(f"{path}/roll/names?format=json").content.decode(), "no JSON holds a name"
    assert [(row["site"], row["of"]) for row in list_readings()] == [(site, scenario.stream)] * 2
    assert first not in str(list_readings()), "the site, and no agent"
    assert [(row.site, row.case) for row in list_contact_accesses(10)] == [(site, "")] * 2
