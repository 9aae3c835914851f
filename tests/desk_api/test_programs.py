"""Programs: their tokens, what they may, how often; sessions beside them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from django.utils import timezone

from releve.accounts import tokens
from releve.accounts.grants import STREAM, AccessError, RoleRequest, revoke_token
from releve.accounts.models import Token
from releve.accounts.permissions import Role
from releve.accounts.tokens import PREFIX
from releve.cli import main
from releve.ledger.chain import iter_entries
from tests.accounts.people import give, person, sign_in
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def until(days: int = 7) -> Any:
    return (timezone.now() + timedelta(days=days)).date()


def error(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()["error"]
    assert {"status", "message", "detail"} <= set(found)
    assert found["status"] == answer.status_code
    return found


def test_the_secret_of_a_token_is_not_kept(manager: Program) -> None:
    (row,) = Token.objects.all()
    assert manager.secret.startswith(PREFIX)
    assert manager.secret not in str(vars(row))
    assert row.digest != manager.secret


def test_giving_and_ending_a_token_are_entries_without_its_secret(db: None) -> None:
    found, secret = tokens.issue_token("wallboard", RoleRequest("flow", last_day=until()), by="amina")
    revoke_token(found, by="zoe")
    rows = list(iter_entries(STREAM))
    assert [row.kind for row in rows] == ["access.token_given", "access.token_ended"]
    assert [row.body["actor"] for row in rows] == ["amina", "zoe"]
    assert secret not in str([row.body for row in rows])


def test_a_token_that_ended_or_never_was_opens_nothing(manager: Program) -> None:
    assert manager.get("/now").status_code == 200
    revoke_token(Token.objects.get(), by="tests")
    for secret in (manager.secret, "releve_nothing", "nothing", ""):
        answer = Program(manager.web, secret).get("/now")
        assert answer.status_code == 401, secret
        assert answer["WWW-Authenticate"] == "Bearer"
        error(answer)


def test_a_token_past_its_last_day_opens_nothing(manager: Program) -> None:
    Token.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert manager.get("/now").status_code == 401


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a b", RoleRequest("flow", last_day=until())),
        ("a", RoleRequest("flow")),
        ("a", RoleRequest("flow", last_day=until(-1))),
        ("a", RoleRequest("flow", last_day=until(400))),
        ("a", RoleRequest("site", last_day=until())),
        ("a", RoleRequest("client", last_day=until())),
    ],
)
def test_a_token_too_wide_too_long_or_without_a_name_is_refused(db: None, name: str, wanted: RoleRequest) -> None:
    with pytest.raises(AccessError):
        tokens.issue_token(name, wanted, by="tests")
    assert not Token.objects.exists()


def test_a_wrong_token_is_not_passed_over_for_a_session(scenario: Scenario) -> None:
    user = person("amina")
    give(user, Role.CONTINUITY)
    web = sign_in(user)
    assert web.get("/api/v1/now").status_code == 200
    answer = web.get("/api/v1/now", headers={"Authorization": "Bearer releve_wrong"})
    assert answer.status_code == 401


def test_a_token_opens_the_api_and_no_page(manager: Program) -> None:
    assert manager.web.get("/now", headers=manager.headers).status_code == 302


def test_who_tries_tokens_is_slowed_down(scenario: Scenario) -> None:
    tried = [Program(Client(), f"releve_{number}").get("/now") for number in range(12)]
    assert [answer.status_code for answer in tried] == [401] * 10 + [429] * 2
    assert int(tried[-1]["Retry-After"]) > 0
    error(tried[-1])


def test_who_asks_too_often_waits_and_the_others_do_not(manager: Program, settings: Any) -> None:
    settings.API_PER_MINUTE = 3
    found = [manager.get("/drills").status_code for _ in range(5)]
    assert found == [200, 200, 200, 429, 429]
    assert program(Role.FLOW).get("/drills").status_code == 200


def test_a_session_changes_something_with_its_csrf_token_alone(scenario: Scenario) -> None:
    user = person("amina")
    give(user, Role.CONTINUITY)
    web = Client(enforce_csrf_checks=True)
    web.force_login(user)
    sent: Any = {"content_type": "application/json", "headers": {"Idempotency-Key": "k"}}
    body = {"site": scenario.site}
    answer = web.post("/api/v1/events/power.down", body, **sent)
    assert answer.status_code == 403
    error(answer)
    token = "a" * 32
    web.cookies["csrftoken"] = token
    sent["headers"]["X-CSRFToken"] = token
    assert web.post("/api/v1/events/power.down", body, **sent).status_code == 201


def test_a_person_proves_again_who_they_are_before_closing_a_site(scenario: Scenario) -> None:
    user = person("amina")
    give(user, Role.CONTINUITY)
    sent: Any = {"content_type": "application/json", "headers": {"Idempotency-Key": "k"}}
    body = {"site": scenario.site, "cause": "operator"}
    path = "/api/v1/events/site.closed"
    assert sign_in(user).post(path, body, **sent).status_code == 401
    assert sign_in(user, lately=True).post(path, body, **sent).status_code == 201


def test_a_program_never_says_yes_to_a_reopening(manager: Program, scenario: Scenario) -> None:
    assert manager.record("site.closed", site=scenario.site, cause="operator").status_code == 201
    answer = manager.record("reopening.approved", "k2", site=scenario.site)
    assert answer.status_code == 403
    assert "a person must" in error(answer)["message"]


def test_tokens_are_given_listed_and_ended_from_the_command_line(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releve.cli.desk.open_desk_database", lambda **_how: None)
    run = CliRunner()
    call = ["desk", "token", "add", "meter", "--role", "site", "--site", "casa-1"]
    made = run.invoke(main, [*call, "--until", str(until())])
    assert made.exit_code == 0, made.output
    found = tokens.authenticate(made.output.strip())
    assert found is not None
    assert found.held_roles[0].scope.sites == {"casa-1"}
    listed = run.invoke(main, ["desk", "token", "list"]).output
    assert "meter: site for casa-1" in listed
    assert run.invoke(main, ["desk", "token", "revoke", "meter"]).exit_code == 0
    assert tokens.authenticate(made.output.strip()) is None
    assert run.invoke(main, ["desk", "token", "revoke", "meter"]).exit_code == 1
    assert run.invoke(main, [*call, "--until", "2020-01-01"]).exit_code == 1
