"""Values as people read them and as fields hold them: what is read again is the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releve.network import TABLES, list_columns
from releve.network.cell_text import format_for_form, format_for_reader, read_form_value
from releve.network.columns import TableColumn, list_options
from releve.network.table_words import name_unit


def find_column(table: str, name: str) -> TableColumn:
    (kind,) = [kind for kind in TABLES if kind.table == table]
    (found,) = [column for column in list_columns(kind) if column.name == name]
    return found


@pytest.mark.parametrize(
    ("typed", "language", "read"),
    [
        ("1 234,5", "fr", "1234.5"),
        ("1\u202f234", "fr", "1234"),
        ("-0,25", "fr", "-0.25"),
        ("1.5", "fr", "1.5"),
        ("douze", "fr", "douze"),
        ("1,5", "en", "1,5"),
    ],
)
def test_a_number_typed_in_french_has_a_point_in_the_file(typed: str, language: str, read: str) -> None:
    assert read_form_value(find_column("sites", "lat"), typed, language) == read


def test_a_comma_in_a_text_stays() -> None:
    assert read_form_value(find_column("sites", "name"), "1,5", "fr") == "1,5"


def test_a_time_is_shown_to_the_minute_and_kept_with_its_offset_in_a_field() -> None:
    column, at = find_column("shifts", "start"), datetime(2026, 11, 30, 8, tzinfo=UTC)
    shown = {one: format_for_reader("shifts", column, at, "Europe/Paris", one) for one in ("fr", "en")}
    assert shown == {"fr": "30/11/2026 09:00", "en": "2026-11-30 09:00"}
    assert format_for_form("shifts", column, at, "Europe/Paris", "fr") == "2026-11-30T09:00+01:00"
    assert format_for_reader("shifts", column, None, "UTC", "fr") == ""


def test_a_choice_is_shown_by_its_label_and_held_by_its_id() -> None:
    column = find_column("programmes", "kind")
    assert "back_office" in list_options(column)
    assert format_for_form("programmes", column, "back_office", "UTC", "fr") == "back_office"
    assert format_for_reader("programmes", column, "back_office", "UTC", "fr") != "back_office"
    assert list_options(find_column("agents", "home_ready")) == ("true", "false")
    assert list_options(find_column("sites", "name")) == ()


def test_a_unit_is_called_by_its_sign_or_its_word() -> None:
    assert [name_unit(unit) for unit in ("EUR", "share", "km")] == ["€", "share from 0 to 1", "km"]
    assert name_unit("") == ""
