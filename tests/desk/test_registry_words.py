"""The words of the registry's pages: every unit that a table declares has one."""

from __future__ import annotations

from django.utils.translation import override

from releve.desk.registry.page import translate_unit
from releve.network import TABLES, list_columns


def test_every_unit_of_the_tables_has_a_word_in_both_languages() -> None:
    columns = [column for row in TABLES for column in list_columns(row)]
    for language in ("fr", "en"):
        with override(language):
            assert all(translate_unit(column) for column in columns if column.unit)
