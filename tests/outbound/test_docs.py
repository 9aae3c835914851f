"""The page about the law is the table itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from releve.plugins.outbound.engine import built_in_rules
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.phrases import render_rules, select_rows_on

PAGE = Path(__file__).resolve().parents[2] / "docs" / "outbound.md"


def test_the_page_ends_with_the_table_as_it_stands() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(render_rules(built_in_rules(), "en"))


def test_the_page_names_every_column_of_the_facts() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for table in TABLES:
        line = next(line for line in lines if line.startswith(f"| {table} |"))
        for column, (_, must) in list_columns(table).items():
            assert (f"**{column}**" if must else column) in line


def test_the_rows_of_a_day_are_those_in_force() -> None:
    ids = {row.id for row in select_rows_on(built_in_rules(), date(2026, 8, 11))}
    assert "FR-OPTIN-1" in ids
    assert "FR-BLOCTEL-1" not in ids


def test_every_row_from_memory_or_interpretation_is_marked_unsure() -> None:
    for row in built_in_rules().rows:
        assert row.unsure or not {"M", "I"}.intersection(row.sure)
