"""The pages, as a reader and as a program meet them."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings

from releve.desk.http import FORM_BYTES, other_form, policy
from releve.files.plan_folder import write_plans
from tests.accounts.people import words
from tests.desk.conftest import STAMP, SetFolder
from tests.desk.fixture_plan import DAY, synthetic_plan

CELL = "/cell/banque-rive/site:casa-1"
EN = {"accept-language": "en"}
PAGES = ["/", CELL, "/cell/banque-rive/base", "/cell/opaline/site:dakar-1", "/cell/no-such/base"]

pytestmark = pytest.mark.django_db  # the verdict says how clients stand now, too


def test_the_verdict_is_a_sentence_in_french_by_default(web: Client) -> None:
    page = words(web.get("/"))
    held = "N-1, donneurs d’ordre tenus quel que soit le lieu perdu\u202f: 9 sur 12"
    assert f"{held}, dont 1 de justesse" in page
    assert "lundi 30 novembre 2026" in page
    assert "Données fictives" in page


def test_the_verdict_is_complete_in_english(web: Client) -> None:
    page = words(web.get("/", headers=EN))
    assert "N-1: 9 of 12 clients held whichever single place is lost, 1 of them thin" in page
    assert "Monday 30 November 2026" in page
    assert "Synthetic data" in page
    assert "donneur" not in page


def test_a_browser_that_asks_for_another_language_gets_french(web: Client) -> None:
    assert 'lang="fr"' in web.get("/", headers={"accept-language": "de"}).content.decode()


def test_a_client_out_of_reach_is_given_the_cause_and_its_cure(web: Client) -> None:
    page = words(web.get("/"))
    assert "Le contrat n’autorise aucun autre lieu Delta Eau, si Rabat Technopolis ferme" in page
    assert page.count("Delta Eau, si Rabat Technopolis ferme") == 1, "listed once, where its cause is"


def test_every_cell_of_the_matrix_leads_to_its_page(web: Client) -> None:
    html = web.get("/").content.decode()
    links = re.findall(r'<a class="cell is-\w+"\s+href="([^"]+)"', html)
    plan = synthetic_plan()
    assert len(links) == len(plan.clients) * (1 + len(plan.contingencies))
    assert len(set(links)) == len(links)
    for link in links[::17]:
        assert web.get(link).status_code == 200


def test_the_chart_is_of_the_programme_that_is_chosen(web: Client) -> None:
    title = "Coverage of the requirement over the day"
    assert f"{title}, all programmes" in words(web.get(CELL, headers=EN))
    page = words(web.get(f"{CELL}?programme=banque-rive-2", headers=EN))
    assert f"{title}: Conseil" in page
    assert "all programmes" not in page


def test_the_table_says_what_heads_what(web: Client) -> None:
    html = web.get("/").content.decode()
    table = html[html.index('<table class="matrix">') :].partition("</table>")[0]
    assert table.count('scope="row"') == 12 + 2
    assert table.count('scope="col"') == 1 + 13
    assert table.count('scope="colgroup"') == 5
    assert "<caption" in table
    assert 'aria-label="Banque de la Rive, Rabat Technopolis\u202f: manqué' in table


def test_a_cell_shows_a_drawing_with_title_and_description(web: Client) -> None:
    html = web.get(CELL).content.decode()
    assert html.count('role="img"') == 2, "one for a desk and one for a phone"
    assert re.search(r'<title id="chart-wide-title">Couverture du besoin', html)
    assert re.search(r'<desc id="chart-wide-desc">Le besoin atteint [\d,]+ téléconseillers', html)
    assert not re.search(r'[xyd\d]="\d+,\d', html), "coordinates keep their decimal point"


def test_a_cell_lists_the_moves_with_their_reason(web: Client) -> None:
    page = words(web.get(CELL))
    assert "Qui va où" in page
    for move in synthetic_plan().scenarios["site:casa-1"].moves:
        own = {side.programme for side in (move.before, move.after) if side}
        assert (f" {move.agent} " in page) == any(p.startswith("banque-rive") for p in own)
    assert "relève" in page
    assert "ne peut travailler ailleurs" in page


def test_the_base_cell_lists_who_works_where(web: Client) -> None:
    page = words(web.get("/cell/banque-rive/base"))
    assert "Qui travaille où" in page
    assert "Motif" not in page


def test_the_list_is_filtered_by_programme(web: Client) -> None:
    page = words(web.get(CELL, {"programme": "banque-rive-2"}))
    people = page[page.index("Qui va où") :]
    assert "Conseil" in people
    rows = people[people.index("Motif") :]
    assert "Cartes et oppositions" not in rows


def test_a_long_list_has_pages_that_keep_the_filter_and_the_day(tmp_path: Path, shown_from: SetFolder) -> None:
    plan = synthetic_plan()
    many = tuple(replace(plan.placements[0], agent=f"b{n:03d}", programme="azur-1") for n in range(60))
    later = replace(plan, day=DAY + timedelta(days=1), placements=many)
    web = shown_from(tmp_path, [plan, later])
    query = {"day": str(later.day), "programme": "azur-1"}
    first = web.get("/cell/azur/base", query).content.decode()
    assert "Page 1 sur 3" in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = words(web.get(unescape(following[1])))
    assert "Page 2 sur 3" in second
    assert "b025" in second
    assert "b024" not in second
    assert "Page 3 sur 3" in words(web.get("/cell/azur/base", {**query, "page": "999"}))


def test_an_unknown_requirement_is_said_and_never_drawn_as_zero(web: Client) -> None:
    page = web.get("/cell/opaline/site:dakar-1")
    assert "Pas de prévision pour Rendez-vous" in words(page)
    assert 'role="img"' not in page.content.decode()
    assert "100\u202f%" not in words(page)


def test_a_week_has_a_tab_for_each_day_and_links_that_stay_in_it(web: Client) -> None:
    first, second = web.get("/").content.decode(), web.get("/?day=2026-12-01").content.decode()
    assert 'href="/?day=2026-12-01"' in first
    assert "mardi 1er décembre 2026" in words(web.get("/?day=2026-12-01"))
    assert 'href="/cell/azur/base?day=2026-12-01"' in second
    assert 'href="/cell/azur/base"' in first


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/?day=2026-12-25", "pas de plan pour ce jour"),
        ("/?day=tomorrow", "pas de plan pour ce jour"),
        ("/cell/no-such/base", "pas dans le plan"),
        ("/cell/azur/site:atlantis", "pas dans le plan"),
        (f"{CELL}?programme=azur-1", "pas de ce donneur d’ordre"),
        (f"{CELL}?page=two", "Cette page n’existe pas"),
        ("/nowhere", "pas de page à cette adresse"),
    ],
)
def test_what_is_not_there_is_404_with_the_reason(web: Client, path: str, reason: str) -> None:
    response = web.get(path)
    assert response.status_code == 404
    assert reason in words(response)


def test_an_error_has_a_twin_in_one_shape(web: Client) -> None:
    for path in ("/cell/no-such/base.json", "/nowhere.json", "/?day=x&format=json"):
        response = web.get(path)
        assert response.status_code == 404
        assert set(json.loads(response.content)["error"]) == {"status", "code", "message", "detail"}


def test_the_twin_of_the_verdict_holds_its_facts(web: Client) -> None:
    twin = web.get("/?format=json").json()
    assert twin["plan"]["day"] == "2026-11-30"
    counts = ("status", "clients", "secure", "contingencies")
    assert [twin["verdict"][name] for name in counts] == ["missed", 12, 9, 12]
    assert len(twin["matrix"]) == 12 * 13
    assert twin["missing"]["cost"] > 0
    assert twin["proof"]["violations"] == []
    unknown = next(cell for cell in twin["matrix"] if cell["client"] == "opaline")
    assert unknown["worst_coverage"] is None
    assert twin["url"] == "/"
    assert web.get("/verdict.json").json() == twin


def test_the_twin_of_a_cell_holds_the_half_hours_and_the_moves(web: Client) -> None:
    twin = web.get(f"{CELL}?format=json").json()
    assert [item["id"] for item in twin["programmes"]] == ["banque-rive-1", "banque-rive-2"]
    assert len(twin["starts"]) == len(twin["programmes"][0]["placed"]) == 48
    assert twin["starts"][0] == "2026-11-29T23:00:00Z"
    assert {move["reason"] for move in twin["moves"]} >= {"relief", "stranded"}
    assert web.get(f"{CELL}.json").json()["moves"] == twin["moves"]
    one = web.get(f"{CELL}?programme=banque-rive-2&format=json").json()
    assert one["programme"] == "banque-rive-2"
    assert one["url"] == f"{CELL}?programme=banque-rive-2"
    works = [{s["programme"] for s in (m["before"], m["after"]) if s} for m in one["moves"]]
    assert 0 < len(works) < len(twin["moves"])
    assert all("banque-rive-2" in programmes for programmes in works)


def test_every_page_links_to_its_twin(web: Client) -> None:
    html = web.get(f"{CELL}?day=2026-12-01").content.decode()
    found = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', html)
    assert found is not None
    twin = web.get(unescape(found[1]))
    assert twin.json()["plan"]["day"] == "2026-12-01"
    assert twin["Link"] == f'<{CELL}?day=2026-12-01>; rel="alternate"; type="text/html"'


def test_the_address_of_the_other_form_is_fit_for_a_header() -> None:
    request = RequestFactory().get("/switches/carrier:Maroc%20T%C3%A9l%3E%0A", {"client": "a b"})
    found = other_form(request, as_json=True)
    assert found == "/switches/carrier:Maroc%20T%C3%A9l%3E%0A?client=a+b&format=json"


def test_an_unchanged_page_is_304(web: Client) -> None:
    for path in ("/", CELL, "/?format=json"):
        first = web.get(path)
        again = web.get(path, headers={"if-none-match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]


def test_the_tag_differs_by_language_and_by_form(web: Client) -> None:
    tags = {
        web.get("/")["ETag"],
        web.get("/", headers=EN)["ETag"],
        web.get("/?format=json")["ETag"],
        web.get(CELL)["ETag"],
    }
    assert len(tags) == 4


def test_a_folder_written_again_is_read_again(tmp_path: Path, shown_from: SetFolder) -> None:
    plan = synthetic_plan()
    web = shown_from(tmp_path, [plan])
    before = web.get("/")
    renamed = replace(plan, operator="Zénith Contact")
    write_plans(tmp_path / "plan", [renamed], stamp=STAMP, calendars=False)
    after = web.get("/", headers={"if-none-match": before["ETag"]})
    assert after.status_code == 200
    assert "Zénith Contact" in words(after)


def test_a_file_changed_in_place_is_read_again(tmp_path: Path, shown_from: SetFolder) -> None:
    web = shown_from(tmp_path, [synthetic_plan()])
    assert web.get("/").status_code == 200
    path = tmp_path / "plan" / f"plan-{DAY}.json"
    path.write_text(path.read_text().replace('"Atlas Contact"', '"Cirta Contact"'))
    os.utime(path, ns=(1, 1))
    assert "Cirta Contact" in words(web.get("/"))


def test_without_a_plan_the_desk_says_why(tmp_path: Path, shown_from: SetFolder) -> None:
    web = shown_from(tmp_path, [synthetic_plan()])
    shutil.rmtree(tmp_path / "plan")
    response = web.get("/")
    assert response.status_code == 503
    assert "pas de plan à afficher" in words(response)
    assert web.get("/?format=json").json()["error"]["status"] == 503


@pytest.mark.django_db
def test_without_any_plan_a_planner_is_led_to_where_one_is_computed(web: Client) -> None:
    with override_settings(PLAN_FOLDER=None):
        assert web.get("/").headers["Location"] == "/planning/"
        assert web.get("/?format=json").status_code == 503


@pytest.mark.parametrize("path", [*PAGES, "/healthz", "/nowhere", "/?format=json"])
def test_every_answer_carries_the_security_headers(web: Client, path: str) -> None:
    response = web.get(path)
    assert response["Content-Security-Policy"] == policy()
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert not response.cookies, "no cookie before a language is chosen"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_what_the_policy_forbids(web: Client, path: str) -> None:
    html = web.get(path).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=\"/static/)", html)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html), "nothing from elsewhere"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_are_only_read(web: Client, method: str) -> None:
    assert getattr(web, method)("/").status_code == 405


def test_the_language_is_chosen_by_a_form_and_kept_in_a_cookie(web: Client) -> None:
    answer = web.post("/language", {"language": "en"}, headers={"referer": f"http://testserver{CELL}"})
    assert (answer.status_code, answer["Location"]) == (302, f"http://testserver{CELL}")
    cookie = answer.cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("en", True, "Lax")
    assert "Who moves where" in words(web.get(CELL))


def test_a_form_of_any_page_takes_no_more_than_its_limit_before_sign_in_too(web: Client) -> None:
    for path in ("/language", "/account/login/", "/people/tokens"):
        answer = web.post(path, {"language": "en", "more": "a" * FORM_BYTES})
        assert answer.status_code == 413, path
        assert "256" in words(answer)


def test_the_language_form_does_not_lead_elsewhere(web: Client) -> None:
    answer = web.post("/language", {"language": "en", "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


def test_a_strange_host_is_refused(web: Client) -> None:
    assert web.get("/", headers={"host": "elsewhere.example"}).status_code == 400


def test_names_are_escaped(tmp_path: Path, shown_from: SetFolder) -> None:
    plan = synthetic_plan()
    evil = '<b id="x">&'
    named = replace(
        plan,
        operator=evil,
        clients=tuple((key, evil) for key, _name in plan.clients),
        programmes=tuple((key, client, evil) for key, client, _name in plan.programmes),
    )
    web = shown_from(tmp_path, [named])
    for path in ("/", CELL):
        html = web.get(path).content.decode()
        assert '<b id="x">' not in html
        assert "&lt;b id=&quot;x&quot;&gt;&amp;" in html


@pytest.mark.django_db  # closing an answer looks at the connections that other tests have left
def test_static_files_are_served(web: Client) -> None:
    html = web.get("/").content.decode()
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', html):
        response = web.get(path)
        assert response.status_code == 200, path
        assert response["Content-Security-Policy"] == policy()
        response.close()


def test_a_page_is_written_once_for_each_language_and_again_for_another_plan(
    shown_from: SetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def counted(template: str, context: Any) -> Any:
        written.append(template)
        return render_to_string(template, context)

    monkeypatch.setattr("releve.desk.plan.views.render_to_string", counted)
    plan = replace(synthetic_plan(), operator="Un autre")
    web = shown_from(tmp_path, [plan])
    first, again = words(web.get("/")), words(web.get("/"))
    assert first == again
    assert "quel que soit le lieu perdu" in first
    assert len(written) == 1
    assert "whichever single place is lost" in words(web.get("/", headers=EN))
    assert len(written) == 2
    clients = tuple((key, name.upper()) for key, name in plan.clients)
    shown = words(shown_from(tmp_path, [replace(plan, clients=clients)]).get("/"))
    assert len(written) == 3
    assert plan.clients[0][1].upper() in shown
