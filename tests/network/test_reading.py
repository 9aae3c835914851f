"""Files of every kind become the same operator; a wrong shape or size is one clear fault."""

from __future__ import annotations

import io
import pickle
import time
import zipfile
from io import BytesIO

import polars as pl
import pytest
import xlsxwriter

from releve.demand.log_table import read_log
from releve.network import Fault, OperatorFaults, find_faults, read_operator, size_limits
from releve.network.history_grid import Unreadable
from releve.network.size_limits import _PartCounter, count_parquet_cells, measure_unpacked, read_parquet, read_sheets
from tests.network.clean_tables import Tables, as_csv, as_french_csv, as_parquet, as_workbook, clean_tables


def faults_of(files: dict[str, bytes]) -> tuple[Fault, ...]:
    operator, faults = find_faults(files)
    assert (operator is None) == bool(faults)
    return faults


def only_fault(files: dict[str, bytes]) -> Fault:
    faults = faults_of(files)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def with_file(name: str, data: bytes) -> dict[str, bytes]:
    return as_csv(clean_tables()) | {name: data}


def french(name: str) -> bytes:
    return as_french_csv(clean_tables())[name]


@pytest.mark.parametrize("write", [as_french_csv, as_workbook, as_parquet])
def test_every_format_holds_the_same_operator(write) -> None:
    assert read_operator(write(clean_tables())) == read_operator(as_csv(clean_tables()))


def test_times_without_offset_are_in_the_zone_of_their_place() -> None:
    operator = read_operator(as_csv(clean_tables()))
    casa = next(shift for shift in operator.shifts if shift.agent == "a000")
    lille = next(shift for shift in operator.shifts if shift.agent == "a008")
    assert casa.start.isoformat() == "2026-11-30T09:00:00+00:00"
    assert lille.start.isoformat() == "2026-11-30T08:00:00+00:00"
    assert operator.history[0].start.isoformat() == "2026-11-16T08:00:00+00:00"


def test_a_byte_order_mark_and_a_tab_are_understood() -> None:
    files = as_csv(clean_tables())
    files["sites.csv"] = b"\xef\xbb\xbf" + files["sites.csv"].replace(b",", b"\t")
    assert read_operator(files) == read_operator(as_csv(clean_tables()))


def test_blank_lines_and_blank_cells_say_nothing_and_keep_row_numbers() -> None:
    lines = as_csv(clean_tables())["clients.csv"].decode().splitlines()
    data = "\n".join([lines[0], "", " , ", *lines[1:], "", f"{lines[1]} "])
    fault = only_fault(with_file("clients.csv", data.encode()))
    assert (fault.table, fault.row, fault.column) == ("clients", 9, "id")


def test_quoted_cells_may_hold_separators_and_line_breaks() -> None:
    data = b'id,name\nclient-0,"A, B"\nclient-1,"two\nlines"\nclient-2,"say ""so"""\nclient-3,D\n'
    operator = read_operator(with_file("clients.csv", data))
    assert [row.name for row in operator.clients] == ["A, B", "two\nlines", 'say "so"', "D"]


def test_rows_after_a_cell_of_two_lines_are_named_by_their_line() -> None:
    data = b'id,name\nclient-0,"two\nlines"\nclient-1,\nclient-2,C\nclient-3,D\n'
    fault = only_fault(with_file("clients.csv", data))
    assert (fault.row, fault.column, fault.reason) == (4, "name", "is empty")


def test_a_table_of_excel_comes_in_as_unicode_text_with_its_separator_named_and_mixed() -> None:
    text = french("stops.csv").decode("cp1252")
    stops = read_operator(with_file("stops.csv", french("stops.csv"))).stops
    first, rest = text.split("\n", 1)
    for data in (
        text.encode("utf-16"),
        text.replace(";", "\t").encode("utf-16"),
        f"sep=;\r\n{text}".encode("cp1252"),
        f'"SEP=;"\n{text}'.encode("utf-8-sig"),
        first.encode() + b"\n" + rest.encode("cp1252"),
    ):
        assert read_operator(with_file("stops.csv", data)).stops == stops
    fault = faults_of(with_file("stops.csv", b"sep=;\nid;name;lat;lon\ns;;33,5;-7,6\n"))[0]
    assert (fault.row, fault.column) == (3, "name")


