"""Events as JSON and back, how late a record is, and the page about them."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from releve.situation import (
    KINDS,
    NOTICES,
    REFUSALS,
    CaseDeclared,
    Event,
    EventCorrected,
    EventFaults,
    event_from_json,
    event_to_json,
    find_late_record,
    find_site_status,
    health_fields,
    list_fields,
    list_site_checks,
    list_site_inspections,
    measure_delay,
    measure_entry_delay,
    personal_fields,
    write_reference,
)
from releve.situation.events import ABSENCE_REASONS
from releve.situation.shipped import load_shipped_rules
from releve.situation.situation import FAMILIES
from tests.situation.event_strategies import any_event
from tests.situation.rule_chain import HEALTH_RULES, START, Chain, operator

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
        "incident.place_added",
        "incident.reviewed",
        "incident.role_taken",
        "incident.task_done",
        "incident.task_set",
        "inspection.held",
        "link.down",
        "link.up",
        "power.down",
        "power.up",
        "relief.aim_chosen",
        "reopening.approved",
        "reopening.checked",
        "roll.marked",
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


def test_the_reason_of_an_absence_is_a_word_of_a_list_for_health_alone_and_nothing_else_of_it_is() -> None:
    assert health_fields("agent.unavailable") == ("reason",)
    assert "reason" in personal_fields("agent.unavailable")
    assert health_fields("agent.back") == ()
    (reason,) = (field for field in list_fields(KINDS["agent.unavailable"]) if field.name == "reason")
    assert (reason.default, reason.condition.one_of) == ("", ("", *ABSENCE_REASONS))
    for kind in ("agent.unavailable", "agent.back"):
        names = {field.name for field in list_fields(KINDS[kind])} - {"reason"}
        assert not names & {"cause", "note", "status", "rule"}


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


MINUTE, NONE = timedelta(minutes=1), timedelta(0)


@pytest.mark.parametrize(("passed", "late"), [(-5 * MINUTE, NONE), (60 * MINUTE, NONE), (61 * MINUTE, 61 * MINUTE)])
def test_what_happened_at_an_instant_is_recorded_in_time_for_an_hour(passed: timedelta, late: timedelta) -> None:
    assert measure_delay(START, START + passed) == late


@pytest.mark.parametrize(
    ("time_zone", "ended"),
    [
        ("Africa/Casablanca", datetime(2026, 12, 1, tzinfo=UTC)),
        ("Europe/Paris", datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("Indian/Antananarivo", datetime(2026, 11, 30, 21, tzinfo=UTC)),
    ],
)
def test_what_is_about_a_day_is_recorded_in_time_until_it_ends_at_the_site(time_zone: str, ended: datetime) -> None:
    day = date(2026, 11, 30)
    assert measure_delay(START, ended, day, time_zone) == NONE
    assert measure_delay(START, ended + MINUTE, day, time_zone) == MINUTE
    assert measure_delay(ended + 3 * MINUTE, ended + 3 * MINUTE, day, time_zone) == 3 * MINUTE


def test_an_entry_is_measured_as_its_event_and_one_without_a_time_is_in_time() -> None:
    chain = Chain().after(days=4)
    day = START.date().isoformat()
    event = chain.event("check.done", site="lille", day=START.date(), symptomatic=0)
    body = {"happened_at": event.happened_at.isoformat(), "site": "lille", "day": day}
    assert find_late_record(event, chain.operator) == event.recorded_at
    delay = measure_entry_delay(body, event.recorded_at, chain.operator)
    assert delay == event.recorded_at - datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert measure_entry_delay({"day": day}, event.recorded_at, chain.operator) == NONE
    seen = {"happened_at": event.happened_at.isoformat(), "seen_at": START.isoformat()}
    assert measure_entry_delay(seen, event.recorded_at, operator()) == timedelta(days=4)


def test_lists_of_a_site_say_when_its_checks_visits_and_closure_were_recorded() -> None:
    chain = Chain().after(days=10)
    for happened, reason in ((START, 1), (chain.now, 0)):
        chain.record("check.done", site="casa", day=happened.date(), symptomatic=0, happened_at=happened)
        chain.record("inspection.held", site="casa", authority=f"C{reason}", happened_at=happened)
    chain.record("site.closed", site="casa", cause="operator", happened_at=START)
    chain.record("power.down", site="rabat", happened_at=START)
    chain.record("power.down", site="lille")
    here = chain.situation, chain.operator
    checks = list(list_site_checks(*here, "casa", 7, health=False))
    visits = list(list_site_inspections(*here, "casa", 7))
    for rows in (checks, visits):
        assert [row.recorded_late for row in rows] == [None, chain.now]
    found = {
        site.id: find_site_status(site, chain.situation, HEALTH_RULES).recorded_late for site in chain.operator.sites
    }
    assert found == {"casa": chain.now, "rabat": chain.now, "lille": None}


PAGE = Path(__file__).parents[2] / "docs" / "situation.md"


def test_the_page_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == write_reference(load_shipped_rules()), "docs/situation.md: run scripts/docs"


def test_the_page_names_every_event_refusal_notice_and_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [*KINDS, *(row.id for row in load_shipped_rules().rows)]
    assert [name for name in headings if f"\n### {name}\n" not in text] == []
    assert [code for code in (*REFUSALS, *NOTICES) if f"`{code}`" not in text] == []
    common = {field.name for field in list_fields(Event)}
    for kind, event in KINDS.items():
        section = text.partition(f"\n### {kind}\n")[2].partition("\n### ")[0]
        own = [field.name for field in list_fields(event) if field.name not in common]
        assert [name for name in own if f"`{name}`" not in section] == [], kind
