"""What people say on the phone, by the API: tokens, keys, faults by field, feeds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.plugins.outbound.gate import pseudonyms
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.models import PersonRequestRow, WithdrawalRow
from tests.desk_api.conftest import Program, program
from tests.gate.sample_campaign import CLIENT, campaign_terms, phone, record_people

pytestmark = [pytest.mark.database, pytest.mark.django_db]
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
        ({"said": "go away"}, ("said", "")),
        ({"at": "2026-01-01T00:00:00"}, ("at", "")),
        ({"shoe": "size"}, ("shoe", "")),
        ({"number": None}, ("number", "")),
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
