"""Every column that can hold text is declared, and every table that names agents has its room."""

from __future__ import annotations

from collections import Counter

import pytest
from django.apps import apps
from django.db.models import Field, Model

from releve.erasure import columns, registered

_TEXT = frozenset({
    "BinaryField", "CharField", "EmailField", "FileField", "FilePathField", "GenericIPAddressField",
    "JSONField", "SlugField", "TextField", "URLField",
})  # fmt: skip
"""The types of columns that can hold text; a column that refers to a row is that row's matter."""
DECLARED = (columns.AGENT, columns.EVIDENCE, columns.CALLED, columns.USER, columns.NEUTRAL)


def _text_columns() -> set[tuple[str, str]]:
    models: list[type[Model]] = apps.get_models(include_auto_created=True)
    return {
        (model._meta.db_table, str(column.column))
        for model in models
        for column in model._meta.local_concrete_fields
        if _internal_type(column) in _TEXT
    }


def _internal_type(column: Field[object, object]) -> str:
    return "" if column.is_relation else column.get_internal_type()


def test_every_column_that_can_hold_text_is_declared_once() -> None:
    declared = Counter((table, name) for part in DECLARED for table, names in part.items() for name in names)
    found = _text_columns()
    assert sorted(found - set(declared)) == [], "declare it in releve/erasure/columns.py"
    assert sorted(set(declared) - found) == [], "there is no such column any more"
    assert [name for name, times in declared.items() if times > 1] == []


def test_every_table_that_names_agents_has_a_room_that_erases_it() -> None:
    erased = [table for room in registered() for table in room.tables]
    assert sorted(erased) == sorted(columns.AGENT)


@pytest.mark.parametrize("room", registered(), ids=lambda room: room.name)
def test_tables_of_a_room_are_its_own(room: object) -> None:
    name = getattr(room, "name", "")
    assert all(table.startswith(f"{name}_") for table in getattr(room, "tables", ()))
