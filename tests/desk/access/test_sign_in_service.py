"""The organisation's sign-in service: an identity signs in to the account that its owner connected, and to no other."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core import mail
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings

from releve import environment
from releve.accounts import grants
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.ledger.chain import iter_entries
from tests.accounts.people import FR, give, person, sign_in, words

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("no_attempts")]

PASSWORD = "quatre lampes au balcon"
SERVICE = "https://id.example.org"
CONNECTIONS = "/account/service/"
REFUSED = "Cette identité n’est rattachée à aucun compte"


@pytest.fixture(autouse=True)
def claims(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the service, which stands in for a real one without a network, says of who comes from it."""
    names = ("RELEVE_OIDC_URL", "RELEVE_OIDC_CLIENT_ID", "RELEVE_OIDC_SECRET")
    apps = environment.read_sign_in_service(dict(zip(names, (SERVICE, "releve", "s"), strict=True)))
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": apps}}
    said: dict[str, Any] = {}
    ends = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "issuer")
    service = OpenIDConnectOAuth2Adapter
    monkeypatch.setattr(service, "openid_config", {end: f"{SERVICE}/{end}" for end in ends})
    monkeypatch.setattr(service, "get_access_token_data", lambda *_, **__: {"access_token": "a"})
    monkeypatch.setattr(service, "_fetch_user_info", lambda *_: dict(said))
    return said


def vouch(claims: dict[str, Any], sub: str, name: str = "zoe") -> None:
    """Let the service vouch for a person, with the address of an account."""
    claims.update(sub=sub, email=f"{name}@example.org", email_verified=True, preferred_username=name)


def visit_service(web: Client, process: str = "login") -> HttpResponseBase:
    """Go to the service by the button of a page, and come back from it."""
    there = web.post(f"/account/oidc/oidc/login/?process={process}")
    assert there["Location"].startswith(f"{SERVICE}/authorization_endpoint")
    (state,) = parse_qs(urlsplit(there["Location"]).query)["state"]
    return web.get("/account/oidc/oidc/login/callback/", {"code": "c", "state": state})


def connect(user: User) -> Client:
    """Connect the account of a user with a password, who gives it again on the way; return the browser."""
    web = sign_in(user)
    assert visit_service(web, "connect")["Location"] == "/account/reauthenticate/"
    assert web.post("/account/reauthenticate/", {"password": PASSWORD})["Location"] == CONNECTIONS
    return web


def is_in(web: Client) -> bool:
    return "_auth_user_id" in web.session


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.HEALTH, Role.PLANNER])
def test_a_verified_address_signs_in_to_no_account(claims: dict[str, Any], role: Role) -> None:
    user, _ = grants.give_role("zoe", grants.RoleRequest(role), by="amina", email="zoe@example.org")
    vouch(claims, "s1")
    web = Client(headers=FR)
    said = words(visit_service(web))
    assert REFUSED in said
    assert "ouvrez Mon compte" in said
    assert not is_in(web)
    assert not SocialAccount.objects.exists()
    assert list(User.objects.all()) == [user]


def test_a_connected_identity_signs_in_until_it_is_disconnected(
    claims: dict[str, Any], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    grants.give_role("zoe", grants.RoleRequest("client", (), ("banque-rive",)), by="amina", email="zoe@example.org")
    user = User.objects.get()
    user.set_password(PASSWORD)
    user.save()
    vouch(claims, "s1", "other")
    with django_capture_on_commit_callbacks(execute=True):
        web = connect(user)
    assert "Votre compte est rattaché à l’identité" in words(web.get(CONNECTIONS))
    assert "rattaché" in words(web.get("/account"))
    other = Client(headers=FR)
    assert visit_service(other)["Location"] == "/start"
    assert is_in(other)
    with django_capture_on_commit_callbacks(execute=True):
        end = web.post(CONNECTIONS, {"account": SocialAccount.objects.get().pk})
    assert end["Location"] == CONNECTIONS
    other = Client(headers=FR)
    assert REFUSED in words(visit_service(other))
    assert not is_in(other)
    entries = [(entry.kind, entry.body.get("service")) for entry in iter_entries(stream=grants.STREAM)]
    assert entries == [("access.given", None), ("access.connected", "oidc"), ("access.disconnected", "oidc")]
    assert [message.to for message in mail.outbox] == [["zoe@example.org"]] * 2
    made, ended = mail.outbox
    assert made.subject == "Relève: Compte rattaché au service de connexion"
    assert "L’identité other@example.org de SSO ouvre désormais votre compte." in made.body
    assert "L’identité other@example.org de SSO n’ouvre plus votre compte." in ended.body


def test_connecting_and_disconnecting_take_the_password_again(claims: dict[str, Any]) -> None:
    user = person("zoe", PASSWORD, factor=False)
    vouch(claims, "s1")
    web = sign_in(user)
    assert visit_service(web, "connect")["Location"] == "/account/reauthenticate/"
    assert not SocialAccount.objects.exists()
    connect(user)
    web = sign_in(user)
    end = web.post(CONNECTIONS, {"account": SocialAccount.objects.get().pk})
    assert end["Location"].startswith("/account/reauthenticate/")
    assert SocialAccount.objects.exists()


def test_a_connected_identity_is_connected_to_no_second_account(claims: dict[str, Any]) -> None:
    zoe, yann = (person(name, PASSWORD, factor=False) for name in ("zoe", "yann"))
    vouch(claims, "s1")
    connect(zoe)
    web = connect(yann)
    assert "déjà rattachée à un autre compte" in words(web.get(CONNECTIONS))
    assert [row.user for row in SocialAccount.objects.all()] == [zoe]


def test_an_account_takes_one_identity_of_a_service(claims: dict[str, Any]) -> None:
    user = person("zoe", PASSWORD, factor=False)
    vouch(claims, "s1")
    web = connect(user)
    vouch(claims, "s2")
    assert visit_service(web, "connect")["Location"] == CONNECTIONS
    assert "rattaché à une autre identité" in words(web.get(CONNECTIONS))
    assert [row.uid for row in SocialAccount.objects.all()] == ["s1"]


def test_an_account_that_was_connected_before_stays_so_and_needs_a_password_to_end_it(claims: dict[str, Any]) -> None:
    user = person("zoe", factor=False)
    give(user, Role.CLIENT)
    old = SocialAccount.objects.create(user=user, provider="oidc", uid="s1")
    vouch(claims, "s1", "other")
    web = Client(headers=FR)
    assert visit_service(web)["Location"] == "/start"
    assert "n’a pas de mot de passe" in words(web.post(CONNECTIONS, {"account": old.pk}))
    assert SocialAccount.objects.exists()


def test_no_account_is_connected_without_an_entry_of_the_ledger(
    claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = person("zoe", PASSWORD, factor=False)
    vouch(claims, "s1")
    web = sign_in(user)
    visit_service(web, "connect")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no ledger")

    monkeypatch.setattr(grants, "append", fail)
    with pytest.raises(RuntimeError, match="no ledger"):
        web.post("/account/reauthenticate/", {"password": PASSWORD})
    assert not SocialAccount.objects.exists()


def test_nobody_connects_without_a_sign_in(claims: dict[str, Any]) -> None:
    vouch(claims, "s1")
    web = Client(headers=FR)
    assert visit_service(web, "connect")["Location"] == CONNECTIONS
    assert web.get(CONNECTIONS)["Location"].startswith("/account/login/")
    assert not SocialAccount.objects.exists()
