"""Rows and facts in words: nothing is shown by its code, and both languages say the same."""

from __future__ import annotations

from datetime import date

import pytest

from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.fact_files import COLUMN_LABELS, FACT_LABELS, format_cell, list_columns
from releve.plugins.outbound.engine.legal_rows import SOURCES, cite_sources, list_source_numbers
from releve.plugins.outbound.engine.phrases import list_jurisdictions, select_rows_on
from releve.plugins.outbound.engine.row_text import (
    GATE_LABELS,
    JURISDICTION_LABELS,
    PARAMETER_LABELS,
    SURENESS_LABELS,
    describe_limits,
    value_label,
)
from releve.plugins.outbound.engine.rule_kinds import GATES, KINDS, SURE


def test_a_word_of_the_law_reads_as_in_its_vocabulary() -> None:
    assert value_label("heat-pump", "fr") == "pompe à chaleur"
    assert value_label("manual", "en") == "manual"
    assert value_label("row-of-its-own", "fr") == "row-of-its-own"


def test_every_code_that_a_row_may_hold_has_a_label() -> None:
    assert set(GATE_LABELS) == set(GATES)
    assert set(SURENESS_LABELS) == set(SURE)
    assert set(JURISDICTION_LABELS) == {row.jurisdiction for row in built_in_rules().rows}
    named = {name for row in built_in_rules().rows for name in row.parameters}
    known = {name for kind in KINDS.values() for name in kind.parameters}
    assert named <= set(PARAMETER_LABELS) <= known


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_limit_is_written_as_python_writes_it(language: str) -> None:
    for row in built_in_rules().rows:
        for label, value in describe_limits(row, language).items():
            assert label[0].isupper(), row.version
            assert value, (row.version, label)
            assert not set("{}[]") & set(value), (row.version, label, value)


def test_days_and_hours_of_a_row_stand_together_where_they_are_alike() -> None:
    (hours,) = (row for row in built_in_rules().rows if row.version == "FR-HOURS-1@2023-03-01")
    assert describe_limits(hours, "fr")["Heures permises"] == ("lundi–vendredi 10:00–13:00, 14:00–20:00")
    assert describe_limits(hours, "en")["Permitted hours"] == ("Monday–Friday 10:00–13:00, 14:00–20:00")


def test_a_cell_reads_as_its_vocabulary_its_truth_or_itself() -> None:
    assert format_cell("attempts", "outcome", "no-answer", "fr") == "sans réponse"
    assert format_cell("consents", "items", ("choice", "period"), "en") == ("choice to accept or not and period")
    assert format_cell("callbacks", "in_call", True, "fr") == "oui"
    assert format_cell("attempts", "id", "A1", "fr") == "A1"
    with pytest.raises(ValueError, match="must be no day"):
        format_cell("contracts", "last", date(2026, 1, 1), "fr")


def test_every_table_that_a_person_has_facts_in_is_labelled_with_its_columns() -> None:
    apart = {"person", "number", "proof", "known_at"}
    when = {"at", "collected_at", "requested_at"}
    for table in FACT_LABELS:
        assert set(list_columns(table)) - apart - when <= set(COLUMN_LABELS), table


def test_jurisdictions_stand_france_first_and_any_country_last() -> None:
    rules = built_in_rules()
    codes = list_jurisdictions(rules.rows)
    assert (codes[0], codes[-1]) == ("FR", "ANY")
    shown = select_rows_on(rules, date(2026, 11, 30))
    assert list_jurisdictions(shown) == tuple(dict.fromkeys(row.jurisdiction for row in shown))
    belgian = select_rows_on(rules, None, "BE")
    assert {row.jurisdiction for row in belgian} == {"BE"}


def test_the_sources_of_rows_are_those_that_they_cite() -> None:
    rows = select_rows_on(built_in_rules(), None, "ES")
    cited = cite_sources(rows)
    assert set(cited) == {number for row in rows for number in list_source_numbers(row.source)}
    assert all(cited[number] == SOURCES[number] for number in cited)