@pytest.mark.parametrize(
    ("data", "row", "words"),
    [
        (french("stops.csv").decode("cp1252").encode("utf-16-le"), 0, "UTF-16"),
        (french("stops.csv").decode("cp1252").encode("utf-16")[:-1], 0, "UTF-16"),
        (as_csv(clean_tables())["stops.csv"].decode().encode().decode("cp1252").encode(), 2, "was read as Windows"),
        (french("stops.csv").decode("cp1252").encode("cp850"), 2, "DOS or Macintosh"),
        (b"id,name,lat,lon\ns,\x81\x8d,33.5,-7.6\n", 2, "neither UTF-8 nor Windows"),
        (b"id,name,lat,lon\ns,Gar\x8ee du Nord,33.5,-7.6\n", 2, "DOS or Macintosh"),
        ("id,name,lat,lon\ns,Ma\ufffdrif,33.5,-7.6\n".encode(), 2, "letters were lost"),
    ],
)
def test_a_csv_in_the_wrong_encoding_is_one_fault(data: bytes, row: int, words: str) -> None:
    fault = only_fault(with_file("stops.csv", data))
    assert (fault.table, fault.row) == ("stops", row)
    assert "wrong encoding" in fault.reason
    assert words in fault.reason
    assert fault.fix == "save it again as CSV UTF-8"


def test_the_word_that_shows_the_wrong_encoding_is_quoted() -> None:
    data = as_csv(clean_tables())["stops.csv"].decode().encode().decode("cp1252").encode()
    assert only_fault(with_file("stops.csv", data)).value == "MaÃ¢rif"


def test_capital_letters_with_accents_are_not_taken_for_a_wrong_encoding() -> None:
    data = "id,name\nclient-0,NÃO\nclient-1,ÂGE D’OR\nclient-2,ÉTÉ\nclient-3,Ä\n".encode()
    assert read_operator(with_file("clients.csv", data)).clients[0].name == "NÃO"


def test_quotes_that_do_not_close_are_a_fault_with_the_row() -> None:
    fault = only_fault(with_file("clients.csv", b'id,name\nclient-0,A\nclient-1,"B\n'))
    assert (fault.table, fault.row) == ("clients", 3)
    assert "quote" in fault.fix


def test_a_row_with_too_many_or_too_few_cells_is_a_fault_and_keeps_its_id_known() -> None:
    data = b"id,name\nclient-0,A,B\nclient-1\nclient-2,C\nclient-3,D\n"
    faults = faults_of(with_file("clients.csv", data))
    assert [(f.row, f.reason) for f in faults] == [
        (2, "has 3 cells where the header has 2"),
        (3, "has 1 cells where the header has 2"),
    ]


def test_empty_cells_beyond_the_header_are_no_fault() -> None:
    data = b"id,name,,\nclient-0,A,,\nclient-1,B\nclient-2,C,\nclient-3,D,,,\n"
    assert len(read_operator(with_file("clients.csv", data)).clients) == 4


def test_many_rows_of_the_wrong_width_are_one_fault_that_counts_them() -> None:
    data = b"id,name\n" + b"".join(b"x%d,A,B\n" % n for n in range(30))
    faults = [f for f in faults_of(with_file("clients.csv", data)) if f.table == "clients"]
    assert len(faults) == 1
    assert "29 more rows" in faults[0].reason


def test_most_decimals_of_a_table_say_how_all_are_written() -> None:
    data = french("stops.csv").replace(b"33,61", b"33.61")
    fault = only_fault(with_file("stops.csv", data))
    assert (fault.row, fault.column) == (3, "lat")
    assert "comma" in fault.reason
    assert (
        "has a decimal comma"
        in only_fault(with_file("stops.csv", as_csv(clean_tables())["stops.csv"].replace(b"33.58", b'"33,58"'))).reason
    )


def test_a_comma_between_thousands_is_not_taken_for_a_decimal_comma() -> None:
    data = as_csv(clean_tables())["zones.csv"].replace(b",720,", b',"1,720",', 1)
    fault = only_fault(with_file("zones.csv", data))
    assert (fault.row, fault.column, fault.value) == (2, "volume_m3", "1,720")


def test_french_thousands_are_spaces() -> None:
    data = french("zones.csv").replace(b";720;", b";1\xa0720,5;", 1)
    assert read_operator(with_file("zones.csv", data)).zones[0].volume_m3 == 1720.5


def test_a_missing_table_is_named_once_with_its_columns() -> None:
    for name in ("operator", "sites", "programmes", "agents"):
        files = as_csv(clean_tables())
        del files[f"{name}.csv"]
        fault = only_fault(files)
        assert (fault.table, fault.row, fault.reason) == (name, 0, "the table is missing")


def test_an_optional_table_that_rows_refer_to_is_named_once() -> None:
    files = as_csv(clean_tables())
    del files["stops.csv"]
    fault = only_fault(files)
    assert (fault.table, fault.row) == ("stops", 0)
    assert "refer to it" in fault.reason


def test_a_misnamed_table_is_one_fault() -> None:
    files = as_csv(clean_tables())
    files["agnts.csv"] = files.pop("agents.csv")
    fault = only_fault(files)
    assert (fault.table, fault.fix) == ("agnts.csv", "name it agents")


