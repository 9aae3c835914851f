"""The administrator's page, grants that say more than a role may, and what a client sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.grants import STREAM, RoleRequest, revoke_token
from releve.accounts.models import Grant, Token, User
from releve.accounts.permissions import OUTSIDE, Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import append, iter_entries
from tests.accounts.people import CLIENT, give, look_as, person, sign_in, signed_in
from tests.accounts.test_grants import last_day
from tests.desk.access.addresses import ROWS, expected
from tests.desk.fixture_plan import CLIENTS, synthetic_plan

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


def test_an_account_is_handed_over_to_a_directory_where_there_is_one(admin: Client) -> None:
    zoe = person("zoe")
    assert "/hand-over" not in admin.get("/people").content.decode()
    tokens.issue_token("entra", RoleRequest("provisioning", last_day=last_day()), by=COMMAND_LINE)
    assert f"/people/{zoe.pk}/hand-over" in admin.get("/people").content.decode()
    admin.post(f"/people/{zoe.pk}/hand-over")
    assert f"/people/{zoe.pk}/hand-over" not in admin.get("/people").content.decode()
    people = admin.get("/people?format=json").json()["people"]
    assert {row["name"]: row["provisioned"] for row in people} == {"amina": False, "zoe": True}
    (entry,) = iter_entries(stream=STREAM, kinds=("access.handed_over",))
    assert (entry.body["user"], entry.body["actor"]) == ("zoe", "amina")


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


@pytest.mark.parametrize("role", ["administrator", "flow"])
def test_the_page_refuses_what_was_chosen_by_mistake_instead_of_leaving_it_out(stocked: None, role: str) -> None:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    web = sign_in(user, lately=True)
    listed = web.get("/people").context["form"].fields
    site, client = listed["sites"].choices[0][0], listed["clients"].choices[0][0]
    for path, more in (("/people", {}), ("/people/tokens", {"last_day": last_day()})):
        for name, value in (("sites", site), ("clients", client)):
            answer = web.post(path, {"name": "zoe", "role": role, name: value, **more})
            assert answer.status_code == 422, (path, name)
            assert "ne peut pas être confié pour" in answer.content.decode()
    assert not User.objects.filter(username="zoe").exists()
    assert not Token.objects.exists()


@pytest.fixture
def auditor(stocked: None) -> Client:
    user = person("auditor")
    grant = give(user, Role.AUDITOR)
    Grant.objects.filter(pk=grant.pk).update(clients=["azur"])
    return sign_in(user)


def test_an_auditor_of_one_client_reads_the_entries_of_that_client_alone(auditor: Client) -> None:
    now = timezone.now()
    rows = (
        ("outbound.sheet", {"client": "azur", "actor": "a"}, False),
        ("outbound.sheet", {"client": "brise", "actor": "a"}, True),
        ("outbound.sheet", {"client": "azur", "site": "casa-1", "actor": "a"}, True),
        ("site.closed", {"site": "casa-1", "actor": "a"}, True),
        ("plan.activated", {"actor": "a"}, True),
    )
    seqs = [append(kind, body, recorded_at=now, stream="x").seq for kind, body, _concealed in rows]
    shown = [auditor.get(f"/ledger/{seq}?format=json").json()["entry"] for seq in seqs]
    assert [row["concealed"] for row in shown] == [concealed for _k, _b, concealed in rows]
    assert all(row["fields"] == [] for row in shown if row["concealed"])
    for seq, (_kind, _body, concealed) in zip(seqs, rows, strict=True):
        assert auditor.get(f"/ledger/{seq}/proof.json").status_code == (404 if concealed else 409)
    assert auditor.get("/ledger/export.jsonl").status_code == 404
    assert auditor.get("/crashtest/").status_code == 404
    assert [auditor.get("/sites?format=json").json()["sites"]] == [[]]
