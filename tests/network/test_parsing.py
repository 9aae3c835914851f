"""Columns of types that no table has yet are read as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from releve.network.columns import TableRow, column, list_columns
from releve.network.folder_reader import RawTable
from releve.network.parsing import BAD, parse_table
from releve.network.table_words import Naming, TableForm


@dataclass(frozen=True, slots=True)
class Counted(TableRow):
    table: ClassVar[str] = "counted"
    doc: ClassVar[str] = "Something counted."

    count: int = column("Count", example="3", at_least=0)
    spare: int | None = column("Spare", example="1", default=None)


def test_whole_numbers_are_whole_and_empty_ones_take_their_default() -> None:
    cells = pl.DataFrame({"count": ["3", "2.5", "-1", None, "x"], "spare": ["7", None] + ["1"] * 3})
    names = {name: Naming(name, name) for name in cells.columns}
    form = TableForm("counted", Naming("counted", "comptés"), list_columns(Counted), names)
    raw = RawTable(form, cells, np.arange(2, 7), frozenset(), comma_decimals=False)
    table, faults = parse_table(raw)
    assert table.values["count"] == [3, BAD, BAD, BAD, BAD]
    assert table.values["spare"] == [7, None, 1, 1, 1]
    assert [(fault.row, fault.reason) for fault in faults] == [
        (3, "is not a whole number"),
        (4, "must be at least 0"),
        (5, "is empty"),
        (6, "is not a number"),
    ]
    assert repr(BAD) == "BAD"
