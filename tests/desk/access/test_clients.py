"""A client sees its own row and nothing else: no other client, no person, no health field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from django.test import Client

from releve.accounts.permissions import OUTSIDE, Role
from tests.accounts.people import CLIENT, signed_in
from tests.desk.access.addresses import ROWS, expected
from tests.desk.fixture_plan import CLIENTS, synthetic_plan

pytestmark = [pytest.mark.database, pytest.mark.django_db]

OTHERS = [(key, name) for key, name, _programmes in CLIENTS if key != CLIENT]
HEALTH_KEYS = re.compile(r"case|health|sick|symptom|quarantin|diagnos|isolat|pseudonym|contact_of")
HEALTH_WORDS = re.compile(
    r"\b(cas positifs?|positive (?:case|test)|test positif|malad\w+|sympt\w+|quarantaine"
    r"|quarantine|contaminé\w*|infected|isolé après exposition|isolated after exposure)\b",
    re.IGNORECASE,
)


@pytest.fixture
def client_web(stocked: None) -> Client:
    return signed_in(Role.CLIENT)


def test_what_is_kept_of_a_page_for_one_reader_is_shown_to_no_other(stocked: None) -> None:
    whole, mine = signed_in(Role.PLANNER), signed_in(Role.CLIENT)
    (other, name), *_ = OTHERS
    theirs = signed_in(Role.CLIENT, clients=(other,))
    own = {key: title for key, title, _programmes in CLIENTS}[CLIENT]
    for _ in range(2):
        pages = [unescape(web.get("/").content.decode()) for web in (whole, mine, theirs)]
        assert [own in page for page in pages] == [True, True, False]
        assert [name in page for page in pages] == [True, False, True]


def readable(role: Role) -> list[str]:
    """Every address that a role may enter; pages that others add are in the list too."""
    return [row.path for row in ROWS if row.anyone is None and expected(row, role) == 200]


def keys(value: Any) -> Iterator[str]:
    """Every key of a JSON document."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def twins(paths: list[str]) -> list[str]:
    return [path if path.endswith(".json") else f"{path}?format=json" for path in paths]


def test_no_page_and_no_twin_names_another_client(client_web: Client) -> None:
    paths = readable(Role.CLIENT)
    assert "/" in paths
    for path in [*paths, *twins(paths), f"/cell/{CLIENT}/site:casa-1"]:
        text = unescape(client_web.get(path).content.decode())
        for key, name in OTHERS:
            assert name not in text, (path, name)
            assert f'"{key}"' not in text, (path, key)
            assert f"/cell/{key}/" not in text, (path, key)


def test_another_client_is_not_there_as_page_or_twin(client_web: Client) -> None:
    for key, _name in OTHERS:
        for path in (f"/cell/{key}/base", f"/cell/{key}/site:casa-1.json"):
            assert client_web.get(path).status_code == 404
    assert client_web.get("/cell/unknown/base").status_code == 404


def test_a_programme_of_another_client_is_not_there(client_web: Client) -> None:
    assert client_web.get(f"/cell/{CLIENT}/base?programme=azur-1").status_code == 404


def test_no_person_is_shown_to_a_client(client_web: Client) -> None:
    plan = synthetic_plan()
    people = {item.agent for item in plan.placements} | set(plan.reserve)
    for path in ("/", f"/cell/{CLIENT}/base", f"/cell/{CLIENT}/site:casa-1"):
        page = client_web.get(path).content.decode()
        twin = client_web.get(f"{path}?format=json").json()
        hidden = ("placements", "moves", "reserve", "proof", "missing")
        found = {**twin, **twin.get("verdict", {})}
        assert {found.get(name) for name in (*hidden, "placed")} == {None}, path
        for agent in people:
            assert f'"{agent}"' not in str(twin)
            assert f">{agent}<" not in page


def test_the_facts_of_its_own_row_are_those_of_the_plan(client_web: Client) -> None:
    twin = client_web.get("/?format=json").json()
    assert {item["client"] for item in twin["matrix"]} == {CLIENT}
    assert [item["client"] for item in twin["clients"]] == [CLIENT]
    assert twin["verdict"]["clients"] == 1
    own = [cell for cell in synthetic_plan().cells if cell.client == CLIENT]
    assert [item["status"] for item in twin["matrix"]] == [cell.status for cell in own]
    assert {row["moves"] for row in twin["contingencies"]} == {None}, "left out, not zero"


@pytest.mark.parametrize("role", sorted(OUTSIDE - {Role.INSPECTOR, Role.AUDITOR}))
def test_no_page_and_no_twin_of_a_client_holds_a_health_field(stocked: None, role: Role) -> None:
    web = signed_in(role)
    paths = readable(role)
    for path in paths:
        text = unescape(re.sub(r"<[^>]+>", " ", web.get(path).content.decode()))
        assert HEALTH_WORDS.findall(text) == [], path
    for path in twins(paths):
        answer = web.get(path)
        if answer["Content-Type"].startswith("application/json"):
            found = [key for key in keys(answer.json()) if HEALTH_KEYS.search(key.lower())]
            assert found == [], path


def test_a_page_kept_by_the_browser_is_not_shown_to_the_next_reader(stocked: None) -> None:
    one, other = signed_in(Role.CLIENT), signed_in(Role.CLIENT, clients=["azur"])
    tag = one.get("/")["ETag"]
    assert one.get("/", headers={"if-none-match": tag}).status_code == 304
    assert other.get("/", headers={"if-none-match": tag}).status_code == 200
