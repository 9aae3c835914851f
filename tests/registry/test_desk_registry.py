"""The pages of the reference data, as a reader and as a program meet them."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import fastexcel
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext, override

from releve.desk.access.guard import COOKIE
from releve.errors import Phrase
from releve.network import Operator, find_faults, read_operator, sample_operator, write_operator
from releve.network.table_words import get_table_naming
from releve.network.workbook import write_workbook
from releve.registry.models import Upload, Version
from releve.registry.row_text import format_row
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.runs.job_process import execute_job
from releve.runs.job_store import note_asked
from tests.accounts.people import words
from tests.network.clean_tables import as_csv, as_workbook
from tests.network.planted_faults import PLANTS, planted
from tests.registry.conftest import read_current
from tests.registry.test_changes import zipped

pytestmark = [pytest.mark.database, pytest.mark.django_db]

EN = {"accept-language": "en"}


def row_url(table: str, key: str) -> str:
    from django.urls import reverse

    return reverse("registry_row", args=[table, key])


def read_form(response: Any) -> dict[str, Any]:
    """What a browser would send back of the form of a row, untouched."""
    html = response.content.decode()
    form = html.split('<form class="form"')[1].split("</form>")[0]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        held = dict(re.findall(r'(name|value|type)="([^"]*)"', tag))
        if held["type"] != "checkbox":
            found[held["name"]] = unescape(held.get("value", ""))
        elif "checked" in tag:
            found.setdefault(held["name"], []).append(unescape(held["value"]))
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    return found


def sent_row(operator: Operator, row: Any, **values: str) -> dict[str, str]:
    """What a browser sends: numbers as the French form shows them, with some values changed."""
    found = get_current_version()
    assert found is not None
    texts = {
        name: value.replace(".", ",") if isinstance(getattr(row, name), float) else value
        for name, value in format_row(row, operator).items()
    }
    return {**texts, "comment": "", "seen": str(found.number), **values}


def test_an_empty_registry_says_how_to_begin(web: Client) -> None:
    page = words(web.get("/registry/"))
    assert "releve registry sample" in page
    assert "Importer un fichier" in page
    assert web.get("/registry/?format=json").json()["tables"] == {}
    assert web.get("/registry/tables/sites").status_code == 404


def test_an_empty_installation_leads_with_the_workbook_and_its_template(web: Client) -> None:
    page = web.get("/planning/", headers=EN).content.decode()
    body = page[page.index("<h1") :]
    assert re.search("<h1>([^<]*)</h1>", body)[1] == "Import a workbook"  # type: ignore[index]
    assert "/registry/template.xlsx" in body
    assert "Compute a plan" not in body


def test_the_next_step_is_the_one_main_button(web: Client, first: Version, small: Operator) -> None:
    def find_main() -> list[str]:
        page = web.get("/registry/").content.decode()
        return re.findall(r'class="button main" href="([^"]*)"', page[page.index("<h1") :])

    assert find_main() == ["/planning/"]
    lacking = replace(small, history=())
    apply_changes(preview_changes(lacking), "amina")
    assert find_main() == ["/registry/calls"]


def test_the_tables_are_listed_with_their_rows_and_the_version(web: Client, first: Version, small: Operator) -> None:
    page = words(web.get("/registry/"))
    for said in ("Données de référence", "Version 1", "amina", "Téléconseillers", "Vacations"):
        assert said in page
    assert "Données fictives" in page
    twin = web.get("/registry/?format=json").json()
    assert twin["version"]["digest"] == first.digest
    assert twin["tables"]["agents"] == len(small.agents)
    english = words(web.get("/registry/", headers=EN))
    for said in ("Reference data", "Agents", "Roster", "A contact-centre worker"):
        assert said in english


def test_a_table_is_shown_page_by_page(web: Client, first: Version, small: Operator) -> None:
    html = web.get("/registry/tables/agents").content.decode()
    assert f"{len(small.agents)} lignes" in html
    assert small.agents[0].id in html
    assert small.agents[50].id not in html
    assert "Page 1 sur 2" in html
    second = web.get("/registry/tables/agents?page=2").content.decode()
    assert small.agents[50].id in second
    twin = web.get("/registry/tables/agents?page=2&format=json").json()
    assert (twin["page"], twin["pages"], twin["total"]) == (2, 2, len(small.agents))
    assert twin["rows"][0]["key"] == small.agents[50].id
    assert twin["rows"][0]["row"] == 52, "the number it has in the exported file"
    assert web.get("/registry/tables/agents?page=x").status_code == 404
    assert web.get("/registry/tables/nothing").status_code == 404


def test_a_table_is_searched_in_its_texts(web: Client, first: Version, small: Operator) -> None:
    name = small.sites[1].name
    twin = web.get("/registry/tables/sites", {"q": name.upper(), "format": "json"}).json()
    assert [item["key"] for item in twin["rows"]] == [small.sites[1].id]
    page = words(web.get("/registry/tables/sites", {"q": name.upper()}))
    assert f"1 ligne sur 2 contient « {name.upper()} »" in page.replace("\u202f", " ")
    nothing = web.get("/registry/tables/agents?q=%3Cb%3E")
    assert "<b>" not in nothing.content.decode()
    assert "0 ligne sur 60" in words(nothing).replace("\u00a0", " ")
    agent = small.shifts[0].agent
    twin = web.get("/registry/tables/shifts", {"q": agent, "format": "json"}).json()
    assert twin["found"] == sum(shift.agent == agent for shift in small.shifts)


def test_times_are_shown_where_the_row_is(web: Client, first: Version, small: Operator) -> None:
    shift = small.shifts[0]
    local = format_row(shift, small)["start"]
    day, time = f"{local[8:10]}/{local[5:7]}/{local[:4]}", local[11:16]
    assert f"{day} {time}" in words(web.get("/registry/tables/shifts"))
    assert f"{local[:10]} {time}" in words(web.get("/registry/tables/shifts", headers=EN))


@pytest.mark.parametrize("table", ["operator", "programmes", "agents", "shifts", "history"])
def test_a_row_sent_back_as_its_form_shows_it_changes_nothing(
    web: Client, first: Version, small: Operator, table: str
) -> None:
    twin = web.get(f"/registry/tables/{table}?format=json").json()
    url = row_url(table, twin["rows"][0]["key"])
    answer = web.post(url, read_form(web.get(url)))
    assert answer.status_code == 422
    assert "rien ne changerait" in words(answer)


def test_the_form_says_what_each_column_holds(web: Client, first: Version) -> None:
    html = unescape(web.get(row_url("programmes", read_current().programmes[0].id)).content.decode())
    for said in (
        "Seuil de la qualité de service (s)",
        "Délai de décroché visé",
        "par exemple 0,8",
        "au plus 0,999",
        "plusieurs valeurs, séparées par des virgules",
        '<option value="site_only">sur site uniquement</option>',
        f"selected>{read_current().clients[0].name}</option>",
    ):
        assert said in html, said
    assert "<code>" not in html, "a column is called as in the workbook"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("table", ["sites", "programmes", "agents", "teams", "shifts"])
def test_fields_are_called_as_the_columns_of_the_workbook(
    web: Client, first: Version, small: Operator, table: str, language: str
) -> None:
    form = unescape(web.get(f"/registry/tables/{table}/add", headers={"accept-language": language}).content.decode())
    book = fastexcel.read_excel(write_workbook(small, language))
    sheet = get_table_naming(table).label(language)
    headers = book.load_sheet(sheet, header_row=0, n_rows=0).to_polars().columns
    called = [text.strip() for text in re.findall(r"<(?:label|legend)[^>]*>([^<]*)</", form)]
    assert [name for name in headers if name not in called] == []


def test_a_row_of_another_table_is_chosen_by_its_name(web: Client, first: Version, small: Operator) -> None:
    agent = next(row for row in small.agents if len(row.skills) > 1)
    page = web.get(row_url("agents", agent.id))
    html = unescape(page.content.decode())
    for site in small.sites:
        assert re.search(f'<option value="{site.id}"( selected)?>{site.name}</option>', html)
    clients = {row.id: row.name for row in small.clients}
    for programme in small.programmes:
        assert f"{programme.name} ({clients[programme.client]})" in html
    main, other, *_ = agent.skills
    sent = read_form(page)
    assert (sent["skills"], sent["skills_main"]) == (list(agent.skills), main)
    swapped = web.post(row_url("agents", agent.id), {**sent, "skills_main": other})
    assert swapped.status_code == 302
    assert read_current().agent[agent.id].skills == (other, *(one for one in agent.skills if one != other))


def test_a_row_is_titled_by_its_name_or_its_times(web: Client, first: Version, small: Operator) -> None:
    shift = small.shifts[0]
    key = web.get("/registry/tables/shifts?format=json").json()["rows"][0]["key"]
    assert "|" in key
    title = re.search(r'<h1 id="row-title">(.*?)</h1>', web.get(row_url("shifts", key)).content.decode(), re.DOTALL)
    assert title is not None
    assert shift.agent in title[1]
    assert "|" not in title[1]
    assert small.sites[0].name in words(web.get(row_url("sites", small.sites[0].id)))


def test_the_search_of_a_table_is_kept_through_a_row(web: Client, first: Version, small: Operator) -> None:
    site = small.sites[0]
    query = f"?q={site.id}&page=1"
    listed = unescape(web.get(f"/registry/tables/sites{query}").content.decode())
    assert f"{row_url('sites', site.id)}?q={site.id}&page=1" in listed
    page = unescape(web.get(row_url("sites", site.id) + query).content.decode())
    assert page.count(f'href="/registry/tables/sites{query}"') == 2, "back, and cancel"
    assert f"/remove{query}" in page
    assert f'href="/registry/tables/sites{query}"' in unescape(
        web.get(row_url("sites", site.id) + "/remove" + query).content.decode()
    )
    stored = web.post(row_url("sites", site.id) + query, sent_row(small, site, name="Autre"))
    assert stored["Location"] == f"/registry/tables/sites{query}"


def test_the_form_holds_the_words_of_the_reader(web: Client, first: Version) -> None:
    held = read_current()
    url = row_url("programmes", held.programmes[0].id)
    assert read_form(web.get(url))["opening"].startswith("Lun-")
    assert web.get(url + "?format=json").json()["values"]["opening"].startswith("Mon-")
    assert "Lun-" in words(web.get("/registry/tables/programmes"))
    several = next(agent for agent in held.agents if len(agent.skills) > 1)
    page = web.get(row_url("agents", several.id))
    assert read_form(page)["skills"] == list(several.skills)


def test_a_value_is_changed_in_the_form(web: Client, first: Version, small: Operator) -> None:
    site = small.sites[0]
    data = sent_row(small, site, name="Casablanca <Étoile>", lat="33,541", comment="déménagement")
    answer = web.post(row_url("sites", site.id), data, follow=True)
    assert answer.redirect_chain == [("/registry/tables/sites", 302)]
    assert "Enregistré en version 2" in words(answer)
    assert "Casablanca &lt;Étoile&gt;" in answer.content.decode()
    made = get_current_version()
    assert made is not None
    assert (made.made_by, made.comment) == ("visitor-planner", "déménagement")
    assert read_current().sites[0] == replace(site, name="Casablanca <Étoile>", lat=33.541)


def test_each_fault_stands_by_its_field_and_nothing_typed_is_lost(web: Client, first: Version, small: Operator) -> None:
    data = sent_row(small, small.sites[0], lat="nord", time_zone="Afrique/Casa", name="Nouveau")
    answer = web.post(row_url("sites", small.sites[0].id), data)
    assert answer.status_code == 422
    html = unescape(answer.content.decode())
    assert 'value="nord"' in html
    assert 'value="Nouveau"' in html
    lat = html[html.index('name="lat"') : html.index('name="lon"')]
    assert "n’est pas un nombre\u202f; écrire un nombre comme 33.53 (°)." in lat
    assert 'aria-invalid="true"' in lat
    assert "n’est pas un fuseau horaire" in html
    english = words(web.post(row_url("sites", small.sites[0].id), data, headers=EN))
    assert "is not a number; write a number like 33.53 (°)." in english
    assert get_current_version() == first


def test_a_fault_in_another_row_is_said_above_the_form(web: Client, first: Version, small: Operator) -> None:
    data = sent_row(small, small.sites[0], id="ailleurs")
    page = words(web.post(row_url("sites", small.sites[0].id), data))
    assert "Plateaux, ligne 2, Site" in page
    assert "n’est pas un identifiant de la table Sites" in page


def test_a_new_row_is_added(web: Client, first: Version, small: Operator) -> None:
    assert "Nouvelle ligne" in words(web.get("/registry/tables/clients/add"))
    agent = sent_row(small, small.agents[0], id="nouveau")
    assert web.post("/registry/tables/agents/add", agent).status_code == 302
    assert read_current().agents[-1].id == "nouveau"
    again = web.post("/registry/tables/agents/add", agent)
    assert again.status_code == 422
    assert "l’identifiant est déjà celui de la ligne 62" in words(again)


def test_a_row_that_others_need_is_not_removed(web: Client, first: Version, small: Operator) -> None:
    url = row_url("agents", small.agents[0].id) + "/remove"
    answer = web.get(url)
    assert answer.status_code == 422
    assert "La ligne ne peut pas être supprimée" in words(answer)
    assert "Vacations, ligne" in words(answer)
    assert "supprimez d’abord cette ligne, ou changez-la" in words(answer)
    assert "écrire" not in words(answer), "another agent is no slip of this one"
    assert web.post(url).status_code == 422
    assert get_current_version() == first


def test_an_unused_row_is_removed_after_a_yes(web: Client, first: Version, small: Operator) -> None:
    url = row_url("contingencies", small.contingencies[0].id) + "/remove"
    assert "Rien d’autre n’a besoin de cette ligne" in words(web.get(url))
    assert web.post(url, {"seen": "1", "comment": "fini"}).status_code == 302
    assert len(read_current().contingencies) == len(small.contingencies) - 1


def test_a_row_changed_meanwhile_is_refused_and_the_form_kept(web: Client, first: Version, small: Operator) -> None:
    url = row_url("sites", small.sites[0].id)
    apply_changes(preview_changes(replace(small, sites=(replace(small.sites[0], name="X"), *small.sites[1:]))), "b")
    answer = web.post(url, sent_row(small, small.sites[0], name="Mien", seen="1"))
    assert answer.status_code == 409
    assert "a changé après la version 1" in words(answer)
    assert 'value="Mien"' in answer.content.decode()
    assert read_current().sites[0].name == "X"


def test_versions_are_listed_with_what_they_changed(web: Client, first: Version, small: Operator) -> None:
    site = small.sites[0]
    web.post(row_url("sites", site.id), sent_row(small, site, name="Étoile"))
    page = words(web.get("/registry/versions"))
    assert "Version 2" in page
    assert "Sites\u202f: 1 ligne modifiée" in page
    one = web.get("/registry/versions/2")
    assert f"{site.name} Étoile" in words(one)
    twin = web.get("/registry/versions/2?format=json").json()
    assert twin["tables"][0]["rows"][0]["after"]["name"] == "Étoile"
    assert [v["number"] for v in web.get("/registry/versions?format=json").json()["versions"]] == [2, 1]
    assert "Sites\u00a0" in words(web.get("/registry/versions/1")) or web
    assert web.get("/registry/versions/9").status_code == 404


def test_the_current_version_is_undone_after_a_look_at_what_changes(
    web: Client, first: Version, small: Operator
) -> None:
    site = small.sites[0]
    web.post(row_url("sites", site.id), sent_row(small, site, name="Étoile"))
    asked = words(web.get("/registry/versions/2/undo"))
    assert "Revenir à la version 1" in asked
    assert f"Étoile {site.name}" in asked
    assert web.post("/registry/versions/2/undo", {"comment": "erreur"}).status_code == 302
    assert read_current() == small
    stale = web.post("/registry/versions/2/undo")
    assert stale.status_code == 409
    assert "la version 3, faite par visitor-planner, l’est maintenant" in words(stale)
    assert web.get("/registry/versions/1/undo").status_code == 422
    assert web.post("/registry/versions/2/restore").status_code == 302
    assert read_current().sites[0].name == "Étoile"


def test_an_export_imported_again_changes_nothing(web: Client, first: Version, small: Operator) -> None:
    answer = web.get("/registry/export.zip")
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert {name: archive.read(name) for name in archive.namelist()} == write_operator(small, "fr")
    assert answer.content == web.get("/registry/export.zip?version=1").content
    back = web.post("/registry/import", {"file": upload("a.zip", answer.content)})
    assert back.status_code == 422
    assert "rien ne changerait" in words(back)


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_file_is_shown_before_it_is_applied(web: Client, first: Version, small: Operator) -> None:
    changed = replace(small, clients=(replace(small.clients[0], name="Azur Vie"),))
    data = zipped(write_operator(changed))
    answer = web.post("/registry/import", {"file": upload("atlas.zip", data)})
    assert answer.status_code == 302
    page = words(web.get(answer["Location"]))
    assert "atlas.zip" in page
    assert f"{small.clients[0].name} Azur Vie" in page
    assert get_current_version() == first, "nothing is stored before the yes"
    twin = web.get(f"{answer['Location']}?format=json").json()
    assert twin["tables"][0]["counts"] == {"changed": 1}
    assert web.post(answer["Location"], {"comment": "nouveau nom"}).status_code == 302
    assert read_current() == changed
    assert web.get(answer["Location"]).status_code == 404, "applied once"


def test_a_large_file_is_read_beside_the_desk_and_its_page_goes_on_by_itself(
    web: Client, first: Version, small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []

    def start(folder: Path) -> None:
        note_asked(folder)
        started.append(folder)

    monkeypatch.setattr("releve.runs.upload_reader.start_reading", start)
    monkeypatch.setattr("releve.runs.upload_reader.PATIENCE_SECONDS", 0.0)
    data = zipped(write_operator(replace(small, stops=small.stops[::-1])))
    where = web.post("/registry/import", {"file": upload("atlas.zip", data)})["Location"]
    waits = web.get(where)
    assert (waits.status_code, waits["Refresh"]) == (202, "2")
    assert web.get(f"{where}?format=json").json()["reading"] >= 0
    refused = web.post(where, {"comment": "too early"})
    assert (refused.status_code, refused.has_header("Refresh")) == (202, False)
    assert Version.objects.count() == 1
    (folder,) = started
    execute_job(folder)
    assert web.get(where).status_code == 200
    assert web.post(where, {"comment": "now"}).status_code == 302
    assert Version.objects.count() == 2
    assert not folder.exists(), "what was read does not stay"


def test_a_first_workbook_is_imported(web: Client) -> None:
    (book,) = as_workbook(planted(())[0]).values()
    answer = web.post("/registry/import", {"file": upload("atlas.xlsx", book)})
    assert "les premières données de cette installation" in words(web.get(answer["Location"]))
    web.post(answer["Location"])
    assert get_current_version() is not None


def test_a_file_may_be_discarded(web: Client, first: Version, small: Operator) -> None:
    data = zipped(write_operator(replace(small, stops=small.stops[::-1])))
    answer = web.post("/registry/import", {"file": upload("atlas.zip", data)})
    assert "dans un autre ordre" in words(web.get(answer["Location"]))
    done = web.post(answer["Location"], {"discard": "1"}, follow=True)
    assert "Aucun changement" in words(done)
    assert not Upload.objects.exists()
    assert get_current_version() == first


def test_every_fault_of_a_file_is_named_in_french(web: Client) -> None:
    tables, places = planted(PLANTS)
    data = zipped(as_csv(tables))
    answer = web.post("/registry/import", {"file": upload("bad.zip", data)})
    assert answer.status_code == 422
    assert answer.content.decode().count("<li>") >= len(places)
    twin = web.post("/registry/import?format=json", {"file": upload("bad.zip", data)}).json()
    assert len(twin["faults"]) == len(places)
    assert not Version.objects.exists()
    assert Upload.objects.count() == 2, "kept for the corrections that are proposed"


def test_every_sentence_of_a_fault_has_a_french_one() -> None:
    tables, _places = planted(PLANTS)
    _operator, faults = find_faults(as_csv(tables))
    texts = {text for fault in faults for text in (fault.reason, fault.fix)}
    phrases = [text for text in texts if isinstance(text, Phrase)]
    assert len(phrases) == len(texts)
    with override("fr"):
        assert [text for text in phrases if gettext(text.template) == text.template] == []


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("sites.csv", b"id", "n’est ni un classeur (.xlsx) ni une archive zip"),
        ("a.zip", b"", "le fichier est abîmé"),
        ("a.xlsx", b"nonsense", "le fichier est abîmé"),
    ],
)
def test_what_is_no_file_of_an_operator_is_refused_with_the_reason(
    web: Client, name: str, data: bytes, reason: str
) -> None:
    answer = web.post("/registry/import", {"file": upload(name, data)})
    assert answer.status_code == 422
    assert reason in words(answer)
    assert web.post("/registry/import").status_code == 422


def test_who_may_not_edit_sees_and_who_may_not_see_does_not(web: Client, first: Version, small: Operator) -> None:
    web.cookies[COOKIE] = "flow:"
    assert web.get("/registry/").status_code == 200
    assert "Importer" not in words(web.get("/registry/"))
    assert "/rows/" not in web.get("/registry/tables/sites").content.decode()
    for url in ("/registry/import", row_url("sites", small.sites[0].id)):
        assert web.get(url).status_code == 403
        assert web.post(url, {}).status_code == 403
    web.cookies[COOKIE] = "client:azur"
    assert web.get("/registry/").status_code == 404


def test_a_form_without_its_token_is_refused(first: Version, small: Operator) -> None:
    with override_settings(OPEN_DESK=True, OPEN_DESK_ACTS=True):
        strict = Client(enforce_csrf_checks=True)
        strict.cookies[COOKIE] = "planner:"
        url = row_url("sites", small.sites[0].id)
        assert strict.post(url, sent_row(small, small.sites[0], name="X")).status_code == 403
    assert get_current_version() == first


def test_every_page_links_to_its_twin_and_is_cached_by_no_other(web: Client, first: Version, small: Operator) -> None:
    pages = (
        "/registry/",
        "/registry/versions",
        "/registry/versions/1",
        "/registry/import",
        "/registry/tables/agents?q=a",
        "/registry/tables/agents/add",
        row_url("agents", small.agents[0].id),
        row_url("contingencies", small.contingencies[0].id) + "/remove",
    )
    for path in pages:
        answer = web.get(path)
        assert answer["Cache-Control"] == "private, no-cache", path
        found = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', answer.content.decode())
        assert found is not None, path
        twin = web.get(unescape(found[1]))
        assert twin["Content-Type"] == "application/json"
        assert twin["Link"] == f'<{path}>; rel="alternate"; type="text/html"'


def test_the_queries_of_a_page_do_not_grow_with_the_operator(web: Client, small: Operator) -> None:
    counts = []
    for operator in (small, sample_operator(400, 12, 3, weeks_of_history=2)):
        apply_changes(preview_changes(operator), "amina")
        read_current()
        with CaptureQueriesContext(connection) as queries:
            web.get("/registry/")
            web.get("/registry/tables/agents?q=a")
            web.get("/registry/tables/sites")
            web.get(row_url("sites", operator.sites[0].id))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_version_is_downloaded_as_a_workbook_that_changes_nothing(web: Client, first: Version) -> None:
    answer = web.get("/registry/export.xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="releve-1.xlsx"'
    assert read_operator({"a.xlsx": answer.content}) == load_operator(first)


def test_the_template_is_in_the_language_of_the_reader(web: Client) -> None:
    answer = web.get("/registry/template.xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="modele.xlsx"'
    assert fastexcel.read_excel(answer.content).sheet_names[0] == "Lisez-moi"