def test_a_table_under_a_foreign_name_is_known_by_its_header() -> None:
    files = as_csv(clean_tables())
    files["staff 2026.csv"] = files.pop("agents.csv")
    fault = only_fault(files)
    assert (fault.table, fault.fix) == ("staff 2026.csv", "name it agents")


def test_an_unknown_table_is_a_fault() -> None:
    fault = only_fault(with_file("holidays.csv", b"day\n2026-12-25\n"))
    assert (fault.table, fault.reason) == ("holidays.csv", "is not a table of an operator")
    assert "releve demand import" in fault.fix


def test_a_table_in_another_format_is_one_fault() -> None:
    files = as_csv(clean_tables())
    files["sites.ods"] = files.pop("sites.csv")
    fault = only_fault(files)
    assert (fault.table, fault.fix) == ("sites.ods", "save it as CSV UTF-8")


def test_a_table_given_twice_is_a_fault() -> None:
    files = as_csv(clean_tables()) | {"sites.parquet": as_parquet(clean_tables())["sites.parquet"]}
    assert only_fault(files).reason == "the table is given twice"


def test_a_workbook_and_other_files_make_one_operator() -> None:
    tables = clean_tables()
    history = {"history": tables.pop("history")}
    files = as_workbook(tables) | as_french_csv(history)
    assert read_operator(files) == read_operator(as_csv(clean_tables()))


def test_a_workbook_that_repeats_the_other_files_is_one_fault() -> None:
    files = as_csv(clean_tables()) | as_workbook(clean_tables())
    assert only_fault(files).reason == "holds 24 tables that stand in operator.csv too"


@pytest.mark.parametrize("name", ["operator.xlsx", "sites.parquet"])
def test_a_file_that_is_not_what_its_name_says_is_a_fault(name: str) -> None:
    files = as_csv(clean_tables())
    del files["sites.csv"]
    files = {name: b"not at all"} | (files if name.endswith("parquet") else {})
    assert "can be read" in only_fault(files).reason


def test_a_missing_column_is_named_and_its_cells_are_not() -> None:
    tables = clean_tables()
    for row in tables["agents"]:
        del row["home_site"]
    fault = only_fault(as_csv(tables))
    assert (fault.table, fault.row, fault.column) == ("agents", 1, "home_site")
    assert fault.reason == "the required column is missing"


def test_missing_ids_do_not_make_references_unknown() -> None:
    tables = clean_tables()
    for row in tables["sites"]:
        del row["id"]
    assert only_fault(as_csv(tables)).column == "id"


def test_an_empty_id_does_not_make_references_to_it_unknown() -> None:
    tables = clean_tables()
    tables["sites"][0]["id"] = ""
    fault = only_fault(as_csv(tables))
    assert (fault.table, fault.row, fault.column) == ("sites", 2, "id")


