"""The pages behind a pseudonym and of an erasure: two people, a reason, a preview."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.test import Client

from releve.accounts import reidentification
from releve.accounts.grants import STREAM
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.ledger.chain import iter_entries
from releve.live import api as live
from tests.accounts.people import give, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stocked")]

NAME, REASON = "Salma <b>Bennani", "Recherche des contacts de la cantine"


@pytest.fixture(autouse=True)
def _kept_apart(tmp_path: Path, settings: Any) -> None:
    settings.IDENTITY_KEY = Fernet.generate_key().decode()
    settings.IDENTITY_FILE = tmp_path / "elsewhere" / "names.box"


def sign_in_as(role: Role) -> Client:
    user = person(role.value)
    give(user, role)
    return sign_in(user, lately=True)


@pytest.fixture
def officer() -> Client:
    return sign_in_as(Role.HEALTH)


@pytest.fixture
def admin() -> Client:
    web = sign_in_as(Role.ADMINISTRATOR)
    agent = live.operator_now().agents[0].id
    reidentification.import_names(f"pseudonym,name\n{agent},{NAME}\n", User.objects.get(username="administrator"))
    return web


def agent_id() -> str:
    return live.operator_now().agents[0].id


def test_a_name_is_asked_allowed_by_another_seen_once_and_listed(officer: Client, admin: Client) -> None:
    short = officer.post("/identity/ask", {"pseudonym": agent_id(), "reason": "cantine"})
    assert short.status_code == 422
    assert "10 caractères" in short.content.decode()
    values = {"pseudonym": agent_id(), "reason": REASON}
    assert officer.post("/identity/ask", values).status_code == 302
    (row,) = officer.get("/identity").context["page"].looks
    assert (row.state, row.may_see, row.may_allow) == ("waiting", False, False)
    early = officer.post(f"/identity/{row.number}/see", follow=True).content.decode()
    assert "Personne ne l’a encore autorisé" in early
    (row,) = admin.get("/identity").context["page"].looks
    assert row.may_allow
    assert admin.post(f"/identity/{row.number}/allow").status_code == 302
    shown = officer.post(f"/identity/{row.number}/see")
    assert "Salma &lt;b&gt;Bennani" in shown.content.decode()
    assert shown["Cache-Control"] == "private, no-store"
    assert "Salma" not in officer.get("/identity").content.decode()
    twin = officer.get("/identity?format=json")
    assert "Salma" not in twin.content.decode()
    (row,) = admin.get("/identity").context["page"].looks
    assert row.seen == 1
    kinds = [entry.kind for entry in iter_entries(stream=STREAM)]
    assert kinds == ["identity.imported", "identity.asked", "identity.allowed", "identity.seen"]


def test_the_administrator_does_not_ask_and_does_not_see(officer: Client, admin: Client) -> None:
    officer.post("/identity/ask", {"pseudonym": agent_id(), "reason": REASON})
    shown = admin.get("/identity")
    assert shown.context["form"] is None
    number = shown.context["page"].looks[0].number
    admin.post(f"/identity/{number}/allow")
    assert admin.post(f"/identity/{number}/see").status_code == 403
    assert officer.post(f"/identity/{number}/allow").status_code == 403


def test_an_erasure_is_shown_before_it_is_done(admin: Client) -> None:
    agent = agent_id()
    unknown = admin.post("/people/erase", {"pseudonym": "unknown-99", "confirmed": "yes"})
    assert unknown.status_code == 422
    shown = admin.post("/people/erase", {"pseudonym": agent})
    found = shown.context["page"].preview
    assert found.erased["name"]
    assert found.erased["blocks"] > 0
    twin = admin.post("/people/erase?format=json", {"pseudonym": agent}).json()["preview"]
    assert twin["erased"]["name"] is True, "whether there is one, and no count"
    assert twin["erased"]["values"] in (True, False)
    assert isinstance(twin["erased"]["values"], bool)
    assert agent_id() == agent, "nothing is done yet"
    done = admin.post("/people/erase", {"pseudonym": agent, "confirmed": "yes"})
    assert done.status_code == 302
    assert agent not in live.operator_now().agent
    assert [entry.kind for entry in iter_entries(stream=STREAM)][-1] == "identity.erased"
    assert admin.post("/people/erase", {"pseudonym": agent}).status_code == 422
