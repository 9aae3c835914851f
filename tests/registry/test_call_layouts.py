"""Files of calls whose columns a user names on the desk, sheets of workbooks, and layouts kept for the next file."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.network import Operator
from releve.registry.models import FileLayout, Version
from releve.registry.service import get_current_version, load_operator
from tests.accounts.people import look_as
from tests.demand.test_report_choice import rows_of, write_book

pytestmark = pytest.mark.database
HEADS = ("Wann", "Schlange", "Menge", "Fertig", "Dauer")
CHOSEN = {"c0": "start", "c1": "programme", "c2": "offered", "c3": "answered", "c4": "handle"}


@pytest.fixture
def web(first: Version, settings: Settings) -> Client:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return web


def export_of(queue: str, month: int, aht_s: str = "45.5") -> bytes:
    """Return half-hourly statistics of two days under headers that no word list holds."""
    lines = [";".join(HEADS)]
    for day in range(2):
        for half in range(20):
            at = datetime(2026, month, 15, 8, tzinfo=UTC) + timedelta(days=day, minutes=30 * half)
            lines.append(f"{at:%d/%m/%Y %H:%M};{queue};{10 + half};{9 + half};{aht_s}")
    return "\n".join(lines).encode()


def send(web: Client, data: bytes, name: str = "acd.csv") -> str:
    sent = web.post("/registry/calls", {"file": SimpleUploadedFile(name, data)})
    assert sent.status_code == 302, sent.content.decode()
    return str(sent["Location"])


def read_hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(sheet|fields|queues)" value="([^"]*)"', page))


def import_first(web: Client, queue: str) -> str:
    """Name the columns of a first file, answer its question, import it, and return the page before that."""
    where = send(web, export_of(queue, 6))
    page = web.get(where).content.decode()
    assert "Say below what each column means" in page
    named = web.post(where, {**read_hidden(page), **CHOSEN, "time_zone": "Europe/Paris", "check": "yes"})
    page = named.content.decode()
    assert named.status_code == 200, page
    assert "The unit of Dauer" in page
    assert 'name="import"' not in page
    answered = {**read_hidden(page), **CHOSEN, "aht_unit": "min", "time_zone": "Europe/Paris", "aht_kind": "aht_s"}
    answered["q0"] = find_queue(page)
    page = web.post(where, {**answered, "check": "yes"}).content.decode()
    done = web.post(where, {**answered, **read_hidden(page), "whole": "yes", "import": "yes"})
    assert done.status_code == 302, done.content.decode()
    return page


def find_queue(page: str) -> str:
    found = re.search(r'<select name="q0".*?<option value="([^"]+)" selected', page, re.DOTALL)
    return found[1] if found else ""


def test_unknown_columns_are_named_once_and_the_next_file_asks_nothing(web: Client, small: Operator) -> None:
    programme = small.programmes[0]
    page = import_first(web, programme.name)
    assert "An average week, hour by hour" in page
    assert 'class="picture"' in page
    version = get_current_version()
    assert version is not None
    rows = [row for row in load_operator(version).history if row.start.month == 6 and row.programme == programme.id]
    assert (len(rows), sum(row.offered for row in rows), {row.aht_s for row in rows}) == (40, 780, {2730})
    where = send(web, export_of(programme.name, 7), "acd-july.csv")
    twin = web.get(f"{where}?format=json").json()
    assert (twin["reason"], twin["questions"], twin["read"]["added"]) == ("", [], 40)
    page = web.get(where).content.decode()
    assert "Read as the last file with these columns" in page
    answers = {f"c{at}": key for at, key in enumerate(CHOSEN.values())}
    done = web.post(
        where,
        {
            **read_hidden(page),
            **answers,
            "aht_unit": "min",
            "aht_kind": "aht_s",
            "q0": programme.id,
            "whole": "yes",
            "import": "yes",
        },
    )
    assert done.status_code == 302
    assert FileLayout.objects.count() == 1


def test_a_layout_is_shown_changed_and_forgotten(web: Client, small: Operator) -> None:
    import_first(web, small.programmes[0].name)
    layout = FileLayout.objects.get()
    shown = web.get("/registry/layouts").content.decode()
    assert "Schlange" in shown
    assert "Calls answered" in shown
    form = web.get(f"/registry/layouts/{layout.pk}").content.decode()
    assert small.programmes[0].name in form
    kept = {"aht_kind": "aht_s", "aht_unit": "s", "time_zone": "UTC", "q0": small.programmes[1].id}
    changed = web.post(f"/registry/layouts/{layout.pk}", {**CHOSEN, **kept, "c3": ""})
    assert changed.status_code == 302, changed.content.decode()
    layout.refresh_from_db()
    assert (layout.answers["aht_unit"], layout.answers["answered"], layout.answers["time_zone"]) == ("s", "", "UTC")
    assert layout.queues == {small.programmes[0].name: small.programmes[1].id}
    assert web.post(f"/registry/layouts/{layout.pk}", {"forget": "yes"}).status_code == 302
    assert not FileLayout.objects.exists()
    assert web.get(f"/registry/layouts/{layout.pk}").status_code == 404


def test_two_columns_of_one_meaning_and_a_wrong_choice_are_refused(web: Client, small: Operator) -> None:
    where = send(web, export_of(small.programmes[0].name, 6))
    hidden = read_hidden(web.get(where).content.decode())
    swapped = web.post(where, {**hidden, **CHOSEN, "c2": "answered", "c3": "offered", "check": "yes"})
    assert swapped.status_code == 422
    assert "holds more calls answered in all" in swapped.content.decode()
    kept = {**hidden, **CHOSEN, "aht_unit": "min", "aht_kind": "aht_s", "q0": "", "import": "yes"}
    assert (
        web.post(where, {**hidden, **CHOSEN, "aht_unit": "min", "aht_kind": "aht_s", "import": "yes"}).status_code
        == 200
    )
    twice = web.post(where, kept | {"c4": "offered", "c2": "offered"})
    assert twice.status_code == 422
    assert "Two columns are “Calls offered”" in twice.content.decode()


def test_of_a_workbook_with_several_sheets_one_is_chosen(web: Client) -> None:
    where = send(web, write_book({"Mai": rows_of(5), "Juin": rows_of(7)}), "acd.xlsx")
    page = web.get(where).content.decode()
    assert "Several sheets hold data: choose the one to read." in page
    assert 'name="import"' not in page
    twin = web.get(f"{where}?sheet=Juin&format=json").json()
    assert twin["sheet"] == "Juin"
    assert twin["read"]["totals"][0]["offered"] == 70
    assert "Several sheets hold data" in web.get(f"{where}?sheet=Juillet").content.decode()


def test_a_likely_forecast_is_asked_of_each_file(web: Client, small: Operator) -> None:
    data = ("Prévisions\n" + export_of(small.programmes[0].name, 6, "300").decode()).encode()
    data = data.replace(";".join(HEADS).encode(), b"Start;Queue;Offered;Answered;AHT")
    for month in (b"/06/", b"/07/"):
        where = send(web, data.replace(b"/06/", month))
        page = web.get(where).content.decode()
        assert "calls that came or a forecast" in page
        assert 'name="import"' not in page
        sent = {**read_hidden(page), "nature": "history", "q0": small.programmes[0].id}
        done = web.post(where, sent | {"whole": "yes", "import": "yes"})
        assert done.status_code == 302, done.content.decode()
