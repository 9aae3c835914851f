"""What is written is read back as the same operator: folders and workbooks."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta
from functools import cache

import fastexcel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releve.cli.main import load_gettext
from releve.network import (
    TABLES,
    Operator,
    PlannedAbsence,
    find_faults,
    list_columns,
    read_operator,
    sample_operator,
    write_operator,
)
from releve.network.folder_reader import OPTIONAL_TABLES
from releve.network.size_limits import read_sheets
from releve.network.table_words import DATE_COLUMN, build_form, find_table, get_table_naming
from releve.network.workbook import SheetOverflow, write_template, write_workbook
from tests.network.clean_tables import as_csv, clean_tables

TEXT = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), blacklist_characters="|#\ufffd"),
    min_size=1,
    max_size=12,
).filter(lambda text: not any("\u00c2" <= c <= "\u00c5" or c == "\u00e2" for c in text))
NUMBER = st.floats(0.001, 900, allow_nan=False)


@cache
def clean() -> Operator:
    return read_operator(as_csv(clean_tables()))


def any_shift_operator() -> Operator:
    """Return the clean operator without curfews and with fewer meetings: any shift agrees."""
    teams = tuple(dataclasses.replace(team, meets_per_fortnight=1) for team in clean().teams)
    return dataclasses.replace(clean(), teams=teams, curfews=())


def test_the_clean_operator_survives_being_written() -> None:
    assert read_operator(write_operator(clean())) == clean()


def test_a_sample_operator_survives_being_written() -> None:
    operator = sample_operator(80, 3, 7)
    files = write_operator(operator)
    assert read_operator(files) == operator
    assert write_operator(read_operator(files)) == files


def test_tables_without_a_row_are_left_out_and_times_carry_offsets() -> None:
    files = write_operator(dataclasses.replace(clean(), measures=(), history=()))
    assert "measures.csv" not in files
    assert "history.csv" not in files
    assert b"a008,2026-11-30T09:00+01:00,2026-11-30T17:00+01:00,30\n" in files["shifts.csv"]
    assert b"1.6,2.4\n" in files["seats.csv"]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_values_survive_being_written(data: st.DataObject) -> None:
    """Names, numbers, optional cells and instants to the microsecond are the same again."""
    operator = dataclasses.replace(any_shift_operator(), history=())
    site = dataclasses.replace(
        operator.sites[0],
        name=data.draw(TEXT),
        city=f'{data.draw(TEXT)}, "{data.draw(TEXT)}"\n{data.draw(TEXT)}',
        lat=33 + data.draw(st.floats(0, 1)),
    )
    programme = dataclasses.replace(
        operator.programmes[0],
        aht_s=data.draw(NUMBER),
        patience_s=data.draw(st.none() | NUMBER),
        penalty_per_missed_call=data.draw(NUMBER),
        languages=data.draw(st.sampled_from([("fr",), ("fr", "ar"), ("en", "fr", "mg")])),
    )
    start = datetime(2026, 3, 1, tzinfo=UTC) + data.draw(st.timedeltas(timedelta(0), timedelta(days=365)))
    shift = dataclasses.replace(operator.shifts[0], start=start, end=start + timedelta(hours=8))
    measure = dataclasses.replace(
        operator.measures[0],
        valid_from=data.draw(st.dates(date(1970, 1, 1), date(2000, 1, 1))),
        value=data.draw(NUMBER),
    )
    changed = dataclasses.replace(
        operator,
        sites=(site, *operator.sites[1:]),
        programmes=(programme, *operator.programmes[1:]),
        shifts=(shift, *(row for row in operator.shifts[1:] if row.agent != shift.agent)),
        measures=(measure,),
    )
    read, faults = find_faults(write_operator(changed))
    assert faults == ()
    assert read == changed


LISTED = st.text("abcé, ;'-", min_size=1, max_size=6).map(str.strip).filter(bool)


def test_a_workbook_is_read_back_as_the_same_operator() -> None:
    for language in ("en", "fr"):
        assert read_operator({"x.xlsx": write_workbook(clean(), language)}) == clean()


def test_a_sample_operator_survives_a_workbook_and_french_csv() -> None:
    operator = sample_operator(60, 2, 3, weeks_of_history=2)
    assert read_operator({"x.xlsx": write_workbook(operator, "fr")}) == operator
    assert read_operator(write_operator(operator, "fr")) == operator


def test_french_csv_opens_in_excel_by_a_double_click() -> None:
    files = write_operator(clean(), "fr")
    assert "Téléconseillers.csv" in files
    head, first = files["Positions.csv"].decode().splitlines()[:2]
    assert head == "\ufeffCode de la position;Zone;Abscisse x (m);Ordonnée y (m)"
    assert first == "casa-1-s0;casa-1-z1;0;2,4"
    assert "Lun-Ven 09:00-12:00" in files["Opérations.csv"].decode()
    assert ";30/11/2026 09:00;30/11/2026 17:00;30\n" in files["Vacations.csv"].decode()


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_values_survive_a_french_workbook_and_french_csv(data: st.DataObject) -> None:
    """Names, numbers, lists with separators, and shifts over changes of the clocks."""
    operator = any_shift_operator()
    site = dataclasses.replace(
        operator.sites[0], name=data.draw(TEXT), city=data.draw(TEXT), lat=33 + data.draw(st.floats(0, 1))
    )
    programme = dataclasses.replace(
        operator.programmes[0],
        aht_s=data.draw(NUMBER),
        patience_s=data.draw(st.none() | NUMBER),
        service_target=data.draw(st.floats(0.01, 0.99)),
        kind=data.draw(st.sampled_from(["inbound", "outbound"])),
        opening=data.draw(st.sampled_from(["Mon-Fri 08:00-20:00; Sat 09:00-18:00", "Sun 10:00-24:00"])),
        languages=data.draw(st.sampled_from([("fr",), ("en", "fr", "mg"), ("wo",)])),
    )
    start = datetime(2026, 3, 1, tzinfo=UTC) + data.draw(st.timedeltas(timedelta(0), timedelta(days=365)))
    shift = dataclasses.replace(operator.shifts[0], start=start, end=start + timedelta(hours=8))
    agents = tuple(
        dataclasses.replace(agent, carrier=data.draw(LISTED)) if agent.home_ready else agent
        for agent in operator.agents[:4]
    )
    carriers = tuple(dict.fromkeys(agent.carrier for agent in agents if agent.carrier))
    changed = dataclasses.replace(
        operator,
        sites=(site, *operator.sites[1:]),
        programmes=(programme, *operator.programmes[1:]),
        agents=(*agents, *operator.agents[4:]),
        shifts=(shift, *(s for s in operator.shifts[1:] if s.agent != shift.agent)),
        contingencies=(dataclasses.replace(operator.contingencies[0], carriers=carriers),),
        history=(),
    )
    assert read_operator({"x.xlsx": write_workbook(changed, "fr")}) == changed
    assert read_operator({"x.xlsx": write_workbook(changed, "en")}) == changed
    assert read_operator(write_operator(changed, "fr")) == changed


def test_a_table_longer_than_a_sheet_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releve.network.workbook._MOST_ROWS", 20)
    with pytest.raises(SheetOverflow, match="Positions has 60 rows"):
        write_workbook(clean(), "fr")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_template_has_a_sheet_per_table_and_every_header_is_read(language: str) -> None:
    data = write_template(language, load_gettext(language))
    assert data == write_template(language, load_gettext(language))
    book = fastexcel.read_excel(data)
    first, *sheets = book.sheet_names
    assert first == {"en": "Read me", "fr": "Lisez-moi"}[language]
    assert {find_table(name) for name in sheets} == {kind.table for kind in TABLES}
    for name in sheets:
        table = find_table(name)
        kind = next(kind for kind in TABLES if kind.table == table)
        frame = book.load_sheet(name, header_row=None, dtypes="string").to_polars()
        found = {build_form(kind).find_column(header) for header in frame.row(0)}
        assert found - {DATE_COLUMN} == {column.name for column in list_columns(kind)}
        assert frame.height == 1


def test_the_guide_of_the_french_template_is_in_french() -> None:
    data = write_template("fr", load_gettext("fr"))
    sheet = fastexcel.read_excel(data).load_sheet(0, header_row=None, dtypes="string").to_polars()
    texts = "\n".join(cell for row in sheet.rows() for cell in row if cell)
    assert "appels entrants, appels sortants, back-office" in texts
    assert "Lun-Ven 08:00-20:00; Sam 09:00-18:00" in texts
    for word in (" the ", " of ", "required", "|"):
        assert word not in texts, word


def test_an_empty_template_names_the_sheets_to_fill_and_no_other() -> None:
    from releve.network import find_faults

    for language in ("en", "fr"):
        faults = find_faults({"x.xlsx": write_template(language)})[1]
        required = {kind.table for kind in TABLES} - OPTIONAL_TABLES
        assert {fault.table for fault in faults} == required


def test_the_clean_tables_hold_all_that_the_workbook_can() -> None:
    assert set(as_csv(clean_tables())) == {f"{kind.table}.csv" for kind in TABLES}


def test_an_empty_table_has_its_sheet_with_a_header_to_be_filled_in() -> None:
    book = write_workbook(dataclasses.replace(clean(), absences=()), "fr")
    names = [get_table_naming(kind.table).label("fr") for kind in TABLES]
    assert list(read_sheets(book)) == names
    header = read_sheets(book)[get_table_naming("absences").label("fr")]().cells.row(0)
    assert len(header) == len(list_columns(PlannedAbsence))
