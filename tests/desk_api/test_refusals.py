"""Refusals of the API: a code in each, one language in each, and docs/api.md that lists and shows what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.desk.api.document import document
from releve.desk.api.refusals import build_fault
from releve.desk.error_codes import ERROR_CODES, FAULT_CODES, choose_code
from releve.situation import REFUSALS
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
ENGLISH = re.compile(r"\b(the|should|input|field|missing|must|give|leave|write|value|there)\b", re.IGNORECASE)


def test_the_page_lists_every_code_that_the_program_can_send_with_its_status() -> None:
    document()  # plug-ins have added theirs
    listed = re.findall(r"^\| `([a-z_.-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)
    assert {code: int(status) for code, status in listed} == {code: row[0] for code, row in ERROR_CODES.items()}
    faults = PAGE.partition("In `faults` stand")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z_.-]+)` \|", faults, re.MULTILINE)) - {"code"} == set(FAULT_CODES)
    events = (Path(__file__).parents[2] / "docs" / "situation.md").read_text("utf-8")
    assert [code for code in REFUSALS if f"`{code}`" not in events] == []


def test_a_code_that_is_listed_nowhere_cannot_be_sent() -> None:
    for status, code in ((404, "gone"), (404, "faults")):
        with pytest.raises(ValueError, match=repr(code)):
            choose_code(status, code)
    with pytest.raises(ValueError, match="FAULT_CODES"):
        build_fault("site", "", "…")


def refusals(asks: Program, scenario: Scenario) -> list[Any]:
    """Return an answer of each family of refusals."""
    french = {"Accept-Language": "fr"}
    asks.record("power.down", "taken", site=scenario.site)
    other = scenario.operator.sites[1].id
    agent = scenario.operator.agents[0].id
    nothing = Client().get("/api/v1/now", headers=french)
    wrong = Client().get("/api/v1/now", headers={**french, "Authorization": "Bearer releve_no"})
    forbidden = program(Role.PLANNER).post("/events/site.closed", {}, "k", **french)
    return [
        nothing,
        wrong,
        forbidden,
        asks.get("/sites/nowhere", **french),
        asks.get("/events?after=999999", **french),
        asks.get("/events?after=-1&wait=x&stream=*", **french),
        asks.post("/events/power.down", "{", "k", **french),
        asks.post("/events/power.down", {"site": other}, "taken", **french),
        asks.post("/events/check.done", {"day": "x", "findings": [{"measure": 3}], "colour": 1}, "k", **french),
        asks.post("/events/check.done", {"actor": "me"}, "k", **french),
        asks.post("/events/site.closed", {"site": "nowhere", "cause": "authority"}, "k", **french),
        asks.post("/acknowledgements", {"token": ""}, "", **french),
        asks.post("/acknowledgements", {"token": "no"}, "", **french),
        asks.post("/acknowledgements", "{", "", **french),
        asks.web.put(
            f"/api/v1/people/{agent}", '{"colour": 1}', content_type="application/json",
            headers={**asks.headers, **french, "If-Match": '"old"'},
        ),
    ]  # fmt: skip


def test_every_refusal_has_its_codes_and_is_in_french_alone(manager: Program, scenario: Scenario) -> None:
    answers = refusals(manager, scenario)
    errors = [answer.json()["error"] for answer in answers]
    for answer, error in zip(answers, errors, strict=True):
        faults = error.get("faults", [])
        assert ERROR_CODES[error["code"]][0] == error["status"] == answer.status_code
        assert {fault["code"] for fault in faults} <= {*FAULT_CODES, *REFUSALS}
        said = [error["message"], error["detail"], *(fault["message"] for fault in faults)]
        assert not ENGLISH.search(re.sub(r" : [\w, .]+$", "", " ".join(said))), said
    assert {error["code"] for error in errors} >= {
        "access.sign_in", "access.token", "access.role", "missing", "ledger.shorter", "faults", "body.unreadable",
        "key.reused",
    }  # fmt: skip
    assert {fault["code"] for error in errors for fault in error.get("faults", ())} >= {
        "field.missing", "field.unknown", "field.own", "field.type", "field.value", "site.unknown",
    }  # fmt: skip


def test_no_field_is_proposed_that_the_operation_does_not_take(manager: Program) -> None:
    (fault,) = [
        row
        for row in manager.post("/events/power.down", {"colour": 1}, "k").json()["error"]["faults"]
        if row["code"] == "field.unknown"
    ]
    named = set(fault["message"].partition("one of ")[2].split(", "))
    schema = document()["paths"]["/api/v1/events/power.down"]["post"]["requestBody"]["content"]["application/json"]
    assert named == set(schema["schema"]["properties"])


def test_the_examples_of_the_page_do_what_it_says(manager: Program, scenario: Scenario) -> None:
    """Each ``curl`` of the page, with this operator's site and client for those of the example."""
    blocks = re.findall(r"^    curl (?:.*\\\n)*.*$", PAGE, re.MULTILINE)
    wanted = {
        "/now": 200,
        "/events/power.down": 201,
        "/events": 200,
        "/tables/coverage": 200,
        "/outbound/requests": 422,
    }
    done = {}
    for block in blocks:
        text = block.replace("\\\n", " ")
        ((path, query),) = re.findall(r"https://desk\.example\.org/api/v1(/[\w./-]+)(\?[\w=&-]*)?", text)
        body = re.search(r"-d '(.*)'", text)
        if body is None:
            answer = manager.get(path + query.replace("wait=20", "wait=0"))
        else:
            sent = json.loads(body[1].replace("casa-1", scenario.site))
            key = re.search(r"Idempotency-Key: ([\w-]+)", text)
            assert key
            asks = manager if path.startswith("/events") else program(Role.FLOW)
            answer = asks.post(path, sent, key[1])
        done[path] = answer.status_code
    assert done == wanted, "no campaign is recorded for the client of the example, so that it is refused"
