"""Events as JSON and back, and what each of their fields says of itself."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings

from releve.situation import (
    KINDS,
    CaseDeclared,
    Event,
    EventCorrected,
    EventFaults,
    event_from_json,
    event_to_json,
    health_fields,
    list_fields,
    personal_fields,
)
from releve.situation.situation import FAMILIES
from tests.situation.event_strategies import any_event
from tests.situation.rule_chain import START

CASE = {
    "id": "e1",
    "happened_at": "2026-11-30T09:00:00Z",
    "recorded_at": "2026-11-30T09:00:00Z",
    "actor": "samira",
    "site": "casa",
    "status": "declared_case",
    "agent": "a1",
}


@settings(deadline=None)
@given(any_event())
def test_every_event_round_trips_through_json(event: Event) -> None:
    text = json.dumps(event_to_json(event), ensure_ascii=False)
    text.encode("utf-8")
    assert event_from_json(event.kind, json.loads(text)) == event


@settings(deadline=None)
@given(any_event())
def test_an_event_whose_personal_values_were_erased_is_still_an_event(event: Event) -> None:
    kept = event_to_json(event)
    for name in personal_fields(event.kind):
        del kept[name]
    erased = event_from_json(event.kind, kept)
    assert erased.id == event.id
    assert erased.person == ""
    assert all(not getattr(erased, name) for name in personal_fields(event.kind))


def test_there_is_an_event_for_everything_that_is_recorded() -> None:
    assert sorted(KINDS) == [
        "agent.back",
        "agent.unavailable",
        "agents.present",
        "audit.concluded",
        "audit.observed",
        "audit.opened",
        "audit.verdict",
        "authorisation.granted",
        "authorisation.withdrawn",
        "case.declared",
        "check.done",
        "closure.extended",
        "draw.drawn",
        "draw.framed",
        "draw.joined",
        "draw.not_visited",
        "draw.planned",
        "draw.present",
        "draw.revealed",
        "event.corrected",
        "finding.answered",
        "finding.raised",
        "finding.verified",
        "incident.closed",
        "incident.decided",
        "incident.noted",
        "incident.opened",
        "incident.reviewed",
        "incident.role_taken",
        "incident.task_done",
        "incident.task_set",
        "inspection.held",
        "link.down",
        "link.up",
        "power.down",
        "power.up",
        "reopening.approved",
        "reopening.checked",
        "rules.chosen",
        "rules.ended",
        "site.closed",
        "site.reopened",
        "tests.done",
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_and_field_says_what_it_is(kind: str) -> None:
    assert KINDS[kind].doc.endswith(".")
    assert [field.name for field in list_fields(KINDS[kind]) if not field.doc] == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_personal_field_has_an_empty_default(kind: str) -> None:
    by_name = {field.name: field for field in list_fields(KINDS[kind])}
    assert [name for name in personal_fields(kind) if by_name[name].default] == []


def test_a_field_that_names_an_agent_is_personal_everywhere() -> None:
    naming = {"agent", "agents", "inspectors", "commission"}
    for kind, row in KINDS.items():
        for field in list_fields(row):
            assert field.personal or field.name not in naming, f"{kind}.{field.name}"


def test_a_case_holds_status_dates_and_site_and_nothing_else_of_health() -> None:
    assert health_fields("case.declared") == ("status", "agent", "case", "since", "until")
    own = {field.name for field in list_fields(CaseDeclared)}
    assert own == {
        *("id", "happened_at", "recorded_at", "actor"),
        *("site", "status", "agent", "case", "since", "until"),
    }


def test_an_absence_has_no_field_of_health_and_none_for_a_reason() -> None:
    for kind in ("agent.unavailable", "agent.back"):
        assert health_fields(kind) == ()
        names = {field.name for field in list_fields(KINDS[kind])}
        assert not names & {"reason", "cause", "note", "status", "rule"}


def test_a_time_with_another_offset_is_kept_in_utc() -> None:
    tunis = timezone(timedelta(hours=1))
    event = CaseDeclared(**_values(happened_at=datetime(2026, 11, 30, 10, tzinfo=tunis)))
    assert event.happened_at == START
    assert event.happened_at.tzinfo is UTC
    assert event_to_json(event)["happened_at"] == "2026-11-30T09:00:00Z"


def test_an_event_is_not_made_of_a_time_without_offset() -> None:
    with pytest.raises(ValueError, match=r"case.declared.happened_at has an offset, got"):
        CaseDeclared(**_values(happened_at=START.replace(tzinfo=None)))


def test_an_event_quotes_the_condition_that_does_not_hold() -> None:
    with pytest.raises(ValueError, match=r"case.declared.status must be one of .*, got 'flu'"):
        CaseDeclared(**_values(status="flu"))


def _values(**changes: Any) -> dict[str, Any]:
    values = {"id": "e", "happened_at": START, "recorded_at": START, "actor": "samira"}
    return values | {"site": "casa", "status": "declared_case", "agent": "a1"} | changes


@pytest.mark.parametrize(
    ("kind", "changes", "field", "reason"),
    [
        ("case.closed", {}, "kind", "is no kind of event"),
        ("case.declared", {"diagnosis": "flu"}, "diagnosis", "is no field of this kind"),
        ("case.declared", {"site": None}, "site", "is not a text"),
        ("case.declared", {"site": 7}, "site", "is not a text"),
        ("case.declared", {"site": "a\x00b"}, "site", "holds control characters"),
        ("case.declared", {"site": "\ud800"}, "site", "holds control characters"),
        ("case.declared", {"site": "x" * 4001}, "site", "has 4001 characters, more than 4000"),
        ("case.declared", {"status": "ill"}, "status", "must be one of"),
        ("case.declared", {"since": "30/11/2026"}, "since", "is not an ISO 8601 day"),
        ("case.declared", {"since": "1926-11-30"}, "since", "between the years 2000 and 2199"),
        ("case.declared", {"happened_at": "tomorrow"}, "happened_at", "is not an ISO 8601 time"),
        ("case.declared", {"happened_at": "2026-11-30T09:00"}, "happened_at", "has no offset"),
        ("case.declared", {"happened_at": 17}, "happened_at", "is not an ISO 8601 time"),
        ("case.declared", {"happened_at": "0001-01-01T00:00:00+14:00"}, "happened_at", "is not an ISO 8601 time"),
        ("check.done", {"transport_fill": "half"}, "transport_fill", "is not a number"),
        ("check.done", {"transport_fill": True}, "transport_fill", "is not a number"),
        ("check.done", {"transport_fill": 10**400}, "transport_fill", "is too large a number"),
        ("check.done", {"transport_fill": float("nan")}, "transport_fill", "finite"),
        ("check.done", {"symptomatic": 1.5}, "symptomatic", "is not a whole number"),
        ("check.done", {"symptomatic": -1}, "symptomatic", "must be at least 0"),
        ("check.done", {"findings": {}}, "findings", "is not a list"),
        ("check.done", {"findings": [3]}, "findings.0", "is not an object"),
        ("check.done", {"findings": [{"verdict": "kept"}]}, "findings.0.measure", "is missing"),
        ("check.done", {"findings": [{"measure": "masks", "verdict": "fine"}]}, "findings.0.verdict", "must be one of"),
        ("check.done", {"commission": ["x", 3]}, "commission.1", "is not a text"),
        ("site.closed", {"home_only": 1}, "home_only", "is neither true nor false"),
    ],
)
def test_a_mapping_that_is_no_event_is_refused_by_field_reason_and_fix(
    kind: str, changes: dict[str, Any], field: str, reason: str
) -> None:
    base = {"check.done": {"day": "2026-11-30"}, "site.closed": {"cause": "hazard"}}
    own = {name: value for name, value in CASE.items() if name not in ("status", "agent")}
    mapping = (own | base[kind] if kind in base else CASE) | changes
    with pytest.raises(EventFaults) as caught:
        event_from_json(kind, mapping)
    (fault,) = caught.value.faults
    assert fault.field == field
    assert reason in fault.reason
    assert fault.fix
    assert f"{field}" in str(caught.value)


def test_all_faults_of_a_mapping_are_named_in_one_go() -> None:
    with pytest.raises(EventFaults) as caught:
        event_from_json("case.declared", {"site": 1, "status": "ill", "mood": "low"})
    fields = {fault.field for fault in caught.value.faults}
    assert fields == {"site", "status", "mood", "id", "happened_at", "recorded_at", "actor"}
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_declares_its_label_permission_and_family(kind: str) -> None:
    event = KINDS[kind]
    assert event.label[:1].isupper()
    assert event.permission
    assert event.family in FAMILIES or event is EventCorrected
    assert set(event.about) <= {field.name for field in list_fields(event)} or not event.family
