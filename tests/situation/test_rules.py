"""Rules and charters as data: dated, scoped, ended by rows, and refused with every fault."""

from __future__ import annotations

from datetime import date

import pytest

from releve.situation import (
    AuthorisationRule,
    ClosureRule,
    SituationRuleFaults,
    TransportRule,
    load_charter,
    load_rules,
)
from releve.situation.shipped import load_rules_with
from tests.situation.rule_chain import HEALTH_2020, HEALTH_RULES, operator

SITES = operator().site
ROW = "kind: closure, source: test, confidence: test"


def test_the_shipped_rows_are_policy_with_a_source_and_never_law() -> None:
    rows = HEALTH_RULES.rows
    covid = {row.id for row in rows if row.id.startswith("MA-COVID-")}
    assert covid == {f"MA-COVID-{name}" for name in ("CLOSE", "REOPEN", "COMM", "TRANSPORT", "SEAT", "AUTH")}
    assert {row.basis for row in rows} == {"policy"}
    assert all(row.source and row.confidence and row.text and row.text_fr for row in rows)


def test_the_shipped_closure_is_two_agents_in_14_days_for_48_hours() -> None:
    rule = HEALTH_RULES.one(ClosureRule, date(2026, 11, 30), SITES["casa"])
    assert rule == ClosureRule() == ClosureRule(n=2, days=14, hours=48)


def test_a_past_day_is_judged_by_the_rules_of_that_day() -> None:
    rules = HEALTH_RULES
    assert rules.one(ClosureRule, date(2020, 3, 19)) is None
    assert rules.one(ClosureRule, date(2020, 3, 20)) is not None
    assert rules.in_force(AuthorisationRule, date(2021, 1, 1))
    assert not rules.in_force(AuthorisationRule, date(2026, 1, 1))


def test_a_row_is_ended_and_replaced_by_a_row() -> None:
    text = f"- {{id: NEW, {ROW}, from: 2026-06-01, ends: MA-COVID-CLOSE, parameters: {{n: 3}}}}"
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    assert rules.in_force(ClosureRule, date(2026, 5, 31))[0][0] == "MA-COVID-CLOSE"
    assert rules.in_force(ClosureRule, date(2026, 6, 1)) == (("NEW", ClosureRule(n=3)),)


def test_a_row_that_only_ends_another_leaves_nothing_in_its_place() -> None:
    text = "- {id: STOP, kind: end, from: 2026-06-01, ends: MA-COVID-TRANSPORT, source: test, confidence: test}"
    rules = load_rules_with([text], chosen=[HEALTH_2020])
    assert rules.one(TransportRule, date(2026, 5, 31)) is not None
    assert rules.one(TransportRule, date(2026, 6, 1)) is None


def test_the_row_of_a_site_wins_over_its_country_and_this_over_everywhere() -> None:
    text = "\n".join(
        f"- {{id: {name}, {ROW}, from: 2020-01-01{scope}}}"
        for name, scope in (("ALL", ""), ("MA", ", destinations: [MA]"), ("CASA", ", sites: [casa]"))
    )
    rules, day = load_rules([text]), date(2026, 1, 1)
    found = {site: rules.in_force(ClosureRule, day, SITES[site])[0][0] for site in SITES}
    assert found == {"casa": "CASA", "rabat": "MA", "lille": "ALL"}
    assert rules.in_force(ClosureRule, day)[0][0] == "ALL"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("{", ["text", "rules"]),
        ("a: 1", ["rules"]),
        ("- 3", ["row 1"]),
        (f"- {{id: X, {ROW}}}", ["row 1.valid_from"]),
        (f"- {{id: X, {ROW}, from: soon}}", ["row 1.valid_from"]),
        (f"- {{id: X, {ROW}, from: 2020-01-01, until: 2021-01-01}}", ["row 1.until"]),
        ("- {id: X, kind: curfew, source: s, confidence: c, from: 2020-01-01}", ["row 1.kind"]),
        (
            f"- {{id: X, {ROW}, from: 2020-01-01, parameters: {{n: 0, day: 3}}}}",
            ["row 1.parameters.day", "row 1.parameters.n"],
        ),
        (f"- {{id: X, {ROW}, from: 2020-01-01, ends: Y}}", ["ends"]),
        (f"- {{id: X, {ROW}, from: 2020-01-01}}\n" * 2, ["X"]),
    ],
)
def test_a_text_that_is_no_list_of_rules_is_refused_with_every_fault(text: str, faults: list[str]) -> None:
    with pytest.raises(SituationRuleFaults) as caught:
        load_rules([text])
    assert [fault.field for fault in caught.value.faults] == faults
    assert all(fault.fix for fault in caught.value.faults)


def test_the_shipped_charter_has_about_twenty_measures_on_seven_axes() -> None:
    charter = HEALTH_RULES.charter(date(2026, 11, 30))
    assert charter is not None
    assert len(charter.axes) == 7
    assert 18 <= len(charter.measures) <= 22
    assert {measure.axis for measure in charter.measures} == {axis.id for axis in charter.axes}
    daily = {measure.id for measure in charter.measures if measure.daily}
    assert daily >= {"distancing", "hygiene", "ventilation", "masks", "transport_fill", "canteen"}
    assert HEALTH_RULES.charter(date(2020, 4, 22)) is None


def test_the_newest_version_of_the_charter_in_force_holds() -> None:
    text = (
        "{id: sector, version: '2', from: 2026-06-01, source: test,"
        " axes: [{id: a, title: A, title_fr: A}],"
        " measures: [{id: m, axis: a, text: M, text_fr: M}]}"
    )
    rules = load_rules_with(charters=[text])
    versions = {day: rules.charter(date(2026, *day)) for day in ((5, 31), (6, 1))}
    assert [found.version for found in versions.values() if found] == ["1", "2"]


def test_a_charter_whose_measure_has_no_axis_is_refused() -> None:
    text = (
        "{id: c, version: '1', from: 2026-06-01, source: s, axes: [],"
        " measures: [{id: m, axis: a, text: M, text_fr: M}]}"
    )
    with pytest.raises(SituationRuleFaults, match=r"measures.m.axis 'a': is no axis"):
        load_charter(text)
