"""The administrator's page: give, end, close; each act is written down."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.grants import STREAM, RoleRequest, revoke_token
from releve.accounts.models import Grant, Token, User
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import iter_entries
from tests.accounts.people import give, look_as, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("stocked")]


@pytest.fixture
def admin() -> Client:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    return sign_in(user, lately=True)


def test_a_new_person_is_given_an_account_and_a_link(admin: Client) -> None:
    answer = admin.post("/people", {"name": "zoe", "role": "planner"})
    assert answer.status_code == 200
    assert re.search(r"/account/password/reset/key/\w+-\w+-\w+/", answer.content.decode())
    assert answer["Cache-Control"] == "private, no-store"
    zoe = User.objects.get(username="zoe")
    assert admin.post(f"/people/{zoe.pk}/link")["Cache-Control"] == "private, no-store"
    assert [held.role for held in User.objects.get(username="zoe").held_roles] == [Role.PLANNER]
    found = [(entry.kind, entry.body["actor"]) for entry in iter_entries(stream=STREAM)]
    shown = ("access.link_shown", "amina")
    assert found == [("access.given", "amina"), shown, shown]


def test_a_link_begins_with_the_address_at_which_the_administrator_reads_it(admin: Client) -> None:
    here = {"host": "127.0.0.1:9000"}
    made = admin.post("/people", {"name": "zoe", "role": "planner"}, headers=here)
    zoe = User.objects.get(username="zoe")
    for answer in (made, admin.post(f"/people/{zoe.pk}/link", headers=here)):
        links = re.findall(r"http://[^/]+(?=/account/password/)", answer.content.decode())
        assert set(links) == {"http://127.0.0.1:9000"}


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"role": "site"}, "Indiquez les sites"),
        ({"role": "auditor"}, "Indiquez une date de fin"),
        ({"role": "client"}, "Indiquez les donneurs d’ordre"),
        ({"role": "emperor"}, "emperor"),
    ],
)
def test_a_fault_is_told_and_nothing_typed_is_lost(admin: Client, form: dict[str, Any], message: str) -> None:
    answer = admin.post("/people", {"name": "zoe", **form})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert message in page
    assert 'value="zoe"' in page
    assert not User.objects.filter(username="zoe").exists()


def test_a_role_is_ended_and_an_account_closed(admin: Client) -> None:
    other = person("zoe")
    grant = give(other, Role.PLANNER)
    admin.post(f"/people/roles/{grant.pk}/end")
    assert User.objects.get(pk=other.pk).held_roles == ()
    assert Grant.objects.get(pk=grant.pk).ended_by == "amina"
    admin.post(f"/people/{other.pk}/close")
    assert not User.objects.get(pk=other.pk).is_active


def test_the_token_of_a_program_is_listed_and_ended(admin: Client) -> None:
    until = (timezone.now() + timedelta(days=3)).date()
    found, secret = tokens.issue_token("wallboard", RoleRequest("flow", last_day=until), by=COMMAND_LINE)
    page = admin.get("/people").content.decode()
    assert "wallboard" in page
    assert secret not in page
    assert admin.post(f"/people/tokens/{found.pk}/end").status_code == 302
    assert tokens.authenticate(secret) is None
    assert Token.objects.get().ended_by == "amina"
    assert "wallboard" not in admin.get("/people").content.decode()


def test_the_page_as_json_has_roles_as_codes_and_a_secret_only_in_answer(admin: Client) -> None:
    give(person("zoe"), Role.PLANNER)
    answer = admin.post("/people/tokens?format=json", token_form())
    assert answer["Cache-Control"] == "private, no-store"
    made = answer.json()["made"]
    assert made["name"] == "wallboard"
    assert tokens.authenticate(made["token"]) is not None
    shown = admin.get("/people?format=json")
    assert made["token"] not in shown.content.decode()
    page = shown.json()
    assert page["made"] is None
    assert {row["name"]: [held["role"] for held in row["roles"]] for row in page["people"]} == {
        "amina": ["administrator"],
        "zoe": ["planner"],
    }
    (program,) = page["programs"]
    assert (program["name"], program["held"]["role"]) == ("wallboard", "flow")
    assert page["unreached"]["agent"] == 60
    refused = admin.post("/people/tokens?format=json", token_form(name="<b>"))
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["error"]["faults"]] == ["name"]


def token_form(**fields: str) -> dict[str, str]:
    day = (timezone.now() + timedelta(days=30)).date().isoformat()
    return {"name": "wallboard", "role": "flow", "last_day": day, **fields}


def test_a_token_is_given_shown_once_and_ended(admin: Client) -> None:
    answer = admin.post("/people/tokens", token_form())
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    found = re.search(r"releve_[\w-]{40,}", answer.content.decode())
    assert found is not None
    holder = tokens.authenticate(found[0])
    assert holder is not None
    assert [held.role for held in holder.held_roles] == [Role.FLOW]
    assert found[0] not in admin.get("/people").content.decode()
    (row,) = Token.objects.all()
    assert admin.post(f"/people/tokens/{row.pk}/end").status_code == 302
    assert tokens.authenticate(found[0]) is None
    kinds = [(entry.kind, entry.body["actor"]) for entry in iter_entries(stream=STREAM)]
    assert kinds == [("access.token_given", "amina"), ("access.token_ended", "amina")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "<b>wall</b>"}, "sans espace"),
        ({"role": "site"}, "Indiquez les sites"),
        ({"last_day": "2020-01-01"}, "à partir d’aujourd’hui"),
        ({"last_day": "2099-01-01"}, "à partir d’aujourd’hui"),
        ({"last_day": ""}, "obligatoire"),
    ],
)
def test_a_token_that_cannot_be_given_says_why_and_loses_nothing(
    admin: Client, fields: dict[str, str], message: str
) -> None:
    answer = admin.post("/people/tokens", token_form(**fields))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert message in page
    assert "<b>wall" not in page
    assert not Token.objects.exists()
    assert (fields.get("name") or 'value="wallboard"').replace("<b>wall</b>", "&lt;b&gt;") in page


def test_the_name_of_a_token_is_given_once(admin: Client) -> None:
    assert admin.post("/people/tokens", token_form()).status_code == 200
    revoke_token(Token.objects.get(), by="tests")
    answer = admin.post("/people/tokens", token_form())
    assert answer.status_code == 422
    assert "porte ou a porté ce nom" in answer.content.decode()


def test_who_gives_a_token_proves_again_who_they_are(stocked: None) -> None:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    answer = sign_in(user).post("/people/tokens", token_form())
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]
    assert not Token.objects.exists()


def test_an_administrator_does_not_close_the_own_account(admin: Client) -> None:
    own = User.objects.get(username="amina")
    assert admin.post(f"/people/{own.pk}/close").status_code == 404
    assert User.objects.get(pk=own.pk).is_active


def test_a_name_is_escaped(admin: Client) -> None:
    answer = admin.post("/people", {"name": "<script>alert(1)</script>", "role": "planner"})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()


def test_an_open_desk_gives_no_accounts() -> None:
    with override_settings(OPEN_DESK=True, OPEN_DESK_ACTS=True):
        web = look_as(Role.ADMINISTRATOR)
        answer = web.post("/people", {"name": "zoe", "role": "planner"})
        token = web.post("/people/tokens", token_form())
    assert (answer.status_code, token.status_code) == (422, 422)
    assert not User.objects.exists()
    assert not Token.objects.exists()


@override_settings(OPEN_DESK=True, OPEN_DESK_ACTS=True)
def test_an_open_desk_without_anybody_says_so() -> None:
    page = look_as(Role.ADMINISTRATOR).get("/people").content.decode()
    assert "Aucun compte pour l’instant" in page
    assert "Attribuer un rôle" in page
    assert 'class="scroll"' not in page.partition("give-title")[0]


def test_the_page_says_who_no_message_reaches(admin: Client) -> None:
    page = admin.get("/people").content.decode()
    assert "Sans adresse pour les messages" in page
    assert "Aucune route n’a encore été publiée." in page
    shown = re.findall(r"<dt>(\w+)</dt>\s*<dd>\s*(\d+)\s*</dd>", page)
    assert ("Téléconseillers", "60") in shown