def test_header_names_may_be_in_capitals_and_a_repeated_one_is_a_fault() -> None:
    data = b"ID,Name,NAME\nclient-0,A,a\nclient-1,B,b\nclient-2,C,c\nclient-3,D,d\n"
    fault = only_fault(with_file("clients.csv", data))
    assert (fault.row, fault.column, fault.reason) == (1, "name", "the column stands twice")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"client-0,A\nclient-1,B\n", "is not a header"),
        (b"Our clients\n\nid,name\nclient-0,A\n", "the header stands in row 3"),
        (b"id,\nclient-0,A\nclient-1,B\nclient-2,C\nclient-3,D\n", "the header of column 2 is empty"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(data: bytes, words: str) -> None:
    faults = faults_of(with_file("clients.csv", data))
    assert any(words in fault.reason for fault in faults)
    assert {fault.table for fault in faults} == {"clients"}


def test_no_agent_at_all_is_one_fault() -> None:
    tables = clean_tables()
    header = ",".join(tables["agents"][0])
    fault = only_fault(as_csv(tables) | {"agents.csv": f"{header}\n".encode()})
    assert (fault.table, fault.row, fault.reason) == ("agents", 0, "there is no agent at all")


def workbook(tables: Tables, sheet: str, fill) -> dict[str, bytes]:
    """Return the workbook of tables with one sheet written by ``fill(book, sheet)`` instead."""
    rest = {name: rows for name, rows in tables.items() if name != sheet}
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name, rows in rest.items():
            page = book.add_worksheet(name)
            page.write_row(0, 0, list(rows[0]))
            for n, row in enumerate(rows, 1):
                page.write_row(n, 0, list(row.values()))
        fill(book, book.add_worksheet(sheet))
    return {"all.xlsx": out.getvalue()}


CLIENTS = [["id", "name"], *([f"client-{n}", f"Client {n}"] for n in range(4))]


def rows_from(first: int, rows: list[list[object]] = CLIENTS):  # type: ignore[assignment]
    def fill(book, sheet) -> None:
        for n, row in enumerate(rows, first):
            sheet.write_row(n, 0, row)

    return fill


def test_a_workbook_of_text_cells_is_read() -> None:
    operator = read_operator(workbook(clean_tables(), "clients", rows_from(0)))
    assert operator == read_operator(as_csv(clean_tables()))


def test_merged_cells_above_the_header_are_one_fault() -> None:
    def fill(book, sheet) -> None:
        sheet.merge_range("A1:B1", "Our clients")
        rows_from(1)(book, sheet)

    fault = only_fault(workbook(clean_tables(), "clients", fill))
    assert (fault.table, fault.row) == ("clients", 1)
    assert "merged cells" in fault.reason
    assert fault.fix == "unmerge them and delete the rows above the header"


def test_merged_cells_in_the_header_are_one_fault() -> None:
    def fill(book, sheet) -> None:
        rows_from(0)(book, sheet)
        sheet.merge_range("B1:C1", "name")

    fault = only_fault(workbook(clean_tables(), "clients", fill))
    assert fault.reason == "the header has merged cells"


def test_a_header_below_empty_rows_of_a_sheet_is_one_fault() -> None:
    fault = only_fault(workbook(clean_tables(), "clients", rows_from(3)))
    assert (fault.table, fault.row) == ("clients", 4)
    assert "not in the first row" in fault.reason


def test_an_empty_header_cell_over_a_filled_column_is_one_fault() -> None:
    rows = [["id", ""], *CLIENTS[1:]]
    fault = only_fault(workbook(clean_tables(), "clients", rows_from(0, rows)))  # type: ignore[arg-type]
    assert (fault.table, fault.row) == ("clients", 1)
    assert fault.reason == "the header of column 2 is empty but the column is not"


def test_a_formula_error_is_named_by_its_cell() -> None:
    def fill(book, sheet) -> None:
        rows_from(0)(book, sheet)
        sheet.write_formula("B3", "=NA()", None, "#N/A")

    fault = only_fault(workbook(clean_tables(), "clients", fill))
    assert (fault.row, fault.column, fault.value) == (3, "name", "#N/A")
    assert fault.reason == "is a formula error"


def test_numbers_as_ids_are_the_same_in_cells_of_numbers_and_of_text() -> None:
    """An id column of numbers (1.0 inside the workbook) meets references written as text."""
    tables = clean_tables()
    for row in tables["programmes"]:
        row["client"] = row["client"].removeprefix("client-")
    rows = [["id", "name"], *([float(n), f"Client {n}"] for n in range(4))]
    operator = read_operator(workbook(tables, "clients", rows_from(0, rows)))  # type: ignore[arg-type]
    assert [client.id for client in operator.clients] == ["0", "1", "2", "3"]


def test_numbers_as_ids_in_parquet_are_whole() -> None:
    files = as_csv(clean_tables())
    out = io.BytesIO()
    pl.DataFrame({"id": [0.0, 1.0], "name": ["A", "B"]}).write_parquet(out)
    del files["clients.csv"]
    faults = faults_of(files | {"clients.parquet": out.getvalue()})
    assert {fault.value for fault in faults if fault.table == "clients"} == {"0", "1"}


def test_parquet_times_with_a_zone_are_taken_as_they_stand() -> None:
    tables = clean_tables()
    frame = pl.DataFrame(tables["shifts"]).with_columns(
        pl.col("start", "end").str.to_datetime(time_zone="UTC"), pl.col("break_minutes").cast(pl.Int32)
    )
    out = io.BytesIO()
    frame.write_parquet(out)
    files = as_csv(tables)
    del files["shifts.csv"]
    operator = read_operator(files | {"shifts.parquet": out.getvalue()})
    assert {shift.start.hour for shift in operator.shifts} == {9}


def test_an_empty_sheet_is_left_out_and_a_filled_unknown_one_is_a_fault() -> None:
    tables = clean_tables() | {"Feuil1": [{}]}
    assert find_faults(as_workbook(tables))[1] == ()
    fault = only_fault(as_workbook(clean_tables() | {"Notes": [{"a": "b"}]}))
    assert fault.table == "Notes"


def test_the_error_carries_every_fault_says_them_and_survives_pickling() -> None:
    tables = clean_tables()
    tables["sites"][1]["lat"] = "1000"
    tables["agents"][1]["skills"] = ""
    with pytest.raises(OperatorFaults, match="2 faults") as caught:
        read_operator(as_csv(tables))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.faults == caught.value.faults
    assert [fault.table for fault in copy.faults] == ["sites", "agents"]
    assert str(copy.faults[0]) == ("sites row 3, lat '1000': must be at most 90; write a number like 33.53 (°)")


def test_progress_is_told_from_nothing_to_nearly_all() -> None:
    shares: list[float] = []
    read_operator(as_csv(clean_tables()), lambda what, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] < 1


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
