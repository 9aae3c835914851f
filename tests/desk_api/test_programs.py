"""Programs: their tokens, what they may, how often, and what people say on the phone by them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts import tokens
from releve.accounts.grants import STREAM, AccessError, RoleRequest, revoke_token
from releve.accounts.models import RequestCount, Token
from releve.accounts.permissions import Role
from releve.accounts.tokens import PREFIX
from releve.cli import main
from releve.ledger.chain import iter_entries
from releve.plugins.outbound.gate import pseudonyms
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.models import PersonRequestRow, WithdrawalRow
from tests.accounts.people import give, person, sign_in
from tests.desk_api.conftest import Program, program
from tests.gate.sample_campaign import CLIENT, campaign_terms, phone, record_people
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


AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


def asked(times: int, most: int, at: datetime = AT, who: str = "amina") -> int:
    """Ask several times at an instant; return how often that was allowed."""
    return sum(tokens.seconds_to_wait(who, most, at) == 0 for _ in range(times))


def another_process() -> None:
    """Go on as a process that has counted nothing itself."""
    tokens.forget()


def test_another_process_knows_what_the_first_has_let_in(db: None) -> None:
    assert asked(10, 10) == 10
    another_process()
    assert asked(5, 10) == 0
    assert tokens.seconds_to_wait("amina", 10, AT + timedelta(seconds=20)) == 40
    assert asked(5, 10, who="zoe") == 5


def test_several_processes_pass_the_limit_by_a_twentieth_each_at_most(db: None) -> None:
    allowed = 0
    for _ in range(8):
        allowed += asked(100, 400)
        another_process()
    assert 400 <= allowed <= 400 + 8 * 20


def test_a_new_minute_begins_with_the_next_request_and_old_rows_go(db: None) -> None:
    assert asked(3, 2) == 2
    assert asked(1, 2, who="zoe") == 1
    later = AT + timedelta(seconds=61)
    assert asked(3, 2, later) == 2
    assert [row.count for row in RequestCount.objects.all()] == [2]


def test_a_minute_that_a_clock_ahead_began_is_over_once_it_is_set_right(db: None) -> None:
    ahead = AT + timedelta(days=1)
    assert asked(3, 2, ahead) == 2
    assert asked(3, 2) == 2
    another_process()
    assert asked(1, 2) == 0
    assert asked(1, 2, who="zoe") == 1
    assert RequestCount.objects.filter(began_at=AT).count() == 2


def test_most_requests_write_nothing(db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        asked(300, 600)
    assert len(queries) < 60


def test_nobody_is_named_in_the_table(db: None) -> None:
    asked(1, 10, who="ip:192.0.2.7")
    (row,) = RequestCount.objects.values()
    assert "192.0.2.7" not in str(row)


def test_a_database_that_is_away_turns_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object) -> Any:
        raise DatabaseError("away")

    monkeypatch.setattr(tokens, "_added", away)
    assert asked(15, 10) == 10


ADDRESS = "/outbound/requests"
STOP = {"number": "01 44 50 00 01", "said": "stop", "client": CLIENT}


@pytest.fixture
def dialler(planned: None) -> Program:
    record_people(range(3))
    return program(Role.OUTBOUND)


def fields(answer: Any) -> list[tuple[str, str]]:
    return [(one["field"], one["code"]) for one in answer.json()["error"]["faults"]]


def test_stop_is_recorded_with_what_the_gate_would_answer(dialler: Program) -> None:
    answer = dialler.post(ADDRESS, STOP, "k1")
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "private, no-store"
    said = answer.json()
    recorded = said["recorded"]
    assert (recorded["persons"], recorded["consents"], recorded["before"]) == (1, 1, False)
    (one,) = said["answers"]
    assert (one["allowed"], one["for_request"]) == (False, True)
    assert "FR-OBJECTION" in one["rules"]
    assert phone(1)[3:] not in json.dumps(said)
    again = dialler.post(ADDRESS, {**STOP, "number": phone(1)}, "k1")
    assert (again.status_code, again.json()["recorded"]["before"]) == (200, True)
    assert dialler.post(ADDRESS, {**STOP, "number": phone(2)}, "k1").status_code == 409
    assert WithdrawalRow.objects.count() == 2


def test_under_another_key_nothing_is_recorded(dialler: Program, settings: Settings) -> None:
    settings.GATE_KEY = "6" * 64
    pseudonyms.forget_key()
    assert dialler.post(ADDRESS, STOP, "k1").status_code == 503
    assert not PersonRequestRow.objects.exists()


def test_an_unmatched_number_is_recorded_and_said(dialler: Program) -> None:
    said = dialler.post(ADDRESS, {**STOP, "number": phone(77), "client": "*"}, "k").json()
    recorded = said["recorded"]
    assert (recorded["persons"], recorded["client"], recorded["facts"]) == (0, "", 2)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"number": "12"}, ("number", "number.unreadable")),
        ({"client": "CLIENT-Z"}, ("client", "client.unknown")),
        ({"outcome": "busy"}, ("outcome", "outcome.unknown")),
        ({"said": "outcome", "outcome": "busy"}, ("call", "call.unknown")),
        ({"at": "2099-01-01T00:00:00+00:00"}, ("at", "at.future")),
        ({"said": "go away"}, ("said", "field.value")),
        ({"at": "2026-01-01T00:00:00"}, ("at", "field.value")),
        ({"shoe": "size"}, ("shoe", "field.unknown")),
        ({"number": None}, ("number", "field.type")),
    ],
)
def test_a_fault_names_its_field(dialler: Program, change: dict[str, Any], named: tuple[str, str]) -> None:
    answer = dialler.post(ADDRESS, {**STOP, **change}, "k")
    assert answer.status_code == 422, answer.content
    assert fields(answer) == [named]
    assert not PersonRequestRow.objects.exists()


def test_a_key_and_a_role_are_needed(dialler: Program) -> None:
    assert dialler.post(ADDRESS, STOP).status_code == 422
    assert dialler.post(ADDRESS, "no json", "k").status_code == 400
    assert program(Role.PLANNER).post(ADDRESS, STOP, "k").status_code == 403


def test_a_site_lead_records_for_the_clients_whose_campaigns_run_there(dialler: Program) -> None:
    record_campaign("far", campaign_terms("CLIENT-F", site="TUNIS"), by="tests")
    lead = program(Role.SITE, sites=["CASA"])
    assert lead.post(ADDRESS, STOP, "a").status_code == 201
    for client in ("CLIENT-F", "*"):
        assert lead.post(ADDRESS, {**STOP, "client": client}, "b").status_code == 403
    rows = [{"id": "1", "number": phone(2), "said": "stop", "client": "CLIENT-F"}]
    recorded = lead.post("/outbound/feeds/d/rows", {"position": 0, "rows": rows}).json()
    assert [one["code"] for one in recorded["faults"]] == ["client.elsewhere"]


def test_a_feed_goes_on_from_its_position_and_is_its_sender_s(dialler: Program) -> None:
    rows = [{"id": str(n), "number": phone(n), "said": "stop", "client": CLIENT} for n in range(2)]
    sent = {"position": 0, "rows": [*rows, {**rows[0], "id": "x", "number": "12"}]}
    recorded = dialler.post("/outbound/feeds/d/rows", sent).json()
    assert (recorded["recorded"], recorded["set_aside"], recorded["position"]) == (2, 1, 3)
    assert [(one["row"], one["field"]) for one in recorded["faults"]] == [(3, "number")]
    assert dialler.post("/outbound/feeds/d/rows", sent).status_code == 409
    assert dialler.get("/outbound/feeds/d").json() == {"feed": "d", "position": 3}
    assert program(Role.FLOW).get("/outbound/feeds/d").json()["position"] == 0
    wrong = {"position": 3, "rows": [{"shoe": "size"}]}
    assert dialler.post("/outbound/feeds/d/rows", wrong).status_code == 422
