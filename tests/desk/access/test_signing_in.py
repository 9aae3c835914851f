"""Signing in: guesses are limited, sessions end, a second factor is asked, sign-up is closed."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, hotp_value
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from releve import environment
from releve.accounts import grants
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.desk.access.guard import POLLING
from releve.desk.access.views import hand_over_link
from releve.ledger.chain import iter_entries
from tests.accounts.people import FR, give, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("no_attempts")]

PASSWORD = "quatre lampes au balcon"


def attempt(web: Client, name: str, password: str) -> int:
    form = {"login": name, "password": password}
    return web.post("/account/login/", form).status_code


def test_guessing_a_password_is_stopped_even_for_the_right_one() -> None:
    person("zoe", PASSWORD, factor=False)
    web = Client(headers=FR)
    for guess in range(5):
        assert attempt(web, "zoe", f"guess number {guess}") == 200
    answer = web.post("/account/login/", {"login": "zoe", "password": PASSWORD})
    assert answer.status_code == 200
    assert "Trop d’essais manqués" in answer.content.decode()
    assert "_auth_user_id" not in web.session


def test_guessing_names_is_stopped_by_the_address() -> None:
    web = Client(headers=FR)
    answers = [web.post("/account/login/", {"login": f"n{at}", "password": "x" * 12}) for at in range(12)]
    assert "Trop d’essais manqués" in answers[-1].content.decode() or answers[-1].status_code == 429


def test_an_unknown_name_and_a_wrong_password_are_told_the_same() -> None:
    person("zoe", PASSWORD)
    web = Client(headers=FR)
    pages = [web.post("/account/login/", {"login": name, "password": "something else"}) for name in ("zoe", "unknown")]
    refused = ["Ce nom et ce mot de passe ne vont pas ensemble." in p.content.decode() for p in pages]
    assert refused == [True, True]


def test_the_second_factor_is_asked_and_its_secret_is_kept_encrypted() -> None:
    secret = generate_totp_secret()
    user = person("zoe", PASSWORD, factor=False)
    TOTP.activate(user, secret)
    assert secret not in str(Authenticator.objects.get(user=user).data)
    web = Client(headers=FR)
    answer = web.post("/account/login/", {"login": "zoe", "password": PASSWORD})
    assert answer["Location"] == "/account/2fa/authenticate/"
    assert web.get("/account").status_code == 302, "half way is not in"
    wrong = web.post("/account/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    code = f"{hotp_value(secret, int(time.time()) // 30):06d}"
    assert web.post("/account/2fa/authenticate/", {"code": code})["Location"] == "/start"
    assert web.get("/account").status_code == 200


def test_nobody_signs_up() -> None:
    assert Client().get("/account/signup/").status_code == 404
    assert User.objects.count() == 0


def test_a_closed_account_does_not_come_in_and_its_sessions_are_over() -> None:
    user = person("zoe", PASSWORD, factor=False)
    give(user, Role.CLIENT)
    web = sign_in(user)
    assert web.get("/account").status_code == 200
    grants.close_account("zoe", by="amina")
    assert web.get("/account").status_code == 302
    assert attempt(Client(), "zoe", PASSWORD) == 302
    assert Client().get("/account").status_code == 302
    kinds = [entry.kind for entry in iter_entries(stream=grants.STREAM)]
    assert kinds == ["access.ended", "access.closed"]


def at(monkeypatch: pytest.MonkeyPatch, later: timedelta) -> None:
    now = time.time() + later.total_seconds()
    monkeypatch.setattr("releve.desk.access.guard.time", lambda: now)


def test_a_session_ends_after_an_hour_without_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    web = sign_in(person("zoe"))
    assert web.get("/account").status_code == 200
    at(monkeypatch, timedelta(minutes=59))
    assert web.get("/account").status_code == 200
    at(monkeypatch, timedelta(minutes=118))
    assert web.get("/account").status_code == 200, "each click counts"
    at(monkeypatch, timedelta(minutes=180))
    assert web.get("/account").status_code == 302


def test_a_page_that_looks_by_itself_keeps_nobody_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    web = sign_in(person("zoe"))
    web.get("/account")
    at(monkeypatch, timedelta(minutes=50))
    assert web.get("/account", headers={POLLING: "1"}).status_code == 200
    at(monkeypatch, timedelta(minutes=70))
    assert web.get("/account", headers={POLLING: "1"}).status_code == 302


def test_a_session_ends_after_twelve_hours_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    web = sign_in(person("zoe"))
    for minutes in range(0, 12 * 60, 45):
        at(monkeypatch, timedelta(minutes=minutes))
        assert web.get("/account").status_code == 200
    at(monkeypatch, timedelta(hours=12, minutes=1))
    assert web.get("/account").status_code == 302


def test_the_other_sessions_can_be_ended() -> None:
    user = person("zoe", PASSWORD, factor=False)
    here, there = Client(headers=FR), Client(headers=FR)
    for web in (here, there):
        attempt(web, "zoe", PASSWORD)
    assert UserSession.objects.filter(user=user).count() == 2
    here.post("/account/sessions/")
    assert there.get("/account").status_code == 302
    assert here.get("/account").status_code == 200


def test_a_forgotten_password_is_mailed_to_known_addresses_only(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    grants.give_role("zoe", grants.RoleRequest("planner"), by="amina", email="zoe@example.org")
    User.objects.filter(username="zoe").update(password=person("tmp", PASSWORD).password)
    web = Client(headers=FR)
    for address in ("zoe@example.org", "unknown@example.org"):
        answer = web.post("/account/password/reset/", {"email": address})
        assert answer["Location"] == "/account/password/reset/done/"
    assert [message.to for message in mail.outbox] == [["zoe@example.org"]]
    assert "Pour choisir un mot de passe" in mail.outbox[0].body
    assert mail.outbox[0].subject == "Relève: Choisir un mot de passe"
    kinds = [entry.kind for entry in iter_entries(stream=grants.STREAM)]
    assert kinds == ["access.given", "access.link_mailed"]


def test_without_a_mail_server_no_link_is_made_and_no_message_is_written(
    settings: Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    found = environment.read_mail({})
    settings.EMAIL_HOST, settings.EMAIL_BACKEND = found["EMAIL_HOST"], found["EMAIL_BACKEND"]
    grants.give_role("zoe", grants.RoleRequest("planner"), by="amina", email="zoe@example.org")
    User.objects.filter(username="zoe").update(password=person("tmp", PASSWORD).password)
    web = Client(headers=FR)
    page = web.get("/account/password/reset/").content.decode()
    assert "n’envoie pas de courriel" in page
    assert "<button" not in page.partition("<h1>")[2].partition("</main>")[0]
    answer = web.post("/account/password/reset/", {"email": "zoe@example.org"})
    assert answer["Location"] == "/account/password/reset/done/"
    assert [entry.kind for entry in iter_entries(stream=grants.STREAM)] == ["access.given"]
    mail.send_mail("Secret", "/account/password/reset/key/1-x/", None, ["zoe@example.org"])
    written = caplog.text + "".join(capfd.readouterr())
    assert "1 messages not sent: set RELEVE_SMTP_HOST" in written
    assert not any(word in written for word in ("reset/key", "Secret", "zoe@"))


def test_a_link_works_once() -> None:
    user, is_new = grants.give_role("zoe", grants.RoleRequest("planner"), by="amina")
    assert is_new
    path = hand_over_link(user, by="amina").removeprefix("http://127.0.0.1:8000")
    web = Client(headers=FR)
    form = web.get(path)["Location"]
    weak = web.post(form, {"password1": "zoe", "password2": "zoe"})
    assert "12" in weak.content.decode()
    assert web.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert "Ce lien a déjà servi" in Client(headers=FR).get(path).content.decode()


def test_a_link_names_the_address_that_is_read_where_no_other_is_set(settings: Settings) -> None:
    user, _ = grants.give_role("zoe", grants.RoleRequest("planner"), by="amina")
    request = RequestFactory().get("/people", headers={"host": "127.0.0.1:9000"})
    asked = hand_over_link(user, by="amina", request=request)
    assert asked.startswith("http://127.0.0.1:9000/")
    settings.DESK_URL, settings.DESK_URL_IS_SET = "https://desk.example.org", True
    asked = hand_over_link(user, by="amina", request=request)
    assert asked.startswith("https://desk.example.org/")


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (grants.RoleRequest("site"), "Name the sites"),
        (grants.RoleRequest("client"), "Name the clients"),
        (grants.RoleRequest("auditor"), "Say until when"),
    ],
)
def test_a_role_wider_than_it_may_be_is_refused(wanted: grants.RoleRequest, reason: str) -> None:
    from django.utils.translation import override

    with override("en"), pytest.raises(grants.AccessError, match=reason):
        grants.give_role("zoe", wanted, by="amina")
    assert not User.objects.exists(), "nothing half done"


def test_what_is_given_is_an_entry_of_the_ledger() -> None:
    grants.give_role("zoe", grants.RoleRequest("site", ("casa-1",)), by="amina")
    (entry,) = iter_entries(stream=grants.STREAM)
    assert entry.kind == "access.given"
    assert {k: entry.body[k] for k in ("user", "role", "sites", "actor")} == {
        "user": "zoe",
        "role": "site",
        "sites": ["casa-1"],
        "actor": "amina",
    }


def test_the_sign_in_service_comes_from_the_environment() -> None:
    assert environment.read_sign_in_service({}) == []
    with pytest.raises(ImproperlyConfigured, match="also needs RELEVE_OIDC_SECRET"):
        environment.read_sign_in_service(
            {"RELEVE_OIDC_URL": "https://id.example.org", "RELEVE_OIDC_CLIENT_ID": "releve"}
        )
    with pytest.raises(ImproperlyConfigured, match="an https address"):
        environment.read_sign_in_service(
            {"RELEVE_OIDC_URL": "http://id.example.org", "RELEVE_OIDC_CLIENT_ID": "releve", "RELEVE_OIDC_SECRET": "s"}
        )
