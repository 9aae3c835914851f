"""Files that unpack to far more than they are: refused by their size, before it is in memory."""

from __future__ import annotations

import time
import zipfile
from io import BytesIO

import polars as pl
import pytest

from releve.demand.call_log_file import read_log
from releve.network import OperatorFaults, read_operator, size_limits
from releve.network.history_grid import Unreadable
from releve.network.size_limits import _PartCounter, count_parquet_cells, measure_unpacked, read_parquet, read_sheets
from tests.network.clean_tables import as_workbook, clean_tables


def change_sheets(change: dict[bytes, bytes]) -> bytes:
    """Return the sample workbook with bytes of its sheets replaced."""
    (book,) = as_workbook(clean_tables()).values()
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(book)) as old, zipfile.ZipFile(out, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if "worksheets/" in item.filename:
                for one, other in change.items():
                    data = data.replace(one, other)
            new.writestr(item.filename, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@pytest.mark.parametrize("last", [b"XFD1048576", b"b99999999", b"ZZZ2"])
def test_a_cell_in_the_last_corner_of_a_sheet_is_refused_before_the_sheet_is_laid_out(last: bytes) -> None:
    data = change_sheets({b'"B2"': b'"' + last + b'"'})
    with pytest.raises(Unreadable, match="cells up to their last one"):
        read_sheets(data)
    with pytest.raises(OperatorFaults, match="cells up to their last one"):
        read_operator({"operator.xlsx": data})
    with pytest.raises(ValueError, match="cells up to their last one"):
        read_log("log.xlsx", data)


def count_cells(*parts: bytes) -> int:
    counter = _PartCounter()
    for part in parts:
        counter.count("xl/worksheets/sheet1.xml", BytesIO(part))
    return counter.cells


@pytest.mark.parametrize(
    ("xml", "cells"),
    [
        (b'<s><row r="3"><c r="A3"/><c r="C3"></c></row></s>', 9),
        (b"<s xmlns:x='x'><row><c/><c/></row><x:row><x:c/></x:row></s>", 4),
        (b"<row r='2'><c a='>' r='B2'/></row>", 4),
        (b'<row r="1" xmlns:a="a"><c a:r="A1" r = "D1"/></row>', 4),
        (b"<worksheet xmlns:c='c'><cols/><c:chart/></worksheet>", 0),
        ("<row><c/></row>".encode("utf-16"), 1),
    ],
)
def test_the_cells_of_a_sheet_are_counted_to_the_last_one(xml: bytes, cells: int) -> None:
    assert count_cells(xml) == cells
    assert count_cells(xml, xml) == 2 * cells


NESTED = b"<x>" * 1_000_000 + b"</x>" * 1_000_000


@pytest.mark.parametrize(
    ("part", "held", "says"),
    [
        ("xl/worksheets/sheet1.xml", b"<worksheet>" + NESTED + b"</worksheet>", "64 deep"),
        ("xl/sharedStrings.xml", NESTED.replace(b"x", b"t"), "64 deep"),
        ("xl/media/image1.png", NESTED, "64 deep"),
        ("xl/worksheets/sheet1.xml", b"<s>" + b"<x/>" * 400_001 + b"</s>", "400000 elements"),
        ("xl/worksheets/sheet1.xml", b"<s>" + b"<c/>" * 300_000 + b"</s>", "cells up to"),
        ("xl/worksheets/sheet1.xml", b"<s>" + b" " * 9_000_000 + b"</s>", "100 times its size"),
        ("xl/worksheets/sheet1.xml", b"<s><sheetData>", "not a workbook"),
        ("xl/media/image1.png", b"\x89PNG <sheetData>", "not a workbook"),
        ("xl/worksheets/sheet1.xml", b"<!DOCTYPE s [<!ENTITY a 'b'>]><s>&a;</s>", "not a workbook"),
    ],
)
def test_a_workbook_of_too_much_is_refused_within_a_second_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, part: str, held: bytes, says: str
) -> None:
    """Ten kilobytes can hold a million elements, one within another."""
    monkeypatch.setattr(size_limits, "MAX_ELEMENTS", 400_000)
    monkeypatch.setattr(size_limits, "MAX_SHEET_CELLS", 200_000)
    (book,) = as_workbook(clean_tables()).values()
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(book)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)
        new.writestr(part, held, zipfile.ZIP_DEFLATED)
    began = time.process_time()
    with pytest.raises(Unreadable, match=says):
        read_sheets(out.getvalue())
    assert time.process_time() - began < 1.5


def test_a_picture_in_a_workbook_is_let_through() -> None:
    out = BytesIO(next(iter(as_workbook(clean_tables()).values())))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/media/image1.png", b"\x89PNG\r\n" + bytes(range(256)))
    assert read_sheets(out.getvalue())


def test_no_pattern_looks_beyond_the_next_tag_so_that_its_time_is_linear() -> None:
    for tag, pattern in (
        (b'<mergeCell {} ref="A1:B2"', size_limits._MERGED),
        (b'<c {} r="A1"', size_limits._CELL),
        (b'<c t="e" {} r="A1"><v>1</v>', size_limits._ERROR),
        (b'<c t="e" r="A1"><f>{}</f><v>1</v>', size_limits._ERROR),
    ):
        assert pattern.search(tag.replace(b"{}", b"s"))
        assert not pattern.search(tag.replace(b"{}", b"<s"))


def test_an_error_of_a_formula_is_that_of_its_own_cell() -> None:
    sheet = b'<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B2" t="e"><v>#REF!</v></c>'
    found = size_limits._ERROR.findall(sheet)
    assert [text for _letters, _row, text in found] == [b"#DIV/0!", b"#REF!"]
    assert size_limits._ERROR.findall(b'<c r="A2" t="e"></c><c r="B2"><v>1</v></c>') == []


def test_a_zip_that_holds_more_than_it_declares_is_damaged() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"x" * 5000)
    size = (5000).to_bytes(4, "little")
    data = out.getvalue().replace(size, (50).to_bytes(4, "little"))
    with zipfile.ZipFile(BytesIO(data)) as archive, pytest.raises(zipfile.BadZipFile):
        measure_unpacked(archive)


def test_a_parquet_file_of_many_rows_is_refused_by_its_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    out = BytesIO()
    pl.select(id=pl.repeat("casa-1", 300_000), name=pl.lit("x")).write_parquet(out)
    data = out.getvalue()
    assert len(data) < 20_000
    assert count_parquet_cells(data) == 600_000
    monkeypatch.setattr(size_limits, "MAX_CELLS", 500_000)
    with pytest.raises(Unreadable, match="more than 500000 cells"):
        read_parquet(data)
    with pytest.raises(OperatorFaults, match="more than 500000 cells"):
        read_operator({"sites.parquet": data})
    with pytest.raises(ValueError, match="more than 500000 cells"):
        read_log("log.parquet", data)
