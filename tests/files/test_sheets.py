"""Lists as an Excel file are read back as they were written."""

from __future__ import annotations

import io
from datetime import datetime

import polars

from releve.files.operator_folder import ListSheet, write_sheets

AT = datetime(2026, 11, 30, 9, 30)  # noqa: DTZ001 (Excel's times have no zone)


def test_cells_of_each_kind_are_read_back_and_formulas_stay_text() -> None:
    rows = [("=A1", 3, AT), ("b", None, None)]
    content = write_sheets([ListSheet("List", ("Name", "Tries", "Sent"), rows)], AT)
    assert polars.read_excel(io.BytesIO(content)).rows() == rows


def test_a_list_without_rows_has_its_header() -> None:
    sheets = [ListSheet("One", ("Name",), ()), ListSheet("Two", ("Name", "Tries"), [("a", 1)])]
    found = polars.read_excel(io.BytesIO(write_sheets(sheets, AT)), sheet_id=0)
    assert found["One"].columns == ["Name"]
    assert found["Two"].rows() == [("a", 1)]


def test_the_same_lists_are_the_same_bytes() -> None:
    sheets = [ListSheet("List", ("Name",), [("a",)])]
    assert write_sheets(sheets, AT) == write_sheets(sheets, AT)
